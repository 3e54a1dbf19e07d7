import type { BodySource } from "../content/body.ts";
import { bodySource } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { pieceReader } from "../content/piece_reader.ts";
import type { RequestBody } from "./channel.ts";

/** A request's body of bytes in memory. */
export function bytesBody(bytes: Bytes): RequestBody {
  return sourceBody(bodySource(bytes));
}

/** A request's body that is the whole of a source. */
export function sourceBody(source: BodySource): RequestBody {
  return {
    reopenable: source.reopenable,
    open: async () => pieceReader(await source.open()),
    ...(source.size !== undefined && { size: source.size }),
    ...(source.bytes !== undefined && { bytes: source.bytes }),
    ...(source.blob !== undefined && { blob: source.blob }),
  };
}
