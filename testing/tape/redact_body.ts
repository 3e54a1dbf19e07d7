import { type Bytes, encodeText } from "../../content/bytes.ts";
import { bareMediaType } from "../../content/media_types.ts";
import { redactText } from "./redact_text.ts";
import { redactQuery } from "./redact_url.ts";
import type { TapeSecrets } from "./secrets.ts";

/** What stands for a body of which nothing is known but that it is no content. */
const REDACTED = "redacted";

/** Members of errors and of token answers whose values may be kept, and what such a value is like. */
const KEPT_MEMBERS: Readonly<Record<string, RegExp>> = {
  "code": /^[A-Z][A-Z_]{0,60}$/,
  "error": /^[a-z_]{1,60}$/,
  "message": /^/,
  "error_description": /^/,
  "scope": /^[a-z0-9()._/:,* -]{0,1000}$/,
  "issued_at": /^[0-9TZ:.+-]{10,40}$/,
  "expires_in": /^[0-9]{1,10}$/,
  "digest": /^sha(?:256|512):[0-9a-f]{64,128}$/,
  "Type": /^[a-z()]{1,40}$/,
  "Class": /^[a-z]{0,40}$/,
  "Name": /^[a-z0-9._/:-]{1,255}$/,
  "Action": /^[a-z*]{1,20}$/,
  "Tag": /^[\w.-]{1,128}$/,
};

/** What a member may be called; anything else may be a secret itself. */
const MEMBER_NAME = /^[A-Za-z_][A-Za-z_.-]{0,40}$/;

/**
 * A body that is no content: of a token service, an error. Of JSON and forms what is known to be
 * harmless stays.
 */
export function redactBody(
  bytes: Bytes,
  contentType: string,
  isRegistry: boolean,
  secrets: TapeSecrets,
): Bytes {
  const text = asText(bytes);
  if (text === undefined) return encodeText(REDACTED);
  if (bareMediaType(contentType) === "application/x-www-form-urlencoded") {
    return encodeText(redactQuery(text, secrets));
  }
  const value = asJson(text);
  if (value !== undefined) {
    const redacted = redactJson(value, undefined, secrets);
    // What held no secret stays as it was, to the byte.
    if (JSON.stringify(value) === JSON.stringify(redacted)) return bytes;
    return encodeText(JSON.stringify(redacted));
  }
  // Registries answer errors as text, and how they word them matters; others may say anything.
  return encodeText(isRegistry ? redactText(text, secrets) : REDACTED);
}

export function asText(bytes: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What a text says as JSON: a token may stand there alone, too. */
function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function redactJson(value: unknown, name: string | undefined, secrets: TapeSecrets): unknown {
  if (typeof value === "string" || typeof value === "number") {
    const text = String(value);
    const kept = name !== undefined && Object.hasOwn(KEPT_MEMBERS, name) &&
      KEPT_MEMBERS[name]!.test(text);
    if (kept) return typeof value === "number" ? value : redactText(value, secrets);
    return text === "" ? value : secrets.placeholder(text);
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => redactJson(item, name, secrets));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      MEMBER_NAME.test(name) ? name : secrets.placeholder(name),
      redactJson(member, name, secrets),
    ]),
  );
}
