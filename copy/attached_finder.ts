import type { Descriptor } from "../content/descriptor.ts";
import { isIndexMediaType } from "../content/media_types.ts";
import type { ContentSource } from "../content/store.ts";
import { ApiError, InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { readManifest } from "../manifest/read_manifest.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { isIndex } from "../manifest/types.ts";
import { resolveIfThere } from "./resolve_root.ts";

/** What is attached to a manifest: a referrer of it, or what a tag made of its digest names. */
export interface AttachedEntry {
  /** The manifest that is attached. */
  descriptor: Descriptor;
  /** The tag that leads to it: its own name, not the list of the referrers. */
  tag?: string;
}

/**
 * What cosign puts behind a digest, to name what it attaches. Others have endings of their own, which
 * are found where tags are listed.
 */
const SUFFIXES = [".sig", ".att", ".sbom"];

/**
 * For so many manifests tags are asked for by their names. With more of them a list of all tags costs
 * less, where it is short: some repositories have 50,000, and list them in minutes.
 */
const ASKED_FIRST = 2;
const SHORT_LIST = 1_000;

/**
 * Finds what is attached to manifests of a store: its referrers, and what derived tags name.
 *
 * @example
 * ```ts
 * import { AttachedFinder } from "@davit/registry-client/copy";
 * import { attach, pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const image = await pack(store, { artifactType: "application/vnd.example.thing" });
 * const note = await attach(store, image, { artifactType: "text/plain", layers: [] });
 *
 * const finder = new AttachedFinder(store, AbortSignal.timeout(10_000));
 * const [found] = await finder.find(image);
 * assertEquals(found?.descriptor.digest, note.digest);
 * ```
 */
export class AttachedFinder {
  readonly #source: ContentSource;
  readonly #signal: AbortSignal;
  #asked = 0;
  /** Every tag, once they are listed; `undefined` where there are too many. */
  #tags: Promise<Tags | undefined> | undefined;

  /** `tags` are all of the source's, where they were listed before. */
  constructor(source: ContentSource, signal: AbortSignal, tags?: ReadonlySet<string>) {
    this.#source = source;
    this.#signal = signal;
    if (tags !== undefined) this.#tags = Promise.resolve(groupTags(tags));
  }

  /** What is attached to a manifest; each once. Lists may name what is gone. */
  async find(subject: Descriptor): Promise<AttachedEntry[]> {
    this.#asked++;
    const tags = await this.#listed();
    const found = await allDone([this.#referrers(subject, tags), this.#byName(subject, tags)]);
    const entries = new Map<string, AttachedEntry>();
    for (const entry of found.flat()) {
      entries.set(`${entry.descriptor.digest} ${entry.tag ?? ""}`, entry);
    }
    return [...entries.values()];
  }

  /** What the tags lead to that are made of the digest. */
  async #byName(subject: Descriptor, tags: Tags | undefined): Promise<AttachedEntry[]> {
    const base = fallbackTag(subject.digest);
    const names = tags === undefined
      ? [base, ...SUFFIXES.map((suffix) => base + suffix)]
      : tags.get(group(base))?.filter((tag) => tag === base || tag.startsWith(`${base}.`)) ?? [];
    const found = await allDone(
      names.map((tag) => tag === base ? this.#inFallback(subject, tag) : this.#named(tag)),
    );
    return found.flat();
  }

  async #referrers(subject: Descriptor, tags: Tags | undefined): Promise<AttachedEntry[]> {
    const { referrers } = this.#source;
    if (referrers === undefined) return [];
    const entries: AttachedEntry[] = [];
    const base = fallbackTag(subject.digest);
    const fallback = tags?.get(group(base))?.includes(base) ?? tags === undefined;
    const listed = referrers.call(this.#source, subject, { signal: this.#signal, fallback });
    try {
      for await (const descriptor of listed) entries.push({ descriptor });
    } catch (error) {
      // Where there is no API, the fallback tag may name an image, which hides no list.
      if (!fallback || !(error instanceof ManifestVerificationError)) throw error;
    }
    return entries;
  }

  /**
   * The fallback tag's list, which a registry's store has merged into its referrers; in folders and
   * archives that regctl wrote nothing else leads to them.
   */
  async #inFallback(subject: Descriptor, tag: string): Promise<AttachedEntry[]> {
    const [list] = await this.#named(tag).catch((error) => {
      // An archive reads a manifest before it says what a tag names: the list may be broken.
      if (error instanceof InvalidManifestError) return [];
      throw error;
    });
    // GitLab resolves such a tag to the subject itself.
    if (list === undefined || list.descriptor.digest === subject.digest) return [];
    if (!isIndexMediaType(list.descriptor.mediaType)) return [];
    try {
      const signal = this.#signal;
      const { manifest } = await readManifest(this.#source, list.descriptor, { signal });
      if (!isIndex(manifest)) return [];
      return manifest.manifests.map((descriptor) => ({ descriptor }));
    } catch (error) {
      if (error instanceof ApiError && !error.retryable) return []; // a list of no use hides nothing
      throw error;
    }
  }

  async #named(tag: string): Promise<AttachedEntry[]> {
    const descriptor = await resolveIfThere(this.#source, tag, this.#signal);
    return descriptor === undefined ? [] : [{ descriptor, tag }];
  }

  #listed(): Promise<Tags | undefined> {
    if (this.#tags === undefined && this.#asked <= ASKED_FIRST) return Promise.resolve(undefined);
    return this.#tags ??= this.#list();
  }

  async #list(): Promise<Tags | undefined> {
    if (this.#source.tags === undefined) return undefined;
    const tags = new Set<string>();
    try {
      for await (const tag of this.#source.tags({ signal: this.#signal })) {
        if (tags.add(tag).size > SHORT_LIST) return undefined;
      }
      return groupTags(tags);
    } catch {
      this.#signal.throwIfAborted();
      return undefined; // a list that is refused, or too long for one page: they are asked for
    }
  }
}

/** What all come to; an error is thrown when none of them goes on any more. */
async function allDone<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(tasks);
  return await Promise.all(tasks);
}

/** Tags by what stands before their first full stop. */
type Tags = ReadonlyMap<string, readonly string[]>;

const group = (tag: string) => tag.split(".", 1)[0]!;

function groupTags(tags: Iterable<string>): Tags {
  const groups = new Map<string, string[]>();
  for (const tag of tags) {
    const name = group(tag);
    const known = groups.get(name);
    if (known === undefined) groups.set(name, [tag]);
    else known.push(tag);
  }
  return groups;
}
