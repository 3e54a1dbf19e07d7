import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  digestOf,
  HttpError,
  InvalidDigestError,
  InvalidOptionError,
  NotFoundError,
  RegistryResponseError,
  SizeMismatchError,
} from "../../mod.ts";
import { type RegistryCase, testRegistries } from "./on_registries.ts";
import { assertBytes, NOWHERE, randomBytes, streamOf, text } from "./samples.ts";

const LARGE_BYTES = 5 * 1024 * 1024 + 1;

/** A range of ten bytes, and what comes of it; `open` ranges name no end, or one past the last byte. */
const ranges: [
  offset: number | undefined,
  length: number | undefined,
  string,
  "open" | "closed",
][] = [
  [3, 4, "3456", "closed"],
  [undefined, 2, "01", "closed"],
  [9, 1, "9", "closed"],
  [0, 10, "0123456789", "closed"],
  [3, undefined, "3456789", "open"],
  [8, 100, "89", "open"],
];

const rangeCases = ranges.map(([offset, length, expected, end]): RegistryCase => [
  `end-2 GET blob: ${length ?? "all"} bytes from ${offset ?? "the start"}`,
  async (on) => {
    const client = on.client();
    const { digest } = await client.putBlob(text("0123456789"));
    const range = {
      ...(offset !== undefined && { offset }),
      ...(length !== undefined && { length }),
    };
    if (end === "open" && !on.can("open ranges")) {
      const error = await assertRejects(
        () => client.getBlob(digest, { range }),
        RegistryResponseError,
      );
      assertEquals([error.code, error.statusCode], ["REGISTRY_RESPONSE", 416]);
      return;
    }
    const blob = await client.getBlob(digest, { range });
    assertEquals([blob.size, blob.verified], [expected.length, false]);
    assertEquals(await blob.text(), expected);
  },
]);

testRegistries("pulling blobs", [
  ["end-2 GET blob: as a stream, bytes, text and JSON, verified", async (on) => {
    const client = on.client();
    const { digest, size } = await client.putBlob(text('{"a":"ä"}'));
    const blob = await client.getBlob(digest);
    assertEquals([blob.size, blob.verified], [size, true]);
    assertEquals(await new Response(blob.stream).text(), '{"a":"ä"}');
    assertEquals(await (await client.getBlob(digest)).bytes(), text('{"a":"ä"}'));
    assertEquals(await (await client.getBlob(digest)).text(), '{"a":"ä"}');
    assertEquals(await (await client.getBlob(digest)).json(), { a: "ä" });
  }],
  ["end-2 GET blob: 5 MiB, with a reader of the caller's own buffers", async (on) => {
    const client = on.client();
    const bytes = randomBytes(LARGE_BYTES);
    const { digest } = await client.putBlob(bytes);
    const { stream } = await client.getBlob(digest, { size: LARGE_BYTES });
    const reader = stream.getReader({ mode: "byob" });
    const pulled = new Uint8Array(LARGE_BYTES);
    let buffer = new ArrayBuffer(100_000);
    let at = 0;
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) break;
      pulled.set(value, at);
      at += value.byteLength;
      buffer = value.buffer as ArrayBuffer;
    }
    assertEquals(at, LARGE_BYTES);
    assertEquals(await digestOf(pulled), digest);
  }],
  ["end-2 GET blob: many at once", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_000);
    const { digest } = await client.putBlob(bytes);
    const blobs = await Promise.all(Array.from({ length: 20 }, () => client.getBlob(digest)));
    for (const pulled of await Promise.all(blobs.map((blob) => blob.bytes()))) {
      assertBytes(pulled, bytes);
    }
  }],
  ["end-2 GET blob: progress is told, and the last one is done", async (on) => {
    const client = on.client();
    const { digest } = await client.putBlob(randomBytes(LARGE_BYTES));
    await (await client.getBlob(digest)).bytes();
    const told = on.events.filter((event) =>
      event.type === "progress" && event.digest === digest && event.direction === "download"
    );
    const { remoteName: repository } = client.repo;
    assertEquals(told.at(-1), {
      ...{ type: "progress", direction: "download", digest, repository },
      ...{ bytes: LARGE_BYTES, total: LARGE_BYTES, done: true },
    });
  }],
  ["end-2 GET blob: another size than the one known is a SizeMismatchError", async (on) => {
    const client = on.client();
    const { digest } = await client.putBlob(randomBytes(1000));
    for (const size of [999, 1001]) {
      const error = await assertRejects(() => client.getBlob(digest, { size }), SizeMismatchError);
      assertEquals([error.expected, error.actual], [size, 1000]);
    }
  }],
  ["end-2 GET blob: cancelled and aborted streams end, and the client goes on", async (on) => {
    const client = on.client();
    const { digest } = await client.putBlob(randomBytes(LARGE_BYTES));
    const reader = (await client.getBlob(digest)).stream.getReader();
    await reader.read();
    await reader.cancel();
    const controller = new AbortController();
    const reason = new Error("enough");
    const blob = await client.getBlob(digest, { signal: controller.signal });
    controller.abort(reason);
    assertStrictEquals(await blob.bytes().catch((error) => error), reason);
    assertEquals((await (await client.getBlob(digest)).bytes()).byteLength, LARGE_BYTES);
  }],
  ...rangeCases,
  ["end-2 GET blob: a range past the end is 416", async (on) => {
    const client = on.client();
    const { digest } = await client.putBlob(text("0123456789"));
    for (const range of [{ offset: 10 }, { offset: 20, length: 5 }]) {
      const error = await assertRejects(
        () => client.getBlob(digest, { range }),
        RegistryResponseError,
      );
      assertEquals([error.code, error.statusCode], ["REGISTRY_RESPONSE", 416]);
    }
  }],
  ["end-2 HEAD blob: the responses", async (on) => {
    const client = on.client();
    const { digest } = await client.putBlob(randomBytes(1000));
    const responses = await client.headBlob({ digest });
    assertEquals(responses.map(({ status }) => status), [200]);
    assertEquals(responses[0]!.headers.get("content-length"), "1000");
    assertEquals(responses[0]!.headers.get("docker-content-digest"), digest);
    const { size } = await client.statBlob({ digest });
    assertEquals(size, 1000);
    assertEquals(await client.hasBlob({ digest }), true);
    assertEquals(await client.hasBlob(NOWHERE), false);
  }],
  ["createBlobReadStream: the responses and the bytes, verified", async (on) => {
    const client = on.client();
    const bytes = randomBytes(100_000);
    const { digest } = await client.putBlob(bytes);
    const { ress, stream } = await client.createBlobReadStream({ digest });
    assertEquals(ress.map(({ status }) => status), [200]);
    assertBytes(new Uint8Array(await new Response(stream).arrayBuffer()), bytes);
  }],
  ["end-2: a blob that is not there is a NotFoundError", async (on) => {
    const client = on.client();
    await client.putBlob(text("something else"));
    const calls = [
      () => client.getBlob(NOWHERE),
      () => client.getBlob(NOWHERE, { range: { offset: 3, length: 1 } }),
      () => client.createBlobReadStream({ digest: NOWHERE }),
    ];
    for (const call of calls) {
      const error = await assertRejects(call, NotFoundError, "Cannot pull the blob sha256:01234");
      assertEquals([error.code, error.statusCode], ["NOT_FOUND", 404]);
      assertEquals([error.codes, error.retryable], [["BLOB_UNKNOWN"], false]);
    }
    const error = await assertRejects(() => client.headBlob({ digest: NOWHERE }), NotFoundError);
    assertEquals(error.codes, []); // the answer to a HEAD has no body to say it in
    await assertRejects(() => client.statBlob({ digest: NOWHERE }), NotFoundError);
  }],
  ["end-2: a blob of another repository is not there", async (on) => {
    const [client, other] = [on.client(), on.client()];
    const { digest } = await other.putBlob(randomBytes(10));
    const there = await client.headBlob({ digest }).then(() => true, (error) => {
      assert(error instanceof NotFoundError);
      return false;
    });
    assertEquals(there, !on.can("blobs of a repository"));
  }],
  ["end-2: an argument that cannot be used is refused, and nothing is sent", async (on) => {
    const client = on.client();
    for (const digest of ["", "latest", "sha256:abc", "sha256:" + "A".repeat(64), "../x"]) {
      await assertRejects(() => client.getBlob(digest), InvalidDigestError);
      await assertRejects(() => client.headBlob({ digest }), InvalidDigestError);
      await assertRejects(() => client.deleteBlob({ digest }), InvalidDigestError);
    }
    for (const range of [{ offset: -1 }, { offset: 0.5 }, { length: 0 }, { length: NaN }]) {
      await assertRejects(() => client.getBlob(NOWHERE, { range }), InvalidOptionError);
    }
    assertEquals(on.sent(client), []);
  }],
  ["end-10 DELETE blob: it is gone, from this repository alone", async (on) => {
    const [client, other] = [on.client(), on.client()];
    const bytes = randomBytes(100);
    const { digest } = await client.putBlob(bytes);
    await other.putBlob(bytes);
    await client.deleteBlob({ digest });
    await assertRejects(() => client.headBlob({ digest }), NotFoundError);
    if (on.can("blobs of a repository")) {
      assertBytes(await (await other.getBlob(digest)).bytes(), bytes);
    }
    await client.putBlob(streamOf(bytes));
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
  }],
  ["end-10 DELETE blob: one that is not there", async (on) => {
    // crane's registry answers 500, which is tried again unless told otherwise.
    const client = on.stranger({ retry: { maxAttempts: 1 } });
    await client.putBlob(text("something else"));
    if (on.can("unknown blobs on delete")) {
      const error = await assertRejects(
        () => client.deleteBlob({ digest: NOWHERE }),
        NotFoundError,
        "Cannot delete the blob",
      );
      assertEquals(error.codes, ["BLOB_UNKNOWN"]);
    } else {
      const error = await assertRejects(() => client.deleteBlob({ digest: NOWHERE }), HttpError);
      assertEquals(error.codes, ["INTERNAL_SERVER_ERROR"]);
      assertEquals([error.code, error.retryable], ["REGISTRY_RESPONSE", true]);
    }
  }],
]);
