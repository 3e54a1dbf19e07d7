import { isLoopback } from "../content/loopback.ts";
import { InvalidOptionError, InvalidReferenceError } from "../errors.ts";
import { quoteInput } from "./quote_input.ts";
import { familiarReference, isOfficial, parseReference, type Reference } from "./reference.ts";
import {
  DEFAULT_REGISTRY,
  looksLikeHost,
  parseRegistry,
  type Registry,
  registryOrigin,
  type Scheme,
} from "./registry.ts";

/** A registry. */
export interface RegistryIndex {
  /** The host, with its port where it has one; `docker.io` for Docker Hub. */
  name: string;
  /** Whether it is Docker Hub. */
  official: boolean;
  /** How it is spoken to. */
  scheme: Scheme;
}

/** A repository. */
export interface RegistryRepo {
  /** The registry. */
  index: RegistryIndex;
  /** Whether it is one of Docker Hub's official images. */
  official: boolean;
  /** The name within the registry: `library/busybox`; empty where the registry alone is meant. */
  remoteName: string;
  /** The name as docker prints it: `busybox`, `ghcr.io/a/b`. */
  localName: string;
  /** The name with the registry: `docker.io/busybox`, `ghcr.io/a/b`. */
  canonicalName: string;
}

/**
 * The one repository that is given: its `name`, or that of a registry alone; or a `repo`, by its name or as
 * it was parsed.
 *
 * @throws {InvalidOptionError} When there are both or none, or it is something else.
 */
export function givenRepo(
  { name, repo }: { name?: string | undefined; repo?: string | RegistryRepo | undefined },
): RegistryRepo {
  const given = name === undefined ? repo : repoOrRegistry(name);
  if (given === undefined || (name !== undefined && repo !== undefined)) {
    throw new InvalidOptionError(
      "Cannot make a RegistryClientV2 as exactly one of 'name' and 'repo' is needed: " +
        (given === undefined ? "there is none" : "there are both"),
    );
  }
  if (typeof given === "string") return registryRepo(given);
  if (given?.index) return given;
  throw new InvalidOptionError("Cannot use 'repo' as it must be a name, or what parseRepo answers");
}

/**
 * Parses a repository, with or without its registry. `defaultIndex` is the registry of a name that
 * has none.
 *
 * @throws {InvalidReferenceError} When it is not a repository, or has a tag or a digest.
 */
export function registryRepo(text: string, defaultIndex?: string | RegistryIndex): RegistryRepo {
  const reference = parseImage(text, defaultIndex);
  if (reference.tag === undefined && reference.digest === undefined) return toRepo(reference);
  throw new InvalidReferenceError(
    `Cannot parse ${quoteInput(text)} as a repository: it has a tag or a digest; ` +
      "a repository is [http[s]://][host[:port]/]name, and parseRepoAndRef takes the rest too",
  );
}

/**
 * What a client is made for: a repository, or a registry alone, as `docker login` names it: a URL
 * without a path, Docker Hub's `https://index.docker.io/v1/`, or a host with a dot or a port.
 *
 * @throws {InvalidReferenceError} When it is neither.
 */
export function repoOrRegistry(text: string): RegistryRepo {
  if (!isRegistryAlone(text)) return registryRepo(text);
  const index = toIndex(parseRegistry(text));
  const { name } = index;
  return { index, official: false, remoteName: "", localName: name, canonicalName: name };
}

function isRegistryAlone(text: string): boolean {
  if (typeof text !== "string") return false;
  // What has no dot is a repository with a tag, but for this machine.
  if (/^(?:[^/:@]+\.[^/:@]+|localhost|\[[^/@]+\])(?::\d+)?$/i.test(text)) return true;
  return /^https?:\/\/[^/]+(?:\/|\/v1\/?)?$/i.test(text);
}

/** A reference, of the default index where it names no registry. */
export function parseImage(
  text: string,
  index?: string | RegistryIndex,
  defaultTag?: string,
): Reference {
  const defaultRegistry = typeof index === "object" && index !== null
    ? `${index.scheme ?? toIndex({ registry: index.name }).scheme}://${hostOf(index)}`
    : index || DEFAULT_REGISTRY;
  return parseReference(text, { defaultRegistry, defaultTag });
}

/**
 * The origin of a registry's API; `scheme` overrides the registry's own.
 *
 * @throws {InvalidOptionError} When the scheme is neither `http` nor `https`, or `http` for Docker Hub.
 * @throws {InvalidReferenceError} When the registry's name is not a host with or without a port.
 */
export function indexOrigin(index: RegistryIndex, scheme?: Scheme): string {
  return registryOrigin(hostOf(index), { scheme: scheme ?? index.scheme });
}

// An index made by hand may hold a bare name such as `registry`, which in a text would be part of
// a repository's name: with its port it is a host everywhere.
function hostOf({ name, scheme }: RegistryIndex): string {
  return looksLikeHost(name) ? name : `${name}:${scheme === "http" ? 80 : 443}`;
}

/** A registry as an index: on this machine `http` where no scheme was given, else `https`. */
export function toIndex({ registry, scheme }: Registry): RegistryIndex {
  return {
    name: registry,
    official: registry === DEFAULT_REGISTRY,
    scheme: scheme ?? (isLoopback(registry) ? "http" : "https"),
  };
}

/** The repository of a reference. */
export function toRepo({ registry, repository, scheme }: Reference): RegistryRepo {
  const official = isOfficial({ registry, repository });
  return {
    index: toIndex({ registry, scheme }),
    official,
    remoteName: repository,
    localName: familiarReference({ registry, repository }),
    canonicalName: `${registry}/${official ? repository.slice("library/".length) : repository}`,
  };
}
