import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { InvalidArchiveError, LimitError, UnsupportedRuntimeError } from "../errors.ts";
import { type Bytes, concatBytes, encodeText, toBytes } from "./bytes.ts";
import { type Compression, compressionOf, decompressed } from "./compression.ts";
import { decodeBase64 } from "@std/encoding/base64";
import { digestOf } from "./digest_of.ts";
import { readAll } from "./piece_reader.ts";
import { readerOf } from "./tar_sample_test.ts";

const LIMITS = { maxBytes: 100_000_000, maxRatio: 2000 };

/** What `zstd` and `gzip` made of "hello ". */
const HELLO_ZSTD = toBytes(decodeBase64("KLUv/SQGMQAAaGVsbG8g0jvhqQ=="));
const HELLO_GZIP = toBytes(decodeBase64("H4sIAAAAAAAAA8tIzcnJVwAA9vmB7QYAAAA="));

/** A frame that readers pass over. */
const SKIPPED: Bytes = new Uint8Array([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

/** A frame's header, and a block of 128 KiB of zeros repeated. */
function zeros(blocks: number, windowDescriptor = 0x58): Bytes {
  const frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, windowDescriptor];
  for (let block = 0; block < blocks; block++) {
    const header = 131_072 << 3 | 1 << 1 | (block === blocks - 1 ? 1 : 0);
    frame.push(header & 255, header >> 8 & 255, header >> 16, 0);
  }
  return new Uint8Array(frame);
}

async function unpacked(bytes: Uint8Array, limits = LIMITS, step?: number): Promise<Bytes> {
  const { reader } = await decompressed(readerOf(bytes, step), limits);
  return await readAll(reader, { name: "test", bytes: 1e9, what: "it" });
}

const right: [what: string, bytes: Bytes, compression: Compression, expected: string][] = [
  ["nothing", new Uint8Array(0), "none", ""],
  ["two bytes", encodeText("ab"), "none", "ab"],
  ["text", encodeText("hello "), "none", "hello "],
  ["gzip", HELLO_GZIP, "gzip", "hello "],
  ["gzip of two members", concatBytes([HELLO_GZIP, HELLO_GZIP]), "gzip", "hello hello "],
  ["gzip before zeros", concatBytes([HELLO_GZIP, new Uint8Array(600)]), "gzip", "hello "],
  ["zstd", HELLO_ZSTD, "zstd", "hello "],
  ["zstd of two frames", concatBytes([HELLO_ZSTD, HELLO_ZSTD]), "zstd", "hello hello "],
  [
    "zstd with frames to skip",
    concatBytes([SKIPPED, HELLO_ZSTD, SKIPPED, HELLO_ZSTD, SKIPPED]),
    "zstd",
    "hello hello ",
  ],
];

for (const [what, bytes, compression, expected] of right) {
  Deno.test(`decompressed: ${what}`, async () => {
    assertEquals(compressionOf(bytes), compression);
    for (const step of [1, 7, 100_000]) {
      assertEquals(new TextDecoder().decode(await unpacked(bytes, LIMITS, step)), expected);
    }
  });
}

const broken: [what: string, bytes: Bytes, message: string][] = [
  ...[5, 8, 11, HELLO_ZSTD.length - 1].map((length): [string, Bytes, string] => [
    `zstd cut after ${length} bytes`,
    HELLO_ZSTD.slice(0, length),
    "cut",
  ]),
  ["a frame to skip that is cut", SKIPPED.slice(0, 9), "cut"],
  ["something behind zstd", concatBytes([HELLO_ZSTD, encodeText("garbage")]), "follows"],
  ["zstd with a broken block", patched(HELLO_ZSTD, 6, [0x07]), "zstd"],
  ["gzip that is cut", HELLO_GZIP.slice(0, -9), "cut"],
  ["something behind gzip", concatBytes([HELLO_GZIP, encodeText("garbage")]), "follows"],
];

function patched(bytes: Bytes, at: number, put: number[]): Bytes {
  const copy = bytes.slice() as Bytes;
  copy.set(put, at);
  return copy;
}

for (const [what, bytes, message] of broken) {
  Deno.test(`decompressed: ${what}: InvalidArchiveError`, async () => {
    for (const step of [1, 100_000]) {
      await assertRejects(() => unpacked(bytes, LIMITS, step), InvalidArchiveError, message);
    }
  });
}

Deno.test("decompressed: a zstd bomb ends at either limit, before it is unpacked", async () => {
  const bomb = zeros(400);
  assertEquals((await unpacked(bomb, { ...LIMITS, maxRatio: 1e6 })).byteLength, 400 * 131_072);
  const limits = [["maxRatio", LIMITS], ["maxBytes", {
    maxBytes: 1_000_000,
    maxRatio: 1e6,
  }]] as const;
  for (const [limit, values] of limits) {
    const error = await assertRejects(() => unpacked(bomb, values));
    assertInstanceOf(error, LimitError);
    assertEquals(error.limit, limit);
  }
});

Deno.test("decompressed: zstd that wants a huge window is refused before it gets one", async () => {
  assertEquals((await unpacked(zeros(1, 17 << 3))).byteLength, 131_072); // 128 MiB
  for (
    const bytes of [
      zeros(1, 17 << 3 | 1),
      zeros(1, 31 << 3),
      concatBytes([HELLO_ZSTD, zeros(1, 160)]),
    ]
  ) {
    const error = await assertRejects(() => unpacked(bytes, LIMITS, 100_000), LimitError);
    assert(error.limit === "windowBytes");
  }
});

Deno.test("decompressed: what the source throws, and a source that is given up", async () => {
  for (const bytes of [HELLO_ZSTD, HELLO_GZIP]) {
    let reads = 0;
    let cancelled = false;
    const source = {
      read: () =>
        reads++ === 0
          ? Promise.resolve({ done: false, value: bytes.slice(0, 9) as Bytes })
          : Promise.reject(new RangeError("gone")),
      cancel: () => Promise.resolve(void (cancelled = true)),
    };
    const { reader } = await decompressed(source, LIMITS);
    await assertRejects(() => readAll(reader, { name: "", bytes: 1e9, what: "" }), RangeError);
    await reader.cancel();
    assert(cancelled);
  }
});

const REAL_DIGEST = "sha256:b41207fd4af6c8963ceee2767d31c2e5a581515622949727ffa1af3efca4e2c5";

/** 800 KB of tars, from `zstd -19`: every kind of block, table and repeated offset. */
const REAL = await Deno.readFile(new URL("../stores/testdata/archives.tar.zst", import.meta.url));

Deno.test("decompressed: what zstd made of real files, in pieces of any size", async () => {
  const digests = new Set<string>();
  for (const step of [1, 1000, 100_000]) {
    digests.add(await digestOf(await unpacked(REAL, LIMITS, step)));
  }
  assertEquals([...digests], [REAL_DIGEST]);
});

Deno.test("decompressed: zstd with any byte changed, or cut, never ends in other bytes", async () => {
  const outcomes = { refused: 0, right: 0 };
  const tried = async (bytes: Bytes, expected: string) => {
    try {
      assertEquals(await digestOf(await unpacked(bytes, LIMITS, 100_000)), expected);
      outcomes.right++;
    } catch (error) {
      assert(error instanceof InvalidArchiveError || error instanceof LimitError, `${error}`);
      outcomes.refused++;
    }
  };
  let state = 7;
  for (let turn = 0; turn < 150; turn++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    const at = 4 + state % (REAL.length - 4);
    const broken = toBytes(REAL.slice());
    broken[at]! ^= 1 + (state >>> 20) % 255;
    await tried(broken, REAL_DIGEST);
    await tried(REAL.slice(0, at), "sha256: none");
  }
  assert(outcomes.refused >= 295, JSON.stringify(outcomes));
});

Deno.test("decompressed: a runtime without zstd: UnsupportedRuntimeError that says what is needed", async () => {
  const process = Reflect.get(globalThis, "process");
  Reflect.set(globalThis, "process", undefined);
  try {
    await assertRejects(
      () => unpacked(HELLO_ZSTD),
      UnsupportedRuntimeError,
      "Node has one from 22.15",
    );
    assertEquals(new TextDecoder().decode(await unpacked(HELLO_GZIP)), "hello ");
  } finally {
    Reflect.set(globalThis, "process", process);
  }
});
