/** A JSON object whose fields are unchecked. */
export type JsonObject = Record<string, unknown>;

/** Whether a JSON value is an object, not a list or `null`. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses a text that may hold secrets as a JSON object.
 *
 * @param fail Makes the error out of what is wrong with the text, which never quotes it.
 */
export function parseObject(text: string, fail: (why: string) => Error): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail("is not JSON"); // the cause would quote it
  }
  if (!isObject(value)) throw fail("is not a JSON object");
  return value;
}
