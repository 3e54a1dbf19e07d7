import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { bytesOf } from "./fixture_test.ts";
import { PieceGatherer } from "./piece_gatherer.ts";

const content = bytesOf(3_000_001, 3);

/** Pieces of some sizes in turn: a byte stream's, or of a stream that brings its own memory. */
function pieces(sizes: number[], bytes: boolean, fails = false): ReadableStream<Bytes> {
  let at = 0;
  let turn = 0;
  return new ReadableStream({
    ...(bytes && { type: "bytes" }),
    pull(controller: ReadableStreamDefaultController<Bytes>) {
      if (at >= content.byteLength) {
        if (fails) return controller.error(new Error("it broke"));
        controller.close();
        (controller as unknown as ReadableByteStreamController).byobRequest?.respond(0);
        return;
      }
      const piece = content.slice(at, at + sizes[turn++ % sizes.length]!);
      at += piece.byteLength;
      controller.enqueue(piece);
    },
  } as UnderlyingDefaultSource<Bytes>);
}

Deno.test("pieces of any size are gathered into such that are worth a write", async (t) => {
  for (const sizes of [[1_000], [65_536], [300_000, 10], [600_000], [200_000, 400_000]]) {
    for (const bytes of [false, true]) {
      await t.step(`${sizes} ${bytes ? "of a byte stream" : ""}`, async () => {
        const gatherer = new PieceGatherer(pieceReader(pieces(sizes, bytes)));
        const whole = new Uint8Array(content.byteLength);
        let at = 0;
        let reads = 0;
        for (let next; (next = await gatherer.next()) !== undefined; reads++) {
          whole.set(next, at);
          at += next.byteLength;
          gatherer.free(next);
        }
        assertEquals(await digestOf(whole), await digestOf(content));
        assert(reads <= 3_000_001 / (128 * 1024), `${reads} writes`);
        assertEquals(await gatherer.next(), undefined);
      });
    }
  }
});

Deno.test("what came before a body broke is handed out first", async () => {
  for (const bytes of [false, true]) {
    const gatherer = new PieceGatherer(pieceReader(pieces([100_000], bytes, true)));
    let size = 0;
    await assertRejects(
      async () => {
        for (let next; (next = await gatherer.next()) !== undefined;) size += next.byteLength;
      },
      Error,
      "it broke",
    );
    assertEquals(size, content.byteLength);
  }
});
