/**
 * The contract of {@linkcode ContentStore} as test cases: every store of this package, and any
 * other, is run through the same ones.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertStrictEquals,
} from "@std/assert";
import { ApiError, BadDigestError, ContentNotFoundError } from "../errors.ts";
import { type Bytes, encodeText } from "./bytes.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest_of.ts";
import { MEDIA_TYPES } from "./media_types.ts";
import type { ContentStore } from "./store.ts";
import {
  assertAbsent,
  blob,
  bodies,
  type Case,
  describe,
  failure,
  image,
  mismatches,
  pattern,
  pick,
  readWhole,
  rejects,
  stream,
  textOf,
} from "./store_fixture_test.ts";
import { partialBlobCases } from "./store_partial_blob_cases_test.ts";
import { deleteCases } from "./store_delete_cases_test.ts";

/** A store under test. */
interface ContentStoreUnderTest {
  /** The store; empty. */
  store: ContentStore;
  /** Changes a byte of content behind the store's back, where what is behind it can be damaged. */
  damage?(descriptor: Descriptor): Promise<void>;
  /** Changes a byte of content where it rests, for good: what is written over it repairs it. */
  spoil?(descriptor: Descriptor): Promise<void>;
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
    ...[...readingCases, ...writingCases, ...namingCases],
    ...[...deleteCases, ...partialBlobCases],
  ];
  for (const title of without) {
    if (!cases.some(([known]) => known === title)) throw new Error(`there is no case "${title}"`);
  }
  for (const [title, run] of cases.filter(([title]) => !without.includes(title))) {
    const sanitizers = outlives ? { sanitizeOps: false, sanitizeResources: false } : {};
    Deno.test(`${name}: ${title}`, sanitizers, async () => {
      const { store, close, damage, spoil } = await make();
      try {
        await run(store, damage, spoil);
      } finally {
        await close?.();
      }
    });
  }
}

/** Who may check the digest of what is written. */
const VERIFIERS = ["here", "target"] as const;

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
    for (const verify of [true, false]) {
      await rejects(readWhole(store, await blob("nothing"), { verify }), ContentNotFoundError);
    }
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
  ["open with verify: false gives the bytes, and any part of them", async (store) => {
    const content = pattern(3_000_000);
    const descriptor = await describe(content);
    await store.write(descriptor, content);
    const open = async (part: { offset?: number; length?: number }) => {
      const stream = await store.open(descriptor, { ...part, verify: false });
      return new Uint8Array(await new Response(stream).arrayBuffer());
    };
    assertEquals(await digestOf(await open({})), descriptor.digest);
    const [start, end] = [1_000_000, 2_500_000];
    assertEquals(
      await digestOf(await open({ offset: start, length: end - start })),
      await digestOf(content.subarray(start, end)),
    );
    assertEquals((await open({ offset: content.byteLength })).byteLength, 0);
    const nothing = await blob("");
    await store.write(nothing, encodeText(""));
    assertEquals(await textOf(store, nothing, { verify: false }), "");
  }],
  [
    "open of damaged content: BadDigestError; with verify: false the bytes",
    async (store, damage) => {
      if (damage === undefined) return;
      const content = pattern(3_000_000);
      const descriptor = await describe(content);
      await store.write(descriptor, content);
      await damage(descriptor);
      await rejects(readWhole(store, descriptor), BadDigestError);
      await rejects(readWhole(store, descriptor, { verify: true }), BadDigestError);
      const bytes = await readWhole(store, descriptor, { verify: false });
      assertEquals(bytes.byteLength, content.byteLength);
      assertNotEquals(await digestOf(bytes), descriptor.digest);
    },
  ],
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
    for (const verify of [true, false]) {
      const reader = (await store.open(descriptor, { verify })).getReader();
      await reader.read();
      await reader.cancel();
    }
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
  }],
  ["open with an aborted signal throws its reason", async (store) => {
    const hello = await blob("hello");
    await store.write(hello, encodeText("hello"));
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    for (const verify of [true, false]) {
      assertStrictEquals(await failure(textOf(store, hello, { signal, verify })), reason);
    }
  }],
  ["an abort in the middle of reading ends the stream with its reason", async (store) => {
    const content = pattern(LARGE_BYTES);
    const descriptor = await describe(content);
    await store.write(descriptor, content);
    for (const verify of [true, false]) {
      const controller = new AbortController();
      const { signal } = controller;
      const reader = (await store.open(descriptor, { signal, verify })).getReader();
      await reader.read();
      const reason = new Error("enough");
      controller.abort(reason);
      const error = await failure((async () => {
        while (!(await reader.read()).done);
      })());
      assertStrictEquals(error, reason);
    }
  }],
];

const writingCases: Case[] = [
  ...bodies().map(([kind, body]): Case => [`write takes ${kind}`, async (store) => {
    for (const [index, verify] of VERIFIERS.entries()) {
      const content = pattern(100_000 + index);
      const descriptor = await describe(content);
      await store.write(descriptor, body(content), { verify });
      assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
    }
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
  ["a write of good bytes repairs what was spoilt", async (store, _damage, spoil) => {
    if (spoil === undefined) return;
    for (const [index, [kind, body]] of bodies().entries()) {
      const content = pattern(100_000 + index);
      const descriptor = await describe(content);
      for (let time = 0; time < 2; time++) {
        await store.write(descriptor, body(content));
        await spoil(descriptor);
        await store.write(descriptor, body(content));
        assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest, kind);
      }
    }
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
      for (const [index, verify] of VERIFIERS.entries()) {
        const content = pattern(100_000 + index);
        const descriptor = await describe(content);
        const error = await failure(store.write(descriptor, body(content), { verify }));
        assertInstanceOf(error, ApiError);
        assert(MISMATCHES.includes(error.code), `${verify}, ${error.code}: ${error.message}`);
        await assertAbsent(store, descriptor);
        await store.write(descriptor, content, { verify });
        assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
      }
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
  ["a manifest is written under a name, or nothing of it is", async (store) => {
    if (store.writeTagged === undefined) return;
    const { descriptor, bytes, config, configBytes } = await image("one");
    await store.write(config, configBytes);
    await rejects(store.writeTagged(descriptor, encodeText("{}"), "v1"), ApiError);
    await assertAbsent(store, descriptor);
    await rejects(store.resolve("v1"), ContentNotFoundError);
    await store.writeTagged(descriptor, bytes, "v1");
    assertEquals(pick(await store.resolve("v1")), pick(descriptor));
    assertEquals(await readWhole(store, descriptor), bytes);
    await rejects(store.writeTagged(config, configBytes, "v2"), ApiError);
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

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
