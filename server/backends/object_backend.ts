import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import type { Bytes } from "../../content/bytes.ts";
import { concatBytes, encodeText } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigest } from "../../content/digest.ts";
import { digestOf } from "../../content/digest_of.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import { Turns } from "../../content/turns.ts";
import { InternalError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import { checkInteger } from "../options.ts";
import {
  type BackendUpload,
  endedUpload,
  type Page,
  type PageRequest,
  type RegistryBackend,
  type StoredBlob,
  type StoredManifest,
  UPLOAD_EXPIRY_MS,
  UPLOAD_ID,
} from "./backend.ts";
import { joinSegments, writeSegments } from "./segments.ts";
import { canBeVerified } from "../../stores/layout_files.ts";

/** A storage of named objects, such as a bucket. What was written is visible to every reader at once. */
export interface ObjectStore {
  /** An object's bytes, or a part of them; `undefined` where there is no such object. */
  get(
    key: string,
    range?: { offset: number; length: number },
  ): Promise<ReadableStream<Bytes> | undefined>;
  /** Writes an object: all of it, or nothing. */
  put(key: string, bytes: Bytes): Promise<void>;
  /** Removes objects; those that are not there are none. */
  delete(keys: readonly string[]): Promise<void>;
  /**
   * Objects whose keys start with a prefix and come after a key, in ASCII order: as many as the
   * storage lists at once, and whether there are more.
   */
  list(prefix: string, after: string): Promise<{ objects: StoredObject[]; more: boolean }>;
}

/** An object of a storage. */
export interface StoredObject {
  /** Its name: at most 600 characters of ASCII. */
  key: string;
  /** Its size in bytes. */
  size: number;
}

/** A {@linkcode RegistryBackend} in a storage of objects. */
export interface ObjectBackend extends RegistryBackend {
  /**
   * Removes abandoned uploads, and the bytes of blobs that no repository has any
   * more: deleting a blob leaves them, since another process may be giving it to a repository. Call
   * it while nothing is pushed.
   *
   * @returns How many objects were removed.
   */
  collect(): Promise<number>;
}

/** Options of {@linkcode objectBackend}. */
export interface ObjectBackendOptions {
  /**
   * How many bytes of a blob one object holds; a push holds as much in memory.
   * @default {8388608}
   */
  segmentBytes?: number;
  /**
   * After how long an upload without a write is removed, in milliseconds. A Worker has no time
   * between requests: call `collect` there now and then.
   * @default {86400000}
   */
  uploadExpiry?: number;
  /**
   * Tells the time, in milliseconds since 1970: for tests of what expires.
   * @default {Date.now}
   */
  now?: () => number;
}

const OBJECT_BACKEND_OPTIONS: OptionNames<ObjectBackendOptions> = names(
  "segmentBytes uploadExpiry now",
);

/** 1 GiB is 128 objects, and several pushes fit the 128 MiB of a Worker. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

/**
 * Keeps a registry in a storage of objects, such as an S3 or R2 bucket: several processes, or
 * Workers, can serve it at once. A blob stays in the segments that it came in, and an object for each
 * of its repositories names them, so that nothing is ever copied.
 *
 * No storage changes two objects at once: of a push of several tags that is cut, some may have moved,
 * and a manifest that one process deletes while another one tags it leaves a tag that is not found.
 *
 * @example
 * ```ts
 * import { createRegistry, objectBackend } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const objects = new Map<string, Blob>();
 * const backend = objectBackend({
 *   get(key, { offset, length } = { offset: 0, length: Infinity }) {
 *     return Promise.resolve(objects.get(key)?.slice(offset, offset + length).stream());
 *   },
 *   put: async (key, bytes) => void objects.set(key, new Blob([bytes])),
 *   delete: async (keys) => keys.forEach((key) => objects.delete(key)),
 *   list: async (prefix, after) => ({
 *     objects: [...objects].filter(([key]) => key.startsWith(prefix) && key > after).sort()
 *       .map(([key, { size }]) => ({ key, size })),
 *     more: false,
 *   }),
 * });
 * const registry = createRegistry({ backend });
 * const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
 * const url = `http://registry.test/v2/app/blobs/uploads/?digest=${digest}`;
 * const pushed = await registry.fetch(url, { method: "POST", body: "hello" });
 * assertEquals(pushed.status, 201);
 * assertEquals(objects.has(`blobs/${digest}/app`), true);
 * ```
 */
export function objectBackend(
  store: ObjectStore,
  options: ObjectBackendOptions = {},
): ObjectBackend {
  checkOptions(options, OBJECT_BACKEND_OPTIONS);
  const { segmentBytes = SEGMENT_BYTES, uploadExpiry = UPLOAD_EXPIRY_MS, now = Date.now } = options;
  checkInteger("segmentBytes", segmentBytes, 1);
  checkInteger("uploadExpiry", uploadExpiry, 1);
  return new StoredBackend(store, { segmentBytes, uploadExpiry, now });
}

/** Where the bytes of a blob are. */
type Segments = StoredObject[];

/** Longer than the few small objects take that make a blob of an upload. */
const CLOSING_MS = 60_000;

/** A repository's name has no colon, so that it ends the name in a key. */
class StoredBackend implements ObjectBackend {
  readonly shared = true;
  readonly #store: ObjectStore;
  readonly #options: Required<ObjectBackendOptions>;
  /** The changes of each manifest: one at a time, in this process. */
  readonly #turns = new Turns();

  constructor(store: ObjectStore, options: Required<ObjectBackendOptions>) {
    this.#store = store;
    this.#options = options;
  }

  async hasRepository(repository: RepositoryName): Promise<boolean> {
    return await this.#read(`repositories/${repository}`) !== undefined;
  }

  repositories(page: PageRequest): Promise<Page<string>> {
    return this.#page("repositories/", page);
  }

  async blob(
    repository: RepositoryName,
    digest: Digest,
    { verified = false }: { verified?: boolean } = {},
  ): Promise<StoredBlob | undefined> {
    const segments = await this.#segments(repository, digest);
    if (segments === undefined || verified && !await this.#areThere(segments)) return undefined;
    return {
      size: sizeOf(segments),
      open: (offset, length) => Promise.resolve(this.#join(segments, offset, length)),
    };
  }

  async blobRepositories(digest: Digest): Promise<RepositoryName[]> {
    return await this.#names(`blobs/${digest}/`) as RepositoryName[];
  }

  async linkBlob(
    repository: RepositoryName,
    digest: Digest,
    from: RepositoryName,
  ): Promise<boolean> {
    const segments = await this.#segments(from, digest);
    if (segments === undefined || !await this.#areThere(segments)) return false;
    await this.#keepBlob(repository, digest, segments);
    return true;
  }

  async deleteBlob(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return await this.#remove(`blobs/${digest}/${repository}`);
  }

  async manifest(
    repository: RepositoryName,
    reference: Tag | Digest,
  ): Promise<StoredManifest | undefined> {
    const digest = isDigest(reference)
      ? reference
      : await this.#json<Digest>(`tags/${repository}:${reference}`);
    const stored = digest && await this.#read(`manifests/${repository}:${digest}`);
    if (digest === undefined || stored === undefined) return undefined;
    const end = stored.indexOf(0x0a); // what is known of it is a line of JSON before its bytes
    const known = fromJson<Omit<StoredManifest, "bytes">>(stored.subarray(0, end));
    const bytes = stored.slice(end + 1);
    const right = !canBeVerified(digest) || await digestOf(bytes, hashAlgorithm(digest)) === digest;
    return known && right ? { ...known, bytes } : undefined; // damaged: a push repairs it
  }

  async putManifest(
    repository: RepositoryName,
    manifest: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void> {
    const { bytes, digest, ...known } = manifest;
    const line = encodeText(`${JSON.stringify({ digest, ...known })}\n`);
    const { referrer } = manifest;
    await this.#turns.take(async () => {
      await this.#store.put(`manifests/${repository}:${digest}`, concatBytes([line, bytes]));
      await this.#put(`repositories/${repository}`, {});
      if (referrer !== undefined) {
        const key = `referrers/${repository}:${referrer.subject}:${digest}`;
        await this.#put(key, referrer.descriptor);
      }
      for (const tag of tags) {
        await this.#put(`tagged/${repository}:${digest}:${tag}`, {});
        await this.#put(`tags/${repository}:${tag}`, digest);
      }
    }, `${repository}:${digest}`);
  }

  async deleteManifest(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return await this.#turns.take(async () => {
      const manifest = await this.manifest(repository, digest);
      if (manifest === undefined) return false;
      const keys = [`manifests/${repository}:${digest}`];
      const subject = manifest.referrer?.subject;
      if (subject !== undefined) keys.unshift(`referrers/${repository}:${subject}:${digest}`);
      const tagged = `tagged/${repository}:${digest}:`;
      for (const tag of await this.#names(tagged)) {
        const key = `tags/${repository}:${tag}`;
        // It may have moved since.
        keys.unshift(tagged + tag, ...(await this.#json(key) === digest ? [key] : []));
      }
      await this.#store.delete(keys);
      return true;
    }, `${repository}:${digest}`);
  }

  async deleteTag(repository: RepositoryName, tag: Tag): Promise<boolean> {
    return await this.#remove(`tags/${repository}:${tag}`);
  }

  tags(repository: RepositoryName, page: PageRequest): Promise<Page<string>> {
    return this.#page(`tags/${repository}:`, page);
  }

  async referrers(repository: RepositoryName, subject: Digest): Promise<Descriptor[]> {
    const prefix = `referrers/${repository}:${subject}:`;
    const names = await this.#names(prefix);
    const found = await Promise.all(names.map((name) => this.#json<Descriptor>(prefix + name)));
    return found.filter((descriptor) => descriptor !== undefined);
  }

  async createUpload(repository: RepositoryName): Promise<BackendUpload> {
    const id = crypto.randomUUID();
    await this.#put(`uploads/${repository}:${id}`, this.#options.now());
    return this.#upload(repository, id, []);
  }

  async upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined> {
    if (!UPLOAD_ID.test(id)) return undefined;
    const [there, closing, segments] = await Promise.all([
      this.#read(`uploads/${repository}:${id}`),
      this.#isClosing(id),
      this.#all(`segments/${id}/`),
    ]);
    return there && this.#upload(repository, id, segments, closing);
  }

  async sweepUploads(): Promise<number> {
    const { now, uploadExpiry } = this.#options;
    let next = uploadExpiry; // other processes start some all the time
    for (const { key } of await this.#all("uploads/")) {
      const id = key.split(":")[1]!;
      const started = await this.#json<number>(key);
      if (started === undefined) continue;
      const segments = await this.#all(`segments/${id}/`);
      const left = Math.max(started, ...segments.map(writtenAt)) + uploadExpiry - now();
      next = left < 0 ? next : Math.min(next, left);
      if (left < 0) await this.#removeUpload(key, id);
    }
    return next;
  }

  async collect(): Promise<number> {
    await this.sweepUploads();
    const used = new Set<string>();
    for (const { key } of await this.#all("blobs/")) {
      for (const segment of await this.#json<Segments>(key) ?? []) used.add(segment.key);
    }
    const uploads = new Set((await this.#names("uploads/")).map((name) => name.split(":")[1]));
    const unused = (await this.#names("segments/")).filter((name) =>
      !used.has(`segments/${name}`) && !uploads.has(name.split("/")[0])
    ).map((name) => `segments/${name}`);
    await this.#store.delete(unused);
    const marks = [...await this.#all("closing/"), ...await this.#all("cancelled/")];
    const old = marks.map(({ key }) => key).filter((key) => !uploads.has(key.split("/")[1]));
    await this.#store.delete(old);
    return unused.length;
  }

  #upload(
    repository: RepositoryName,
    id: string,
    segments: Segments,
    closing = false,
  ): BackendUpload {
    const key = `uploads/${repository}:${id}`;
    let state: "open" | "writing" | "closing" | "ended" = closing ? "closing" : "open";
    const requireOpen = () => {
      if (state === "open") return;
      if (state !== "writing") throw endedUpload();
      throw new InternalError("Cannot use the upload: it is being written to");
    };
    const write = async (bytes: Bytes) => {
      // Its place in the order is its name: an upload may have 10^8 segments. No two processes write
      // the same one, so that what was verified is what is kept.
      const place = String(segments.length).padStart(8, "0");
      const time = this.#options.now().toString(36);
      const key = `segments/${id}/${place}-${time}-${crypto.randomUUID().slice(0, 8)}`;
      await this.#store.put(key, bytes);
      segments.push({ key, size: bytes.byteLength });
    };
    return {
      id,
      get size(): number {
        return sizeOf(segments);
      },
      get closing(): boolean {
        return state === "closing";
      },
      append: async (reader: PieceReader, onPiece: (piece: Bytes) => void, maximum = Infinity) => {
        requireOpen();
        state = "writing";
        try {
          const [there, closing] = await Promise.all([this.#read(key), this.#isClosing(id)]);
          if (there === undefined || closing) throw endedUpload();
          const bytes = this.#options.segmentBytes;
          return await writeSegments(reader, { bytes, onPiece, maximum, write });
        } finally {
          if (state === "writing") state = "open";
        }
      },
      open: () => Promise.resolve(this.#join(segments)),
      read: (offset, length) => Promise.resolve(this.#join([...segments], offset, length)),
      finish: async (digest) => {
        requireOpen();
        state = "closing";
        try {
          await this.#closeUpload(key, id, () => this.#keepBlob(repository, digest, segments));
          state = "ended";
        } finally {
          if (state === "closing") state = "open";
        }
      },
      cancel: async () => {
        if (state === "closing" || state === "ended") return;
        state = "ended";
        await this.#removeUpload(key, id);
      },
    };
  }

  /**
   * Makes a blob of an upload. It and {@linkcode #removeUpload}, in any two processes, first leave a
   * mark and then look for the other's: whoever comes second sees it, so that no segment of a blob
   * is ever removed.
   */
  async #closeUpload(key: string, id: string, keep: () => Promise<void>): Promise<void> {
    await this.#put(`closing/${id}`, this.#options.now());
    try {
      const cancelled = await this.#read(`cancelled/${id}`) !== undefined;
      if (cancelled || await this.#read(key) === undefined) throw endedUpload();
      await keep();
      await this.#store.delete([key]); // before the mark: one of the two shows that it is closed
    } finally {
      await this.#store.delete([`closing/${id}`]);
    }
  }

  async #removeUpload(key: string, id: string): Promise<void> {
    await this.#put(`cancelled/${id}`, this.#options.now());
    try {
      const marked = await this.#read(`closing/${id}`) !== undefined;
      if (await this.#isClosing(id) || await this.#read(key) === undefined) return;
      // Who left the mark may have made a blob before it died: `collect` knows.
      const segments = marked ? [] : await this.#all(`segments/${id}/`);
      await this.#store.delete([key]);
      await this.#store.delete(segments.map(({ key }) => key));
      if (marked) await this.#store.delete([`closing/${id}`]);
    } finally {
      await this.#store.delete([`cancelled/${id}`]);
    }
  }

  /** Whether a process is making a blob of an upload, and is not dead. */
  async #isClosing(id: string): Promise<boolean> {
    const since = await this.#json<number>(`closing/${id}`);
    return since !== undefined && this.#options.now() - since < CLOSING_MS;
  }

  /**
   * Whether the storage has all segments of a blob, at their sizes. Reading them would cost a download
   * of the blob; that a storage changes bytes is not expected.
   */
  async #areThere(segments: Segments): Promise<boolean> {
    const sizes = new Map<string, number>();
    const prefixes = new Set(segments.map(({ key }) => key.slice(0, key.lastIndexOf("/") + 1)));
    for (const prefix of prefixes) {
      for (const { key, size } of await this.#all(prefix)) sizes.set(key, size);
    }
    return segments.every(({ key, size }) => sizes.get(key) === size);
  }

  #join(segments: Segments, offset?: number, length?: number): ReadableStream<Bytes> {
    const parts = segments.map(({ key, size }) => ({
      size,
      open: async (offset: number, length: number) => {
        const stream = await this.#store.get(key, { offset, length });
        if (stream !== undefined) return stream;
        throw new Error(`Cannot read ${key}: the storage has lost it`);
      },
    }));
    return joinSegments(parts, offset, length);
  }

  async #segments(repository: RepositoryName, digest: Digest): Promise<Segments | undefined> {
    return await this.#json<Segments>(`blobs/${digest}/${repository}`);
  }

  async #keepBlob(repository: RepositoryName, digest: Digest, segments: Segments): Promise<void> {
    await this.#put(`blobs/${digest}/${repository}`, segments);
    await this.#put(`repositories/${repository}`, {});
  }

  async #put(key: string, value: unknown): Promise<void> {
    await this.#store.put(key, encodeText(JSON.stringify(value)));
  }

  async #json<T>(key: string): Promise<T | undefined> {
    const bytes = await this.#read(key);
    return bytes && fromJson<T>(bytes);
  }

  async #read(key: string): Promise<Bytes | undefined> {
    const stream = await this.#store.get(key);
    return stream && new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async #remove(key: string): Promise<boolean> {
    const there = await this.#read(key) !== undefined;
    await this.#store.delete([key]);
    return there;
  }

  /** The objects with a prefix, from after a key on; at least as many as wanted, if there are. */
  async #all(prefix: string, after = prefix, wanted = Infinity): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for (let last = after, more = true; more && found.length < wanted;) {
      const page = await this.#store.list(prefix, last);
      found.push(...page.objects);
      more = page.more;
      last = found.at(-1)?.key ?? last;
    }
    return found;
  }

  async #names(prefix: string): Promise<string[]> {
    return (await this.#all(prefix)).map(({ key }) => key.slice(prefix.length));
  }

  async #page(prefix: string, { after = "", limit }: PageRequest): Promise<Page<string>> {
    const found = await this.#all(prefix, prefix + after, limit + 1);
    const items = found.slice(0, limit).map(({ key }) => key.slice(prefix.length));
    return { items, more: found.length > limit };
  }
}

/** What an object says; nothing where it is damaged. */
function fromJson<T>(bytes: Bytes): T | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** When a segment was written, which its name says, in milliseconds; 0 in the names of old ones. */
function writtenAt({ key }: StoredObject): number {
  const [, time, unique] = key.slice(key.lastIndexOf("/") + 1).split("-");
  return unique === undefined ? 0 : parseInt(time!, 36);
}

function sizeOf(segments: Segments): number {
  return segments.reduce((sum, { size }) => sum + size, 0);
}
