import { checkArgument } from "../content/check_argument.ts";
import { checkOptions } from "../content/check_options.ts";
import { type Body, openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigestReference } from "../content/digest.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import {
  type ContentSource,
  type ContentStore,
  OPEN_OPTIONS,
  type OpenOptions,
  type PartialBlob,
  REFERRERS_OPTIONS,
  type ReferrersOptions,
  RESOLVE_OPTIONS,
  type ResolveOptions,
  STORE_OPTIONS,
  type StoreOptions,
  TAG_OPTIONS,
  type TagOptions,
  WRITE_OPTIONS,
  type WriteOptions,
} from "../content/store.ts";
import { verifier } from "../content/verifying_stream.ts";
import { ContentNotFoundError } from "../errors.ts";
import { subjectOf } from "../manifest/children.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { filterReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import { checkTag } from "../reference/tag.ts";
import { checkCall } from "./check_call.ts";
import { digestIn } from "./digest_in.ts";
import { iterate } from "./iterate.ts";
import { MemoryPartial, MemoryPartialBlob } from "./memory_partial_blob.ts";
import { PieceList } from "./piece_list.ts";
import { storedRange } from "./stored_range.ts";
import { skipBody, takeBody } from "./take_body.ts";
import { wholePartial } from "./whole_partial.ts";

interface Held {
  mediaType: string;
  list: PieceList;
}

/**
 * Content in memory: for tests, and for what is made and pushed without touching a disk. Bytes are
 * verified when they come in and never handed out, only copied, so they are not hashed again when
 * they are read.
 *
 * @example Write, tag and read
 * ```ts
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const hello = {
 *   mediaType: "text/plain",
 *   digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 *   size: 5,
 * };
 * await store.write(hello, new TextEncoder().encode("hello"));
 * await store.tag(hello, "greeting");
 *
 * assertEquals(await store.resolve("greeting"), hello);
 * assertEquals(await new Response(await store.open(hello)).text(), "hello");
 * ```
 */
export class MemoryStore implements ContentStore {
  readonly #held = new Map<Digest, Held>();
  readonly #partial = new Map<Digest, MemoryPartial>();
  readonly #tags = new Map<string, Digest>();
  /** The referrers of a digest, by their own digests. */
  readonly #referrers = new Map<string, Map<Digest, Descriptor>>();

  /**
   * The descriptor that a tag or digest names: its type is the one it was written under.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor> {
    return attempt(() => {
      checkCall(options, RESOLVE_OPTIONS);
      const digest = isDigestReference(reference) ? reference : this.#tags.get(reference);
      const held = digest && this.#held.get(digest);
      if (!digest || !held) {
        throw new ContentNotFoundError(
          `Cannot resolve ${JSON.stringify(reference)}: this store has no such tag or digest`,
        );
      }
      return { mediaType: held.mediaType, digest, size: held.list.size };
    });
  }

  /**
   * Whether content with the descriptor's digest is here.
   *
   * @throws {InvalidContentError} When the descriptor is not one.
   */
  exists(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    return attempt(() => {
      checkCall(options, STORE_OPTIONS);
      return this.#held.has(digestIn(descriptor));
    });
  }

  /**
   * A copy of the content's bytes, or of a part of them; never hashed again, whatever `verify` says.
   *
   * @throws {ContentNotFoundError} When it is not here.
   * @throws {SizeMismatchError} When its size is not the descriptor's.
   * @throws {InvalidOptionError} When `offset` or `length` is not a count of bytes it has.
   */
  open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    return attempt(() => {
      checkCall(options, OPEN_OPTIONS);
      const { signal } = options;
      const { list } = this.#find(descriptor);
      const { offset, length } = storedRange(descriptor, list.size, options);
      return list.stream(offset, length, signal);
    });
  }

  /**
   * Takes content and verifies it as it streams, whatever `verify` says: all of it is there
   * afterwards, or none. Content that is there already is not read again.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the descriptor says.
   * @throws {InvalidDigestError} When the digest's algorithm cannot be computed.
   * @throws {UploadError} When the body fails, or is a stream that was read before.
   */
  async write(descriptor: Descriptor, body: Body, options: WriteOptions = {}): Promise<void> {
    checkOptions(options, WRITE_OPTIONS);
    checkArgument("descriptor", descriptor, "descriptor");
    const { signal } = options;
    const { mediaType, size } = descriptor;
    const digest = digestIn(descriptor);
    hashAlgorithm(digest);
    signal?.throwIfAborted();
    const source = openBody(body, size);
    if (this.#held.has(digest)) return await skipBody(source);
    const list = await takeBody(source, { digest, size }, async (reader) => {
      const tap = await verifier({ digest, size });
      const list = new PieceList();
      await list.fill(reader, (piece) => tap.take(piece));
      signal?.throwIfAborted();
      await tap.finish();
      return list;
    }, signal);
    this.#hold(digest, mediaType, list);
  }

  /**
   * Names content that is here; the tag moves if it named something else.
   *
   * @throws {InvalidReferenceError} When the tag breaks the grammar.
   * @throws {ContentNotFoundError} When the content is not here.
   */
  tag(descriptor: Descriptor, reference: string, options: TagOptions = {}): Promise<void> {
    return attempt(() => {
      checkCall(options, TAG_OPTIONS);
      const tag = checkTag(reference);
      this.#find(descriptor);
      this.#tags.set(tag, digestIn(descriptor));
    });
  }

  /** Every tag, in ASCII order. */
  async *tags(options: StoreOptions = {}): AsyncGenerator<string> {
    checkOptions(options, STORE_OPTIONS);
    yield* iterate([...this.#tags.keys()].sort(), options.signal);
  }

  /** The manifests here whose subject is this one, with their types and annotations. */
  async *referrers(
    subject: Descriptor,
    options: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    checkOptions(options, REFERRERS_OPTIONS);
    const { artifactType, signal } = options;
    const all = [...(this.#referrers.get(digestIn(subject))?.values() ?? [])];
    yield* iterate(structuredClone(filterReferrers(all, artifactType)), signal);
  }

  /** Shares content with another memory store; `false` where the source is something else. */
  mount(
    descriptor: Descriptor,
    from: ContentSource,
    options: StoreOptions = {},
  ): Promise<boolean> {
    return attempt(() => {
      checkCall(options, STORE_OPTIONS);
      const digest = digestIn(descriptor);
      if (this.#held.has(digest)) return true;
      if (!(from instanceof MemoryStore)) return false;
      const held = from.#held.get(digest);
      if (held === undefined || held.list.size !== descriptor.size) return false;
      this.#hold(digest, descriptor.mediaType, held.list);
      return true;
    });
  }

  /**
   * Goes on with content that is partly there. What was written stays, also after `close`, until a
   * commit verifies it or finds that it is not what it should be.
   *
   * @throws {InvalidDigestError} When the digest's algorithm cannot be computed.
   */
  begin(descriptor: Descriptor, options: StoreOptions = {}): Promise<PartialBlob> {
    return attempt(() => {
      checkCall(options, STORE_OPTIONS);
      const digest = digestIn(descriptor);
      hashAlgorithm(digest);
      const { mediaType, size } = descriptor;
      const there = this.#held.get(digest);
      if (there !== undefined) return wholePartial(there.list.size);
      let partial = this.#partial.get(digest);
      if (partial === undefined) this.#partial.set(digest, partial = new MemoryPartial());
      return new MemoryPartialBlob(digest, size, partial, (list) => {
        if (this.#partial.get(digest) === partial) this.#partial.delete(digest);
        if (list !== undefined && !this.#held.has(digest)) this.#hold(digest, mediaType, list);
      });
    });
  }

  /** Removes content, with its tags and from its subject's referrers. */
  delete(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    return attempt(() => {
      checkCall(options, STORE_OPTIONS);
      const digest = digestIn(descriptor);
      this.#held.delete(digest);
      for (const [tag, named] of this.#tags) if (named === digest) this.#tags.delete(tag);
      for (const referrers of this.#referrers.values()) referrers.delete(digest);
    });
  }

  #find(descriptor: Descriptor): Held {
    const held = this.#held.get(digestIn(descriptor));
    if (held !== undefined) return held;
    throw new ContentNotFoundError(
      `Cannot find ${descriptor.digest}: this store does not have it`,
    );
  }

  #hold(digest: Digest, mediaType: string, list: PieceList): void {
    list.trim();
    this.#held.set(digest, { mediaType, list });
    const referrer = referrerIn({ mediaType, digest, size: list.size }, list);
    if (referrer === undefined) return;
    const others = this.#referrers.get(referrer.subject) ?? new Map<Digest, Descriptor>();
    this.#referrers.set(referrer.subject, others.set(digest, referrer.descriptor));
  }
}

/**
 * An empty {@linkcode MemoryStore}.
 *
 * @example
 * ```ts
 * import { memoryStore } from "@davit/registry-client/stores";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => memoryStore().resolve("latest"), Error, "no such tag");
 * ```
 */
export function memoryStore(): MemoryStore {
  return new MemoryStore();
}

/** What a manifest with a subject is listed as; a store takes any bytes, so it may be none. */
function referrerIn(
  descriptor: Descriptor,
  list: PieceList,
): { subject: string; descriptor: Descriptor } | undefined {
  if (!isManifestMediaType(descriptor.mediaType)) return undefined;
  if (list.size > DEFAULT_LIMITS.manifestBytes) return undefined;
  try {
    const { manifest } = parseManifest(list.bytes(), { mediaType: descriptor.mediaType });
    const subject = subjectOf(manifest)?.digest;
    return subject && { subject, descriptor: referrerDescriptor(manifest, descriptor) } ||
      undefined;
  } catch {
    return undefined;
  }
}

/** Runs something at once, and answers with a promise even when it throws. */
function attempt<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => resolve(run()));
}
