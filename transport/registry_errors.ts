import { isObject } from "../content/json_object.ts";
import type { RegistryError } from "../errors.ts";

/** How many of a registry's errors are kept, and how many characters of each message. */
const ERRORS_KEPT = 32;
const MESSAGE_CHARACTERS = 2_000;

/** What no text has: of content in an error's place nothing is to be shown. */
// deno-lint-ignore no-control-regex
const BINARY = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/;

/**
 * A registry's own errors out of an error's body. JSON is tried whatever the content type says
 * (some send it as text/plain); a body that is other text is one error without a code, and so is a
 * web page with a title, as proxies send it; an empty one is none.
 *
 * @param redact Takes secrets out of each text, before it is cut.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export function registryErrors(
  body: Uint8Array,
  redact: (words: string) => string = (words) => words,
): RegistryError[] {
  const text = new TextDecoder().decode(body).trim();
  if (text === "") return [];
  let json: unknown;
  try {
    json = JSON.parse(text, (_key, value) => redacted(value, redact));
  } catch {
    if (BINARY.test(text)) return [];
    const words = redact(text.startsWith("<") ? pageTitle(text) : text);
    return words === "" ? [] : [{ message: shorten(words) }];
  }
  if (typeof json === "string") return [{ message: shorten(json) }];
  if (typeof json !== "object" || json === null) return [];
  const { errors } = json as { errors?: unknown };
  if (Array.isArray(errors)) return errors.slice(0, ERRORS_KEPT).flatMap(registryError);
  return registryError(json);
}

/** A value of JSON, whose parts were redacted before, without secrets in texts, names and numbers. */
function redacted(value: unknown, redact: (words: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value === "number") return redact(String(value)) === String(value) ? value : 0;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [redact(name), inner]));
}

/** What a web page calls itself: its markup says nothing to anybody. */
function pageTitle(page: string): string {
  const lower = page.toLowerCase();
  const start = lower.indexOf("<title>");
  const end = lower.indexOf("</title>", start);
  return start < 0 || end < 0 ? "" : page.slice(start + "<title>".length, end).trim();
}

function registryError(value: unknown): RegistryError[] {
  if (typeof value === "string") return [{ message: shorten(value) }];
  if (typeof value !== "object" || value === null) return [];
  const fields = value as Record<string, unknown>;
  const { code, message, error, error_description, details, detail } = fields;
  const words = [message, error_description, error, details].find((word) =>
    typeof word === "string"
  ) as
    | string
    | undefined;
  if (typeof code !== "string" && words === undefined) return [];
  return [{
    ...(typeof code === "string" && { code: shorten(code) }),
    message: shorten(words ?? ""),
    ...(detail !== undefined && { detail }),
  }];
}

function shorten(text: string): string {
  return text.length > MESSAGE_CHARACTERS ? `${text.slice(0, MESSAGE_CHARACTERS)}…` : text;
}
