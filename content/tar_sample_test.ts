/** Makes tars of every form, right ones and broken ones, for tests. */
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";
import { type PieceReader, pieceReader } from "./piece_reader.ts";
import { BLOCK_BYTES, paddingOf, TAR_END, writeTarHeader } from "./tar_header.ts";

/** A part of a tar: an entry's header and content, or bytes as they are. */
export type Part =
  | { name: string; flag?: string; content?: string; target?: string; mode?: number; size?: number }
  | Bytes;

/** A part's bytes. */
export function part(given: Part): Bytes {
  if (given instanceof Uint8Array) return given;
  const { name, flag = "0", content = "", target = "", mode = 0o644 } = given;
  const bytes = encodeText(content);
  const { size = bytes.byteLength } = given;
  return concatBytes([
    writeTarHeader({ name, flag, size, mode, mtime: 1_600_000_000, target }),
    bytes,
    new Uint8Array(paddingOf(bytes.byteLength)),
  ]);
}

/** A tar of the parts, with its end. */
export function tarOf(...parts: Part[]): Bytes {
  return concatBytes([...parts.map(part), TAR_END]);
}

/** PAX's extended header with records. */
export function pax(records: Record<string, string>, flag = "x"): Bytes {
  const content = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const size = encodeText(rest).byteLength;
    const digits = String(size + String(size + 3).length).length;
    return `${size + digits}${rest}`;
  }).join("");
  return part({ name: "PaxHeaders.0/x", flag, content });
}

/** A header with bytes put in at an offset, and the checksum made right. */
export function patched(given: Part, offset: number, bytes: string | number[]): Bytes {
  const whole = part(given).slice();
  whole.set(typeof bytes === "string" ? encodeText(bytes) : bytes, offset);
  whole.fill(0x20, 148, 156);
  const sum = whole.subarray(0, BLOCK_BYTES).reduce((total, byte) => total + byte, 0);
  whole.set(encodeText(`${sum.toString(8).padStart(6, "0")}\0`), 148);
  return whole as Bytes;
}

/** A reader that hands bytes out in pieces of a size. */
export function readerOf(bytes: Uint8Array, step = 100): PieceReader {
  let at = 0;
  return pieceReader(
    new ReadableStream<Bytes>({
      pull(controller) {
        if (at >= bytes.byteLength) return controller.close();
        controller.enqueue(bytes.slice(at, at += step) as Bytes);
      },
    }),
  );
}
