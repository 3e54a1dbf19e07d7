import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import { InvalidContentError } from "../errors.ts";
import type { LayoutEntries } from "./layout_entries.ts";
import type { LayoutFiles } from "./layout_files.ts";
import { derivedFrom } from "../manifest/derived_tag.ts";
import { tagOf } from "./entry_names.ts";

/** Content that nothing leads to. */
export interface UnreferencedContent {
  /** Its digest. */
  digest: string;
  /** Its size in bytes. */
  size: number;
}

/** What can be removed of a layout. */
interface Unreferenced {
  /** The entries that go with what they are attached to, by their digests. */
  entries: string[];
  /** The blobs. */
  blobs: UnreferencedContent[];
}

/** Documents of kinds that davit does not write, and that lead to content all the same. */
const DOCUMENT_TYPE = /manifest|index/;

/**
 * Finds what no entry of a layout leads to. What is attached to something goes with it, unless it has
 * a tag of its own.
 *
 * @throws {InvalidContentError} When a manifest or an entry cannot be read: what it leads to is not
 * known then.
 */
export async function findUnreferenced(
  files: LayoutFiles,
  entries: LayoutEntries,
  { minAge, signal }: { minAge: number; signal?: AbortSignal | undefined },
): Promise<Unreferenced> {
  const [odd] = entries.problems;
  if (odd !== undefined) {
    throw new InvalidContentError(`Cannot look for what is unreferenced: ${odd.problem}`);
  }
  const graph = new Graph(files, signal);
  let attached: { entry: Descriptor; subject: string }[] = [];
  for (const entry of entries.all()) {
    await graph.requireDocument(entry);
    const subject = await graph.attachedTo(entry);
    if (subject === undefined) await graph.reach(entry);
    else attached.push({ entry, subject });
  }
  for (;;) {
    const kept = attached.filter(({ subject }) => graph.reachable.has(subject));
    if (kept.length === 0) break;
    for (const { entry } of kept) await graph.reach(entry);
    attached = attached.filter((each) => !kept.includes(each));
  }
  const lost = attached.map(({ entry }) => entry.digest).filter((digest) =>
    !graph.reachable.has(digest)
  );
  const blobs: UnreferencedContent[] = [];
  const newest = Date.now() - minAge;
  for await (const { digest, size, mtimeMs } of files.blobs()) {
    signal?.throwIfAborted();
    if (!graph.reachable.has(digest) && mtimeMs <= newest) blobs.push({ digest, size });
  }
  return { entries: [...new Set(lost)], blobs };
}

/** What documents lead to. */
class Graph {
  readonly reachable = new Set<string>();
  readonly #files: LayoutFiles;
  readonly #signal: AbortSignal | undefined;

  constructor(files: LayoutFiles, signal?: AbortSignal) {
    this.#files = files;
    this.#signal = signal;
  }

  /** What an entry is there for, where that is here: by its tag's name, or its subject if it has no tag. */
  async attachedTo(entry: Descriptor): Promise<string | undefined> {
    const tag = tagOf(entry);
    const subject = tag !== undefined
      ? derivedFrom(tag)
      : ((await this.#document(entry))?.subject as { digest?: unknown } | undefined)?.digest;
    if (!isDigest(subject)) return undefined;
    return await this.#files.size(subject) === undefined ? undefined : subject;
  }

  /**
   * Checks that an entry's manifest is here: what it leads to may be all that is left of an image whose
   * manifest can be had elsewhere.
   */
  async requireDocument({ digest, mediaType }: Descriptor): Promise<void> {
    if (!isDocument(mediaType) || await this.#files.size(digest as Digest) !== undefined) return;
    throw new InvalidContentError(
      `Cannot look for what is unreferenced: ${this.#files.folder} does not have the manifest ` +
        `${digest}, which its index names; write it again, or take it out with untag or delete`,
    );
  }

  /** Notes an entry, and everything that it leads to; its subject it does not lead to. */
  async reach(entry: Descriptor): Promise<void> {
    const left = [entry];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      this.#signal?.throwIfAborted();
      if (this.reachable.has(next.digest)) continue;
      this.reachable.add(next.digest);
      const document = await this.#document(next);
      if (document === undefined) continue;
      const { subject: _subject, ...parts } = document;
      for (const part of descriptorsIn(parts)) left.push(part);
    }
  }

  /** A manifest, whatever its kind; `undefined` for other content, and for what is not here. */
  async #document({ digest, mediaType }: Descriptor): Promise<Record<string, unknown> | undefined> {
    if (!isDocument(mediaType)) return undefined;
    const size = await this.#files.size(digest as Digest);
    if (size === undefined) return undefined; // of a sparse index
    const bytes = size <= DEFAULT_LIMITS.manifestBytes && await this.#files.read(digest as Digest);
    try {
      const algorithm = hashAlgorithm(digest as Digest);
      if (!bytes || await digestOf(bytes, algorithm) !== digest) throw new Error("it is damaged");
      const document = JSON.parse(new TextDecoder().decode(bytes));
      if (typeof document !== "object" || document === null) throw new Error("it is no object");
      return document;
    } catch (cause) {
      throw new InvalidContentError(
        `Cannot look for what is unreferenced: the manifest ${digest} in ${this.#files.folder} ` +
          `cannot be read: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}

function isDocument(mediaType: string): boolean {
  return isManifestMediaType(mediaType) || DOCUMENT_TYPE.test(mediaType);
}

/** Everything in a document that names content: whatever its kind, such objects have a digest. */
function descriptorsIn(document: Record<string, unknown>): Descriptor[] {
  const found: Descriptor[] = [];
  const left: unknown[] = [document];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    const { digest, mediaType } = value as Record<string, unknown>;
    if (isDigest(digest)) found.push({ digest, mediaType: String(mediaType), size: 0 });
    for (const part of Object.values(value)) left.push(part);
  }
  return found;
}
