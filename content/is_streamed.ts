import type { OpenBody } from "./body.ts";

/** Whether a body is neither bytes in memory nor a blob: what sends it reads a stream. */
export function isStreamed(body: OpenBody | undefined): body is OpenBody {
  return body !== undefined && body.bytes === undefined && body.blob === undefined;
}
