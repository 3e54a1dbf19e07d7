import { bytesStream } from "../../content/body.ts";
import type { Bytes } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigest } from "../../content/digest.ts";
import { digestOf } from "../../content/digest_of.ts";
import { DEFAULT_LIMITS } from "../../content/limits.ts";
import { bareMediaType, isManifestMediaType } from "../../content/media_types.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { Turns } from "../../content/turns.ts";
import { ApiError } from "../../errors.ts";
import { childrenOf } from "../../manifest/children.ts";
import { parseManifest } from "../../manifest/parse_manifest.ts";
import { isTag, type Tag } from "../../reference/tag.ts";
import { fileStream } from "../../stores/file_stream.ts";
import type { IndexChange, LayoutEntries } from "../../stores/layout_entries.ts";
import type { LayoutFiles } from "../../stores/layout_files.ts";
import { LayoutIndex } from "../../stores/layout_index.ts";
import { SMALL_BYTES } from "../../stores/verified_files.ts";
import { readManifest } from "../read_manifest.ts";
import { Refusal } from "../refusal.ts";
import type { Page, PageRequest, StoredBlob, StoredManifest } from "./backend.ts";
import { SortedNames } from "./sorted_names.ts";

/** The exact `Content-Type` of a manifest, where it is more than its entry's media type. */
const CONTENT_TYPE = "dev.davit.content-type";

/** Names what is a blob, too, of the manifests: everything is in one folder. */
const BOTH = ".manifests-and-blobs";

/** How many manifests are read at once to find the referrers after a start. */
const READS_AT_ONCE = 16;

/** What is known of a manifest that has a subject. */
type Referrer = NonNullable<StoredManifest["referrer"]>;

/** One repository of a registry, as an OCI layout. */
export class DiskRepository {
  /** Its files. */
  readonly files: LayoutFiles;
  #index: Promise<LayoutIndex> | undefined;
  /** The last change of a digest, so that the next one waits for it. */
  readonly #turns = new Turns();
  /** What was read of each manifest; `undefined` for one without a subject. */
  readonly #referrers = new Map<string, Referrer | undefined>();
  #tagNames: { version: number; names: SortedNames } | undefined;
  #children: { version: number; types: Map<string, string> } | undefined;

  /** A repository in the folder of a layout, which need not be there. */
  constructor(files: LayoutFiles) {
    this.files = files;
  }

  /** Whether it has, or had, anything. */
  async exists(): Promise<boolean> {
    return await this.files.stat("oci-layout") !== undefined;
  }

  /** Makes an empty layout of it, unless it is one. */
  async create(): Promise<void> {
    if (await this.exists()) return;
    await (await this.#layoutIndex()).create(this.files);
  }

  /** A blob; a manifest is none, unless it was pushed as one too. */
  async blob(digest: Digest, verified = false): Promise<StoredBlob | undefined> {
    const size = await this.files.size(digest);
    if (size === undefined || !await this.#isBlob(digest)) return undefined;
    if ((verified || size === 0) && !await this.files.verified(digest)) {
      return undefined; // what a power cut has emptied is seen at once
    }
    return {
      size,
      open: async (offset, length) =>
        fileStream(await this.files.open(digest, offset), length, this.files.path(digest)),
    };
  }

  /**
   * Makes a blob of a verified file. It takes the place of what is there, unless that is known to be
   * the same: other repositories may share that one.
   */
  async putBlob(digest: Digest, path: string): Promise<void> {
    await this.create();
    await this.#changing(digest, async () => {
      if (!await this.files.verified(digest, { limit: SMALL_BYTES })) {
        await this.files.publish(path, digest);
        await this.files.learn(digest);
      }
      if ((await this.#entries()).listed(digest) !== undefined) await this.#mark(digest, true);
    });
  }

  /** Gives it the blob of another one; `false` where that does not have it, or has it damaged. */
  async linkBlob(digest: Digest, from: DiskRepository): Promise<boolean> {
    const blob = await from.blob(digest, true);
    if (blob === undefined) return false;
    await this.create();
    return await this.#changing(digest, async () => {
      if (!await this.files.verified(digest)) {
        const isHere = await this.files.size(digest) !== undefined;
        const linked = isHere ? false : await this.files.link(from.files, digest);
        if (linked === undefined) return false;
        if (!linked) {
          const copy = pieceReader(await blob.open(0, blob.size));
          await this.files.write(digest, blob.size, copy);
        }
        await this.files.learn(digest);
      }
      if ((await this.#entries()).listed(digest) !== undefined) await this.#mark(digest, true);
      return true;
    });
  }

  /**
   * Shares the file of another one's blob, where that takes no reading of a large file and no copy.
   *
   * @returns Whether it has the blob now.
   */
  async shareBlob(digest: Digest, from: DiskRepository): Promise<boolean> {
    if (await from.blob(digest) === undefined) return false;
    if (!await from.files.verified(digest, { limit: SMALL_BYTES })) return false;
    await this.create();
    return await this.#changing(digest, async () => {
      if (await this.files.size(digest) !== undefined) return false;
      if (await this.files.link(from.files, digest) !== true) return false;
      await this.files.learn(digest);
      if ((await this.#entries()).listed(digest) !== undefined) await this.#mark(digest, true);
      return true;
    });
  }

  /** Removes a blob; a manifest of the same digest stays. */
  async deleteBlob(digest: Digest): Promise<boolean> {
    return await this.#changing(digest, async () => {
      if ((await this.#entries()).listed(digest) === undefined) {
        return await this.files.remove(digest);
      }
      const both = await this.#isBlob(digest);
      if (both) await this.#mark(digest, false);
      return both;
    });
  }

  /** A manifest that is listed, or that an index of another program's leads to. */
  async manifest(reference: Tag | Digest): Promise<StoredManifest | undefined> {
    const entries = await this.#entries();
    const entry = isDigest(reference)
      ? entries.listed(reference) ?? await this.#child(entries, reference)
      : entries.tagged(reference);
    if (entry === undefined) return undefined;
    const bytes = await this.#read(entry.digest);
    if (bytes === undefined) return undefined;
    const contentType = contentTypeOf(entry);
    return { digest: entry.digest as Digest, contentType, bytes };
  }

  /** Keeps a manifest, then lists it with its tags. */
  async putManifest(manifest: StoredManifest, tags: readonly Tag[]): Promise<void> {
    const { bytes, contentType, digest, referrer } = manifest;
    await this.create();
    const mediaType = bareMediaType(contentType);
    const descriptor: Descriptor = {
      mediaType,
      digest,
      size: bytes.byteLength,
      ...(mediaType !== contentType && { annotations: { [CONTENT_TYPE]: contentType } }),
    };
    const index = await this.#layoutIndex();
    await this.#changing(digest, async () => {
      const isBlob = await this.files.size(digest) !== undefined &&
        (await this.#entries()).listed(digest) === undefined; // it came as one before
      if (await this.#read(digest) === undefined) {
        await this.files.write(digest, bytes.byteLength, pieceReader(bytesStream(bytes)));
      }
      if (isBlob) await this.#mark(digest, true);
      this.#referrers.set(digest, referrer);
      await index.change(this.files, (entries) => ({
        changes: listing(entries, descriptor, tags),
        result: undefined,
      }), { journal: true });
    });
  }

  /** Takes a manifest and its tags away; its file goes when `index.json` does not name it any more. */
  async deleteManifest(digest: Digest): Promise<boolean> {
    const index = await this.#layoutIndex();
    return await this.#changing(digest, async () => {
      const child = await this.#child(await this.#entries(), digest);
      const listed = await index.change(this.files, (entries) => ({
        changes: [{ remove: digest }],
        result: entries.listed(digest) !== undefined,
      }), { journal: true });
      if (listed) this.#referrers.delete(digest);
      else if (child !== undefined) await this.files.remove(digest);
      return listed || child !== undefined;
    });
  }

  /** Takes a tag away. */
  async deleteTag(tag: Tag): Promise<boolean> {
    const index = await this.#layoutIndex();
    return await index.change(this.files, (entries) => ({
      changes: [{ untag: tag }],
      result: entries.tagged(tag) !== undefined,
    }), { journal: true });
  }

  /** The tags. */
  async tags(page: PageRequest): Promise<Page<string>> {
    const entries = await this.#entries();
    const { version } = await this.#layoutIndex();
    if (this.#tagNames?.version !== version) {
      const names = new SortedNames();
      for (const tag of entries.tags()) if (isTag(tag)) names.add(tag);
      this.#tagNames = { version, names };
    }
    return this.#tagNames.names.page(page);
  }

  /** The descriptors of the manifests with a subject, in the order of their digests. */
  async referrers(subject: Digest): Promise<Descriptor[]> {
    const entries = await this.#entries();
    const digests = entries.digests();
    const unknown = digests.filter((digest) => !this.#referrers.has(digest));
    for (let at = 0; at < unknown.length; at += READS_AT_ONCE) {
      const some = unknown.slice(at, at + READS_AT_ONCE);
      await Promise.all(some.map((digest) => this.#learnReferrer(entries.listed(digest))));
    }
    const all = new Set([...digests, ...await this.#inFallbackIndex(entries, subject)]);
    return [...all].flatMap((digest) => {
      const referrer = this.#referrers.get(digest);
      return referrer?.subject === subject ? referrer.descriptor : [];
    }).sort((one, other) => one.digest < other.digest ? -1 : 1);
  }

  /**
   * What an index under a subject's fallback tag lists: regctl keeps referrers in a layout there, and
   * nowhere else.
   */
  async #inFallbackIndex(entries: LayoutEntries, subject: Digest): Promise<string[]> {
    const [algorithm = "", encoded = ""] = subject.split(":");
    const entry = entries.tagged(`${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`);
    const bytes = entry && await this.#read(entry.digest);
    const here: string[] = [];
    for (const child of bytes === undefined ? [] : manifestsIn(bytes, entry!.mediaType)) {
      if (await this.files.size(child.digest as Digest) === undefined) continue;
      if (!this.#referrers.has(child.digest)) await this.#learnReferrer(child);
      here.push(child.digest);
    }
    return here;
  }

  /** Writes what a journal still holds, and removes what was left before a time. */
  async tidy(before: number): Promise<void> {
    await (await this.#layoutIndex()).flush(this.files);
    await this.files.sweep(before);
  }

  #layoutIndex(): Promise<LayoutIndex> {
    return this.#index ??= LayoutIndex.of(this.files).then((index) => {
      index.onDrop = (digests) => this.#dropFiles(digests as Digest[]);
      return index;
    });
  }

  /** Removes the files of manifests, but for those that are blobs too. */
  async #dropFiles(digests: readonly Digest[]): Promise<() => Promise<void>> {
    const blobs: Digest[] = [];
    for (const digest of digests) {
      if (await this.#isMarked(digest)) blobs.push(digest);
      else await this.files.remove(digest);
    }
    return async () => {
      for (const digest of blobs) await this.#mark(digest, false);
    };
  }

  async #entries(): Promise<LayoutEntries> {
    return await (await this.#layoutIndex()).read(this.files);
  }

  async #learnReferrer(entry: Descriptor | undefined): Promise<void> {
    if (entry === undefined) return;
    const bytes = await this.#read(entry.digest);
    if (bytes === undefined) return;
    const digest = entry.digest as Digest;
    this.#referrers.set(digest, referrerOf(bytes, digest, contentTypeOf(entry)));
  }

  /** The bytes of a manifest, where they still are what the digest says. */
  async #read(text: string): Promise<Bytes | undefined> {
    const digest = text as Digest; // an index's entries have been checked
    const size = await this.files.size(digest);
    if (size === undefined || size > DEFAULT_LIMITS.manifestBytes) return undefined;
    const bytes = await this.files.read(digest);
    if (bytes === undefined) return undefined;
    return await digestOf(bytes, hashAlgorithm(digest)) === digest ? bytes : undefined;
  }

  /**
   * The descriptor of what is here and not listed, in an index that is: other programs list an image
   * of several platforms as one entry.
   */
  async #child(entries: LayoutEntries, digest: Digest): Promise<Descriptor | undefined> {
    const size = await this.files.size(digest);
    if (size === undefined || entries.listed(digest) !== undefined) return undefined;
    const { version } = await this.#layoutIndex();
    if (this.#children?.version !== version) {
      this.#children = { version, types: await this.#childTypes(entries.all()) };
    }
    const mediaType = this.#children.types.get(digest);
    return mediaType === undefined ? undefined : { mediaType, digest, size };
  }

  async #childTypes(entries: readonly Descriptor[]): Promise<Map<string, string>> {
    const types = new Map<string, string>();
    const left = [...entries];
    for (let entry = left.pop(); entry !== undefined; entry = left.pop()) {
      if (!/index|list/.test(entry.mediaType)) continue; // a cheap look before the file is read
      const bytes = await this.#read(entry.digest);
      for (const child of bytes === undefined ? [] : manifestsIn(bytes, entry.mediaType)) {
        if (types.has(child.digest)) continue;
        types.set(child.digest, child.mediaType);
        left.push(child);
      }
    }
    return types;
  }

  async #isBlob(digest: Digest): Promise<boolean> {
    const isManifest = (await this.#entries()).listed(digest) !== undefined ||
      (await this.#layoutIndex()).isDropped(digest);
    return !isManifest || await this.#isMarked(digest);
  }

  async #isMarked(digest: Digest): Promise<boolean> {
    return await this.files.stat(markOf(digest)) !== undefined;
  }

  async #mark(digest: Digest, both: boolean): Promise<void> {
    if (both) await this.files.replace(markOf(digest), []);
    else await this.files.removeFile(markOf(digest));
  }

  /**
   * Lets one change of a digest happen at a time: one that lists it, and one that removes it. A file
   * that is to go is gone before it.
   */
  #changing<T>(digest: Digest, change: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      const index = await this.#layoutIndex();
      await index.read(this.files);
      if (index.isDropped(digest)) await index.flush(this.files);
      return await change();
    }, digest);
  }
}

function markOf(digest: Digest): string {
  return `${BOTH}.${digest.replace(":", "-")}`;
}

function contentTypeOf({ annotations, mediaType }: Descriptor): string {
  return annotations?.[CONTENT_TYPE] ?? mediaType;
}

/** What lists a manifest under its tags; those that it had keep to it when its type changes. */
function listing(
  entries: LayoutEntries,
  descriptor: Descriptor,
  tags: readonly Tag[],
): IndexChange[] {
  const before = entries.listed(descriptor.digest);
  const changes: IndexChange[] = [];
  if (before !== undefined && contentTypeOf(before) !== contentTypeOf(descriptor)) {
    changes.push({ remove: descriptor.digest }, { list: descriptor });
    for (const tag of entries.tagsOf(descriptor.digest)) changes.push({ tag, descriptor });
  }
  for (const tag of tags) changes.push({ tag, descriptor });
  return changes.length === 0 ? [{ list: descriptor }] : changes;
}

function referrerOf(bytes: Bytes, digest: Digest, contentType: string): Referrer | undefined {
  try {
    return readManifest(bytes, digest, contentType).referrer;
  } catch (error) {
    if (error instanceof Refusal) return undefined; // another program's, of a kind of its own
    throw error;
  }
}

function manifestsIn(bytes: Bytes, mediaType: string): Descriptor[] {
  try {
    return childrenOf(parseManifest(bytes, { mediaType }).manifest)
      .filter((child) => isManifestMediaType(child.mediaType));
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}
