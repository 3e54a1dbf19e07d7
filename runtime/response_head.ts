import type { NodeRequestOptions } from "./http.ts";

/** The head of a response whose end is known. */
export interface ResponseHead {
  /** The status. */
  status: number;
  /** The status's words. */
  reason: string;
  /** Names and values in turn, as they came. */
  fields: string[];
  /** How many bytes the body has. */
  length: number;
  /** Whether the connection can be used again. */
  keepAlive: boolean;
}

/** A final status. */
const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/** Statuses whose responses have no body, whatever their headers say. */
const BODILESS = ["204", "205", "304"];

/** One header in one line, which neither goes on from the line before nor holds what is no text. */
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads the head of a response, without the empty line. Strict: `undefined` for all but a final
 * status with exactly one Content-Length and no other framing. An answer to HEAD ends with its head.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 */
export function readHead(text: string, method = "GET"): ResponseHead | undefined {
  const [first, ...lines] = text.split("\r\n");
  const line = STATUS_LINE.exec(first!);
  if (line === null || method !== "HEAD" && BODILESS.includes(line[1]!)) return undefined;
  const fields: string[] = [];
  let length: number | undefined;
  let keepAlive = true;
  for (const each of lines) {
    const [, name, rest] = FIELD.exec(each) ?? [];
    if (name === undefined) return undefined;
    const value = rest!.trimEnd();
    fields.push(name, value);
    switch (name.toLowerCase()) {
      case "content-length":
        if (length !== undefined || !/^\d{1,15}$/.test(value)) return undefined;
        length = Number(value);
        break;
      case "transfer-encoding":
        if (method !== "HEAD") return undefined;
        break;
      case "connection":
        keepAlive &&= value.toLowerCase() === "keep-alive";
    }
  }
  if (method === "HEAD") length = 0;
  if (length === undefined) return undefined;
  return { status: Number(line[1]), reason: line[2] ?? "", fields, length, keepAlive };
}

/** The head of a request without a body; `undefined` where `node:http` should say what is wrong with it. */
export function requestHead({ method, path, headers }: NodeRequestOptions): string | undefined {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const framed = "connection" in headers || "transfer-encoding" in headers;
  const plain = !framed && /^[\x21-\x7e]+$/.test(path);
  if (!plain || !lines.every((line) => FIELD.test(line))) return undefined;
  return [`${method} ${path} HTTP/1.1`, "connection: keep-alive", ...lines, "\r\n"].join("\r\n");
}
