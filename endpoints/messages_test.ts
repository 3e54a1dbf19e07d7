/** Every endpoint's refusals name the registry, the repository, and whether credentials were sent. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { HttpError, InvalidContentError, WrongSchemeError } from "../errors.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import type { RegistryClientOpts } from "../registry_client_options.ts";
import { IMAGE } from "./sample_manifests_test.ts";

const HOST = "127.0.0.1:5000";
const NAME = `${HOST}/team/app`;
const DIGEST = `sha256:${"0".repeat(64)}` as const;
const PASSWORD = "hunter2-5ecret";

const session = { location: `http://${HOST}/v2/team/app/blobs/uploads/u`, offset: 0 };
const own = await (async () => {
  const hash = await crypto.subtle.digest("SHA-256", encodeText("hello"));
  return `sha256:${
    [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  }`;
})();

type Call = (client: RegistryClientV2) => Promise<unknown>;

const CALLS: [name: string, message: string, call: Call][] = [
  ["listTags", `list the tags of ${NAME}`, (client) => client.listTags()],
  ["getManifest", `get the manifest ${NAME}:v1`, (client) => client.getManifest({ ref: "v1" })],
  [
    "getManifest by digest",
    `get the manifest ${NAME}@${DIGEST}`,
    (client) => client.getManifest({ ref: DIGEST }),
  ],
  [
    "putManifest",
    `put the manifest ${NAME}:v1`,
    (client) => client.putManifest({ ref: "v1", manifestData: IMAGE.bytes }),
  ],
  [
    "deleteManifest",
    `delete the manifest ${NAME}:v1`,
    (client) => client.deleteManifest({ ref: "v1" }),
  ],
  ["getBlob", `pull the blob ${DIGEST} of ${NAME}`, (client) => client.getBlob(DIGEST)],
  [
    "deleteBlob",
    `delete the blob ${DIGEST} of ${NAME}`,
    (client) => client.deleteBlob({ digest: DIGEST }),
  ],
  ["startBlobUpload", `start an upload to ${NAME}`, (client) => client.startBlobUpload()],
  [
    "startBlobUpload with the blob",
    `push the blob ${own} to ${NAME}`,
    (client) => client.startBlobUpload({ digest: own, data: encodeText("hello") }),
  ],
  [
    "mountBlob",
    `start an upload to ${NAME}`,
    (client) => client.mountBlob({ digest: DIGEST, from: "other" }),
  ],
  [
    "uploadBlobChunk",
    `send a chunk to ${NAME}`,
    (client) => client.uploadBlobChunk({ session, data: encodeText("a") }),
  ],
  [
    "getBlobUploadStatus",
    `look at an upload to ${NAME}`,
    (client) => client.getBlobUploadStatus({ session }),
  ],
  [
    "completeBlobUpload",
    `close an upload to ${NAME}`,
    (client) => client.completeBlobUpload({ session, digest: DIGEST }),
  ],
  [
    "cancelBlobUpload",
    `cancel an upload to ${NAME}`,
    (client) => client.cancelBlobUpload({ session }),
  ],
  [
    "listReferrers",
    `list the referrers of ${NAME}@${DIGEST}`,
    (client) => client.listReferrers({ digest: DIGEST }),
  ],
  [
    "listRepositories",
    `list the repositories of http://${HOST}`,
    (client) => client.listRepositories(),
  ],
];

const HEADS: [name: string, message: string, call: Call][] = [
  [
    "headManifest",
    `look at the manifest ${NAME}:v1`,
    (client) => client.headManifest({ ref: "v1" }),
  ],
  [
    "headBlob",
    `look at the blob ${DIGEST} of ${NAME}`,
    (client) => client.headBlob({ digest: DIGEST }),
  ],
  [
    "statBlob",
    `look at the blob ${DIGEST} of ${NAME}`,
    (client) => client.statBlob({ digest: DIGEST }),
  ],
  [
    "putBlob",
    `look at the blob ${own} of ${NAME}`,
    (client) => client.putBlob(encodeText("hello")),
  ],
];

type Answer = (request: Request) => Response;

function client(answer: Answer, options: Partial<RegistryClientOpts> = {}): RegistryClientV2 {
  const fetch = (input: Request | URL | string, init?: RequestInit) =>
    Promise.resolve(answer(new Request(input, init)));
  return new RegistryClientV2({
    name: `http://${NAME}`,
    fetch,
    retry: { maxAttempts: 1 },
    ...options,
  });
}

const challenge = (scheme: string) => ({
  "www-authenticate": scheme === "Basic"
    ? 'Basic realm="r"'
    : `Bearer realm="http://${HOST}/token",service="s"`,
});

/** A registry that refuses everything; it gives tokens to all. */
function refusing(status: number, scheme: string): Answer {
  return ({ url, headers, method }) => {
    if (new URL(url).pathname === "/token") return Response.json({ token: "t0ken-5ecret" });
    const refused = headers.has("authorization") ? status : 401;
    const code = refused === 401 ? "UNAUTHORIZED" : "DENIED";
    const body = { errors: [{ code, message: "authentication required" }] };
    return method === "HEAD"
      ? new Response(null, { status: refused, headers: challenge(scheme) })
      : Response.json(body, { status: refused, headers: challenge(scheme) });
  };
}

const alice = { username: "alice", password: PASSWORD };
const WHO: [
  name: string,
  options: Partial<RegistryClientOpts>,
  status: number,
  scheme: string,
  note: string,
][] = [
  ["nobody", {}, 401, "Basic", "no credentials were given"],
  ["nobody, with an anonymous token", {}, 401, "Bearer", "no credentials were given"],
  [
    "a source without any",
    { credentials: () => undefined },
    401,
    "Basic",
    `no credentials were found for ${HOST}`,
  ],
  ["a password", alice, 401, "Basic", "the password of alice was refused"],
  ["a password", alice, 403, "Basic", "as alice"],
  ["a service's token", alice, 401, "Bearer", "the token of alice was refused"],
  ["a service's token", alice, 403, "Bearer", "as alice"],
  ["a token", { token: PASSWORD }, 401, "Bearer", "the token was refused"],
  ["a token", { token: PASSWORD }, 403, "Bearer", "with the token that was given"],
  [
    "an identity token under Basic",
    { credentials: { refreshToken: PASSWORD } },
    401,
    "Basic",
    "no credentials were sent, as the registry does not ask for any of their kind",
  ],
];

for (const [name, message, call] of [...CALLS, ...HEADS]) {
  for (const [who, options, status, scheme, note] of WHO) {
    Deno.test(`${name} by ${who}, ${scheme} and ${status}: all is named, and no secret`, async () => {
      const error = await assertRejects(
        () => call(client(refusing(status, scheme), options)),
        HttpError,
      );
      assertEquals(error.code, status === 401 ? "UNAUTHORIZED" : "FORBIDDEN");
      // After a HEAD that is refused so, something else is asked for.
      const another = status === 403 && HEADS.some(([known]) => known === name);
      assertStringIncludes(error.message, another ? `${NAME}` : `Cannot ${message}: ${status}`);
      assert(error.message.endsWith(`(${note})`), error.message);
      assert(!/5ecret/.test(error.message), error.message);
    });
  }
}

for (const [name, message, call] of CALLS) {
  Deno.test(`${name}: a refusal by another host says so`, async () => {
    const moved: Answer = ({ url }) =>
      url.startsWith(`http://${HOST}/`)
        ? new Response(null, { status: 307, headers: { location: "http://127.0.0.1:5001/x" } })
        : new Response("gone", { status: 410 });
    const error = await assertRejects(() => call(client(moved)), HttpError);
    assertEquals(error.message, `Cannot ${message}: 410 gone (answered by 127.0.0.1:5001)`);
  });

  Deno.test(`${name}: a web page is told as one, without the page`, async () => {
    const page = `<!doctype html><html><title>Sign in · GitLab</title>${"<p>x".repeat(1_000)}`;
    const headers = { "content-type": "text/html; charset=utf-8" };
    const answer = () => new Response(page, { status: 403, headers });
    const error = await assertRejects(() => call(client(answer)), HttpError);
    assertStringIncludes(
      error.message,
      `Cannot ${message}: 403 Sign in · GitLab (answered by ${HOST} with a web page, text/html)`,
    );
    assert(!error.message.includes("<"), error.message);
  });

  Deno.test(`${name}: a host that wants TLS is told as such`, async () => {
    const words = "Client sent an HTTP request to an HTTPS server.\n";
    const error = await assertRejects(
      () => call(client(() => new Response(words, { status: 400 }))),
      WrongSchemeError,
      `: ${HOST} speaks TLS (https), and was asked by plain http. Write https://`,
    );
    assertStringIncludes(error.message, name === "mountBlob" ? NAME : `Cannot ${message}: `);
    assertEquals([error.retryable, error.scheme, error.host], [false, "http", HOST]);
  });
}

for (const name of ["listTags", "listRepositories"]) {
  const [, message, call] = CALLS.find(([known]) => known === name)!;
  Deno.test(`${name}: a web page in place of a list: host, status and type`, async () => {
    const page = `<html><body>${"<p>x".repeat(1_000)}`;
    const headers = { "content-type": "text/html" };
    const error = await assertRejects(
      () => call(client(() => new Response(page, { headers }))),
      InvalidContentError,
      `Cannot ${message}: the answer is not JSON: ${HOST} answered 200 with text/html, a web page`,
    );
    assert(!error.message.includes("<"), error.message);
  });
}

for (const name of ["getManifest", "getManifest by digest", "getBlob"]) {
  const [, , call] = CALLS.find(([known]) => known === name)!;
  Deno.test(`${name}: a web page in place of the content: host, status and type`, async () => {
    const headers = { "content-type": "text/html" };
    const read = async () => {
      const got = await call(client(() => new Response("<html><p>x</p>", { headers })));
      await (got as { bytes(): Promise<unknown> }).bytes();
    };
    const { message } = await assertRejects(read, Error);
    assertStringIncludes(message, NAME);
    assertStringIncludes(message, `${HOST} answered 200 with text/html`);
    assert(!message.includes("<"), message);
  });
}
