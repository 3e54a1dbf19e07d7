import type { Bytes } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import type { Digest } from "../../content/digest.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import { ContentNotFoundError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";

/** A blob that is there. */
export interface StoredBlob {
  /** Its size in bytes. */
  readonly size: number;
  /** Its bytes from an offset on, at most `length` of them. */
  open(offset: number, length: number): Promise<ReadableStream<Bytes>>;
}

/** A manifest that is there, and what was read from it when it came. */
export interface StoredManifest {
  /** The digest that it is known by: in the algorithm that it was pushed under. */
  readonly digest: Digest;
  /** The `Content-Type` that it was pushed with. */
  readonly contentType: string;
  /** Its bytes, exactly as they were pushed. */
  readonly bytes: Bytes;
  /** The digest of its subject, and the descriptor under which that one's referrers list it. */
  readonly referrer?: { readonly subject: Digest; readonly descriptor: Descriptor };
}

/** A part of a sorted list. */
export interface PageRequest {
  /** What comes after this one; it need not exist. */
  after?: string;
  /** How many at most. */
  limit: number;
}

/** What was asked for, and whether there is more. */
export interface Page<T> {
  /** The items, in ASCII order of their names. */
  items: T[];
  /** Whether others follow. */
  more: boolean;
}

/** An upload as a backend keeps it: bytes that grow at the end, and are no blob yet. */
export interface BackendUpload {
  /** What names it in its URL; cannot be guessed. */
  readonly id: string;
  /** How many bytes there are. */
  readonly size: number;
  /**
   * Whether a blob is being made of it, here or in another process: it takes no more bytes then, and
   * is gone soon.
   */
  readonly closing?: boolean;
  /**
   * Appends what a reader has, up to a number of bytes. `onPiece` is called with every piece before it
   * is kept; when the reader fails, those pieces are there.
   *
   * @returns Whether the reader's end was reached.
   * @throws {ContentNotFoundError} When the upload was finished or cancelled before, or is about to
   * be: what was verified does not change.
   */
  append(
    reader: PieceReader,
    onPiece: (piece: Bytes) => void,
    maximum?: number,
  ): Promise<boolean>;
  /** Reads what is there. */
  open(): Promise<ReadableStream<Bytes>>;
  /**
   * Reads some of the bytes that are there, while others are appended. Clients of a registry with
   * an upstream are served from here while a blob comes; without this they wait until it is whole.
   */
  read?(offset: number, length: number): Promise<ReadableStream<Bytes>>;
  /**
   * Makes a blob of it, in the upload's repository; the digest has been verified. Until it resolves,
   * the upload is found, and says that it is closing; afterwards it is not found.
   *
   * @throws {ContentNotFoundError} When it was finished or cancelled before.
   */
  finish(digest: Digest): Promise<void>;
  /** Forgets it. Of one that was finished, or is about to be, this removes nothing. */
  cancel(): Promise<void>;
}

/** A day: longer than any client waits, and short enough that nothing piles up. */
export const UPLOAD_EXPIRY_MS: number = 24 * 60 * 60 * 1_000;

/** What `crypto.randomUUID` calls an upload: what a client names may be something else. */
export const UPLOAD_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What an upload fails with that was finished or cancelled meanwhile. */
export function endedUpload(): ContentNotFoundError {
  return new ContentNotFoundError("Cannot use the upload: it was finished or cancelled");
}

/**
 * Where a registry keeps everything. Blobs are shared between repositories: each knows which ones
 * it has, and the bytes are there once. Names, tags and digests have been checked.
 */
export interface RegistryBackend {
  /**
   * Whether other processes serve the same content at once. A registry then asks for an upload anew
   * with each request, since another process may have written to it, and leaves it to
   * `sweepUploads` to end those that are abandoned.
   */
  readonly shared?: boolean;
  /** Whether the repository has, or had, anything. */
  hasRepository(repository: RepositoryName): Promise<boolean>;
  /** The repositories. */
  repositories(page: PageRequest): Promise<Page<string>>;

  /**
   * A repository's blob. With `verified`, one that is damaged is not there: its bytes are read where
   * the backend has not verified them yet, which a large blob may take seconds for, once.
   */
  blob(
    repository: RepositoryName,
    digest: Digest,
    options?: { verified?: boolean },
  ): Promise<StoredBlob | undefined>;
  /** Repositories that have a blob: those that the backend need not search for. */
  blobRepositories(digest: Digest): Promise<RepositoryName[]>;
  /**
   * Gives a repository a blob that another one has; `false` when that one does not, or its bytes are
   * damaged.
   */
  linkBlob(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean>;
  /** Takes a blob from a repository; `false` when it was not there. */
  deleteBlob(repository: RepositoryName, digest: Digest): Promise<boolean>;

  /** A repository's manifest, by tag or digest. */
  manifest(
    repository: RepositoryName,
    reference: Tag | Digest,
  ): Promise<StoredManifest | undefined>;
  /** Keeps a manifest, and moves tags to it: both or none. */
  putManifest(
    repository: RepositoryName,
    manifest: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void>;
  /** Takes a manifest and its tags from a repository; `false` when it was not there. */
  deleteManifest(repository: RepositoryName, digest: Digest): Promise<boolean>;
  /** Takes a tag from a repository; `false` when it was not there. */
  deleteTag(repository: RepositoryName, tag: Tag): Promise<boolean>;
  /** A repository's tags. */
  tags(repository: RepositoryName, page: PageRequest): Promise<Page<string>>;
  /** The descriptors of a repository's manifests with this subject, in the order of their digests. */
  referrers(repository: RepositoryName, subject: Digest): Promise<Descriptor[]>;

  /** Starts an upload. */
  createUpload(repository: RepositoryName): Promise<BackendUpload>;
  /** An upload that was started, and neither finished nor cancelled. */
  upload(repository: RepositoryName, id: string): Promise<BackendUpload | undefined>;
  /**
   * Removes uploads that an earlier process left behind and that were not resumed in time. Those of
   * this process are the registry's to end, by `uploadExpiry`.
   *
   * @returns In how many milliseconds the next one is old enough; `undefined` when none is left.
   */
  sweepUploads?(): Promise<number | undefined>;
}
