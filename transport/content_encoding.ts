import type { Bytes } from "../content/bytes.ts";
import { runtimeName } from "../runtime/builtin.ts";
import type { ChannelResponse } from "./channel.ts";

/**
 * The encodings of a body, the outermost last, where it has any: none is asked for, but some proxies
 * compress whatever they pass on, and storages repeat what somebody once said of a file.
 */
export function encodingsOf(headers: Headers): string[] {
  const said = headers.get("content-encoding");
  if (said === null) return [];
  const names = said.toLowerCase().split(",");
  return names.map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
}

/** An answer's Content-Length, where it has one that counts bytes. */
export function contentLength(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** How many bytes a body has by its headers; an encoded one has others than its content. */
export function plainLength(headers: Headers): number | undefined {
  return encodingsOf(headers).length > 0 ? undefined : contentLength(headers);
}

/** Runtimes whose `fetch` always decodes, and leaves the headers as they came. */
const DECODING = ["browser", "workerd"];

/**
 * An answer whose body has no encoding: without the headers that were about the encoded one. `asIs`
 * says that the bytes as they come are what was asked for, whatever the header calls them.
 *
 * @throws {InvalidContentError} When the encoding is unknown here.
 */
export async function plainAnswer(
  answer: ChannelResponse,
  asIs: boolean,
  what: string,
): Promise<ChannelResponse> {
  const { body, status, statusText, headers: given } = answer.response;
  const encodings = encodingsOf(given);
  if (encodings.length === 0 || body === null || asIs) return answer;
  const headers = new Headers(given);
  headers.delete("content-encoding");
  headers.delete("content-length");
  const stream = body as ReadableStream<Bytes>;
  const plain = DECODING.includes(runtimeName())
    ? stream
    : (await import("./decoded_stream.ts")).decodedStream(stream, { encodings, what });
  const { movable: _, ...rest } = answer;
  return { ...rest, response: new Response(plain, { status, statusText, headers }) };
}

/**
 * The bytes of JSON, which no encoding begins as: those that came, or decoded.
 *
 * @throws {InvalidContentError} When the encoding is unknown here, or the bytes are not of it.
 * @throws {LimitError} When more comes out than the limit.
 */
export async function plainJson(
  bytes: Bytes,
  headers: Headers,
  what: string,
  limit: { name: string; bytes: number; what: string },
): Promise<Bytes> {
  const encodings = encodingsOf(headers);
  if (encodings.length === 0 || bytes.length === 0 || JSON_STARTS.includes(bytes[0]!)) return bytes;
  const { decodedBytes } = await import("./decoded_stream.ts");
  return await decodedBytes(bytes, { encodings, what }, limit);
}

/** A brace, a bracket, and white space. */
const JSON_STARTS = [..."{[ \t\r\n"].map((character) => character.charCodeAt(0));
