import { checkTag, formatReference, InvalidReferenceError, parseReference } from "../mod.ts";
import { isDockerArchive, isWholeDigest, type Location } from "./location.ts";

/**
 * What a copy is called in its target: what the target's text says; else `latest` of a repository as
 * everywhere, and the source's tag in a folder or a tar. A tar of docker's names images in full, and
 * an image without such a name has none there.
 *
 * @throws {InvalidReferenceError} When one of them is no name: before anything is copied.
 */
export function targetReferences(
  from: Location,
  to: Location,
  more: readonly string[],
): string[] {
  const references = namesFor(from, to, more);
  for (const each of references) {
    if (isWholeDigest(each)) continue;
    // Only a tar has full names; one without a tag must be a tag too.
    const isFull = to.kind === "archive" && parseReference(each).tag !== undefined;
    if (!isFull) checkTag(each);
  }
  return references;
}

function namesFor(from: Location, to: Location, more: readonly string[]): string[] {
  if (to.kind === "registry") {
    const { tag, digest } = to.reference;
    const own = tag === undefined && digest === undefined && more.length === 0
      ? ["latest"]
      : [tag, digest].filter((each) => each !== undefined);
    return [...new Set([...own, ...more])];
  }
  const own = to.reference !== "" ? to.reference : more.length > 0 ? undefined : nameOf(from, to);
  const names = [...(own === undefined ? [] : [own]), ...more];
  return [...new Set(isDockerArchive(to) ? names.map((name) => fullName(name, from, to)) : names)];
}

/** `app` is `app:latest` in the target's text, as docker has it; another tag is one of the same name. */
function fullName(name: string, from: Location, to: Location & { reference: string }): string {
  if (!isBare(name)) return name;
  if (name === to.reference) return `${name}:latest`;
  const same = from.kind === "registry" && to.reference === ""
    ? from.reference
    : to.reference === ""
    ? undefined
    : parseReference(to.reference);
  if (same !== undefined) {
    return formatReference({ registry: same.registry, repository: same.repository, tag: name });
  }
  throw new InvalidReferenceError(
    `Cannot use ${JSON.stringify(name)} as a name in a docker-archive: it is a tag alone; ` +
      `a name is app:${name}`,
  );
}

/** Whether a name is a tag, or an image's name without one. */
function isBare(name: string): boolean {
  return /^[\w.-]+$/.test(name);
}

function nameOf(from: Location, to: Location): string | undefined {
  const isDocker = isDockerArchive(to);
  if (from.kind === "registry") {
    const { registry, repository, tag, digest } = from.reference;
    if (tag === undefined && digest !== undefined) return isDocker ? undefined : "latest";
    const named = tag ?? "latest";
    return isDocker ? formatReference({ registry, repository, tag: named }) : named;
  }
  const name = from.reference.replace(/(?:^|@)[a-z0-9+._-]+:[0-9a-f]{32,}$/, ""); // no digest
  const isUntagged = name === "" || (name !== from.reference && !/:[^/]*$/.test(name));
  if (isDocker) return isUntagged || isBare(name) ? undefined : name;
  if (isUntagged) return "latest";
  // A full name has its tag behind the last colon.
  return /^(?:.*:)?([\w][\w.-]{0,127})$/.exec(name)?.[1] ?? "latest";
}
