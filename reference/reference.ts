import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { type Digest, DIGEST_GRAMMAR, isDigest } from "../content/digest.ts";
import { InvalidReferenceError } from "../errors.ts";
import { quoteInput } from "./quote_input.ts";
import {
  DEFAULT_REGISTRY,
  type Fail,
  isScheme,
  looksLikeHost,
  normaliseHost,
  parseRegistry,
  type Scheme,
  splitScheme,
} from "./registry.ts";
import {
  MAX_NAME_LENGTH,
  NAME_GRAMMAR,
  type RepositoryName,
  repositoryNameProblem,
} from "./repository_name.ts";
import { type Tag, TAG_GRAMMAR, tagProblem } from "./tag.ts";

export { registryOrigin, type RegistryOriginOptions, type Scheme } from "./registry.ts";

/** A reference to an image or artifact, every part checked and normalised. */
export interface Reference {
  /** The scheme, where the text gave one. */
  scheme?: Scheme;
  /** The registry: a host in lower case, without a dot and a port in upper case, with its port where one was given; `docker.io` for Docker Hub. */
  registry: string;
  /** The repository within the registry, with `library/` for Docker Hub's official images. */
  repository: RepositoryName;
  /** The tag, where there is one. */
  tag?: Tag;
  /** The digest, where there is one: what is asked for then, whatever the tag names by now. */
  digest?: Digest;
}

/** The parts of a reference before they are checked; every {@linkcode Reference} is one. */
export interface ReferenceParts {
  /** The scheme. */
  scheme?: Scheme;
  /** The registry: `ghcr.io`, `localhost:5000`, or any name of Docker Hub. */
  registry: string;
  /** The repository within the registry; `library/` may be left out on Docker Hub. */
  repository: string;
  /** The tag. */
  tag?: string;
  /** The digest. */
  digest?: string;
}

/** What {@linkcode parseReference} takes where the text says nothing. */
export interface ParseReferenceOptions {
  /**
   * The registry of a reference that names none; a scheme may stand before it.
   * @default {"docker.io"}
   */
  defaultRegistry?: string;
  /** The tag of a reference that has neither tag nor digest; without this option it gets none. */
  defaultTag?: string;
}

const PARSE_REFERENCE_OPTIONS: OptionNames<ParseReferenceOptions> = names(
  "defaultRegistry defaultTag",
);

/**
 * The longest reference, in characters. Scheme, name, tag and a SHA-512 digest take 528 at most;
 * the rest is room for digests of other algorithms, which have no limit of their own.
 */
export const MAX_REFERENCE_LENGTH = 1024;

const REFERENCE_GRAMMAR = "a reference is [http[s]://][host[:port]/]name[:tag][@digest]";
const OFFICIAL = "library/";

/**
 * Parses a reference: `[http[s]://][host[:port]/]name[:tag][@digest]`.
 *
 * The first component is the registry if it holds a dot, a colon or a capital or is `localhost`, or
 * if a scheme stands before it. `oci://`, which Helm wants there and behind which a registry stands too,
 * and skopeo's `docker://` are left out. Without one the registry is Docker Hub, whose names
 * (`index.docker.io`, `registry-1.docker.io`, `https://index.docker.io/v1/`) all become `docker.io`, and
 * whose official images get `library/`. A tag and a digest are both kept.
 *
 * @throws {InvalidReferenceError} When the text is not a reference; the message says which part.
 *
 * @example
 * ```ts
 * import { parseReference } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { registry, repository, tag } = parseReference("alpine:3");
 * assertEquals<string[]>([registry, repository, tag!], ["docker.io", "library/alpine", "3"]);
 * assertEquals(parseReference("http://[::1]:5000/a/b").registry, "[::1]:5000");
 * ```
 */
export function parseReference(text: string, options: ParseReferenceOptions = {}): Reference {
  checkOptions(options, PARSE_REFERENCE_OPTIONS);
  const { defaultRegistry = DEFAULT_REGISTRY, defaultTag } = options;
  const fail: Fail = (problem, grammar = REFERENCE_GRAMMAR) =>
    new InvalidReferenceError(
      `Cannot parse ${quoteInput(text)} as a reference: ${problem}; ${grammar}`,
    );
  if (typeof text !== "string") throw fail("it is not a string");
  if (text === "") throw fail("it is empty");
  checkLength(text, fail);
  const fallback = parseRegistry(defaultRegistry);

  const { scheme, rest } = splitScheme(text, fail);
  // Behind each but skopeo's docker:// stands a host.
  const withHost = scheme !== undefined || /^oci:\/\//i.test(text);
  const [named, digest] = cut(rest, rest.indexOf("@"));
  const colon = named.lastIndexOf(":");
  const [path, tag] = cut(named, colon > named.lastIndexOf("/") ? colon : -1);
  const [first, remainder] = cut(path, path.indexOf("/"));
  if (withHost && remainder === undefined) {
    throw fail("no repository follows the host");
  }
  const hasHost = remainder !== undefined && (withHost || looksLikeHost(first));
  const where = hasHost
    ? { registry: normaliseHost(first, scheme, fail), scheme }
    : { registry: fallback.registry, scheme: fallback.scheme };
  const repository = hasHost ? withoutVersion(remainder, scheme, first) : path;
  return check(
    { ...where, repository, tag: tag ?? (digest === undefined ? defaultTag : undefined), digest },
    fail,
  );
}

/**
 * The canonical text of a reference: every part that there is, the registry and `library/` always.
 * It parses to the same reference again.
 *
 * @throws {InvalidReferenceError} When a part breaks its grammar.
 *
 * @example
 * ```ts
 * import { formatReference, parseReference } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatReference(parseReference("alpine:3")), "docker.io/library/alpine:3");
 * assertEquals(formatReference({ registry: "ghcr.io", repository: "a/b" }), "ghcr.io/a/b");
 * ```
 */
export function formatReference(reference: ReferenceParts): string {
  return canonicalText(checkParts(reference, "format"));
}

/**
 * The short text of a reference, as docker prints it: without `docker.io/` and `library/`, and
 * without a scheme. But for the scheme it parses to the same reference again: `docker.io/` stays
 * where the next component would be taken for a registry.
 *
 * @throws {InvalidReferenceError} When a part breaks its grammar.
 *
 * @example
 * ```ts
 * import { familiarReference, parseReference } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const reference = parseReference("registry-1.docker.io/library/alpine:3");
 * assertEquals(familiarReference(reference), "alpine:3");
 * assertEquals(familiarReference({ registry: "ghcr.io", repository: "a/b" }), "ghcr.io/a/b");
 * ```
 */
export function familiarReference(reference: ReferenceParts): string {
  const checked = checkParts(reference, "shorten");
  const { registry, repository } = checked;
  const name = isOfficial(checked) ? repository.slice(OFFICIAL.length) : repository;
  const [first, remainder] = cut(name, name.indexOf("/"));
  const ambiguous = remainder !== undefined && looksLikeHost(first);
  const prefix = registry === DEFAULT_REGISTRY && !ambiguous ? "" : `${registry}/`;
  return `${prefix}${name}${suffix(checked)}`;
}

/** Whether a repository is one of Docker Hub's official images: one component under `library/`. */
export function isOfficial(reference: { registry: string; repository: string }): boolean {
  const { registry, repository } = reference;
  return registry === DEFAULT_REGISTRY && repository.startsWith(OFFICIAL) &&
    !repository.includes("/", OFFICIAL.length);
}

function checkParts(parts: ReferenceParts, verb: string): Reference {
  const fail: Fail = (problem, grammar = REFERENCE_GRAMMAR) =>
    new InvalidReferenceError(`Cannot ${verb} a reference: ${problem}; ${grammar}`);
  if (typeof parts !== "object" || parts === null) throw fail("it is not an object");
  const { registry, scheme } = parseRegistry(parts.registry);
  return check({ ...parts, registry, scheme: parts.scheme ?? scheme }, fail);
}

function check(parts: ReferenceParts, fail: Fail): Reference {
  const { scheme, registry, repository: name, tag, digest } = parts;
  if (scheme !== undefined && !isScheme(scheme)) {
    throw fail("the scheme is neither http nor https");
  }
  if (scheme === "http" && registry === DEFAULT_REGISTRY) {
    throw fail("plain HTTP to Docker Hub is disallowed");
  }
  const nameProblem = repositoryNameProblem(name);
  if (nameProblem !== undefined) {
    throw fail(`the repository name ${quoteInput(name)} ${nameProblem}`, NAME_GRAMMAR);
  }
  const repository = registry === DEFAULT_REGISTRY && !name.includes("/") ? OFFICIAL + name : name;
  const length = registry.length + 1 + repository.length;
  if (length > MAX_NAME_LENGTH) {
    throw fail(`registry and repository have ${length} characters, of at most ${MAX_NAME_LENGTH}`);
  }
  const badTag = tag === undefined ? undefined : tagProblem(tag);
  if (badTag !== undefined) throw fail(`the tag ${quoteInput(tag)} ${badTag}`, TAG_GRAMMAR);
  if (digest !== undefined && !isDigest(digest)) {
    throw fail(`${quoteInput(digest)} is not a digest`, `a digest is ${DIGEST_GRAMMAR}`);
  }
  const reference = {
    ...(scheme === undefined ? {} : { scheme }),
    registry,
    repository: repository as RepositoryName,
    ...(tag === undefined ? {} : { tag: tag as Tag }),
    ...(digest === undefined ? {} : { digest }),
  };
  // `docker.io/library/` may have been added: what was parsed must fit when it is written again.
  checkLength(canonicalText(reference), fail);
  return reference;
}

function checkLength(text: string, fail: Fail): void {
  if (text.length <= MAX_REFERENCE_LENGTH) return;
  throw fail(`it has ${text.length} characters, of at most ${MAX_REFERENCE_LENGTH}`);
}

function canonicalText(reference: Reference): string {
  const { scheme, registry, repository } = reference;
  const prefix = scheme === undefined ? "" : `${scheme}://`;
  return `${prefix}${registry}/${repository}${suffix(reference)}`;
}

// `https://index.docker.io/v1/` is Docker Hub's name in configuration files: its path is no part
// of a repository's name.
function withoutVersion(path: string, scheme: Scheme | undefined, host: string): string {
  const legacy = scheme === "https" && host.toLowerCase() === "index.docker.io";
  return legacy ? path.replace(/^v1(?:\/|$)/, "") : path;
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function cut(text: string, index: number): [string, string | undefined] {
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}
