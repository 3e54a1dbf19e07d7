import type { OpenBody } from "../content/body.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SizeMismatchError } from "../errors.ts";
import { type Bytes, concatBytes, EMPTY, encodeText } from "../content/bytes.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { checkedReader } from "./checked_reader.ts";

function body(pieces: string[], size?: number, type?: "bytes"): OpenBody {
  const left = pieces.map(encodeText);
  const source = {
    type,
    pull(controller: ReadableStreamDefaultController<Bytes> | ReadableByteStreamController) {
      const piece = left.shift();
      if (piece !== undefined) return controller.enqueue(piece);
      controller.close();
      (controller as ReadableByteStreamController).byobRequest?.respond(0);
    },
  } as UnderlyingDefaultSource<Bytes>;
  return {
    reopenable: false,
    ...(size !== undefined && { size }),
    open: () => Promise.resolve(pieceReader(new ReadableStream(source, { highWaterMark: 0 }))),
  };
}

/** What a reader gives until its end, or until it fails. */
async function readPieces(reader: PieceReader, viewBytes = 4): Promise<string[]> {
  const pieces: string[] = [];
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(viewBytes));
    if (done) return pieces;
    pieces.push(new TextDecoder().decode(value));
  }
}

const bodies: [name: string, body: OpenBody, pieces: string[]][] = [
  ["no bytes", { reopenable: true, bytes: EMPTY, open: notOpened }, []],
  [
    "bytes, in pieces of the view's size",
    { reopenable: true, bytes: encodeText("abcdef"), open: notOpened },
    ["abcd", "ef"],
  ],
  ["a stream of unknown size", body(["ab", "c"]), ["ab", "c"]],
  ["a stream of the size it declared", body(["ab", "c"], 3), ["ab", "c"]],
  ["a stream of one piece", body(["abc"], 3), ["abc"]],
  ["an empty stream", body([], 0), []],
  ["a stream with empty pieces", body(["", "ab", "", "", "c", ""], 3), ["ab", "c"]],
  ["a byte stream, which fills the view", body(["abcdef"], 6, "bytes"), ["abcd", "ef"]],
  ["an empty byte stream", body([], 0, "bytes"), []],
];

function notOpened(): Promise<PieceReader> {
  throw new Error("bytes in memory need not be opened");
}

for (const [name, given, pieces] of bodies) {
  Deno.test(`checkedReader reads ${name}`, async () => {
    const reader = await checkedReader(given, "push it");
    assertEquals(await readPieces(reader), pieces);
    assertEquals((await reader.read(new Uint8Array(4))).done, true);
  });
}

const mismatches: [
  name: string,
  body: OpenBody,
  pieces: string[],
  message: string,
  actual: number,
][] = [
  [
    "too short",
    body(["ab"], 3),
    ["ab"],
    "Cannot push it: the body has fewer bytes than the 3 declared (2)",
    2,
  ],
  [
    "empty instead of three bytes",
    body([], 3),
    [],
    "Cannot push it: the body has fewer bytes than the 3 declared (0)",
    0,
  ],
  [
    "too long by a piece: the piece before it is held back",
    body(["ab", "c", "d"], 3),
    ["ab"],
    "Cannot push it: the body has more bytes than the 3 declared (4)",
    4,
  ],
  [
    "too long within a piece",
    body(["ab", "cd"], 3),
    ["ab"],
    "Cannot push it: the body has more bytes than the 3 declared (4)",
    4,
  ],
  [
    "not empty",
    body(["a"], 0),
    [],
    "Cannot push it: the body has more bytes than the 0 declared (1)",
    1,
  ],
  [
    "too long, a byte stream",
    body(["abcdefgh"], 4, "bytes"),
    [],
    "Cannot push it: the body has more bytes than the 4 declared (5)",
    5,
  ],
];

for (const [name, given, pieces, message, actual] of mismatches) {
  Deno.test(`checkedReader fails on a body that is ${name}`, async () => {
    const reader = await checkedReader(given, "push it");
    for (const piece of pieces) {
      assertEquals(new TextDecoder().decode((await reader.read(new Uint8Array(4))).value), piece);
    }
    const error = await assertRejects(
      () => reader.read(new Uint8Array(4)),
      SizeMismatchError,
      message,
    );
    assertEquals([error.expected, error.actual], [given.size!, actual]);
  });
}

Deno.test("checkedReader gives views of bytes in memory, and takes no view's memory", async () => {
  const bytes = concatBytes([encodeText("abc")]);
  const view = new Uint8Array(2);
  const reader = await checkedReader({ reopenable: true, bytes, open: notOpened }, "push it");
  const { value } = await reader.read(view);
  assertStrictEquals(value!.buffer, bytes.buffer);
  assertEquals([view.byteLength, bytes.byteLength], [2, 3]);
});

Deno.test("checkedReader hands `cancel` on", async () => {
  const reasons: unknown[] = [];
  const reader = await checkedReader({
    reopenable: true,
    open: () =>
      Promise.resolve({
        read: () => Promise.resolve({ done: true }),
        cancel: (reason) => Promise.resolve(void reasons.push(reason)),
      }),
  }, "push it");
  await reader.cancel("enough");
  assertEquals(reasons, ["enough"]);
});

Deno.test("checkedReader waits no longer than the signal, and lets go of what opens too late", async () => {
  const abort = new AbortController();
  const late = Promise.withResolvers<PieceReader>();
  const opening = checkedReader(
    { reopenable: true, open: () => late.promise },
    "push it",
    abort.signal,
  );
  abort.abort("enough");
  assertEquals(await opening.catch((error) => error), "enough");
  const cancelled = Promise.withResolvers<unknown>();
  late.resolve({
    read: () => Promise.reject(new Error("nobody reads this")),
    cancel: (reason) => Promise.resolve(cancelled.resolve(reason)),
  });
  assertEquals(await cancelled.promise, "enough");
});

Deno.test("checkedReader opens nothing once the signal has aborted", async () => {
  const signal = AbortSignal.abort("enough");
  const opening = checkedReader({ reopenable: true, open: notOpened }, "push it", signal);
  assertEquals(await opening.catch((error) => error), "enough");
});

Deno.test("checkedReader fails as the source fails, thrown or rejected", async () => {
  const error = new RangeError("no such file");
  const throws = () => {
    throw error;
  };
  for (const open of [throws, () => Promise.reject(error)]) {
    const thrown = await assertRejects(() => checkedReader({ reopenable: true, open }, "push it"));
    assertStrictEquals(thrown, error);
  }
});
