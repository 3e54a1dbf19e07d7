import type { RequestBody } from "./channel.ts";

/** How many bytes a body has, where that is known: the request's Content-Length. */
export function bodySize(body: RequestBody): number | undefined {
  return body.bytes?.byteLength ?? body.blob?.size ?? body.size;
}

/** Whether an answer that comes before the end of a body means that the rest is of no use. */
export function refusesBody(status: number): boolean {
  return status >= 300;
}
