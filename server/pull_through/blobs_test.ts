import { assert, assertEquals, assertRejects } from "@std/assert";
import { assertBytes } from "../../content/assert_bytes_test.ts";
import type { Bytes } from "../../content/bytes.ts";
import { concatBytes } from "../../content/bytes.ts";
import { ContentNotFoundError, NetworkError, RateLimitedError } from "../../errors.ts";
import type { RegistryBackend } from "../backends/backend.ts";
import { diskBackend } from "../backends/disk_backend.ts";
import { MemoryBackend } from "../backends/memory_backend.ts";
import { digest as digestOfText, UNKNOWN_DIGEST } from "../fixture_test.ts";
import { DockerResponse } from "../../transport/docker_response.ts";
import { noise, type PulledThrough, pulledThrough } from "./fixture_test.ts";

/** More than one piece of a backend in memory. */
const SIZE = 1024 * 1024 + 17;

/** Several reads, and little enough for a hundred readers. */
const SHARED = 200_000;

/** A source of pieces that come when a test says so. */
class Slow {
  readonly #controllers: ReadableStreamDefaultController<Bytes>[] = [];
  cancelled = 0;

  readonly stream = (): ReadableStream<Bytes> =>
    new ReadableStream<Bytes>({
      start: (controller) => void this.#controllers.push(controller),
      cancel: () => void this.cancelled++,
    });

  push(piece: Bytes): void {
    this.#controllers.at(-1)!.enqueue(piece);
  }

  end(): void {
    this.#controllers.at(-1)!.close();
  }

  fail(error: Error): void {
    this.#controllers.at(-1)!.error(error);
  }
}

/** A backend whose uploads cannot be read before they are whole. */
class WholeBackend extends MemoryBackend {
  override async createUpload(...args: Parameters<MemoryBackend["createUpload"]>) {
    const upload = await super.createUpload(...args);
    return Object.assign(upload, { read: undefined });
  }
}

/** A backend that takes its time to forget an upload. */
class SlowToForget extends MemoryBackend {
  override async createUpload(...args: Parameters<MemoryBackend["createUpload"]>) {
    const upload = await super.createUpload(...args);
    const cancel = upload.cancel.bind(upload);
    return Object.assign(upload, { cancel: () => pause().then(cancel) });
  }
}

function path(descriptor: { digest: string }, repository = "app"): string {
  return `/v2/${repository}/blobs/${descriptor.digest}`;
}

function get({ wire }: PulledThrough, url: string, headers: HeadersInit = {}): Promise<Response> {
  return wire.fetch(wire.origin + url, { headers });
}

async function readExactly(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  count: number,
): Promise<Bytes> {
  const pieces: Uint8Array[] = [];
  for (let size = 0; size < count;) {
    const { done, value } = await reader.read();
    assert(!done, `the body ended after ${size} bytes`);
    pieces.push(value);
    size += value.byteLength;
  }
  return concatBytes(pieces);
}

const BACKENDS: [name: string, open: () => Promise<[RegistryBackend, () => Promise<void>]>][] = [
  ["in memory", () => Promise.resolve([new MemoryBackend(), () => Promise.resolve()])],
  ["uploads cannot be read", () => Promise.resolve([new WholeBackend(), () => Promise.resolve()])],
  ["on disk", async () => {
    const folder = await Deno.makeTempDir();
    const backend = diskBackend(folder);
    return [backend, async () => {
      await backend.close();
      await Deno.remove(folder, { recursive: true });
    }];
  }],
];

for (const [name, open] of BACKENDS) {
  Deno.test(`pull-through, blobs: 100 at once cost one read of the upstream: ${name}`, async () => {
    const [backend, close] = await open();
    const through = pulledThrough({ backend });
    const bytes = noise(SHARED);
    const blob = await through.upstream.blob(bytes);
    const bodies = await Promise.all(Array.from({ length: 100 }, async () => {
      const { status, headers, bytes } = await through.wire.send("GET", path(blob));
      assertEquals([status, headers.get("content-length")], [200, String(SHARED)]);
      return bytes;
    }));
    for (const body of bodies) assertBytes(body, bytes);
    assertEquals(through.upstream.calls, [`resolve ${blob.digest}`, `open ${blob.digest}`]);

    assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
    assertEquals(through.upstream.calls.length, 2);
    await close();
  });

  Deno.test(`pull-through, blobs: wrong bytes are not kept, the right ones are: ${name}`, async () => {
    const [backend, close] = await open();
    const through = pulledThrough({ backend });
    const bytes = noise(SIZE);
    const blob = await through.upstream.blob(bytes);
    through.upstream.body = () => new Blob([noise(SIZE + 1).slice(1)]).stream();
    const responses = await Promise.all([1, 2, 3].map(() => get(through, path(blob))));
    for (const response of responses) {
      await assertRejects(() => response.arrayBuffer(), Error, "Cannot verify");
    }
    assertEquals(await backend.repositories({ limit: 10 }), { items: [], more: false });
    // One or more: who comes after the first failure asks again.
    const wrong = through.upstream.count("open");
    through.upstream.body = undefined;
    for (let time = 0; time < 2; time++) {
      assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
    }
    assertEquals(through.upstream.count("open"), wrong + 1);
    await close();
  });
}

Deno.test("pull-through, blobs: waves of requests while it comes and after: one read", async () => {
  const through = pulledThrough();
  const blob = await through.upstream.blob(noise(SHARED));
  const running: Promise<unknown>[] = [];
  for (let wave = 0; wave < 50; wave++) {
    for (let each = 0; each < 4; each++) running.push(through.wire.send("GET", path(blob)));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await Promise.all(running);
  assertEquals(through.upstream.count("open"), 1);
});

Deno.test("pull-through, blobs: readers follow while it comes, also beside one that does not read", async () => {
  const through = pulledThrough();
  const bytes = noise(SIZE);
  const blob = await through.upstream.blob(bytes);
  const slow = new Slow();
  through.upstream.body = slow.stream;
  const lazy = await get(through, path(blob));
  const eager = (await get(through, path(blob))).body!.getReader();

  slow.push(bytes.slice(0, 700_000));
  assertBytes(await readExactly(eager, 700_000), bytes.slice(0, 700_000));
  const late = (await get(through, path(blob), { range: "bytes=500000-" })).body!.getReader();
  assertBytes(await readExactly(late, 200_000), bytes.slice(500_000, 700_000));

  slow.push(bytes.slice(700_000));
  const most = await readExactly(eager, SIZE - 700_000 - 1);
  assertBytes(most, bytes.slice(700_000, SIZE - 1));
  const last = eager.read();
  assertEquals(await settled(last), false, "the last byte comes once all are verified");
  slow.end();
  assertEquals((await last).value, bytes.slice(SIZE - 1));
  assertEquals((await eager.read()).done, true);
  await readExactly(late, SIZE - 700_000);
  assertBytes(new Uint8Array(await lazy.arrayBuffer()), bytes);
  assertEquals(through.upstream.count("open"), 1);
});

const WRONG: [name: string, change: (bytes: Bytes) => Bytes][] = [
  ["another byte", (bytes) => bytes.map((byte, at) => at === 5 ? byte ^ 1 : byte) as Bytes],
  ["another last byte", (bytes) => bytes.map((b, at) => at === SIZE - 1 ? b ^ 1 : b) as Bytes],
  ["one byte fewer", (bytes) => bytes.slice(0, -1)],
  ["one byte more", (bytes) => concatBytes([bytes, new Uint8Array(1)])],
  ["nothing", () => new Uint8Array(0)],
];

for (const range of [undefined, "bytes=0-99", `bytes=-99`]) {
  for (const [name, change] of WRONG) {
    Deno.test(`pull-through, blobs: ${name} never ends cleanly, nor is kept (${range ?? "whole"})`, async () => {
      const through = pulledThrough();
      const bytes = noise(SIZE);
      const blob = await through.upstream.blob(bytes);
      through.upstream.body = () => new Blob([change(bytes)]).stream() as ReadableStream<Bytes>;
      const headers: Record<string, string> = range === undefined ? {} : { range };
      for (let attempt = 1; attempt <= 2; attempt++) {
        const response = await get(through, path(blob), headers);
        await assertRejects(() => response.arrayBuffer(), Error, "Cannot verify");
        assertEquals(through.upstream.count("open"), attempt);
        assertEquals(through.errors.length, attempt);
      }
      through.upstream.body = undefined;
      assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
    });
  }
}

Deno.test("pull-through, blobs: an upstream that breaks fails every reader, and is asked again", async () => {
  const through = pulledThrough();
  const bytes = noise(SIZE);
  const blob = await through.upstream.blob(bytes);
  const slow = new Slow();
  through.upstream.body = slow.stream;
  const responses = await Promise.all([1, 2, 3].map(() => get(through, path(blob))));
  slow.push(bytes.slice(0, 100));
  slow.fail(new NetworkError("Cannot read: the connection broke"));
  for (const response of responses) {
    await assertRejects(() => response.arrayBuffer(), NetworkError);
  }
  assertEquals(through.errors.length, 1);
  through.upstream.body = undefined;
  assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
  assertEquals(through.upstream.count("open"), 2);
});

Deno.test("pull-through, blobs: the last reader who gives up ends the fetch", async () => {
  const through = pulledThrough();
  const bytes = noise(SIZE);
  const blob = await through.upstream.blob(bytes);
  const slow = new Slow();
  through.upstream.body = slow.stream;
  const one = (await get(through, path(blob))).body!;
  const other = (await get(through, path(blob))).body!;
  slow.push(bytes.slice(0, 100));
  await one.cancel();
  await pause();
  assertEquals(slow.cancelled, 0);
  await other.cancel();
  await pause();
  assertEquals(slow.cancelled, 1);

  through.upstream.body = undefined;
  assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
  assertEquals([through.upstream.count("open"), through.errors], [2, []]);
});

Deno.test("pull-through, blobs: a reader who comes as the last one leaves is served", async () => {
  const through = pulledThrough({ backend: new SlowToForget() });
  const bytes = noise(SIZE);
  const blob = await through.upstream.blob(bytes);
  const slow = new Slow();
  through.upstream.body = slow.stream;
  const first = (await get(through, path(blob))).body!;
  slow.push(bytes.slice(0, 100));
  await pause();
  await first.cancel();
  through.upstream.body = undefined;
  assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
  assertEquals(through.upstream.count("open"), 2);
});

Deno.test("pull-through, blobs: HEAD asks whether it is there, and fetches nothing", async () => {
  const through = pulledThrough();
  const blob = await through.upstream.blob("hello");
  for (let time = 0; time < 2; time++) {
    const { status, headers } = await through.wire.send("HEAD", path(blob));
    assertEquals([status, headers.get("content-length")], [200, "5"]);
  }
  assertEquals(through.upstream.calls, [`resolve ${blob.digest}`]);
  assertEquals((await through.wire.send("GET", path(blob))).text, "hello");
  assertEquals(through.upstream.calls, [`resolve ${blob.digest}`, `open ${blob.digest}`]);
});

Deno.test("pull-through, blobs: what a manifest says of it spares the question for its size", async () => {
  const through = pulledThrough();
  const layer = await through.upstream.blob("a layer");
  const image = await through.upstream.image("v1", { layers: [layer] });
  await through.wire.send("GET", `/v2/app/manifests/${image.digest}`);
  through.upstream.calls.length = 0;
  assertEquals((await through.wire.send("GET", path(layer))).text, "a layer");
  assertEquals(through.upstream.calls, [`exists ${layer.digest}`, `open ${layer.digest}`]);
});

Deno.test("pull-through, blobs: a manifest that lies about a size breaks nothing for long", async () => {
  const through = pulledThrough();
  const layer = await through.upstream.blob("a layer");
  const lie = { ...layer, size: 3 };
  const image = await through.upstream.image("v1", { layers: [lie] });
  await through.wire.send("GET", `/v2/app/manifests/${image.digest}`);
  const first = await get(through, path(layer)).then((r) => r.text()).catch((error) => error);
  assert(first instanceof Error || first.includes("errors"), String(first));
  assertEquals((await through.wire.send("GET", path(layer))).text, "a layer");
});

Deno.test("pull-through, blobs: another repository's bytes are used once the upstream agrees", async () => {
  const through = pulledThrough();
  const blob = await through.upstream.blob("hello");
  await through.wire.send("GET", path(blob, "one"));
  through.upstream.calls.length = 0;
  assertEquals((await through.wire.send("GET", path(blob, "two"))).text, "hello");
  assertEquals(through.upstream.calls, [`resolve ${blob.digest}`]);
});

Deno.test("pull-through, blobs: nothing is served from a repository whose upstream lacks it", async () => {
  const one = pulledThrough();
  const other = pulledThrough();
  const sources = { one: one.upstream, other: other.upstream } as Record<
    string,
    typeof one.upstream
  >;
  const both = pulledThrough({ upstream: (repository) => sources[repository] });
  const blob = await one.upstream.blob("hello");
  assertEquals((await both.wire.send("GET", path(blob, "one"))).text, "hello");
  const answer = await both.wire.send("GET", path(blob, "other"));
  assertEquals([answer.status, answer.code], [404, "BLOB_UNKNOWN"]);
  const nowhere = await both.wire.send("GET", path(blob, "nowhere"));
  assertEquals([nowhere.status, nowhere.code], [404, "NAME_UNKNOWN"]);
});

const SIZES: [string, Bytes, "sha256" | "sha512"][] = [
  ["no bytes", new Uint8Array(0), "sha256"],
  ["one byte", new Uint8Array(1), "sha256"],
  ["sha512", noise(100_000), "sha512"],
];

for (const [name, bytes, algorithm] of SIZES) {
  Deno.test(`pull-through, blobs: ${name}`, async () => {
    const through = pulledThrough();
    const blob = await through.upstream.blob(bytes, algorithm);
    for (let time = 0; time < 2; time++) {
      const answer = await through.wire.send("GET", path(blob));
      assertEquals([answer.status, answer.bytes], [200, bytes]);
    }
    assertEquals(through.upstream.count("open"), 1);
  });
}

const RANGES: [range: string, status: number, from: number, to: number][] = [
  ["bytes=0-0", 206, 0, 1],
  ["bytes=10-19", 206, 10, 20],
  ["bytes=1048577-", 206, 1048577, SIZE],
  ["bytes=-1", 206, SIZE - 1, SIZE],
  [`bytes=${SIZE}-`, 416, 0, 0],
];

for (const [range, status, from, to] of RANGES) {
  Deno.test(`pull-through, blobs: ${range}, and the whole is kept`, async () => {
    const through = pulledThrough();
    const bytes = noise(SIZE);
    const blob = await through.upstream.blob(bytes);
    const answer = await through.wire.send("GET", path(blob), { headers: { range } });
    assertEquals(answer.status, status);
    if (status === 416) return;
    assertBytes(answer.bytes, bytes.slice(from, to));
    assertBytes((await through.wire.send("GET", path(blob))).bytes, bytes);
    assertEquals(through.upstream.count("open"), 1);
  });
}

const FAILURES: [string, Error, number, string, string | null][] = [
  ["not found", new ContentNotFoundError("Cannot find it"), 404, "BLOB_UNKNOWN", null],
  ["down", new NetworkError("Cannot connect to secret.test"), 502, "UNKNOWN", null],
  ["any other error", new Error("secret.test"), 502, "UNKNOWN", null],
  ["out of quota", rateLimited(1_500), 429, "TOOMANYREQUESTS", "2"],
];

for (const [name, error, status, code, retryAfter] of FAILURES) {
  for (const when of ["asked", "opened"]) {
    Deno.test(`pull-through, blobs: the upstream is ${name} when it is ${when}: ${status} ${code}`, async () => {
      const through = pulledThrough();
      const blob = await through.upstream.blob("hello");
      if (when === "opened") await through.wire.send("HEAD", path(blob));
      through.upstream.down = error;
      const answer = await through.wire.send("GET", path(blob));
      assertEquals([answer.status, answer.code], [status, code]);
      assertEquals(answer.headers.get("retry-after"), retryAfter);
      assert(!answer.text.includes("secret.test"));
      assertEquals(through.errors, status === 404 ? [] : [error]);
      through.upstream.down = undefined;
      assertEquals((await through.wire.send("GET", path(blob))).text, "hello");
    });
  }
}

Deno.test("pull-through, blobs: what is cached is served while the upstream is down", async () => {
  const through = pulledThrough();
  const blob = await through.upstream.blob("hello");
  await through.wire.send("GET", path(blob));
  through.upstream.down = new NetworkError("Cannot connect");
  const { status, text, headers } = await through.wire.send("GET", path(blob));
  assertEquals([status, text, headers.get("warning")], [200, "hello", null]);
});

for (const digest of [UNKNOWN_DIGEST, "blake3:abc"]) {
  Deno.test(`pull-through, blobs: ${digest.slice(0, 6)} that neither side has: 404 BLOB_UNKNOWN`, async () => {
    const { wire } = pulledThrough();
    for (const method of ["GET", "HEAD"]) {
      const answer = await wire.send(method, path({ digest }));
      assertEquals(answer.status, 404);
      if (method === "GET") assertEquals(answer.code, "BLOB_UNKNOWN");
    }
  });
}

Deno.test("pull-through, blobs: an upstream that describes something else: 502", async () => {
  const through = pulledThrough();
  const blob = await through.upstream.blob("hello");
  const other = await digestOfText("other");
  for (const wrong of [{ ...blob, digest: other }, { ...blob, size: -1 }, { ...blob, size: 0.5 }]) {
    through.upstream.resolve = () => Promise.resolve(wrong);
    assertEquals((await through.wire.send("GET", path(blob))).status, 502);
  }
});

function rateLimited(retryAfter: number): RateLimitedError {
  const resp = new DockerResponse(null, { status: 429 });
  const asked = { method: "GET", url: "https://secret.test/" };
  return new RateLimitedError(resp, [], "Too many", { ...asked, retryAfter });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([promise.then(() => true, () => true), pause().then(() => false)]);
}
