import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  BadDigestError,
  type Body,
  type Bytes,
  digestOf,
  InvalidOptionError,
  NotFoundError,
  type PutBlobOptions,
  RegistryResponseError,
  SizeMismatchError,
  UploadError,
} from "../../mod.ts";
import { type OnRegistry, type RegistryCase, testRegistries } from "./on_registries.ts";
import { assertBytes, randomBytes, streamOf, text } from "./samples.ts";

const MIB = 1024 * 1024;

/** The four kinds of body. */
const KINDS = {
  bytes: (bytes: Bytes): Body => bytes,
  blob: (bytes: Bytes): Body => new Blob([bytes]),
  stream: (bytes: Bytes): Body => streamOf(bytes),
  reopenable: (bytes: Bytes): Body => ({
    size: bytes.byteLength,
    open: (offset = 0) => streamOf(bytes.subarray(offset) as Bytes),
  }),
};

/** A push: the body, how it is given, the options, and what the registry is sent for it. */
interface Push {
  size: number;
  kind: keyof typeof KINDS;
  options?: PutBlobOptions;
  sent: (on: OnRegistry) => string[];
}

/** All in the starting request where the registry takes that. */
const small = (on: OnRegistry) =>
  on.can("single POST") ? ["HEAD 404", "POST 201"] : ["HEAD 404", "POST 202", "PUT 201"];
/** The digest is known: all in the closing request. */
const inPut = () => ["HEAD 404", "POST 202", "PUT 201"];
/** The digest is computed on the way: all in one PATCH. */
const inPatch = () => ["POST 202", "PATCH 202", "PUT 201"];
const inChunks = (patches: number) => () => [
  "POST 202",
  ...Array<string>(patches).fill("PATCH 202"),
  "PUT 201",
];
const lookFirst = (sent: () => string[]) => () => ["HEAD 404", ...sent()];

const pushes: [string, Push][] = [
  ["one byte", { size: 1, kind: "bytes", sent: small }],
  ["one byte as a stream", { size: 1, kind: "stream", sent: inChunks(0) }],
  ["64 KiB", { size: 65_536, kind: "bytes", sent: small }],
  ["64 KiB and a byte", { size: 65_537, kind: "bytes", sent: inPut }],
  ["5 MiB", { size: 5 * MIB, kind: "bytes", sent: inPut }],
  ["5 MiB in a Blob", { size: 5 * MIB, kind: "blob", sent: inPut }],
  ["20 MiB that can be opened again", { size: 20 * MIB, kind: "reopenable", sent: inPatch }],
  ["a stream of known length", {
    size: 3 * MIB + 1,
    kind: "stream",
    options: { size: 3 * MIB + 1 },
    sent: inPatch,
  }],
  ["a stream of unknown length", { size: 9 * MIB, kind: "stream", sent: inChunks(2) }],
  ["a stream of unknown length, of just two chunks", {
    size: 8 * MIB,
    kind: "stream",
    sent: inChunks(1),
  }],
  ["bytes in chunks", {
    size: 3 * MIB + 1,
    kind: "bytes",
    options: { chunkSize: MIB },
    sent: lookFirst(inChunks(3)),
  }],
  ["a stream in chunks", {
    size: 2 * MIB,
    kind: "stream",
    options: { chunkSize: MIB, size: 2 * MIB },
    sent: inChunks(1),
  }],
];

const pushCases = pushes.map(([name, { size, kind, options, sent }]): RegistryCase => [
  `end-4 to end-6: ${name}`,
  async (on) => {
    const client = on.client();
    await client.login();
    const bytes = randomBytes(size);
    const mediaType = "application/vnd.example";
    const descriptor = await client.putBlob(KINDS[kind](bytes), { ...options, mediaType });
    assertEquals(descriptor, { mediaType, digest: await digestOf(bytes), size });
    assertEquals(on.sent(client), sent(on));
    const blob = await client.getBlob(descriptor.digest);
    assertEquals([blob.size, blob.verified], [size, true]);
    assertEquals(await digestOf(await blob.bytes()), descriptor.digest);
  },
]);

testRegistries("pushing blobs", [
  ...pushCases,
  ...Object.entries(KINDS).flatMap(([kind, make]): RegistryCase[] =>
    [{}, { chunkSize: MIB }].map((options) => [
      `end-4 to end-6: no bytes as ${kind} with ${JSON.stringify(options)}`,
      async (on) => {
        const client = on.client();
        const digest = await digestOf(text(""));
        assertEquals((await client.putBlob(make(text("")), options)).digest, digest);
        assert(on.sent(client).some((sent) => /^P\w+ 201$/.test(sent)));
        const blob = await client.getBlob(digest);
        assertEquals([blob.size, (await blob.bytes()).byteLength], [0, 0]);
        // Where all repositories share their blobs, the next case would find it there.
        await client.deleteBlob({ digest });
      },
    ])
  ),
  ...[11, 200_000].map((size): RegistryCase => [
    `end-4c: ${size} bytes under a sha512 digest, given and computed`,
    async (on) => {
      for (const options of size === 11 ? [{}] : [{}, { chunkSize: 64 * 1024 }]) {
        const client = on.client();
        const [computed, given] = [randomBytes(size), randomBytes(size)];
        const digests = [
          await client.putBlob(computed, { digestAlgorithm: "sha512", ...options }),
          await client.putBlob(streamOf(given), {
            digest: await digestOf(given, "sha512"),
            ...options,
          }),
        ];
        for (const [at, bytes] of [computed, given].entries()) {
          const { digest } = digests[at]!;
          assertEquals(digest, await digestOf(bytes, "sha512"));
          assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
        }
      }
    },
  ]),
  ["a stream is sent once: a request without a body has settled who is there", async (on) => {
    const client = on.stranger();
    const bytes = randomBytes(300_000);
    const { digest } = await client.putBlob(streamOf(bytes), { size: 300_000 });
    const refused = on.auth === "none" ? [] : ["POST 401"];
    assertEquals(on.sent(client), [...refused, ...inPatch()]);
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
  }],
  ["a blob that is there is not sent again", async (on) => {
    const client = on.client();
    const bytes = randomBytes(1000);
    const { digest } = await client.putBlob(bytes);
    const before = on.sent(client).length;
    let opened = 0;
    const body = { size: 1000, open: () => (opened++, streamOf(bytes)) };
    await client.putBlob(bytes);
    await client.putBlob(body, { digest });
    await client.putBlob(streamOf(bytes), { digest, size: 1000 });
    assertEquals(on.sent(client).slice(before), ["HEAD 200", "HEAD 200", "HEAD 200"]);
    assertEquals(opened, 0);
  }],
  ["blobUpload: the digest and size are known", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_000);
    const digest = await digestOf(bytes);
    await client.blobUpload({ digest, stream: streamOf(bytes), contentLength: 300_000 });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
    const long = client.blobUpload({
      digest: await digestOf(randomBytes(10)),
      stream: streamOf(bytes),
      contentLength: 299_999,
      contentType: "application/octet-stream",
    });
    await assertRejects(() => long, SizeMismatchError);
  }],
  ["other bytes than the digest's: BadDigestError, and nothing is stored", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_000);
    const digest = await digestOf(bytes);
    const wrong = bytes.map((byte) => byte ^ 1);
    for (const [kind, make] of Object.entries(KINDS)) {
      const error = await assertRejects(
        () => client.putBlob(make(wrong), { digest, size: 300_000 }),
        BadDigestError,
        undefined,
        kind,
      );
      assertEquals([error.expected, error.actual], [digest, await digestOf(wrong)]);
      await assertRejects(() => client.headBlob({ digest }), NotFoundError);
      await assertRejects(() => client.headBlob({ digest: error.actual }), NotFoundError);
    }
  }],
  ["fewer and more bytes than declared: SizeMismatchError, and nothing is stored", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_000);
    const digest = await digestOf(bytes);
    for (const size of [299_999, 300_001]) {
      for (const options of [{}, { chunkSize: 100_000 }]) {
        const error = await assertRejects(
          () => client.putBlob(streamOf(bytes), { digest, size, ...options }),
          SizeMismatchError,
        );
        assertEquals(error.expected, size);
      }
    }
    await assertRejects(() => client.headBlob({ digest }), NotFoundError);
  }],
  ["the runtime's fetch carries bodies too", async (on) => {
    const client = on.stranger({ fetch: on.registry.fetch ?? fetch });
    for (const make of Object.values(KINDS)) {
      for (const options of [{}, { chunkSize: 300_000 }]) {
        const bytes = randomBytes(700_000);
        const { digest } = await client.putBlob(make(bytes), options);
        assertEquals(digest, await digestOf(bytes));
        assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
      }
    }
  }],
  ["a wrong digest that only the registry sees: its own error, with codes", async (on) => {
    const client = on.client();
    const session = await client.startBlobUpload();
    const digest = await digestOf(randomBytes(10));
    const error = await assertRejects(
      () => client.completeBlobUpload({ session, digest, data: text("others") }),
      RegistryResponseError,
    );
    assertEquals([error.code, error.statusCode], ["REGISTRY_RESPONSE", 400]);
    assertEquals(error.codes, [on.kind === "olareg" ? "BLOB_UPLOAD_INVALID" : "DIGEST_INVALID"]);
    await assertRejects(() => client.headBlob({ digest }), NotFoundError);
  }],
]);

// What happens here does not depend on who is asking.
testRegistries("pushing blobs that fail, and many", [
  ["a body that fails: UploadError with its reason, and nothing is stored", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_000);
    const digest = await digestOf(bytes);
    const reason = new Error("the disk is gone");
    const failing = () => {
      let pulls = 0;
      return new ReadableStream<Bytes>({
        pull(controller) {
          if (pulls++ === 3) controller.error(reason);
          else controller.enqueue(bytes.slice(0, 1000));
        },
      });
    };
    const bodies: (() => Body)[] = [
      failing,
      () => ({ size: 300_000, open: failing }),
      () => ({ size: 300_000, open: () => Promise.reject(reason) }),
    ];
    for (const body of bodies) {
      for (const options of [{}, { digest }, { chunkSize: 100_000 }]) {
        const error = await assertRejects(
          () => client.putBlob(body(), { size: 300_000, ...options }),
          UploadError,
          "its body failed: the disk is gone",
        );
        assertStrictEquals(error.cause, reason);
      }
    }
    await assertRejects(() => client.headBlob({ digest }), NotFoundError);
  }],
  ["an abort in the middle throws its reason, and nothing is stored", async (on) => {
    const client = on.client();
    const bytes = randomBytes(2 * MIB);
    const digest = await digestOf(bytes);
    for (const options of [{}, { digest }, { chunkSize: 500_000 }]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      let at = 0;
      const body = new ReadableStream<Bytes>({
        pull(stream) {
          if (at >= MIB) controller.abort(reason);
          stream.enqueue(bytes.slice(at, at += 256 * 1024));
          if (at >= bytes.byteLength) stream.close();
        },
      }, { highWaterMark: 0 });
      const { signal } = controller;
      const error = await client.putBlob(body, { size: 2 * MIB, signal, ...options })
        .catch((thrown) => thrown);
      assertStrictEquals(error, reason);
    }
    await assertRejects(() => client.headBlob({ digest }), NotFoundError);
  }],
  ["many blobs at once", async (on) => {
    const client = on.client();
    const blobs = Array.from({ length: 20 }, (_, at) => randomBytes(at * 5_000 + 1));
    const pushed = await Promise.all(blobs.map((bytes) => client.putBlob(streamOf(bytes))));
    const pulled = await Promise.all(
      pushed.map(async ({ digest }) => await (await client.getBlob(digest)).bytes()),
    );
    for (const [at, bytes] of blobs.entries()) assertBytes(pulled[at]!, bytes);
  }],
  [
    "a chunk size or body that cannot be used: InvalidOptionError, and nothing is sent",
    async (on) => {
      const client = on.client();
      for (const chunkSize of [0, -1, 1.5, NaN]) {
        await assertRejects(
          () => client.putBlob(text("x"), { chunkSize }),
          InvalidOptionError,
          `current value is ${chunkSize}`,
        );
      }
      await assertRejects(() => client.putBlob("x" as unknown as Bytes), InvalidOptionError);
      assertEquals(on.sent(client), []);
    },
  ],
], ["none"]);
