import type { Handler, RequestContext } from "../../server/middleware.ts";
import { jsonResponse } from "../../server/refusal.ts";
import { mayPush } from "./ask.ts";

/** An error of some registry's: codes that are not in the specification too. */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: HeadersInit = {},
): Response {
  return jsonResponse(JSON.stringify({ errors: [{ code, message }] }), { status, headers });
}

/** Plain text with its length. */
export function textAnswer(
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): Response {
  const bytes = new TextEncoder().encode(text);
  return new Response(bytes, {
    status,
    headers: { "content-type": type, "content-length": String(bytes.byteLength) },
  });
}

/** The registry's refusal of a client that may not push; else that error. */
export async function refusePush(
  next: Handler,
  context: RequestContext,
  status: number,
  code: string,
  message: string,
): Promise<Response> {
  return await mayPush(next, context) ?? errorAnswer(status, code, message);
}
