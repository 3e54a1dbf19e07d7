import type { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import type { Descriptor } from "./descriptor.ts";

/** What every operation on a store takes. */
export interface StoreOptions {
  /** Ends the operation; it then throws the signal's reason. */
  signal?: AbortSignal;
}

/** Options of {@linkcode ContentSource.open}. */
export interface OpenOptions extends StoreOptions {
  /**
   * The first byte. A part of some content cannot be verified: only the whole is.
   * @default {0}
   */
  offset?: number;
  /** How many bytes at most. @default {Infinity} */
  length?: number;
}

/** Options of {@linkcode ContentSource.referrers}. */
export interface ReferrersOptions extends StoreOptions {
  /** Only referrers of this type. */
  artifactType?: string;
}

/** Somewhere content can be read from. */
export interface ContentSource {
  /**
   * The descriptor that a tag or digest names.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  resolve(reference: string, options?: StoreOptions): Promise<Descriptor>;
  /** Whether the content is here. */
  exists(descriptor: Descriptor, options?: StoreOptions): Promise<boolean>;
  /**
   * The content's bytes. Read in full they are verified: a stream that does not match its
   * descriptor ends in an error, never in a clean end.
   *
   * @throws {ContentNotFoundError} When it is not here.
   */
  open(descriptor: Descriptor, options?: OpenOptions): Promise<ReadableStream<Bytes>>;
  /** Every tag, in the order the store keeps. */
  tags?(options?: StoreOptions): AsyncIterable<string>;
  /** The manifests whose subject is this one. */
  referrers?(subject: Descriptor, options?: ReferrersOptions): AsyncIterable<Descriptor>;
}

/** Content that is partly there. */
export interface PartialBlob {
  /** How many bytes, from the first on, are there already. */
  readonly offset: number;
  /** Writes bytes at an offset. */
  write(bytes: Bytes, offset: number, options?: StoreOptions): Promise<void>;
  /** Verifies the whole and makes it visible. */
  commit(options?: StoreOptions): Promise<void>;
  /** Lets go of it; what was written stays for the next time, where the store can. */
  close(): Promise<void>;
}

/** Somewhere content can be read from and written to. */
export interface ContentStore extends ContentSource {
  /** Takes content and verifies it: all of it is there afterwards, or none. */
  write(descriptor: Descriptor, body: Body, options?: StoreOptions): Promise<void>;
  /** Names a manifest that is here. */
  tag(descriptor: Descriptor, reference: string, options?: StoreOptions): Promise<void>;
  /** Takes content from a source without moving it; `false` when that cannot be done. */
  mount?(descriptor: Descriptor, from: ContentSource, options?: StoreOptions): Promise<boolean>;
  /**
   * Removes content, where it is here: a manifest with the tags that name it, and out of the list of
   * its subject's referrers. What it points to stays.
   */
  delete?(descriptor: Descriptor, options?: StoreOptions): Promise<void>;
  /** Goes on with content that is partly there. */
  begin?(descriptor: Descriptor, options?: StoreOptions): Promise<PartialBlob>;
}
