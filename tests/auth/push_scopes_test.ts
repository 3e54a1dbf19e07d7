/** What a push asks tokens for: everything at once, and less where a token service will not have it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AuthenticationError,
  type Bytes,
  digestOf,
  RegistryClientV2,
  UnauthorizedError,
} from "@davit/registry-client";
import { createRegistry, type RegistryUser } from "@davit/registry-client/server";

const PASSWORD = "it is 5ecret";
const PULL_PUSH = "repository:app:pull,push";
const BASE = "repository:base:pull";

/** A token service of its own mind: an answer, or the scopes that it reads. */
type TokenRule = (scopes: string[]) => Response | string[];

/** What the 401 to a mount names: all that it takes, or what the token lacks. */
type Challenged = "everything" | "what is missing";

interface World {
  client: RegistryClientV2;
  /** Every request: `POST upload 401`, `token` with its scopes. */
  seen: string[];
  /** A blob that `base` alone has. */
  inBase(): Promise<Bytes>;
}

/** A registry that takes a mount for refused where the token does not allow both repositories. */
function world(
  rights: RegistryUser,
  rule: TokenRule = (scopes) => scopes,
  challenged: Challenged = "everything",
): World {
  const users = { you: { ...rights, password: PASSWORD }, owner: PASSWORD };
  const registry = createRegistry({ auth: { bearer: { users } } });
  const seen: string[] = [];

  async function answer(request: Request, url: URL): Promise<Response> {
    if (url.pathname === "/token") {
      const ruled = rule(url.searchParams.getAll("scope"));
      if (ruled instanceof Response) return ruled;
      url.searchParams.delete("scope");
      for (const scope of ruled) url.searchParams.append("scope", scope);
      return await registry.fetch(new Request(url, request));
    }
    const granted = grantedBy(request.headers.get("authorization"));
    const missing = [PULL_PUSH, BASE].filter((scope) => !granted.includes(scope));
    if (!url.searchParams.has("mount") || missing.length === 0) {
      return await registry.fetch(request);
    }
    const scope = (challenged === "everything" ? [PULL_PUSH, BASE] : missing).join(" ");
    return refusal(401, {
      "www-authenticate":
        `Bearer realm="/token",service="davit",scope="${scope}",error="insufficient_scope"`,
    });
  }

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const response = await answer(request, new URL(url));
    const upload = url.pathname.includes("/uploads/") ? "upload" : "blob";
    const kind = url.searchParams.has("mount") ? "mount" : upload;
    const scopes = url.searchParams.getAll("scope").join(" ");
    seen.push(
      url.pathname === "/token"
        ? `token ${scopes}`
        : `${request.method} ${kind} ${response.status}`,
    );
    return response;
  };
  const client = (name: string, username: string) =>
    new RegistryClientV2({ name: `registry.test/${name}`, username, password: PASSWORD, fetch });
  return {
    client: client("app", "you"),
    seen,
    async inBase() {
      const bytes = new TextEncoder().encode(crypto.randomUUID());
      await client("base", "owner").putBlob(bytes);
      seen.length = 0;
      return bytes;
    },
  };
}

/** What a token of the embedded registry says that it is for. */
function grantedBy(authorization: string | null): string[] {
  const [, claims] = authorization?.split(".") ?? [];
  if (claims === undefined) return [];
  const { access } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
  return access.map(({ type, name, actions }: Record<string, string | string[]>) =>
    `${type}:${name}:${actions}`
  );
}

function refusal(status: number, headers: HeadersInit = {}): Response {
  return Response.json({ errors: [{ code: "DENIED" }] }, { status, headers });
}

const HELLO = new TextEncoder().encode("hello");

Deno.test("end-4: a cold push is one token request, for what follows the first look too", async () => {
  const { client, seen } = world({});
  await client.putBlob(HELLO);
  assertEquals(seen, ["HEAD blob 401", `token ${PULL_PUSH}`, "HEAD blob 404", "POST upload 201"]);
});

Deno.test("end-11: a cold mount is one token request, for both repositories", async () => {
  const { client, seen, inBase } = world({});
  await client.putBlob(await inBase(), { mountFrom: "base" });
  assertEquals(seen, [
    "HEAD blob 401",
    `token ${PULL_PUSH} ${BASE}`,
    "HEAD blob 404",
    "POST mount 201",
  ]);
});

const notBase: TokenRule = (scopes) => scopes.includes(BASE) ? refusal(403) : scopes;
const firstOnly: TokenRule = (scopes) => scopes.slice(0, 1);

const BOTH = `token ${PULL_PUSH} ${BASE}`;
const UPLOAD = ["POST upload 202", "PUT upload 201"];
/** An old token may have lost rights: so a new one is asked for, once. */
const REFUSED = ["HEAD blob 404", "POST mount 401", BOTH, "POST mount 401", ...UPLOAD];

const MOUNTS: [name: string, world: () => World, first: string[], second: string[]][] = [
  [
    "a user without rights on the other repository",
    () => world({ repositories: ["app"] }),
    ["HEAD blob 401", BOTH, ...REFUSED],
    REFUSED,
  ],
  [
    "a token service that refuses the whole token for it",
    () => world({}, notBase),
    ["HEAD blob 401", BOTH, `token ${PULL_PUSH}`, "HEAD blob 404", "POST upload 201"],
    // Refused up front, it is asked without a token first: the repository may have changed its ways.
    [BOTH, "HEAD blob 401", "HEAD blob 404", "POST upload 201"],
  ],
  [
    "a token service that reads the first scope only",
    () => world({}, firstOnly),
    ["HEAD blob 401", BOTH, ...REFUSED],
    REFUSED,
  ],
  [
    "that, and a registry that names the missing scope only",
    () => world({}, firstOnly, "what is missing"),
    [
      ...["HEAD blob 401", BOTH, "HEAD blob 404", "POST mount 401"],
      ...[`token ${BASE} ${PULL_PUSH}`, "POST mount 401", "POST upload 401"],
      ...[`token ${PULL_PUSH}`, ...UPLOAD],
    ],
    [
      ...[BOTH, "HEAD blob 404", "POST mount 401"],
      ...[`token ${BASE} ${PULL_PUSH}`, "POST mount 401", ...UPLOAD],
    ],
  ],
];

for (const [name, make, first, second] of MOUNTS) {
  Deno.test(`end-11: ${name}: the mount becomes an upload, each time`, async () => {
    const { client, seen, inBase } = make();
    for (const expected of [first, second]) {
      const bytes = await inBase();
      const { digest } = await client.putBlob(bytes, { mountFrom: "base" });
      assertEquals(seen, expected);
      assertEquals(await (await client.getBlob(digest)).bytes(), bytes);
    }
  });

  Deno.test(`end-11: ${name}: mountBlob by itself answers an upload`, async () => {
    const { client, inBase } = make();
    for (const _ of [1, 2]) {
      const bytes = await inBase();
      const digest = await digestOf(bytes);
      const result = await client.mountBlob({ digest, from: "base" });
      assert(!result.mounted);
      await client.completeBlobUpload({ session: result.session, digest, data: bytes });
    }
  });
}

const PULLS: RegistryUser = { actions: ["pull"] };
const notPush: TokenRule = (scopes) =>
  scopes.some((s) => s.includes("push")) ? refusal(403) : scopes;

Deno.test("end-4: who may only pull: the registry refuses the upload, and says so", async () => {
  const { client, seen } = world(PULLS);
  await assertRejects(
    () => client.putBlob(HELLO),
    UnauthorizedError,
    " to registry.test/app: 401 DENIED",
  );
  const asked = `token ${PULL_PUSH}`;
  const posts = ["POST upload 401", asked, "POST upload 401"];
  assertEquals(seen, ["HEAD blob 401", asked, "HEAD blob 404", ...posts]);
});

Deno.test("end-4: who may only pull: a token service that refuses says what it was asked for", async () => {
  const { client, seen } = world(PULLS, notPush);
  await assertRejects(
    () => client.putBlob(HELLO),
    AuthenticationError,
    `Cannot get a token from https://registry.test/token for registry.test (${PULL_PUSH}): 403 DENIED`,
  );
  assertEquals(seen, ["HEAD blob 401", `token ${PULL_PUSH}`]);
});

Deno.test("end-2: who may only pull: a blob that is there is not pushed, and that is no error", async () => {
  const { client, seen, inBase } = world(PULLS);
  const bytes = await inBase();
  await client.withRepo("base").putBlob(bytes);
  assertEquals(seen, ["HEAD blob 401", "token repository:base:pull,push", "HEAD blob 200"]);
});
