import { InvalidReferenceError, type Reference } from "../mod.ts";
import { typedReference } from "./typed_reference.ts";

/** Where an image or artifact is, as an argument names it. */
export type Location = RegistryLocation | LayoutLocation | ArchiveLocation;

/** In a repository: `ghcr.io/you/app:v1`, also with `oci://` or `docker://` before it. */
export interface RegistryLocation {
  /** Says that it is a repository. */
  kind: "registry";
  /** The reference; it may have neither tag nor digest. */
  reference: Reference;
}

/** In an OCI layout folder: `oci:DIR[:TAG]`, `oci:DIR@DIGEST`. */
export interface LayoutLocation {
  /** Says that it is a folder. */
  kind: "layout";
  /** The folder. */
  path: string;
  /** A tag, a name or a digest; empty where none was given. */
  reference: string;
}

/** In a tar: `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`, `-`. */
export interface ArchiveLocation {
  /** Says that it is a tar. */
  kind: "archive";
  /** The form of the tar; none where its bytes tell it. */
  format?: "oci" | "docker";
  /** The file; `-` for standard input or output. */
  path: string;
  /** A tag, a name or a digest; empty where none was given. */
  reference: string;
}

/** Standard input or output. */
export const STANDARD = "-";

const KINDS = {
  "oci": { kind: "layout" },
  "oci-archive": { kind: "archive", format: "oci" },
  "docker-archive": { kind: "archive", format: "docker" },
} as const;

/** Transports of other tools, which are not spoken here, and what to do in their place. */
const FOREIGN: Record<string, string> = {
  "containers-storage": "podman save NAME | davit copy docker-archive:- TARGET reads there, and " +
    "davit copy SOURCE docker-archive:- | podman load writes",
  "dir": "is it oci:DIR, oci-archive:FILE, docker-archive:FILE or a registry's reference?",
  "docker-daemon": "docker save NAME | davit copy docker-archive:- TARGET reads there, and " +
    "davit copy SOURCE docker-archive:- | docker load writes",
  "ocidir": "is it oci:DIR?",
  "ostree": "is it oci:DIR, or a registry's reference?",
  "sif": "is it oci-archive:FILE, or a registry's reference?",
  "tarball": "is it oci-archive:FILE or docker-archive:FILE?",
};

const DIGEST_AT_END = /@([a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-zA-Z=_-]{32,})$/;

/** `~` at the start of a path. */
const HOME = /^~(?=[\\/]|$)/;

/** `C:\images`, `C:/images`: its colon ends no path. */
const DRIVE = /^[a-zA-Z]:[\\/]/;

/**
 * Parses where an image or artifact is.
 *
 * @throws {InvalidReferenceError} When it is nowhere; the message says what it could be.
 */
export function parseLocation(text: string): Location {
  if (text === STANDARD) return { kind: "archive", path: STANDARD, reference: "" };
  const [, prefix = "", rest = ""] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
  if (Object.hasOwn(FOREIGN, prefix)) throw unknown(text, prefix, FOREIGN[prefix]!);
  if (Object.hasOwn(KINDS, prefix) && !(prefix === "oci" && rest.startsWith("//"))) {
    if (rest.startsWith("//")) {
      throw new InvalidReferenceError(
        `Cannot parse ${
          JSON.stringify(text)
        }: a path stands behind "${prefix}:", without "//"; is ` +
          `it ${JSON.stringify(`${prefix}:${rest.slice(2)}`)}?`,
      );
    }
    if (HOME.test(rest)) { // a folder of that name would be hard to remove without harm
      throw new InvalidReferenceError(
        `Cannot parse ${JSON.stringify(text)}: no shell expands "~" there; write ` +
          `"${prefix}:${rest.replace(HOME, "$HOME")}", or ./~ for a folder of that name`,
      );
    }
    const { path, reference } = splitPath(rest);
    if (path !== "") return { ...KINDS[prefix as keyof typeof KINDS], path, reference };
    throw new InvalidReferenceError(
      `Cannot parse ${JSON.stringify(text)}: no ${
        prefix === "oci" ? "folder" : "file"
      } follows "${prefix}:"`,
    );
  }
  if (isRegistryAlone(text)) {
    throw new InvalidReferenceError(
      `Cannot parse ${JSON.stringify(text)}: it is a registry; its repositories are ` +
        `${text}/NAME, and davit ls ${text} lists them`,
    );
  }
  const error = misspelt(text, prefix) ?? pathError(text);
  if (error !== undefined) throw error;
  return { kind: "registry", reference: typedReference(text) };
}

/** A registry's name without a repository: it has a dot or a scheme, or is this machine or an address. */
export function isRegistryAlone(text: string): boolean {
  return REGISTRY.test(text) && !TAR.test(text);
}

const REGISTRY =
  /^(?:https?:\/\/[^/:@\\\s]+|(?:https?:\/\/)?(?:[^/:@\\\s]+\.[^/:@\\\s]+|localhost|\[[^/@]+\]))(?::\d+)?$/i;

const TAR = /^[^/:@]+\.(?:tar(?:\.\w+)?|tgz|tzst)$/i;

/** The path ends at the first colon; what follows may hold more of them: `localhost:5000/app:1`. */
function splitPath(text: string): { path: string; reference: string } {
  const [at = "", digest] = DIGEST_AT_END.exec(text) ?? [];
  const rest = text.slice(0, text.length - at.length);
  const colon = rest.indexOf(":", DRIVE.test(rest) ? 2 : 0);
  const path = colon < 0 ? rest : rest.slice(0, colon);
  return { path, reference: digest ?? (colon < 0 ? "" : rest.slice(colon + 1)) };
}

function unknown(text: string, prefix: string, hint: string): InvalidReferenceError {
  return new InvalidReferenceError(
    `Cannot parse ${JSON.stringify(text)}: "${prefix}:" is not known here; ${hint}`,
  );
}

/** The name of a place that is nearly right; a short one may be a repository's. */
function misspelt(text: string, prefix: string): InvalidReferenceError | undefined {
  const near = Object.keys(KINDS).find((name) => prefix.length > 4 && isNear(prefix, name));
  return near === undefined ? undefined : unknown(text, prefix, `is it "${near}:"?`);
}

/** What begins or ends as a path does is no repository. */
function pathError(text: string): InvalidReferenceError | undefined {
  const begins = /^(?:(?:oci|file):\/\/)?(?:~|\.{0,2}[\\/]|[a-zA-Z]:[\\/])|^file:/.test(text);
  if (!begins && !TAR.test(text)) return undefined;
  return new InvalidReferenceError(
    `Cannot parse ${JSON.stringify(text)}: it looks like a path; is it oci:DIR, oci-archive:FILE ` +
      "or docker-archive:FILE?",
  );
}

/** Whether one name becomes the other by a change or two of its letters. */
function isNear(one: string, other: string): boolean {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same));
    }
    row = next;
  }
  return row.at(-1)! <= (other.length < 5 ? 1 : 2);
}

/** Whether a place is a tar as docker saves one, which holds images alone, each with a full name. */
export function isDockerArchive(location: Location): boolean {
  return location.kind === "archive" && location.format === "docker";
}

/** What is asked of the place: a digest, a tag or a name; `latest` of a repository where none is given. */
export function referenceOf(location: Location): string {
  if (location.kind !== "registry") return location.reference;
  const { tag, digest } = location.reference;
  return digest ?? tag ?? "latest";
}

/** The name of a repository as clients take it, with the scheme that was given. */
export function repositoryName({ reference }: RegistryLocation): string {
  const { scheme, registry, repository } = reference;
  return `${scheme === undefined ? "" : `${scheme}://`}${registry}/${repository}`;
}

/** Whether a reference is a digest: `app:v1` has the grammar of one, and is a name. */
export function isWholeDigest(reference: string): boolean {
  return DIGEST_AT_END.test(`@${reference}`);
}

/** The text of a place with another reference, by which it is found again. */
export function formatLocation(location: Location, reference: string): string {
  const suffix = reference === "" ? "" : `${isWholeDigest(reference) ? "@" : ":"}${reference}`;
  if (location.kind === "registry") {
    const { registry, repository } = location.reference;
    return `${registry}/${repository}${suffix}`;
  }
  if (location.path === STANDARD) return STANDARD;
  const prefix = location.kind === "layout" ? "oci" : `${location.format ?? "oci"}-archive`;
  return `${prefix}:${location.path}${suffix}`;
}
