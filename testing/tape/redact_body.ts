import { type Bytes, encodeText } from "../../content/bytes.ts";
import { redactQuery } from "./redact_url.ts";
import type { TapeSecrets } from "./secrets.ts";

/** What stands for a body of which nothing is known but that it is no content. */
const REDACTED = "redacted";

/** Members of errors and of token answers whose texts may be kept. */
const KEPT_MEMBERS = new Set([
  ...["code", "message", "error", "error_description", "scope", "issued_at"],
  ...["digest", "Type", "Class", "Name", "Action", "Tag"],
]);

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
  if (contentType.startsWith("application/x-www-form-urlencoded")) {
    return encodeText(redactQuery(text, secrets));
  }
  const value = asJson(text);
  if (value !== undefined) {
    const redacted = redactJson(value, false, secrets);
    // What held no secret stays as it was, to the byte.
    if (JSON.stringify(value) === JSON.stringify(redacted)) return bytes;
    return encodeText(JSON.stringify(redacted));
  }
  // Registries answer errors as text, and how they word them matters; others may say anything.
  return isRegistry ? bytes : encodeText(REDACTED);
}

/** Bytes as text; `undefined` where they are none. */
export function asText(bytes: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function asJson(text: string): object | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function redactJson(value: unknown, kept: boolean, secrets: TapeSecrets): unknown {
  if (typeof value === "string") {
    return kept || value === "" ? value : secrets.placeholder(value);
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => redactJson(item, kept, secrets));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      redactJson(member, KEPT_MEMBERS.has(name), secrets),
    ]),
  );
}
