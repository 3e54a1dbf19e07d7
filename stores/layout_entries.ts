import type { Descriptor } from "../content/descriptor.ts";

/** The annotation that holds a tag. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
const REF_NAME = "org.opencontainers.image.ref.name";

/** A change of an index's entries. */
export type IndexChange =
  /** Gives a manifest a tag; whatever had it loses it, and stays listed. */
  | { tag: string; descriptor: Descriptor }
  /** Takes a tag away; what had it stays listed. */
  | { untag: string }
  /** Lists a manifest, with a tag or without, unless it is listed. */
  | { list: Descriptor }
  /** Takes a manifest away, with its tags. */
  | { remove: string };

/**
 * The entries of an `index.json`: a manifest has one for each of its tags, or one without a tag.
 * Every change takes as long as the entries it touches, however many others there are.
 */
export class LayoutEntries {
  /** In the order of the file. */
  readonly #entries = new Set<Descriptor>();
  readonly #byTag = new Map<string, Descriptor[]>();
  readonly #byDigest = new Map<string, Descriptor[]>();

  /** The entries of a file. */
  constructor(entries: readonly Descriptor[] = []) {
    for (const entry of entries) this.#add(entry);
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Every entry. */
  all(): Descriptor[] {
    return [...this.#entries];
  }

  /** Every tag, once each. */
  tags(): string[] {
    return [...this.#byTag.keys()];
  }

  /** The digests of everything that is listed, once each. */
  digests(): string[] {
    return [...this.#byDigest.keys()];
  }

  /** The entry with a tag. */
  tagged(tag: string): Descriptor | undefined {
    return this.#byTag.get(tag)?.[0];
  }

  /** An entry of a manifest. */
  listed(digest: string): Descriptor | undefined {
    return this.#byDigest.get(digest)?.[0];
  }

  /** The tags of a manifest. */
  tagsOf(digest: string): string[] {
    return (this.#byDigest.get(digest) ?? []).flatMap((entry) => tagOf(entry) ?? []);
  }

  /** Makes a change; `false` when everything was so before. */
  apply(change: IndexChange): boolean {
    if ("tag" in change) return this.#tag(change.descriptor, change.tag);
    if ("untag" in change) return this.#untag(change.untag);
    if ("remove" in change) {
      const entries = this.#byDigest.get(change.remove) ?? [];
      for (const entry of [...entries]) this.#delete(entry);
      return entries.length > 0;
    }
    if (this.#byDigest.has(change.list.digest)) return false;
    this.#add({ ...change.list });
    return true;
  }

  #tag(descriptor: Descriptor, tag: string): boolean {
    const entry = {
      ...descriptor,
      annotations: { ...descriptor.annotations, [REF_NAME]: tag },
    };
    const before = this.#byTag.get(tag) ?? [];
    if (before.length === 1 && isSame(before[0]!, entry)) return false;
    for (const other of this.#byDigest.get(entry.digest) ?? []) {
      if (tagOf(other) === undefined) this.#delete(other);
    }
    this.#add(entry);
    for (const lost of [...before]) {
      if (lost !== entry) this.#loseTag(lost);
    }
    return true;
  }

  #untag(tag: string): boolean {
    const before = this.#byTag.get(tag) ?? [];
    for (const lost of [...before]) this.#loseTag(lost);
    return before.length > 0;
  }

  /** What loses its last tag stays in the folder, and in its index. */
  #loseTag(entry: Descriptor): void {
    this.#delete(entry);
    if (!this.#byDigest.has(entry.digest)) this.#add(untagged(entry));
  }

  #add(entry: Descriptor): void {
    this.#entries.add(entry);
    append(this.#byDigest, entry.digest, entry);
    const tag = tagOf(entry);
    if (tag !== undefined) append(this.#byTag, tag, entry);
  }

  #delete(entry: Descriptor): void {
    this.#entries.delete(entry);
    remove(this.#byDigest, entry.digest, entry);
    const tag = tagOf(entry);
    if (tag !== undefined) remove(this.#byTag, tag, entry);
  }
}

/** The tag of an entry. */
export function tagOf(entry: Descriptor): string | undefined {
  const tag: unknown = entry.annotations?.[REF_NAME];
  return typeof tag === "string" ? tag : undefined;
}

/** An entry without its tag. */
export function untagged({ annotations, ...rest }: Descriptor): Descriptor {
  const { [REF_NAME]: _tag, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}

/** Whether an entry says what another one does; it may say more. */
function isSame(entry: Descriptor, other: Descriptor): boolean {
  return entry.digest === other.digest && entry.mediaType === other.mediaType &&
    entry.size === other.size &&
    Object.entries(other.annotations ?? {}).every(([name, value]) =>
      entry.annotations?.[name] === value
    );
}

function append(map: Map<string, Descriptor[]>, key: string, entry: Descriptor): void {
  const entries = map.get(key);
  if (entries === undefined) map.set(key, [entry]);
  else entries.push(entry);
}

function remove(map: Map<string, Descriptor[]>, key: string, entry: Descriptor): void {
  const others = map.get(key)?.filter((other) => other !== entry) ?? [];
  if (others.length === 0) map.delete(key);
  else map.set(key, others);
}
