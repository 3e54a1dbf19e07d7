import type { Descriptor, Platform } from "../content/descriptor.ts";
import { ContentNotFoundError, InvalidReferenceError } from "../errors.ts";
import { choosePlatform, formatPlatform } from "../manifest/platform.ts";
import { formatReference, parseReference } from "../reference/reference.ts";
import { isTag } from "../reference/tag.ts";

/** The annotation with the name that an entry of `index.json` was given: a tag, or a full name. */
const REF_NAME = "org.opencontainers.image.ref.name";

/** The annotation that containerd, regctl and docker put a full name in. */
export const IMAGE_NAME = "io.containerd.image.name";

/** The name that an entry of `index.json` was given. */
export function nameOf(entry: Descriptor): string | undefined {
  const name: unknown = entry.annotations?.[REF_NAME];
  return typeof name === "string" ? name : undefined;
}

/** Every name of an entry of `index.json`. */
export function namesOf(entry: Descriptor): string[] {
  const names: unknown[] = [nameOf(entry), entry.annotations?.[IMAGE_NAME]];
  return names.filter((name): name is string => typeof name === "string");
}

/** An entry as it may stand anywhere: what it is called here is no part of it. */
export function withoutNames({ annotations, ...rest }: Descriptor): Descriptor {
  const { [REF_NAME]: _ref, [IMAGE_NAME]: _name, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}

/** How many names an error lists. */
const MAX_LISTED = 20;

/** An image in an archive, and what it is called there. */
export interface NamedImage {
  /** Tags and full names, as they are written. */
  readonly names: readonly string[];
  /** What tells it from the others: its digest, where that is known. */
  readonly key: string;
  /** What it runs on, where that is stated. */
  readonly platform?: Platform | undefined;
}

/**
 * The image that a reference names: by a name as it is written, else by a full name in another form
 * (`app:1` is `docker.io/library/app:1`), else by the tag of a full name. No name at all names the
 * only image there is. Of several under one name the platform decides.
 *
 * @throws {ContentNotFoundError} When none has the name.
 * @throws {InvalidReferenceError} When several have it; the message lists them.
 */
export function chooseImage<T extends NamedImage>(
  images: readonly T[],
  reference: string,
  where: string,
  platform?: string,
): T {
  const found = named(images, reference);
  const one = found[0];
  if (one !== undefined && found.every(({ key }) => key === one.key)) return one;
  const shown = JSON.stringify(reference);
  if (found.length === 0) {
    const has = images.length === 0 ? "it has no images" : `it has ${listed(images)}`;
    throw new ContentNotFoundError(
      `Cannot resolve ${shown}: ${where} has no such name or digest; ${has}`,
    );
  }
  if (platform !== undefined) return ofPlatform(found, platform);
  throw new InvalidReferenceError(
    `Cannot resolve ${shown}: ${where} has several images, name one of them: ${listed(found)}`,
  );
}

function named<T extends NamedImage>(images: readonly T[], reference: string): readonly T[] {
  if (reference === "") return images;
  const full = fullName(reference);
  const tests: ((name: string) => boolean)[] = [
    (name) => name === reference,
    (name) => full !== undefined && fullName(name) === full,
    (name) => isTag(reference) && tagIn(name) === reference,
  ];
  for (const test of tests) {
    const found = images.filter(({ names }) => names.some(test));
    if (found.length > 0) return found;
  }
  return [];
}

function ofPlatform<T extends NamedImage>(images: readonly T[], platform: string): T {
  const manifests = images.map((image) => ({
    mediaType: "",
    digest: image.key,
    size: 0,
    ...(image.platform && { platform: image.platform }),
  }));
  const { digest } = choosePlatform({ schemaVersion: 2, manifests }, platform);
  return images.find(({ key }) => key === digest)!;
}

function fullName(text: string): string | undefined {
  try {
    return formatReference({ ...parseReference(text, { defaultTag: "latest" }) });
  } catch {
    return undefined;
  }
}

function tagIn(name: string): string | undefined {
  try {
    return parseReference(name).tag;
  } catch {
    return undefined;
  }
}

function listed(images: readonly NamedImage[]): string {
  const byKey = new Map<string, Set<string>>();
  for (const { names, key } of images) {
    byKey.set(key, new Set([...byKey.get(key) ?? [], ...names]));
  }
  const all = [...byKey].map(([key, names]) => {
    const platform = images.find((image) => image.key === key && image.platform)?.platform;
    const name = names.size > 0 ? [...names].join(", ") : key;
    return platform === undefined ? name : `${name} (${formatPlatform(platform)})`;
  });
  const more = all.length - MAX_LISTED;
  return `${all.slice(0, MAX_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
