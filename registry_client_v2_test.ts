import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { DavitEvent } from "./events.ts";
import { InvalidDigestError, InvalidOptionError, InvalidReferenceError } from "./errors.ts";
import { connect } from "./registry_channel.ts";
import { RegistryClientV2 } from "./registry_client_v2.ts";
import { buildManifest, EMPTY_CONFIG, EMPTY_CONFIG_BYTES } from "./manifest/build.ts";
import { createRegistry } from "./server/registry.ts";

// deno-lint-ignore no-explicit-any -- what a program without types gives
type Untyped = any;

const NAME = "http://registry.test/app";
const DIGEST = `sha256:${"0".repeat(64)}`;

/** A client of an empty registry. */
function client(options: Untyped = {}): RegistryClientV2 {
  return new RegistryClientV2({
    name: NAME,
    scopes: ["pull", "push"],
    fetch: createRegistry().fetch,
    ...options,
  });
}

const REFUSED: [options: Untyped, message: string][] = [
  [undefined, "exactly one of 'name' and 'repo' is needed: there is none"],
  [{}, "exactly one of 'name' and 'repo' is needed: there is none"],
  [{ name: undefined }, "exactly one of 'name' and 'repo' is needed: there is none"],
  [{ name: NAME, repo: NAME }, "exactly one of 'name' and 'repo' is needed: there are both"],
  ["alpine", "Cannot use the options: they must be an object with name, repo, "],
  [null, "current value is null"],
  [{ nmae: "alpine" }, "Cannot use 'nmae': there is no such option; did you mean 'name'?"],
  [{ name: NAME, userName: "me" }, "did you mean 'username'?"],
  [{ name: NAME, username: "me", password: undefined }, "Cannot use 'username' as the 'password'"],
  [{ name: NAME, username: undefined, password: "x" }, "Cannot use 'password' as 'username' is"],
  [{ name: NAME, password: "x" }, "Cannot use 'password' as 'username' is missing"],
  [
    { name: NAME, credentials: { username: "me", password: undefined } },
    "Cannot use 'username' as the 'password'",
  ],
  [
    { name: NAME, credentials: { username: undefined, password: "x" } },
    "Cannot use the credentials: a password needs a username",
  ],
  [{ name: NAME, credentials: { user: "me" } }, "Cannot use 'credentials.user': there is no"],
];

for (const [options, message] of REFUSED) {
  Deno.test(`new RegistryClientV2(${JSON.stringify(options)}): INVALID_OPTION`, () => {
    assertThrows(() => new RegistryClientV2(options), InvalidOptionError, message);
  });
}

Deno.test("no user name and no password, although both are named: an anonymous client", () => {
  client({ username: undefined, password: undefined });
  client({ credentials: { username: undefined, password: undefined } });
  client({ username: "me" }); // it has none
});

Deno.test("connect refuses a password that is not set, and an option that is the client's", () => {
  const credentials = { username: "me", password: undefined } as Untyped;
  assertThrows(() => connect("https://a.test", { credentials }), InvalidOptionError, "password");
  const journal = { journal: undefined } as Untyped;
  assertThrows(() => connect("https://a.test", journal), InvalidOptionError, "'journal'");
});

Deno.test("what docker-registry-client has and davit has no use for is ignored, with an event", () => {
  const events: DavitEvent[] = [];
  const made = client({
    log: { trace() {} },
    agent: false,
    maxSchemaVersion: 2,
    onEvent: (event: DavitEvent) => events.push(event),
  });
  const ignored = ["log", "agent", "maxSchemaVersion"];
  assertEquals(events, ignored.map((option) => ({ type: "option-ignored", option })));
  assertEquals(made.withRepo("other").repo.remoteName, "other");
});

Deno.test("options of a class are not looked into, those of a client with a signal neither", async () => {
  class Options {
    name = NAME;
    fetch = createRegistry().fetch;
    signal = new AbortController().signal;
    elsewhere = true;
  }
  class Call {
    elsewhere = true;
  }
  const made = new RegistryClientV2(new Options());
  assertEquals(made.withRepo("other").repo.remoteName, "other");
  const { digest } = await made.putBlob(new Uint8Array([1]), new Call() as Untyped);
  assertEquals((await made.getBlob(digest, new Call() as Untyped)).size, 1);
  assertEquals(
    (await made.listReferrers({ digest, ...new Call() } as Untyped).catch((e) => e)).code,
    "INVALID_OPTION",
  );
  const about = Object.assign(new Call(), { digest });
  assertEquals((await made.headBlob(about)).length, 1);
});

/** Everything about one digest or reference: what it answers must not depend on the form. */
const ABOUT: [method: keyof RegistryClientV2, subject: "ref" | "digest"][] = [
  ["getManifest", "ref"],
  ["getManifestBytes", "ref"],
  ["headManifest", "ref"],
  ["getBlob", "digest"],
  ["headBlob", "digest"],
  ["statBlob", "digest"],
  ["createBlobReadStream", "digest"],
  ["mountBlob", "digest"],
  ["listReferrers", "digest"],
  ["deleteBlob", "digest"],
  ["deleteManifest", "ref"],
];

for (const [method, subject] of ABOUT) {
  Deno.test(`${method} takes a text, an object and a descriptor, and options beside each`, async () => {
    const aborted = AbortSignal.abort(new Error("by its own signal"));
    const blob = EMPTY_CONFIG;
    for (const form of ["text", "object", "descriptor"] as const) {
      const made = client();
      await made.putBlob(EMPTY_CONFIG_BYTES);
      const { bytes, descriptor } = await buildManifest({ artifactType: "a/b", layers: [] });
      await made.putManifest({ ref: "v1", manifestData: bytes });
      const named = subject === "digest" ? blob : descriptor;
      const text = subject === "digest" ? blob.digest : "v1";
      const given = { text, object: { [subject]: text }, descriptor: named }[form];
      const call = (...args: unknown[]) => (made[method] as Untyped).call(made, ...args);
      await assertRejects(() => call(given, { signal: aborted }), Error, "by its own signal");
      if (form === "object") {
        const whole = { [subject]: text, signal: aborted };
        await assertRejects(() => call(whole), Error, "by its own signal");
      }
      const answer = await call(given);
      if (method === "getBlob") assertEquals(await answer.text(), "{}");
      if (method.endsWith("Manifest") && answer) assert(JSON.stringify(answer).includes("digest"));
    }
  });
}

Deno.test("referrers takes an object too", async () => {
  const found = await Array.fromAsync(client().referrers({ digest: DIGEST })).catch((e) => e.code);
  assert(Array.isArray(found) || found === "NAME_UNKNOWN" || found === "NOT_FOUND", String(found));
});

Deno.test("getManifest('v1', {platform}) is typed and works as its object form", async () => {
  const made = client();
  const config = await made.putBlob(EMPTY_CONFIG_BYTES);
  const { bytes } = await buildManifest({ artifactType: "a/b", config, layers: [] });
  await made.putManifest({ ref: "v1", manifestData: bytes });
  const { manifest } = await made.getManifest("v1", { acceptManifestLists: false });
  assertEquals(manifest.layers, []);
  await assertRejects(() => made.getManifest("v1", { acceptOCIManifests: false }));
});

/** What is no digest, reference or content: what is said of it, and by which error. */
const BAD: [call: string, run: (client: Untyped) => unknown, error: Untyped, message: string][] = [
  ...["app:v1", "ghcr.io/you/app:v1"].map((name): (typeof BAD)[number] => [
    `getManifest(${name})`,
    (c) => c.getManifest(name),
    InvalidDigestError,
    ". Give the tag or digest alone",
  ]),
  ["getBlob()", (c) => c.getBlob(), InvalidDigestError, "Cannot use undefined as a digest"],
  ["getBlob(null)", (c) => c.getBlob(null), InvalidDigestError, "Cannot use null as a digest"],
  ["getBlob(5)", (c) => c.getBlob(5), InvalidDigestError, "Cannot use number as a digest"],
  ["getBlob({})", (c) => c.getBlob({}), InvalidDigestError, "Cannot use undefined as a digest"],
  ["getBlob of a tag", (c) => c.getBlob("v1"), InvalidDigestError, `Cannot use "v1" as a digest`],
  [
    "headBlob of an object as the digest",
    (c) => c.headBlob({ digest: { digest: DIGEST } }),
    InvalidDigestError,
    "Cannot use object as a digest",
  ],
  ["getBlob({digset})", (c) => c.getBlob({ digset: DIGEST }), InvalidOptionError, "mean 'digest'?"],
  ["getManifest()", (c) => c.getManifest(), InvalidReferenceError, "it is not a string"],
  ["getManifest({})", (c) => c.getManifest({}), InvalidReferenceError, "Cannot use undefined"],
  ["getManifest({tag})", (c) => c.getManifest({ tag: "v1" }), InvalidOptionError, "'tag'"],
  [
    "getManifest({ref: {}})",
    (c) => c.getManifest({ ref: {} }),
    InvalidReferenceError,
    "Cannot use object as a tag or digest",
  ],
  ["getManifest('')", (c) => c.getManifest(""), InvalidReferenceError, "it is empty"],
  ["headManifest(5)", (c) => c.headManifest(5), InvalidReferenceError, "Cannot use number"],
  ["deleteManifest()", (c) => c.deleteManifest(), InvalidReferenceError, "Cannot use undefined"],
  ["deleteBlob()", (c) => c.deleteBlob(), InvalidDigestError, "Cannot use undefined as a digest"],
  ["statBlob('v1')", (c) => c.statBlob("v1"), InvalidDigestError, `"v1"`],
  ["listReferrers('v1')", (c) => c.listReferrers("v1"), InvalidDigestError, `"v1"`],
  ["listReferrers()", (c) => c.listReferrers(), InvalidDigestError, "undefined"],
  ["mountBlob()", (c) => c.mountBlob(), InvalidDigestError, "undefined"],
  ["putManifest()", (c) => c.putManifest(), InvalidReferenceError, "Cannot use undefined"],
  [
    "putManifest without manifestData",
    (c) => c.putManifest({ ref: "v1" }),
    InvalidOptionError,
    "Cannot put the manifest as its bytes must be a Uint8Array: current value is undefined",
  ],
  [
    "putManifest of an object",
    (c) => c.putManifest({ ref: "v1", manifestData: { schemaVersion: 2 } }),
    InvalidOptionError,
    "current value is object. buildManifest and encodeManifest make them",
  ],
  [
    "putManifest of a text",
    (c) => c.putManifest({ ref: "v1", manifestData: "{}" }),
    InvalidOptionError,
    "current value is string",
  ],
  [
    "putManifest without ref",
    (c) => c.putManifest({ manifestData: EMPTY_CONFIG_BYTES }),
    InvalidReferenceError,
    "Cannot use undefined as a tag or digest",
  ],
  [
    "putManifest with a digest among the tags",
    (c) => c.putManifest({ ref: DIGEST, manifestData: EMPTY_CONFIG_BYTES, tags: [DIGEST] }),
    InvalidReferenceError,
    "as it is a digest",
  ],
  [
    "putManifest with a tag that is no list",
    (c) => c.putManifest({ ref: DIGEST, manifestData: EMPTY_CONFIG_BYTES, tags: "v1" }),
    InvalidOptionError,
    "'tags' must be a list",
  ],
  ["putBlob()", (c) => c.putBlob(), InvalidOptionError, "current value is undefined"],
  ["putBlob of a text", (c) => c.putBlob("hello"), InvalidOptionError, "current value is string"],
  ["blobUpload()", (c) => c.blobUpload(), InvalidOptionError, "'digest' is missing"],
  [
    "blobUpload without contentLength",
    (c) => c.blobUpload({ digest: DIGEST, stream: EMPTY_CONFIG_BYTES }),
    InvalidOptionError,
    "'contentLength' is missing",
  ],
  ["uploadBlobChunk()", (c) => c.uploadBlobChunk(), InvalidOptionError, "'session' must be"],
  [
    "uploadBlobChunk without data",
    (c) => c.uploadBlobChunk({ session: { location: "/", offset: 0 } }),
    InvalidOptionError,
    "'data' must be a Uint8Array: current value is undefined",
  ],
  [
    "completeBlobUpload without session",
    (c) => c.completeBlobUpload({ digest: DIGEST }),
    InvalidOptionError,
    "'session' must be what startBlobUpload answered: current value is undefined",
  ],
  [
    "completeBlobUpload without digest",
    (c) => c.completeBlobUpload({ session: { location: "/", offset: 0 } }),
    InvalidDigestError,
    "Cannot use undefined as a digest",
  ],
  ["getBlobUploadStatus()", (c) => c.getBlobUploadStatus(), InvalidOptionError, "'session'"],
  ["cancelBlobUpload()", (c) => c.cancelBlobUpload(), InvalidOptionError, "'session'"],
  ["listTags(text)", (c) => c.listTags("v1"), InvalidOptionError, "they must be an object"],
  ["withRepo()", (c) => c.withRepo(), InvalidReferenceError, ""],
];

for (const [call, run, type, message] of BAD) {
  Deno.test(`${call}: ${type.name}, and nothing is sent`, async () => {
    const sent: string[] = [];
    const fetch = (input: Request | URL | string) => {
      sent.push(String(input));
      return Promise.reject(new Error("sent"));
    };
    const error = await assertRejects(async () => await run(client({ fetch })), type);
    assertStringIncludes((error as Error).message, message);
    assertEquals(sent, []);
  });
}
