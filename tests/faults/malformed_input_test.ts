/** Names, tags, digests and options that cannot be used: refused before anything is sent. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  checkTag,
  InvalidReferenceError,
  parseDigest,
  parseReference,
  parseRepo,
  parseRepoAndRef,
  RegistryClientV2,
} from "@davit/registry-client";
import { faultTest, UNKNOWN, utf8, World } from "./world.ts";

const names = [
  "",
  " ",
  "a/B",
  "quay.io/Upper/case",
  "quay.io/a//b",
  "quay.io/a/",
  "/a",
  "quay.io/-a",
  "quay.io/a-",
  "quay.io/a..b",
  "quay.io/a b",
  "quay.io/a\n",
  "quay.io/../etc",
  "quay.io/a/../b",
  "quay.io/a%2fb",
  "quay.io/a?b",
  "quay.io/a#b",
  "quay.io/ü",
  "quay.io:port/a",
  "quay.io:99999/a",
  "me:secret@quay.io/a",
  "https://2130706433:5000/a",
  "https://0x7f.1:5000/a",
  "ftp://quay.io/a",
  "javascript:alert(1)",
  `quay.io/${"a".repeat(256)}`,
  "a".repeat(100_000),
];

for (const name of names) {
  const title = JSON.stringify(name.length > 60 ? `${name.slice(0, 30)}… (${name.length})` : name);
  Deno.test(`the repository ${title}: INVALID_REFERENCE`, () => {
    for (
      const make of [
        () => new RegistryClientV2({ name }),
        () => new RegistryClientV2({ repo: name }),
        () => parseRepo(name),
        () => parseRepoAndRef(name),
        () => parseReference(name),
      ]
    ) {
      const error = assertThrows(make, InvalidReferenceError);
      assertEquals(error.code, "INVALID_REFERENCE");
      assertEquals(error.message.length < 1_000, true, error.message);
    }
  });
}

const references = [
  "quay.io/a:",
  "quay.io/a:-1",
  "quay.io/a:.1",
  "quay.io/a:ü",
  `quay.io/a:${"t".repeat(129)}`,
  "quay.io/a@",
  "quay.io/a@sha256",
  "quay.io/a@sha256:",
  "quay.io/a@sha256:abc",
  `quay.io/a@sha256:${"A".repeat(64)}`,
  `quay.io/a@sha256:${"g".repeat(64)}`,
  `quay.io/a@sha512:${"a".repeat(64)}`,
  `quay.io/a@${UNKNOWN}@${UNKNOWN}`,
];

for (const reference of references) {
  Deno.test(`the reference ${reference.slice(0, 40)}: INVALID_REFERENCE`, () => {
    assertThrows(() => parseReference(reference), InvalidReferenceError);
    assertThrows(() => parseRepoAndRef(reference), InvalidReferenceError);
  });
}

function nothingSent(world: World): void {
  assertEquals(world.seen, []);
  assertEquals(world.events, []);
}

const manifestData = utf8('{"schemaVersion":2,"manifests":[]}');
const tagCalls: [name: string, call: (world: World, ref: string) => Promise<unknown>][] = [
  ["getManifest", ({ client }, ref) => client.getManifest({ ref })],
  ["headManifest", ({ client }, ref) => client.headManifest({ ref })],
  ["putManifest", ({ client }, ref) => client.putManifest({ manifestData, ref })],
  ["deleteManifest", ({ client }, ref) => client.deleteManifest({ ref })],
];
const tags = ["", "../../v2/other/manifests/latest", "a b", "-x", "a/b", "?x", "t".repeat(129)];

for (const [name, call] of tagCalls) {
  for (const ref of tags) {
    faultTest(`${name} of the tag ${JSON.stringify(ref.slice(0, 32))}`, {
      call: (world) => call(world, ref),
      code: "INVALID_REFERENCE",
      after: nothingSent,
    });
  }
}

Deno.test("checkTag, parseDigest: what the calls above check", () => {
  for (const tag of tags) assertThrows(() => checkTag(tag), InvalidReferenceError);
  assertThrows(() => parseDigest("sha256:../../etc/passwd"));
});

const digests = [
  "",
  "latest",
  "sha256",
  "sha256:",
  "sha256:abc",
  `sha256:${"A".repeat(64)}`,
  "sha256:../../../etc/passwd",
  `${UNKNOWN}/../../x`,
  `${UNKNOWN}?x=`,
  `sha512:${"a".repeat(64)}`,
  `sha256:${"a".repeat(100_000)}`,
];
const digestCalls: [name: string, call: (world: World, digest: string) => Promise<unknown>][] = [
  ["getBlob", ({ client }, digest) => client.getBlob(digest)],
  ["headBlob", ({ client }, digest) => client.headBlob({ digest })],
  ["createBlobReadStream", ({ client }, digest) => client.createBlobReadStream({ digest })],
  ["deleteBlob", ({ client }, digest) => client.deleteBlob({ digest })],
  ["mountBlob", ({ client }, digest) => client.mountBlob({ digest, from: "other" })],
  ["putBlob", ({ client }, digest) => client.putBlob(utf8("x"), { digest })],
  ["putBlob of a stream", ({ client }, digest) => client.putBlob(new Blob().stream(), { digest })],
  [
    "blobUpload",
    ({ client }, digest) => client.blobUpload({ digest, stream: utf8("x"), contentLength: 1 }),
  ],
  [
    "completeBlobUpload",
    ({ client }, digest) =>
      client.completeBlobUpload({ session: { location: "/u", offset: 0 }, digest }),
  ],
  ["listReferrers", ({ client }, digest) => client.listReferrers({ digest })],
  ["referrers", ({ client }, digest) => client.referrers(digest).next()],
];

for (const [name, call] of digestCalls) {
  for (const digest of digests) {
    faultTest(`${name} of the digest ${JSON.stringify(digest.slice(0, 40))}`, {
      call: (world) => call(world, digest),
      code: "INVALID_DIGEST",
      after: nothingSent,
    });
  }
}

for (const ref of ["sha256:abc", `sha256:${"A".repeat(64)}`, "sha256:../x"]) {
  for (const [name, call] of tagCalls) {
    faultTest(`${name} of the digest ${ref.slice(0, 20)}`, {
      call: (world) => call(world, ref),
      code: "INVALID_DIGEST",
      after: nothingSent,
    });
  }
}

faultTest("getBlob of an algorithm that nobody here computes", {
  call: ({ client }) => client.getBlob("blake3:0123456789abcdef"),
  code: "INVALID_DIGEST",
  says: "blake3",
  after: nothingSent,
});

faultTest("withRepo of a malformed repository", {
  call: ({ client }) => Promise.resolve().then(() => client.withRepo("a/../b")),
  code: "INVALID_REFERENCE",
  after: nothingSent,
});

const mounts: [name: string, call: (world: World) => Promise<unknown>][] = [
  ["mountBlob", ({ client }) => client.mountBlob({ digest: UNKNOWN, from: "../x" })],
  [
    "startBlobUpload",
    ({ client }) => client.startBlobUpload({ mount: { digest: UNKNOWN, from: "A" } }),
  ],
];

for (const [name, call] of mounts) {
  Deno.test(`${name} from a malformed repository goes on as an upload, and does not name it`, async () => {
    const world = new World();
    await call(world);
    const posts = world.seen.filter(({ method }) => method === "POST");
    assertEquals(posts.every(({ url }) => url.search === ""), true);
  });
}

const optionCalls: [name: string, call: (world: World) => Promise<unknown>, says: string][] = [
  ["pageSize 0", ({ client }) => client.listTags({ pageSize: 0 }), "current value is 0"],
  ["pageSize 1.5", ({ client }) => client.listTags({ pageSize: 1.5 }), "current value is 1.5"],
  ["maxPages -1", ({ client }) => client.listRepositories({ maxPages: -1 }), "current value is -1"],
  ["a range from -1", ({ client }) => client.getBlob(UNKNOWN, { range: { offset: -1 } }), "-1"],
  ["a range of 0", ({ client }) => client.getBlob(UNKNOWN, { range: { length: 0 } }), "is 0"],
  ["chunkSize 0", ({ client }) => client.putBlob(utf8("x"), { chunkSize: 0 }), "is 0"],
  ["chunkSize NaN", ({ client }) => client.putBlob(utf8("x"), { chunkSize: NaN }), "is NaN"],
  ["size -1", ({ client }) => client.putBlob(new Blob().stream(), { size: -1 }), "is -1"],
  [
    "an empty chunk",
    ({ client }) =>
      client.uploadBlobChunk({ session: { location: "/u", offset: 0 }, data: utf8("") }),
    "empty",
  ],
  ["a body that is text", ({ client }) => client.putBlob("hello" as never), "Uint8Array"],
  ["no body", ({ client }) => client.putBlob(undefined as never), "Uint8Array"],
  [
    "schemaVersion 1",
    ({ client }) => client.putManifest({ manifestData, ref: "a", schemaVersion: 1 }),
    "is 1",
  ],
];

for (const [name, call, says] of optionCalls) {
  faultTest(`the option ${name}`, { call, code: "INVALID_OPTION", says, after: nothingSent });
}

const clientOptions: [name: string, options: Record<string, unknown>][] = [
  ["an unknown limit", { limits: { manifestByte: 1 } }],
  ["a limit that is text", { limits: { manifestBytes: "1" } }],
  ["a limit that is NaN", { limits: { stallTimeout: NaN } }],
  ["a negative limit", { limits: { maxPages: -1 } }],
  ["an unknown retry option", { retry: { attempts: 1 } }],
  ["a negative wait", { retry: { minDelay: -1 } }],
  ["a user name with a colon", { username: "a:b", password: "c" }],
  ["a password without a user name", { password: "c" }],
  ["two kinds of credentials", { token: "t", username: "a", password: "b" }],
  ["a token with a line break", { token: "a\nb" }],
  ["a trusted realm that is no host", { trustedRealms: { "a.test": "https://b.test/path" } }],
  ["credentials that are text", { credentials: "me:secret" }],
];

for (const [name, client] of clientOptions) {
  Deno.test(`new RegistryClientV2 with ${name}: INVALID_OPTION`, () => {
    const error = assertThrows(() => new RegistryClientV2({ name: "quay.io/a/b", ...client })) as
      & Error
      & { code: string };
    assertEquals(error.code, "INVALID_OPTION", String(error));
    assertEquals(error.message.startsWith("Cannot "), true);
  });
}
