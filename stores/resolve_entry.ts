import type { Descriptor } from "../content/descriptor.ts";
import { ContentNotFoundError, InvalidContentError, InvalidReferenceError } from "../errors.ts";
import type { LayoutEntries } from "./layout_entries.ts";
import type { LayoutManifests } from "./layout_manifests.ts";
import { derivedFrom, tagOf } from "./layout_names.ts";

/** How many entries a message lists. */
const LISTED = 20;

/**
 * The entry with a tag, a full name or a digest; `undefined` where there is none.
 *
 * @throws {InvalidReferenceError} When several manifests have the name.
 * @throws {InvalidContentError} When the entry with that name cannot be read.
 */
export function resolveEntry(
  entries: LayoutEntries,
  reference: string,
  folder: string,
): Descriptor | undefined {
  const listed = entries.listed(reference);
  if (listed !== undefined) return listed;
  const named = entries.named(reference);
  const problem = named.length === 0 ? entries.problemOf(reference) : undefined;
  if (problem !== undefined) {
    throw new InvalidContentError(`Cannot resolve ${JSON.stringify(reference)}: ${problem}`);
  }
  return only(named, `Cannot resolve ${JSON.stringify(reference)}: ${folder} has several`);
}

/**
 * The only image of a layout. Without a tag of its own none is what another entry is made of, what is
 * attached to another entry, and what a tagged entry is attached to: oras lists all of these.
 *
 * @throws {ContentNotFoundError} When there is no image.
 * @throws {InvalidReferenceError} When there are several; the message lists them.
 */
export async function onlyImage(
  entries: LayoutEntries,
  manifests: LayoutManifests,
  folder: string,
): Promise<Descriptor> {
  const all = entries.all();
  const known = await Promise.all(all.map((entry) => manifests.know(entry)));
  const parts = new Set<string | undefined>();
  for (const [at, each] of known.entries()) {
    if (tagOf(all[at]!) !== undefined) parts.add(each?.subject);
    for (const { digest } of each?.children ?? []) parts.add(digest);
  }
  const images = all.filter((entry, at) => {
    const tag = tagOf(entry);
    if (tag !== undefined) return derivedFrom(tag) === undefined;
    return known[at]?.subject === undefined && !parts.has(entry.digest);
  });
  const image = only(
    images.length === 0 ? all : images,
    `Cannot choose an image of ${folder}, which has several: name one`,
  );
  if (image !== undefined) return image;
  throw new ContentNotFoundError(`Cannot find an image: ${folder} has none`);
}

function only(entries: readonly Descriptor[], problem: string): Descriptor | undefined {
  if (new Set(entries.map(({ digest }) => digest)).size <= 1) return entries[0];
  const names = entries.slice(0, LISTED).map((entry) => {
    const { digest, platform } = entry;
    const tag = tagOf(entry);
    const on = platform && ` (${platform.os}/${platform.architecture})`;
    return `${tag === undefined ? "" : `${tag} `}${digest}${on ?? ""}`;
  });
  const more = entries.length > LISTED ? `, and ${entries.length - LISTED} more` : "";
  throw new InvalidReferenceError(`${problem}: ${names.join(", ")}${more}`);
}
