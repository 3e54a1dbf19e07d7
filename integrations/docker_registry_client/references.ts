/**
 * The names of `docker_registry_client` for registries, repositories and images. The grammar is that
 * of `reference/`; messages begin with "invalid", as its users' tests and programs expect.
 *
 * @module
 */
import { isLoopback } from "../../content/loopback.ts";
import { USER_AGENT } from "../../content/version.ts";
import { InvalidReferenceError } from "../../errors.ts";
import {
  DEFAULT_REGISTRY,
  DOCKER_HUB_ORIGIN,
  parseRegistry,
  type Scheme,
} from "../../reference/registry.ts";
import {
  indexOrigin,
  parseImage,
  type RegistryIndex,
  type RegistryRepo,
  registryRepo,
  toIndex,
  toRepo,
} from "../../reference/registry_repo.ts";

export type { RegistryIndex, RegistryRepo } from "../../reference/registry_repo.ts";

/** The registry of names that name none. */
export const DEFAULT_INDEX_NAME: string = DEFAULT_REGISTRY;

/** The origin of Docker Hub's API. */
export const DEFAULT_INDEX_URL: string = DOCKER_HUB_ORIGIN;

/** The name under which `docker login` keeps the credentials of Docker Hub. */
export const DEFAULT_LOGIN_SERVERNAME = "https://index.docker.io/v1/";

/** The tag of references that have neither tag nor digest. */
export const DEFAULT_TAG = "latest";

/** What the `User-Agent` header says unless an option says otherwise. */
export const DEFAULT_USERAGENT: string = USER_AGENT;

/** A repository, and what is meant in it. */
export interface RegistryImage extends RegistryRepo {
  /** The tag; `latest` where there is no digest either. */
  tag: string | null;
  /** The digest. */
  digest: string | null;
  /** The name with the registry, tag and digest: `docker.io/busybox:latest`. */
  canonicalRef: string;
}

/**
 * Parses a registry's name or URL; nothing, or an empty text, is Docker Hub. Registries on this
 * machine have the scheme `http` and all others `https`, unless the text gives one.
 *
 * @throws {InvalidReferenceError} When it is not a host with or without a port, or when it is
 * `http` to Docker Hub.
 *
 * @example
 * ```ts
 * import { parseIndex } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseIndex("https://index.docker.io/v1/"), {
 *   name: "docker.io",
 *   official: true,
 *   scheme: "https",
 * });
 * assertEquals(parseIndex("localhost:5000").scheme, "http");
 * ```
 */
export function parseIndex(arg?: string): RegistryIndex {
  return named("index", () => toIndex(parseRegistry(arg || DEFAULT_REGISTRY)));
}

/**
 * Parses a repository, with or without its registry: `busybox`, `http://localhost:5000/a/b`.
 * `defaultIndex` is the registry of a name that has none: a text, or what
 * {@linkcode parseIndex} gave.
 *
 * @throws {InvalidReferenceError} When it is not a repository, or has a tag or a digest.
 *
 * @example
 * ```ts
 * import { parseRepo } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const repo = parseRepo("busybox");
 * assertEquals(repo.remoteName, "library/busybox");
 * assertEquals(repo.canonicalName, "docker.io/busybox");
 * ```
 */
export function parseRepo(arg: string, defaultIndex?: string | RegistryIndex): RegistryRepo {
  return named(REPOSITORY, () => registryRepo(arg, defaultIndex));
}

/**
 * Parses a repository and what is meant in it: `busybox:1@sha256:…`. Without tag and digest the
 * tag is `latest`; with a digest alone it is `null`. `defaultIndex` is the registry of a name that
 * has none: a text, or what {@linkcode parseIndex} gave.
 *
 * @throws {InvalidReferenceError} When it is not a reference.
 *
 * @example
 * ```ts
 * import { parseRepoAndRef } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseRepoAndRef("busybox").canonicalRef, "docker.io/busybox:latest");
 * assertEquals(parseRepoAndRef("a/b:1", "ghcr.io").canonicalRef, "ghcr.io/a/b:1");
 * ```
 */
export function parseRepoAndRef(
  arg: string,
  defaultIndex?: string | RegistryIndex,
): RegistryImage {
  const reference = named(REPOSITORY, () => parseImage(arg, defaultIndex, DEFAULT_TAG));
  const { tag = null, digest = null } = reference;
  const repo = toRepo(reference);
  const suffix = (tag === null ? "" : `:${tag}`) + (digest === null ? "" : `@${digest}`);
  return { ...repo, tag, digest, canonicalRef: repo.canonicalName + suffix };
}

/**
 * The older name of {@linkcode parseRepoAndRef}.
 *
 * @example
 * ```ts
 * import { parseRepoAndRef, parseRepoAndTag } from "@davit/registry-client";
 * import { assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(parseRepoAndTag, parseRepoAndRef);
 * ```
 */
export const parseRepoAndTag: typeof parseRepoAndRef = parseRepoAndRef;

/**
 * The origin of a registry's API; `scheme` overrides the registry's own.
 *
 * @throws {InvalidOptionError} When the scheme is neither `http` nor `https`, or `http` for Docker Hub.
 * @throws {InvalidReferenceError} When the registry's name is not a host with or without a port.
 *
 * @example
 * ```ts
 * import { parseIndex, urlFromIndex } from "@davit/registry-client/common";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(urlFromIndex(parseIndex("docker.io")), "https://registry-1.docker.io");
 * assertEquals(urlFromIndex(parseIndex("ghcr.io"), "http"), "http://ghcr.io");
 * ```
 */
export function urlFromIndex(index: RegistryIndex, scheme?: Scheme): string {
  return indexOrigin(index, scheme);
}

/**
 * Whether a host, with or without a port, is this machine: `localhost` and names below it,
 * `127.0.0.0/8` or `::1`.
 *
 * @example
 * ```ts
 * import { isLocalhost } from "@davit/registry-client/common";
 * import { assert } from "@std/assert";
 *
 * assert(isLocalhost("[::1]:5000"));
 * assert(!isLocalhost("[2001:db8::1]:5000"));
 * ```
 */
export function isLocalhost(host: string): boolean {
  return isLoopback(host);
}

/**
 * Splits a text at the first separator; a text without one stays whole.
 *
 * @example
 * ```ts
 * import { splitIntoTwo } from "@davit/registry-client/common";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(splitIntoTwo("a/b/c", "/"), ["a", "b/c"]);
 * assertEquals(splitIntoTwo("abc", "/"), ["abc"]);
 * ```
 */
export function splitIntoTwo(str: string, sep: string): [string] | [string, string] {
  const index = str.indexOf(sep);
  return index === -1 ? [str] : [str.slice(0, index), str.slice(index + sep.length)];
}

/** How messages about a repository begin there: "invalid repository name", or "… namespace". */
const REPOSITORY = "repository namespace or name";

/** What a parser answers; where it throws, with a message that begins as the original's. */
function named<T>(kind: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw new InvalidReferenceError(`invalid ${kind}: ${error.message}`, { cause: error.cause });
  }
}
