/**
 * Who may do what, as a table: every endpoint, with every set of actions, in the right repository and
 * in others, by token and by password. And what a stranger learns of a repository: nothing.
 */
import { assert, assertEquals } from "@std/assert";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import {
  type Answer,
  EMPTY_DIGEST,
  memoryWire,
  UNKNOWN_DIGEST,
  type Wire,
} from "../fixture_test.ts";
import type { RegistryAction, RegistryAuth, RegistryUser } from "./options.ts";
import { createTokenKey } from "./token_keys.ts";

/** What a request needs of `app`, or of the registry. */
type Needed = RegistryAction | "catalog" | "login";

/** Every endpoint by every method that it takes. */
const ENDPOINTS: [title: string, method: string, path: string, needed: Needed][] = [
  ["end-1", "GET", "/v2/", "login"],
  ["end-1", "HEAD", "/v2/", "login"],
  ["end-2", "GET", `/v2/app/blobs/${EMPTY_DIGEST}`, "pull"],
  ["end-2", "HEAD", `/v2/app/blobs/${EMPTY_DIGEST}`, "pull"],
  ["end-3", "GET", "/v2/app/manifests/v1", "pull"],
  ["end-3", "GET", `/v2/app/manifests/${UNKNOWN_DIGEST}`, "pull"],
  ["end-3", "HEAD", "/v2/app/manifests/v1", "pull"],
  ["end-4a", "POST", "/v2/app/blobs/uploads/", "push"],
  ["end-4b", "POST", `/v2/app/blobs/uploads/?digest=${EMPTY_DIGEST}`, "push"],
  ["end-4c", "POST", "/v2/app/blobs/uploads/?digest-algorithm=sha512", "push"],
  ["end-5", "PATCH", "/v2/app/blobs/uploads/x", "push"],
  ["end-6", "PUT", `/v2/app/blobs/uploads/x?digest=${EMPTY_DIGEST}`, "push"],
  ["end-7", "PUT", "/v2/app/manifests/v1", "push"],
  ["end-7b", "PUT", `/v2/app/manifests/${UNKNOWN_DIGEST}?tag=v1`, "push"],
  ["end-8", "GET", "/v2/app/tags/list", "pull"],
  ["end-8", "HEAD", "/v2/app/tags/list", "pull"],
  ["end-8", "GET", "/v2/app/tags/list?n=1&last=a", "pull"],
  ["end-9", "DELETE", "/v2/app/manifests/v1", "delete"],
  ["end-9", "DELETE", `/v2/app/manifests/${UNKNOWN_DIGEST}`, "delete"],
  ["end-10", "DELETE", `/v2/app/blobs/${EMPTY_DIGEST}`, "delete"],
  ["end-11", "POST", `/v2/app/blobs/uploads/?mount=${EMPTY_DIGEST}&from=other`, "push"],
  ["end-12", "GET", `/v2/app/referrers/${EMPTY_DIGEST}`, "pull"],
  ["end-12", "HEAD", `/v2/app/referrers/${EMPTY_DIGEST}`, "pull"],
  ["end-13", "GET", "/v2/app/blobs/uploads/x", "push"],
  ["end-14", "DELETE", "/v2/app/blobs/uploads/x", "push"],
  ["catalog", "GET", "/v2/_catalog", "catalog"],
  ["catalog", "HEAD", "/v2/_catalog", "catalog"],
];

const ACTIONS: readonly RegistryAction[] = ["pull", "push", "delete"];

/** Every set of actions. */
const SETS = Array.from(
  { length: 2 ** ACTIONS.length },
  (_, bits) => ACTIONS.filter((_, index) => bits & 1 << index),
);

/** Repositories whose rights must not open `app`. */
const OTHERS = ["other", "ap", "apps", "app/x", "x/app", "app/app"];

/** A user for every set of actions in every repository. */
const users: Record<string, RegistryUser> = { admin: { password: "p" } };
for (const repository of ["app", ...OTHERS]) {
  for (const actions of SETS) {
    const name = `${repository}=${actions.join("+")}`;
    users[name] = { password: "p", actions, repositories: [repository] };
  }
}

function basic(name: string): string {
  return `Basic ${btoa(`${name}:p`)}`;
}

async function ask(wire: Wire, method: string, path: string, authorization: string) {
  return await wire.send(method, path, { headers: { authorization } });
}

/** Signs for every registry of the table, so that a token of one is good for the next. */
const KEY = await createTokenKey();
const tokens = new Map<string, Promise<string>>();

/** As {@linkcode tokenOf}, made once for all endpoints: the users are the same. */
function tokenOnce(wire: Wire, name: string, scopes: string[]): Promise<string> {
  const key = [name, ...scopes].join(" ");
  const token = tokens.get(key) ?? tokenOf(wire, name, scopes);
  tokens.set(key, token);
  return token;
}

/** A token for what is asked for, cut to what the user may do. */
async function tokenOf(wire: Wire, name: string, scopes: string[]): Promise<string> {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join("&");
  const { status, json } = await ask(wire, "GET", `/token?service=davit&${query}`, basic(name));
  assertEquals(status, 200);
  return `Bearer ${json.token}`;
}

for (const [title, method, path, needed] of ENDPOINTS) {
  Deno.test(`${title} ${method} ${path}: every token and every user`, async () => {
    const bearer = memoryWire({ auth: { bearer: { users, key: KEY } } });
    const password = memoryWire({ auth: { basic: { users } } });
    for (const repository of ["app", ...OTHERS]) {
      for (const actions of SETS) {
        const name = `${repository}=${actions.join("+")}`;
        const may = needed === "login" ||
          repository === "app" && (actions as string[]).includes(needed);
        const byPassword = await ask(password, method, path, basic(name));
        assertEquals(byPassword.status === 403, !may, `${name} by password`);
        assert(byPassword.status !== 401, name);
        // A user who may do everything asks for a part of it; a user with that part asks for everything.
        const given = [
          actions.length === 0
            ? await tokenOnce(bearer, "admin", [])
            : await tokenOnce(bearer, "admin", [`repository:${repository}:${actions.join(",")}`]),
          await tokenOnce(bearer, name, [
            `repository:${repository}:pull,push,delete`,
            ...["repository:app:*", "repository:*:*", "registry:catalog:*", "registry:app:pull"],
          ]),
        ];
        for (const token of given) {
          const answer = await ask(bearer, method, path, token);
          assertEquals(answer.status === 401, !may, `${name} by token`);
          if (may) assert(answer.status !== 403, name);
          else checkChallenge(answer, method, path, needed);
        }
      }
    }
    for (const all of [basic("admin"), await everything(bearer)]) {
      const wire = all.startsWith("Basic") ? password : bearer;
      const { status } = await ask(wire, method, path, all);
      assert(status !== 401 && status !== 403, `${status} for who may do everything`);
    }
  });
}

function everything(wire: Wire): Promise<string> {
  return tokenOnce(wire, "admin", ["repository:app:*", "registry:catalog:*"]);
}

function checkChallenge(
  { headers, code }: Answer,
  method: string,
  path: string,
  needed: Needed,
): void {
  const challenge = headers.get("www-authenticate") ?? "";
  const scope = {
    login: "",
    catalog: "registry:catalog:*",
    pull: "repository:app:pull",
    push: "repository:app:pull,push",
    delete: "repository:app:delete",
  }[needed];
  const mount = path.includes("from=other") ? " repository:other:pull" : "";
  assertEquals(
    challenge,
    'Bearer realm="http://registry.test/token",service="davit",' +
      `scope="${scope}${mount}",error="insufficient_scope"`,
  );
  if (method !== "HEAD") assertEquals(code, "DENIED");
}

/** Puts one of everything into a repository; answers the path of an upload that goes on. */
async function fill(wire: Wire, repository: string, authorization: string): Promise<string> {
  const own = (method: string, path: string, body?: BodyInit, type?: string) =>
    wire.send(method, path, {
      headers: { authorization, ...(type !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body }),
    });
  const blobs = `/v2/${repository}/blobs/uploads/`;
  assertEquals((await own("POST", `${blobs}?digest=${EMPTY_DIGEST}`)).status, 201);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.octetStream, digest: EMPTY_DIGEST, size: 0 },
    layers: [],
    subject: { mediaType: MEDIA_TYPES.ociManifest, digest: UNKNOWN_DIGEST, size: 1 },
  });
  const put = await own("PUT", `/v2/${repository}/manifests/v1`, manifest, MEDIA_TYPES.ociManifest);
  assertEquals(put.status, 201, put.text);
  return (await own("POST", blobs)).headers.get("location")!;
}

Deno.test("what a stranger learns of a repository: nothing", async () => {
  const key = await createTokenKey();
  const strangers: Record<string, RegistryUser> = {
    admin: { password: "p" },
    stranger: { password: "p", repositories: ["own", "own/*"] },
  };
  const ways: RegistryAuth[] = [
    { basic: { users: strangers } },
    { bearer: { users: strangers, key } },
  ];
  for (const auth of ways) {
    const full = memoryWire({ auth });
    const empty = memoryWire({ auth });
    const tokenFor = (wire: Wire, name: string) =>
      "basic" in auth ? basic(name) : tokenOf(wire, name, [
        "repository:secret:*",
        "repository:own:*",
        "registry:catalog:*",
      ]);
    const upload = await fill(full, "secret", await tokenFor(full, "admin"));
    const stranger = await tokenFor(full, "stranger");
    const id = upload.slice(upload.lastIndexOf("/") + 1);
    const secret: [method: string, path: string][] = ENDPOINTS
      .map(([, method, path]) => [method, path.replace("/v2/app/", "/v2/secret/")]);
    const paths: [method: string, path: string][] = [
      ...secret,
      ["GET", upload],
      ["PUT", `${upload}?digest=${EMPTY_DIGEST}`],
      ["DELETE", upload],
      ["GET", `/v2/own/blobs/uploads/${id}`],
      ["PATCH", `/v2/own/blobs/uploads/${id}`],
      ["DELETE", `/v2/own/blobs/uploads/${id}`],
      ["POST", `/v2/own/blobs/uploads/?mount=${EMPTY_DIGEST}&from=secret`],
      ["POST", `/v2/own/blobs/uploads/?mount=${EMPTY_DIGEST}`],
      ["HEAD", `/v2/own/blobs/${EMPTY_DIGEST}`],
      ["GET", `/v2/own/manifests/v1`],
      ["GET", `/v2/own/referrers/${UNKNOWN_DIGEST}`],
      ["GET", `/v2/secret/../secret/tags/list`],
      ["GET", `/v2/own/..%2fsecret/tags/list`],
      ["GET", `/v2/own%2f..%2f..%2fsecret/tags/list`],
      ["GET", `/v2/own/tags/list?last=..%2f..%2fsecret`],
    ];
    for (const [method, path] of paths) {
      const there = await ask(full, method, path, stranger);
      const missing = await ask(empty, method, path, stranger);
      assertEquals(answerOf(there), answerOf(missing), `${method} ${path}`);
    }
    const left = await ask(full, "GET", upload, await tokenFor(full, "admin"));
    assertEquals(left.status, 204, "no other request has ended the upload");
  }
});

/** What a response says, less what is random: the names of uploads. */
function answerOf({ status, headers, text }: Answer): unknown {
  const all = [...headers].map(([name, value]) =>
    name === "location" || name === "docker-upload-uuid" ? [name, value.replace(/[^/]+$/, "")] : [
      name,
      value,
    ]
  );
  return { status, all, text };
}
