import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects } from "@std/assert";
import { InvalidArchiveError, LimitError } from "../errors.ts";
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";
import { digestOf } from "./digest_of.ts";
import { gunzip, gzip } from "./gzip.ts";
import { readAll } from "./piece_reader.ts";
import { readerOf } from "./tar_sample_test.ts";

const LIMITS = { maxBytes: 100_000_000, maxRatio: 2000 };

async function compressed(...pieces: Uint8Array[]): Promise<Bytes> {
  const source = async function* () {
    yield* pieces as Bytes[];
  };
  return concatBytes(await Array.fromAsync(gzip(source())));
}

async function decompressed(bytes: Uint8Array, limits = LIMITS, step = 1000): Promise<Bytes> {
  return await readAll(gunzip(readerOf(bytes, step), limits), {
    name: "test",
    bytes: 1e9,
    what: "it",
  });
}

/** Repeats itself now and then, as text does. */
function sample(size: number): Bytes {
  return Uint8Array.from({ length: size }, (_, at) => (at * at >> 7) + at * 31 & 63) as Bytes;
}

Deno.test("gzip: what comes out is what went in", async () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 300_000]) {
    const bytes = sample(size);
    assertEquals(await decompressed(await compressed(bytes)), bytes);
  }
});

Deno.test("gzip: the same bytes in other pieces: the same result", async () => {
  const bytes = sample(300_000);
  const whole = await digestOf(await compressed(bytes));
  for (const step of [1_000, 65_536, 65_537]) {
    const pieces = [];
    for (let at = 0; at < bytes.byteLength; at += step) pieces.push(bytes.subarray(at, at + step));
    assertEquals(await digestOf(await compressed(...pieces)), whole);
  }
  // Node and Bun make the same: see the package's tests.
  assertEquals(whole, "sha256:dfb03cc255016ce0c9991c115b01d43c1784d740095793e1590ff596e1da0a34");
});

Deno.test("gzip: others get their turn", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await compressed(sample(4_000_000));
  clearInterval(timer);
  assert(turns >= 2, `${turns} turns`);
});

Deno.test("gzip: no time and no name in the header", async () => {
  assertEquals([...(await compressed(encodeText("x"))).subarray(0, 8)], [
    31,
    139,
    8,
    0,
    0,
    0,
    0,
    0,
  ]);
});

Deno.test("gunzip: a bomb ends at either limit, before it is unpacked", async () => {
  const bomb = await compressed(new Uint8Array(50_000_000));
  assertLess(bomb.byteLength, 100_000);
  for (const limits of [{ ...LIMITS, maxRatio: 100 }, { ...LIMITS, maxBytes: 20_000_000 }]) {
    const reader = gunzip(readerOf(bomb, 100_000), limits);
    let made = 0;
    const error = await assertRejects(async () => {
      for (let piece; !(piece = await reader.read()).done;) made += piece.value!.byteLength;
    });
    assertInstanceOf(error, LimitError);
    assertEquals(error.limit, limits.maxRatio === 100 ? "maxRatio" : "maxBytes");
    assertLess(made, 40_000_000);
  }
});

Deno.test("gunzip: a small file may compress as well as it can", async () => {
  const zeros = new Uint8Array(1_000_000);
  assertEquals(
    (await decompressed(await compressed(zeros), { ...LIMITS, maxRatio: 1 })).length,
    1e6,
  );
});

Deno.test("gunzip: several members are one, and zeros behind them none", async () => {
  const [one, two] = [await compressed(sample(70_000)), await compressed(encodeText("more"))];
  const expected = concatBytes([sample(70_000), encodeText("more")]);
  assertEquals(await decompressed(concatBytes([one, two])), expected);
  assertEquals(await decompressed(concatBytes([one, two, new Uint8Array(700)])), expected);
});

const hello = await compressed(encodeText("hello"));

async function damagedSample(): Promise<Bytes> {
  const bytes = await compressed(sample(300_000));
  return bytes.fill(255, 1000, 1100);
}

for (
  const [title, bytes] of [
    ["something else", encodeText("hello")],
    ["nothing", new Uint8Array(0)],
    ["cut", hello.slice(0, -9)],
    ["without its sum", hello.slice(0, -8)],
    ["another sum", concatBytes([hello.slice(0, -8), new Uint8Array(8)])],
    ["damaged before much more", await damagedSample()],
    ["before something else", concatBytes([hello, encodeText("garbage")])],
  ] as const
) {
  Deno.test(`gunzip: ${title}: InvalidArchiveError`, async () => {
    await assertRejects(() => decompressed(bytes), InvalidArchiveError);
  });
}

Deno.test("gunzip: what the source throws, and a source that is given up", async () => {
  const broken = { read: () => Promise.reject(new RangeError("gone")), cancel: async () => {} };
  await assertRejects(() => gunzip(broken, LIMITS).read(), RangeError, "gone");
  let cancelled = false;
  const source = readerOf(await compressed(sample(300_000)));
  const reader = gunzip({
    ...source,
    cancel: (reason) => (cancelled = true, source.cancel(reason)),
  }, LIMITS);
  await reader.read();
  await reader.cancel();
  assert(cancelled);
});
