import { InvalidReferenceError } from "../errors.ts";
import { quoteInput } from "./quote_input.ts";

/** A repository name whose grammar has been checked: `library/alpine`. */
export type RepositoryName = string & { readonly "~checked": "repository name" };

/**
 * The most characters of a repository name; with the registry and the `/` between them it is the
 * limit of a reference's name.
 *
 * Many clients have it, so the specification asks registries to stay below it.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
 */
export const MAX_NAME_LENGTH = 255;

/** What a repository name is, in the words of messages. */
export const NAME_GRAMMAR: string =
  'a name is components [a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)* with "/" between them';

const NAME = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/;

/**
 * Whether a text is a repository name, without a registry in front.
 *
 * @example
 * ```ts
 * import { isRepositoryName } from "@davit/registry-client";
 * import { assert } from "@std/assert";
 *
 * assert(isRepositoryName("library/alpine"));
 * assert(!isRepositoryName("../alpine"));
 * ```
 */
export function isRepositoryName(text: unknown): text is RepositoryName {
  return typeof text === "string" && repositoryNameProblem(text) === undefined;
}

/**
 * Checks a repository name, without a registry in front: the specification's grammar, and 255
 * characters at most. What passes can stand in a URL's path as it is.
 *
 * @throws {InvalidReferenceError} When the text is not a repository name.
 *
 * @example
 * ```ts
 * import { checkRepositoryName, InvalidReferenceError } from "@davit/registry-client";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals<string>(checkRepositoryName("a/b--c"), "a/b--c");
 * assertThrows(() => checkRepositoryName("Alpine"), InvalidReferenceError, "upper-case");
 * ```
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
 */
export function checkRepositoryName(text: string): RepositoryName {
  const problem = repositoryNameProblem(text);
  if (problem === undefined) return text as RepositoryName;
  throw new InvalidReferenceError(
    `Cannot use ${quoteInput(text)} as a repository name: it ${problem}; ${NAME_GRAMMAR}`,
  );
}

/** What is wrong with a repository name, as the end of a sentence; nothing where it is fine. */
export function repositoryNameProblem(text: unknown): string | undefined {
  if (typeof text !== "string") return "is not a string";
  if (text === "") return "is empty";
  // Before any expression runs: a text of a million components costs nothing.
  if (text.length > MAX_NAME_LENGTH) {
    return `has ${text.length} characters, of at most ${MAX_NAME_LENGTH}`;
  }
  if (NAME.test(text)) return undefined;
  const components = text.split("/");
  if (components.includes("")) return "has an empty component";
  if (components.some((component) => /^\.+$/.test(component))) {
    return "has a component of dots alone";
  }
  if (/[A-Z]/.test(text)) return "has upper-case letters";
  const foreign = /[^a-z0-9._/-]/u.exec(text)?.[0];
  if (foreign !== undefined) return `holds the character ${quoteInput(foreign)}`;
  return 'has ".", "_", "__" or "-" where letters or digits do not stand on both sides';
}
