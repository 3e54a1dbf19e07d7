import type { Descriptor } from "../content/descriptor.ts";
import { nameOf, REF_NAME, tagOf, withFullName, withoutNames } from "./entry_names.ts";

/** A change of an index's entries. */
export type IndexChange =
  /** Gives a manifest a tag; whatever had it loses it, and stays listed. */
  | { tag: string; descriptor: Descriptor }
  /** Takes a tag away; what had it stays listed. */
  | { untag: string }
  /** Takes a manifest out of the list where it has no tag; its file stays. */
  | { unlist: string }
  /** Lists a manifest, with a tag or without, unless it is listed. */
  | { list: Descriptor }
  /** Takes a manifest away, with its tags. */
  | { remove: string };

/** An entry that is written as it was read, since it is not quite a descriptor. */
export class OddEntry {
  /** What stands in the file. */
  readonly value: unknown;
  /** What it means, where that could be found out. */
  readonly descriptor: Descriptor | undefined;
  /** What is wrong with it, where it could not. */
  readonly problem: string | undefined;

  /** An entry with what it means, or what is wrong with it. */
  constructor(value: unknown, meaning: { descriptor: Descriptor } | { problem: string }) {
    this.value = value;
    this.descriptor = "descriptor" in meaning ? meaning.descriptor : undefined;
    this.problem = "problem" in meaning ? meaning.problem : undefined;
  }
}

/**
 * The entries of an `index.json`: a manifest has one for each of its tags, or one without a tag.
 * Every change takes as long as the entries it touches, however many others there are.
 */
export class LayoutEntries {
  /** In the order of the file. */
  readonly #entries = new Set<Descriptor | OddEntry>();
  /** The odd entries by what they mean. */
  readonly #odd = new Map<Descriptor, OddEntry>();
  readonly #problems: OddEntry[] = [];
  readonly #byTag = new Map<string, Descriptor[]>();
  readonly #byDigest = new Map<string, Descriptor[]>();

  /** The entries of a file. */
  constructor(entries: readonly (Descriptor | OddEntry)[] = []) {
    for (const entry of entries) {
      if (!(entry instanceof OddEntry)) this.#add(entry);
      else if (entry.descriptor !== undefined) this.#add(entry.descriptor, entry);
      else {
        this.#problems.push(entry);
        this.#entries.add(entry);
      }
    }
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Every entry that can be read. */
  all(): Descriptor[] {
    return [...this.#entries].flatMap((entry) =>
      entry instanceof OddEntry ? entry.descriptor ?? [] : entry
    );
  }

  /** Every entry as it stands in the file. */
  *lines(): Generator<unknown> {
    for (const entry of this.#entries) yield entry instanceof OddEntry ? entry.value : entry;
  }

  /** Those that cannot be read. */
  get problems(): readonly OddEntry[] {
    return this.#problems;
  }

  /** What is wrong with the entry of a tag or full name, where it cannot be read. */
  problemOf(reference: string): string | undefined {
    return this.#problems.find(({ value }) => {
      const entry = (value ?? {}) as Descriptor;
      return tagOf(entry) === reference || withFullName([entry], reference).length > 0;
    })?.problem;
  }

  /** Every tag, once each. */
  tags(): string[] {
    return [...this.#byTag.keys()];
  }

  /** The digests of everything that is listed, once each. */
  digests(): string[] {
    return [...this.#byDigest.keys()];
  }

  /** The entry with a tag, the first where several have it. */
  tagged(tag: string): Descriptor | undefined {
    return this.named(tag)[0];
  }

  /** The entries with a tag or a full name. One that was given the very name comes before others. */
  named(reference: string): Descriptor[] {
    const tagged = this.#byTag.get(reference) ?? [];
    const exact = tagged.filter((entry) => nameOf(entry) === reference);
    if (exact.length > 0 || tagged.length > 0) return exact.length > 0 ? exact : tagged;
    return withFullName(this.all(), reference);
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
    if ("unlist" in change) {
      const entry = this.listed(change.unlist);
      if (entry === undefined || tagOf(entry) !== undefined) return false;
      this.#delete(entry);
      return true;
    }
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
    const before = (this.#byTag.get(tag) ?? []).filter((other) => nameOf(other) === tag);
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
    const before = this.#byTag.get(tag) ?? this.named(tag);
    for (const lost of [...before]) this.#loseTag(lost);
    return before.length > 0;
  }

  /** What loses its last tag stays in the folder, and in its index. */
  #loseTag(entry: Descriptor): void {
    this.#delete(entry);
    if (!this.#byDigest.has(entry.digest)) this.#add(withoutNames(entry));
  }

  #add(entry: Descriptor, odd?: OddEntry): void {
    if (odd !== undefined) this.#odd.set(entry, odd);
    this.#entries.add(odd ?? entry);
    append(this.#byDigest, entry.digest, entry);
    const tag = tagOf(entry);
    if (tag !== undefined) append(this.#byTag, tag, entry);
  }

  #delete(entry: Descriptor): void {
    this.#entries.delete(this.#odd.get(entry) ?? entry);
    this.#odd.delete(entry);
    remove(this.#byDigest, entry.digest, entry);
    const tag = tagOf(entry);
    if (tag !== undefined) remove(this.#byTag, tag, entry);
  }
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
