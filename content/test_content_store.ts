/**
 * The contract of {@linkcode ContentStore} as test cases: every store of this package, and every
 * store that somebody writes, is run through the same ones.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ApiError, ContentNotFoundError } from "../errors.ts";
import { type Bytes, encodeText } from "./bytes.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { MEDIA_TYPES } from "./media_types.ts";
import type { ContentStore } from "./store.ts";
import {
  blob,
  bodies,
  describe,
  image,
  mismatches,
  pattern,
  pick,
  stream,
} from "./store_fixture_test.ts";
import { deleteCases } from "./store_delete_cases_test.ts";

/** A store under test. */
export interface ContentStoreUnderTest {
  /** The store; empty. */
  store: ContentStore;
  /** Ends whatever was started for it. */
  close?(): Promise<void>;
}

/** What a store may say of bytes that do not match: itself, or in the words of a registry. */
const MISMATCHES = ["BAD_DIGEST", "SIZE_MISMATCH", "REGISTRY_RESPONSE", "UPLOAD_FAILED"];

/** More than the buffers on the way hold, and not a multiple of their sizes. */
const LARGE_BYTES = 20 * 1024 * 1024 + 12_345;

/** Long enough for a store that does not wait for what it should wait for to be caught at it. */
const SETTLE_MS = 20;

/**
 * Registers a case for every rule of the contract; `make` is called once for each. `without` names
 * cases, by their titles, that what is behind the store cannot pass: say beside it why. `outlives` says
 * that something behind the store goes on from case to case, a server's log being read, say.
 *
 * @throws {Error} When there is no case of such a title.
 */
export function testContentStore(
  name: string,
  make: () => Promise<ContentStoreUnderTest>,
  { without = [], outlives = false }: { without?: readonly string[]; outlives?: boolean } = {},
): void {
  const cases = [
    ...[...readingCases, ...writingCases, ...namingCases, ...deleteCases],
    ...resumeCases,
  ];
  for (const title of without) {
    if (!cases.some(([known]) => known === title)) throw new Error(`there is no case "${title}"`);
  }
  for (const [title, run] of cases.filter(([title]) => !without.includes(title))) {
    const sanitizers = outlives ? { sanitizeOps: false, sanitizeResources: false } : {};
    Deno.test(`${name}: ${title}`, sanitizers, async () => {
      const { store, close } = await make();
      try {
        await run(store);
      } finally {
        await close?.();
      }
    });
  }
}

type Case = [title: string, run: (store: ContentStore) => Promise<void>];

const readingCases: Case[] = [
  ["open gives what was written, byte for byte", async (store) => {
    const hello = await blob("hello");
    await store.write(hello, encodeText("hello"));
    assertEquals(await textOf(store, hello), "hello");
  }],
  ["exists says whether content is there", async (store) => {
    const hello = await blob("hello");
    assertEquals(await store.exists(hello), false);
    await store.write(hello, encodeText("hello"));
    assertEquals(await store.exists(hello), true);
    assertEquals(await store.exists(await blob("bye")), false);
  }],
  ["open of content that is not there: ContentNotFoundError", async (store) => {
    await rejects(readWhole(store, await blob("nothing")), ContentNotFoundError);
  }],
  ["resolve of a tag or digest that is not there: ContentNotFoundError", async (store) => {
    await rejects(store.resolve("v1"), ContentNotFoundError);
    await rejects(store.resolve((await blob("nothing")).digest), ContentNotFoundError);
  }],
  ["open with offset and length gives that part", async (store) => {
    const digits = await blob("0123456789");
    await store.write(digits, encodeText("0123456789"));
    const parts: [number | undefined, number | undefined, string][] = [
      [undefined, undefined, "0123456789"],
      [0, 10, "0123456789"],
      [3, undefined, "3456789"],
      [3, 4, "3456"],
      [undefined, 2, "01"],
      [9, 1, "9"],
      [8, 100, "89"],
      [10, undefined, ""],
      [4, 0, ""],
    ];
    for (const [offset, length, expected] of parts) {
      const stream = await store.open(digits, {
        ...(offset !== undefined && { offset }),
        ...(length !== undefined && { length }),
      });
      assertEquals(await new Response(stream).text(), expected, `${offset}, ${length}`);
    }
  }],
  ["open with an offset that is no place in the content: a typed error", async (store) => {
    const hello = await blob("hello");
    await store.write(hello, encodeText("hello"));
    for (const offset of [-1, 1.5, NaN, 6]) {
      await rejects(
        store.open(hello, { offset }).then((stream) => new Response(stream).text()),
        ApiError,
      );
    }
  }],
  ["a descriptor with another size than the content: a typed error", async (store) => {
    const hello = await blob("hello");
    await store.write(hello, encodeText("hello"));
    for (const size of [4, 6]) {
      await rejects(readWhole(store, { ...hello, size }), ApiError);
    }
  }],
  ["content can be read by two readers at once, and each may keep what it got", async (store) => {
    const content = pattern(3_000_000);
    const descriptor = await describe(content);
    await store.write(descriptor, content);
    const [first, second] = await Promise.all([
      readWhole(store, descriptor),
      readWhole(store, descriptor),
    ]);
    first.fill(0);
    assertEquals(await digestOf(second), descriptor.digest);
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["a stream that is cancelled leaves the store as it was", async (store) => {
    const content = pattern(2_000_000);
    const descriptor = await describe(content);
    await store.write(descriptor, content);
    const reader = (await store.open(descriptor)).getReader();
    await reader.read();
    await reader.cancel();
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["open with an aborted signal throws its reason", async (store) => {
    const hello = await blob("hello");
    await store.write(hello, encodeText("hello"));
    const reason = new Error("enough");
    const error = await failure(
      store.open(hello, { signal: AbortSignal.abort(reason) }).then((stream) =>
        new Response(stream).text()
      ),
    );
    assertStrictEquals(error, reason);
  }],
  ["an abort in the middle of reading ends the stream with its reason", async (store) => {
    const content = pattern(LARGE_BYTES);
    const descriptor = await describe(content);
    await store.write(descriptor, content);
    const controller = new AbortController();
    const reader = (await store.open(descriptor, { signal: controller.signal })).getReader();
    await reader.read();
    const reason = new Error("enough");
    controller.abort(reason);
    const error = await failure((async () => {
      while (!(await reader.read()).done);
    })());
    assertStrictEquals(error, reason);
  }],
];

const writingCases: Case[] = [
  ...bodies().map(([kind, body]): Case => [`write takes ${kind}`, async (store) => {
    const content = pattern(100_000);
    const descriptor = await describe(content);
    await store.write(descriptor, body(content));
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }]),
  ...bodies().map(([kind, body]): Case => [`write takes no bytes as ${kind}`, async (store) => {
    const nothing = await blob("");
    await store.write(nothing, body(encodeText("")));
    assertEquals(await store.exists(nothing), true);
    assertEquals(await textOf(store, nothing), "");
  }]),
  ["write takes content under a sha512 digest", async (store) => {
    const content = pattern(100_000);
    const descriptor = { ...await describe(content), digest: await digestOf(content, "sha512") };
    await store.write(descriptor, stream(content));
    assertEquals(await digestOf(await readWhole(store, descriptor), "sha512"), descriptor.digest);
  }],
  ["write refuses an algorithm that cannot be computed: a typed error", async (store) => {
    const odd = { ...await blob("hello"), digest: "md6+b64u:LPJNul-wow4m6DsqxbninhsWHlwfp0Je" };
    await rejects(store.write(odd, encodeText("hello")), ApiError);
  }],
  ["write of 20 MiB streams through unharmed", async (store) => {
    const content = pattern(LARGE_BYTES);
    const descriptor = await describe(content);
    await store.write(descriptor, { size: LARGE_BYTES, open: (at = 0) => stream(content, at) });
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
    const tail = await store.open(descriptor, { offset: LARGE_BYTES - 1_000_000 });
    assertEquals(
      await digestOf(new Uint8Array(await new Response(tail).arrayBuffer())),
      await digestOf(content.subarray(LARGE_BYTES - 1_000_000)),
    );
  }],
  ["write of what is there already changes nothing", async (store) => {
    const hello = await blob("hello");
    await store.write(hello, encodeText("hello"));
    for (const [, body] of bodies()) await store.write(hello, body(encodeText("hello")));
    assertEquals(await textOf(store, hello), "hello");
  }],
  ["two writes of one content at once both succeed", async (store) => {
    const content = pattern(3_000_000);
    const descriptor = await describe(content);
    await Promise.all([
      store.write(descriptor, stream(content)),
      store.write(descriptor, content),
      store.write(descriptor, stream(content)),
    ]);
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ...mismatches().map(([what, body]): Case => [
    `write of ${what}: a typed error, and nothing stored`,
    async (store) => {
      const content = pattern(100_000);
      const descriptor = await describe(content);
      const error = await failure(store.write(descriptor, body(content)));
      assertInstanceOf(error, ApiError);
      assert(MISMATCHES.includes(error.code), `${error.code}: ${error.message}`);
      await assertAbsent(store, descriptor);
      await store.write(descriptor, content);
      assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
    },
  ]),
  ["write with an aborted signal throws its reason, and nothing is stored", async (store) => {
    const hello = await blob("hello");
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(
      await failure(store.write(hello, encodeText("hello"), { signal })),
      reason,
    );
    await assertAbsent(store, hello);
  }],
  ["an abort ends a write whose body stands still", async (store) => {
    const content = pattern(100_000);
    const descriptor = await describe(content);
    const controller = new AbortController();
    const reason = new Error("enough");
    let opened = () => {};
    const stalls = new Promise<void>((resolve) => opened = resolve);
    const body = new ReadableStream<Bytes>({
      pull(controller) {
        if (controller.desiredSize === null) return;
        controller.enqueue(content.slice(0, 1000));
        opened();
        return new Promise(() => {});
      },
    }, { highWaterMark: 0 });
    const written = failure(store.write(descriptor, body, { signal: controller.signal }));
    await stalls;
    controller.abort(reason);
    assertStrictEquals(await written, reason);
    await assertAbsent(store, descriptor);
  }],
  ["nothing is visible before the last byte was verified", async (store) => {
    const content = pattern(100_000);
    const descriptor = await describe(content);
    let go = () => {};
    const gate = new Promise<void>((resolve) => go = resolve);
    let sent = 0;
    const body = new ReadableStream<Bytes>({
      async pull(controller) {
        if (sent === content.byteLength) return controller.close();
        if (sent > 0) await gate;
        const piece = content.slice(sent, sent === 0 ? 50_000 : undefined);
        sent += piece.byteLength;
        controller.enqueue(piece);
      },
    });
    const written = store.write(descriptor, body);
    await settle();
    assertEquals(await store.exists(descriptor), false);
    go();
    await written;
    assertEquals(await store.exists(descriptor), true);
  }],
  ["the caller's descriptor and bytes are not written to", async (store) => {
    const content = pattern(10_000);
    const descriptor = Object.freeze(await describe(content));
    await store.write(descriptor, content);
    assertEquals(content.byteLength, 10_000);
    assertEquals(await digestOf(content), descriptor.digest);
    content.fill(0);
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
];

const namingCases: Case[] = [
  ["tag names a manifest, and resolve gives its descriptor", async (store) => {
    const manifest = await writeImage(store, "one");
    await store.tag(manifest, "v1");
    assertEquals(pick(await store.resolve("v1")), pick(manifest));
    assertEquals(pick(await store.resolve(manifest.digest)), pick(manifest));
  }],
  ["a tag moves", async (store) => {
    const one = await writeImage(store, "one");
    const two = await writeImage(store, "two");
    await store.tag(one, "latest");
    await store.tag(two, "latest");
    assertEquals((await store.resolve("latest")).digest, two.digest);
    assertEquals((await store.resolve(one.digest)).digest, one.digest);
  }],
  ["tag of content that is not there: ContentNotFoundError", async (store) => {
    const { descriptor } = await image("absent");
    await rejects(store.tag(descriptor, "v1"), ContentNotFoundError);
    await rejects(store.resolve("v1"), ContentNotFoundError);
  }],
  ["tag with a name that breaks the grammar: a typed error", async (store) => {
    const manifest = await writeImage(store, "one");
    for (const bad of ["", ".hidden", "a/b", "a b", "../v1", "x".repeat(129), "ä"]) {
      await rejects(store.tag(manifest, bad), ApiError);
    }
  }],
  ["tags lists every tag once", async (store) => {
    if (store.tags === undefined) return;
    const manifest = await writeImage(store, "one");
    const names = ["v2", "latest", "v10", "V1", "_x", "1.0"];
    for (const tag of [...names, "latest"]) await store.tag(manifest, tag);
    assertEquals((await gather(store.tags())).sort(), [...names].sort());
  }],
  ["referrers lists what has the subject, filtered by type", async (store) => {
    if (store.referrers === undefined) return;
    const subject = await writeImage(store, "subject");
    assertEquals(await gather(store.referrers(subject)), []);
    const sbom = await writeImage(store, "sbom", { subject, artifactType: "example/sbom" });
    const scan = await writeImage(store, "scan", { subject, artifactType: "example/scan" });
    await writeImage(store, "other");

    const found = await gather(store.referrers(subject));
    assertEquals(found.map((each) => each.digest).sort(), [sbom.digest, scan.digest].sort());
    for (const each of found) {
      assertEquals(each.mediaType, MEDIA_TYPES.ociManifest);
      assertEquals(each.annotations?.["example.label"], each.artifactType?.slice(8));
    }
    const scans = await gather(store.referrers(subject, { artifactType: "example/scan" }));
    assertEquals(scans.map((each) => each.digest), [scan.digest]);
    assertEquals(await gather(store.referrers(subject, { artifactType: "example/none" })), []);
    assertEquals(await gather(store.referrers(sbom)), []);
  }],
];

const resumeCases: Case[] = [
  ["begin, write in two parts and commit: the content is there", async (store) => {
    if (store.begin === undefined) return;
    const content = pattern(100_000);
    const descriptor = await describe(content);
    const partial = await store.begin(descriptor);
    assertEquals(partial.offset, 0);
    await partial.write(content.slice(0, 60_000), 0);
    assertEquals(await store.exists(descriptor), false);
    await partial.write(content.slice(60_000), 60_000);
    await partial.commit();
    await partial.close();
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["begin, write in the wrong order and commit: the content, or a typed error", async (store) => {
    if (store.begin === undefined) return;
    const content = pattern(100_000);
    const descriptor = await describe(content);
    const partial = await store.begin(descriptor);
    try {
      await partial.write(content.slice(60_000), 60_000);
    } catch (error) {
      assertInstanceOf(error, ApiError); // a store that takes bytes in their order alone
      await partial.close();
      assertEquals(await store.exists(descriptor), false);
      return;
    }
    await partial.write(content.slice(0, 60_000), 0);
    await partial.commit();
    await partial.close();
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["begin goes on where a closed one ended", async (store) => {
    if (store.begin === undefined) return;
    const content = pattern(100_000);
    const descriptor = await describe(content);
    const first = await store.begin(descriptor);
    await first.write(content.slice(0, 60_000), 0);
    await first.close();
    assertEquals(await store.exists(descriptor), false);
    const second = await store.begin(descriptor);
    assert(second.offset === 0 || second.offset === 60_000, `offset ${second.offset}`);
    await second.write(content.slice(second.offset), second.offset);
    await second.commit();
    await second.close();
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["commit with a gap: a typed error, and nothing visible", async (store) => {
    if (store.begin === undefined) return;
    const content = pattern(100_000);
    const descriptor = await describe(content);
    const partial = await store.begin(descriptor);
    await partial.write(content.slice(0, 50_000), 0);
    await rejects(
      (async () => {
        await partial.write(content.slice(60_000), 60_000);
        await partial.commit();
      })(),
      ApiError,
    );
    await partial.close();
    assertEquals(await store.exists(descriptor), false);
  }],
  ["commit of wrong bytes: a typed error, nothing visible, and a fresh start", async (store) => {
    if (store.begin === undefined) return;
    const content = pattern(100_000);
    const descriptor = await describe(content);
    const partial = await store.begin(descriptor);
    await partial.write(content.map((byte) => byte ^ 1), 0);
    await rejects(partial.commit(), ApiError);
    await partial.close();
    assertEquals(await store.exists(descriptor), false);
    const again = await store.begin(descriptor);
    assertEquals(again.offset, 0);
    await again.write(content, 0);
    await again.commit();
    await again.close();
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["a write past the content's end: a typed error", async (store) => {
    if (store.begin === undefined) return;
    const descriptor = await blob("hello");
    const partial = await store.begin(descriptor);
    await rejects(
      (async () => {
        await partial.write(encodeText("hello!"), 0);
        await partial.commit();
      })(),
      ApiError,
    );
    await partial.close();
    assertEquals(await store.exists(descriptor), false);
  }],
  ["begin with an aborted signal throws its reason", async (store) => {
    if (store.begin === undefined) return;
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await failure(store.begin(await blob("hello"), { signal })), reason);
  }],
];

async function writeImage(
  store: ContentStore,
  label: string,
  extra?: { subject?: Descriptor; artifactType?: string },
): Promise<Descriptor> {
  const { descriptor, bytes, config, configBytes } = await image(label, extra);
  await store.write(config, configBytes);
  await store.write(descriptor, bytes);
  return descriptor;
}

async function readWhole(store: ContentStore, descriptor: Descriptor): Promise<Bytes> {
  return new Uint8Array(await new Response(await store.open(descriptor)).arrayBuffer());
}

async function textOf(store: ContentStore, descriptor: Descriptor): Promise<string> {
  return new TextDecoder().decode(await readWhole(store, descriptor));
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function assertAbsent(store: ContentStore, descriptor: Descriptor): Promise<void> {
  assertEquals(await store.exists(descriptor), false);
  await rejects(readWhole(store, descriptor), ContentNotFoundError);
}

/** What a promise fails with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it succeeded, and should have failed");
}

async function rejects(
  promise: Promise<unknown>,
  errorClass: abstract new (...args: never[]) => Error,
): Promise<void> {
  const error = await failure(promise);
  assert(
    error instanceof errorClass,
    `expected ${errorClass.name}, got ${error instanceof Error ? error.stack : error}`,
  );
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
