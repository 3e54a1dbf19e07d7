import { assertEquals } from "@std/assert";
import { bytesStream } from "./body.ts";
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";
import { digestOf } from "./digest_of.ts";
import { hashPieces } from "./hash_pieces.ts";
import { pieceReader } from "./piece_reader.ts";

const CASES: [name: string, bytes: Bytes][] = [
  ["nothing", new Uint8Array()],
  ["a text", encodeText("hello")],
  ["several pieces", new Uint8Array(1_000_000).fill(7)],
];

for (const [name, bytes] of CASES) {
  Deno.test(`hashPieces: ${name}`, async () => {
    const read = () => pieceReader(bytesStream(bytes));
    const size = bytes.byteLength;
    assertEquals(await hashPieces(read()), { digest: await digestOf(bytes), size });
    const digest = await digestOf(bytes, "sha512");
    const pieces: Bytes[] = [];
    const onPiece = (piece: Bytes) => void pieces.push(piece.slice());
    assertEquals(await hashPieces(read(), "sha512", onPiece), { digest, size });
    assertEquals(concatBytes(pieces), bytes);
  });
}
