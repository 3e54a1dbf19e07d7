import { names, type OptionNames } from "./check_options.ts";
import type { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import type { Descriptor } from "./descriptor.ts";

/** What every operation on a store takes. */
export interface StoreOptions {
  /** Ends the operation; it then throws the signal's reason. */
  signal?: AbortSignal;
}

/** Their names. */
export const STORE_OPTIONS: OptionNames<StoreOptions> = names("signal");

/** Options of {@linkcode ContentSource.resolve}. */
export interface ResolveOptions extends StoreOptions {
  /**
   * Which of several manifests under one name is meant, as `linux/arm64`: layouts may have those. It
   * chooses nothing of an index.
   */
  platform?: string;
  /**
   * Whether what the reference names is opened next: a registry then answers both with one request.
   * @default {false}
   */
  read?: boolean;
}

/** Their names. */
export const RESOLVE_OPTIONS: OptionNames<ResolveOptions> = names("platform read", STORE_OPTIONS);

/** Options of {@linkcode ContentSource.open}. */
export interface OpenOptions extends StoreOptions {
  /**
   * The first byte. A part of some content cannot be verified: only the whole is.
   * @default {0}
   */
  offset?: number;
  /** How many bytes at most. @default {Infinity} */
  length?: number;
  /**
   * Whether the whole is verified as it is read. With `false` the source's own stream is handed on
   * as it is, unhashed: for a reader that checks the digest itself, such as the store it goes to.
   * @default {true}
   */
  verify?: boolean;
}

/** Their names. */
export const OPEN_OPTIONS: OptionNames<OpenOptions> = names("offset length verify", STORE_OPTIONS);

/** Options of {@linkcode ContentStore.write}. */
export interface WriteOptions extends StoreOptions {
  /**
   * Who checks the digest. `"here"`: this process, while the bytes pass. `"target"`: the registry
   * that closes the upload, so that the bytes are not hashed on their way to it; the size is checked
   * all the same. A store that is its own target, such as a folder or memory, always verifies.
   * @default {"here"}
   */
  verify?: "here" | "target";
  /**
   * Whether the content was just found not to be there: a registry is not asked for it again.
   * @default {false}
   */
  absent?: boolean;
  /**
   * Whether it is a manifest, also where its type does not say so: a registry keeps manifests and blobs
   * apart.
   * @default {false}
   */
  manifest?: boolean;
}

/** Their names. */
export const WRITE_OPTIONS: OptionNames<WriteOptions> = names(
  "verify absent manifest",
  STORE_OPTIONS,
);

/** Options of {@linkcode ContentStore.tag}. */
export interface TagOptions extends StoreOptions {
  /**
   * Whether the manifest was just written: a registry is not asked for it again.
   * @default {false}
   */
  present?: boolean;
}

/** Their names. */
export const TAG_OPTIONS: OptionNames<TagOptions> = names("present", STORE_OPTIONS);

/** Options of {@linkcode ContentSource.referrers}. */
export interface ReferrersOptions extends StoreOptions {
  /** Only referrers of this type. */
  artifactType?: string;
  /**
   * Whether a registry that has the referrers API is asked for the fallback tag too: `false` where the
   * tags were listed, and it is not among them.
   * @default {true}
   */
  fallback?: boolean;
}

/** Their names. */
export const REFERRERS_OPTIONS: OptionNames<ReferrersOptions> = names(
  "artifactType fallback",
  STORE_OPTIONS,
);

/**
 * Somewhere content can be read from.
 *
 * @example Hand content on without hashing it, to a store that verifies what it takes
 * ```ts
 * import type { ContentSource, Descriptor } from "@davit/registry-client";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * async function pull(from: ContentSource, descriptor: Descriptor): Promise<MemoryStore> {
 *   const to = new MemoryStore();
 *   await to.write(descriptor, {
 *     size: descriptor.size,
 *     open: (offset = 0) => from.open(descriptor, { offset, verify: false }),
 *   });
 *   return to;
 * }
 *
 * const hello = {
 *   mediaType: "text/plain",
 *   digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 *   size: 5,
 * };
 * const source = new MemoryStore();
 * await source.write(hello, new TextEncoder().encode("hello"));
 * assertEquals(await (await pull(source, hello)).exists(hello), true);
 * ```
 */
export interface ContentSource {
  /** Whether `open` with an offset reads no more than the part, as far as is known by now. */
  readonly ranges?: boolean | undefined;
  /**
   * The descriptor that a tag or digest names.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  resolve(reference: string, options?: ResolveOptions): Promise<Descriptor>;
  /** Whether the content is here. */
  exists(descriptor: Descriptor, options?: StoreOptions): Promise<boolean>;
  /**
   * The content's bytes. Read in full they are verified: a stream that does not match its
   * descriptor ends in an error, never in a clean end. `verify: false` leaves that to the reader.
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
  /**
   * What is there already behind a gap: the first byte of each stretch, and its end. They need not be
   * written again.
   * @default {nothing}
   */
  readonly behind?: readonly (readonly [start: number, end: number])[];
  /** Writes bytes at an offset, over what was written there before. */
  write(bytes: Bytes, offset: number, options?: StoreOptions): Promise<void>;
  /** Verifies the whole, as it was written last, and makes it visible. */
  commit(options?: StoreOptions): Promise<void>;
  /** Lets go of it; what was written stays for the next time, where the store can. */
  close(): Promise<void>;
}

/**
 * Somewhere content can be read from and written to.
 *
 * @example Push a stream that the registry verifies
 * ```ts
 * import { type ContentStore, RegistryClientV2, RegistryStore } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const client = new RegistryClientV2({ name: "localhost:5000/app", fetch });
 * const store: ContentStore = new RegistryStore(client);
 * const hello = {
 *   mediaType: "text/plain",
 *   digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 *   size: 5,
 * };
 * await store.write(hello, new Blob(["hello"]).stream(), { verify: "target" });
 * assertEquals(await new Response(await store.open(hello)).text(), "hello");
 * ```
 */
export interface ContentStore extends ContentSource {
  /** Whether it takes full names too, such as `ghcr.io/you/app:1.0`, and not tags alone. @default {false} */
  readonly fullNames?: boolean;
  /**
   * Takes content, all or nothing: afterwards it is there, verified, or nothing of it is.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the descriptor says.
   */
  write(descriptor: Descriptor, body: Body, options?: WriteOptions): Promise<void>;
  /** Names a manifest that is here. */
  tag(descriptor: Descriptor, reference: string, options?: TagOptions): Promise<void>;
  /**
   * Takes a manifest and names it, where that is one step: `write` and `tag` do the same in two.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   */
  writeTagged?(
    descriptor: Descriptor,
    bytes: Uint8Array,
    reference: string,
    options?: StoreOptions,
  ): Promise<void>;
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
