import { checkTag, formatReference, isDigest, parseReference } from "../mod.ts";
import type { Location } from "./location.ts";

/**
 * What a copy is called in its target: what the target's text says; else `latest` of a repository as
 * everywhere, and the source's tag in a folder or a tar. A tar of docker's names images in full.
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
    if (isDigest(each)) continue;
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
  return [...new Set([...(own === undefined ? [] : [own]), ...more])];
}

function nameOf(from: Location, to: Location): string | undefined {
  const isDocker = to.kind === "archive" && to.format === "docker";
  if (from.kind === "registry") {
    const { registry, repository, tag, digest } = from.reference;
    if (tag === undefined && digest !== undefined) return isDocker ? undefined : "latest";
    const named = tag ?? "latest";
    return isDocker ? formatReference({ registry, repository, tag: named }) : named;
  }
  const name = from.reference.replace(/(?:^|@)[a-z0-9+._-]+:[0-9a-f]{32,}$/, ""); // no digest
  const isUntagged = name === "" || (name !== from.reference && !/:[^/]*$/.test(name));
  if (isDocker) return isUntagged ? undefined : name;
  if (isUntagged) return "latest";
  // A full name has its tag behind the last colon.
  return /^(?:.*:)?([\w][\w.-]{0,127})$/.exec(name)?.[1] ?? "latest";
}
