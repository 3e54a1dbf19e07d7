import { InvalidReferenceError } from "../errors.ts";
import { quoteInput } from "./quote_input.ts";

/** A tag whose grammar has been checked: `v1.2_beta`. */
export type Tag = string & { readonly "~checked": "tag" };

/** The most characters of a tag: the specification's grammar says it. */
export const MAX_TAG_LENGTH = 128;

/** What a tag is, in the words of messages. */
export const TAG_GRAMMAR = "a tag is [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/**
 * Whether a text is a tag. No digest is one: a tag holds no `:`.
 *
 * @example
 * ```ts
 * import { isTag } from "@davit/registry-client";
 * import { assert } from "@std/assert";
 *
 * assert(isTag("v1.2_beta"));
 * assert(!isTag(".hidden"));
 * ```
 */
export function isTag(text: unknown): text is Tag {
  return typeof text === "string" && TAG.test(text);
}

/**
 * Checks a tag. What passes can stand in a URL's path as it is.
 *
 * @throws {InvalidReferenceError} When the text is not a tag.
 *
 * @example
 * ```ts
 * import { checkTag, InvalidReferenceError } from "@davit/registry-client";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals<string>(checkTag("latest"), "latest");
 * assertThrows(() => checkTag("../latest"), InvalidReferenceError, "a tag is");
 * ```
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
 */
export function checkTag(text: string): Tag {
  if (isTag(text)) return text;
  throw new InvalidReferenceError(
    `Cannot use ${quoteInput(text)} as a tag: it ${tagProblem(text)}; ${TAG_GRAMMAR}`,
  );
}

/** What is wrong with a tag, as the end of a sentence; nothing where it is fine. */
export function tagProblem(text: unknown): string | undefined {
  if (isTag(text)) return undefined;
  if (typeof text !== "string") return "is not a string";
  if (text === "") return "is empty";
  if (text.length > MAX_TAG_LENGTH) {
    return `has ${text.length} characters, of at most ${MAX_TAG_LENGTH}`;
  }
  const foreign = /[^a-zA-Z0-9._-]/u.exec(text)?.[0];
  if (foreign !== undefined) {
    const digest = /^sha\d+:/.test(text) ? ", as it is a digest" : "";
    return `holds the character ${quoteInput(foreign)}${digest}`;
  }
  return `starts with ${quoteInput(text[0])}`;
}
