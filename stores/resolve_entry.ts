import type { Descriptor } from "../content/descriptor.ts";
import { ContentNotFoundError, InvalidContentError, InvalidReferenceError } from "../errors.ts";
import { choosePlatform, formatPlatform } from "../manifest/platform.ts";
import { isDerivedTag } from "../manifest/derived_tag.ts";
import { namesOf, tagOf } from "./entry_names.ts";
import type { LayoutEntries } from "./layout_entries.ts";
import type { LayoutManifests } from "./layout_manifests.ts";

/** How many entries a message lists. */
const LISTED = 20;

/** Where a reference is looked up. */
interface NamedEntries {
  /** The entries. */
  entries: LayoutEntries;
  /** What has them, as messages say it. */
  where: string;
  /** Which of several manifests with one name is meant. */
  platform?: string | undefined;
}

/**
 * The entry with a tag, a full name or a digest; `undefined` where there is none. Of several with one
 * name the platform decides.
 *
 * @throws {InvalidReferenceError} When several manifests have the name.
 * @throws {InvalidContentError} When the entry with that name cannot be read.
 */
export function resolveEntry(reference: string, named: NamedEntries): Descriptor | undefined {
  const { entries, where } = named;
  const listed = entries.listed(reference);
  if (listed !== undefined) return listed;
  const found = entries.named(reference);
  const problem = found.length === 0 ? entries.problemOf(reference) : undefined;
  if (problem !== undefined) {
    throw new InvalidContentError(`Cannot resolve ${JSON.stringify(reference)}: ${problem}`);
  }
  return only(found, `Cannot resolve ${JSON.stringify(reference)}: ${where} has several`, named);
}

/**
 * The only image of a layout. Without a tag of its own none is what another entry is made of, what is
 * attached to another entry, and what a tagged entry is attached to: oras lists all of these.
 *
 * @throws {ContentNotFoundError} When there is no image.
 * @throws {InvalidContentError} When the only entry there is cannot be read.
 * @throws {InvalidReferenceError} When there are several; the message lists them.
 */
export async function onlyImage(
  named: NamedEntries,
  manifests?: LayoutManifests,
): Promise<Descriptor> {
  const all = named.entries.all();
  const known = await Promise.all(all.map((entry) => manifests?.know(entry)));
  const parts = new Set<string | undefined>();
  for (const [at, each] of known.entries()) {
    if (tagOf(all[at]!) !== undefined) parts.add(each?.subject);
    for (const { digest } of each?.children ?? []) parts.add(digest);
  }
  const images = all.filter((entry, at) => {
    const tag = tagOf(entry);
    if (tag !== undefined) return !isDerivedTag(tag);
    return known[at]?.subject === undefined && !parts.has(entry.digest);
  });
  const problem = `Cannot choose an image of ${named.where}, which has several`;
  const image = only(images.length === 0 ? all : images, problem, named);
  if (image !== undefined) return image;
  const broken = named.entries.problems[0];
  if (broken !== undefined) {
    throw new InvalidContentError(`Cannot find an image in ${named.where}: ${broken.problem}`);
  }
  throw new ContentNotFoundError(`Cannot find an image: ${named.where} has none`);
}

/** That nothing has a name; the message lists the names that there are. */
export function noSuchEntry(reference: string, { entries, where }: NamedEntries) {
  return new ContentNotFoundError(
    `Cannot resolve ${JSON.stringify(reference)}: ${where} has no such name or digest; it has ` +
      (listed(entries.all()) || "no images"),
  );
}

function only(
  entries: readonly Descriptor[],
  problem: string,
  { platform }: NamedEntries,
): Descriptor | undefined {
  if (new Set(entries.map(({ digest }) => digest)).size <= 1) return entries[0];
  if (platform !== undefined) {
    return choosePlatform({ schemaVersion: 2, manifests: [...entries] }, platform);
  }
  throw new InvalidReferenceError(`${problem}, name one of them: ${listed(entries)}`);
}

function listed(entries: readonly Descriptor[]): string {
  const names = new Map<string, Set<string>>();
  for (const entry of entries) {
    const { digest, platform } = entry;
    const key = platform === undefined ? digest : `${digest} (${formatPlatform(platform)})`;
    names.set(key, new Set([...names.get(key) ?? [], ...namesOf(entry)]));
  }
  const all = [...names].map(([key, names]) => [...names, key].join(" "));
  const more = all.length - LISTED;
  return `${all.slice(0, LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
