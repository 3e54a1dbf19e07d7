/** The contract of `PartialBlob`, a part of the stores' one. */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ApiError, BadDigestError } from "../errors.ts";
import { type Bytes, encodeText } from "./bytes.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest_of.ts";
import type { ContentStore, PartialBlob } from "./store.ts";
import {
  assertAbsent,
  blob,
  type Case,
  describe,
  failure,
  pattern,
  readWhole,
  rejects,
} from "./store_fixture_test.ts";

/** Bytes that are written over others of 100,000: how many there are by then, and where. */
const OVERWRITES: [what: string, there: number, from: number, to: number][] = [
  ["the whole", 100_000, 0, 100_000],
  ["the first bytes", 100_000, 0, 10],
  ["bytes in the middle", 100_000, 40_000, 60_000],
  ["the last byte", 100_000, 99_999, 100_000],
  ["bytes of what has come so far", 60_000, 10, 20],
  ["the end of what has come so far, and what follows", 60_000, 50_000, 70_000],
];

/** Writes content in two parts, and between them a range of bytes over others. */
async function overwrite(
  store: ContentStore,
  descriptor: Descriptor,
  first: Bytes,
  second: Bytes,
  { there, from, to, later }: { there: number; from: number; to: number; later: boolean },
): Promise<PartialBlob> {
  let partial = await store.begin!(descriptor);
  await partial.write(first.slice(0, there), 0);
  if (later) {
    await partial.close();
    partial = await store.begin!(descriptor);
    await partial.write(first.slice(partial.offset, there), partial.offset);
  }
  await partial.write(second.slice(from, to), from);
  const rest = Math.max(there, to);
  await partial.write(second.slice(rest), rest);
  return partial;
}

const overwriteCases: Case[] = OVERWRITES.flatMap(([what, there, from, to]) =>
  [false, true].map((later): Case => [
    `${what}${later ? ", in a later session," : ""} written again: the last bytes count`,
    async (store) => {
      if (store.begin === undefined) return;
      const right = pattern(100_000);
      const wrong = right.map((byte, at) => at >= from && at < to ? byte ^ 1 : byte);
      const descriptor = await describe(right);
      const place = { there, from, to, later };

      const bad = await overwrite(store, descriptor, right, wrong, place);
      await rejects(bad.commit(), BadDigestError);
      await bad.close();
      await assertAbsent(store, descriptor);

      const good = await overwrite(store, descriptor, wrong, right, place);
      await good.commit();
      await good.close();
      assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
    },
  ])
);

/** The rules of `begin`, for the stores that have it. */
export const partialBlobCases: Case[] = [
  ...overwriteCases,
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
  [
    "begin: what was written stays, whatever the caller does with its Buffer then",
    async (store) => {
      if (store.begin === undefined) return;
      const content = pattern(100_000);
      const descriptor = await describe(content);
      const partial = await store.begin(descriptor);
      // Like Node's Buffer: what its `slice` gives shares its memory.
      const buffer = Object.assign(content.slice(), {
        slice: (start?: number, end?: number) => buffer.subarray(start, end),
      });
      await partial.write(buffer, 0);
      buffer.fill(0);
      await partial.commit();
      await partial.close();
      assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
    },
  ],
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
  ["begin of what was spoilt repairs it", async (store, _damage, spoil) => {
    if (store.begin === undefined || spoil === undefined) return;
    const content = pattern(100_000);
    const descriptor = await describe(content);
    await store.write(descriptor, content);
    await spoil(descriptor);
    const partial = await store.begin(descriptor);
    assertEquals(partial.offset, 0);
    await partial.write(content, 0);
    await partial.commit();
    await partial.close();
    assertEquals(await digestOf(await readWhole(store, descriptor)), descriptor.digest);
    assertEquals((await store.begin(descriptor)).offset, descriptor.size);
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
