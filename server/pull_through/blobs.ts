import type { Bytes } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import type { Digest } from "../../content/digest.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../../content/media_types.ts";
import type { ContentSource } from "../../content/store.ts";
import { InvalidContentError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { RegistryBackend, StoredBlob } from "../backends/backend.ts";
import { canBeVerified } from "../../stores/layout_files.ts";
import { Refusal } from "../refusal.ts";
import { BlobFill } from "./fill.ts";
import { Flights, RecentMap } from "../../content/recent.ts";
import { ask, UpstreamRefusal } from "./upstream.ts";

/** Enough for the layers of some hundred images; a descriptor is some 200 bytes. */
const DESCRIPTORS_KEPT = 10_000;

/** How long an upstream that had a blob is believed to have it, in milliseconds: HEAD, then GET. */
const BELIEVED_MS = 60_000;

interface Known {
  descriptor: Descriptor;
  /** When the upstream said that it has it, in milliseconds. */
  seen?: number;
}

/** Where the bytes of a blob come from: the backend, or a fill of it. */
interface Opened {
  open(offset: number, length: number): Promise<ReadableStream<Bytes> | undefined>;
}

/** Blobs that come from an upstream when they are asked for. */
export class UpstreamBlobs {
  readonly #backend: RegistryBackend;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #known = new RecentMap<string, Known>(DESCRIPTORS_KEPT);
  readonly #looks = new Flights<StoredBlob | undefined>();
  readonly #opened = new Map<string, Promise<Opened>>();

  /** Blobs that a backend keeps. */
  constructor(
    backend: RegistryBackend,
    { now, onError }: { now: () => number; onError: (error: unknown) => void },
  ) {
    this.#backend = backend;
    this.#now = now;
    this.#onError = onError;
  }

  /** Remembers what a manifest says of a blob: an upstream may not tell its size. */
  remember(repository: RepositoryName, { digest, size, mediaType }: Descriptor): void {
    const key = keyOf(repository, digest);
    if (this.#known.get(key) !== undefined) return;
    // Asked for as a blob, it is one, whatever a manifest takes it for.
    const type = isManifestMediaType(mediaType) ? MEDIA_TYPES.octetStream : mediaType;
    this.#known.set(key, { descriptor: { digest, size, mediaType: type } });
  }

  /** A blob of the backend's, or of the upstream's: its bytes come when it is opened. */
  async blob(
    repository: RepositoryName,
    digest: Digest,
    source: ContentSource,
  ): Promise<StoredBlob | undefined> {
    const local = await this.#local(repository, digest);
    if (local !== undefined || !canBeVerified(digest)) return local;
    return await this.#looks.run(
      keyOf(repository, digest),
      () => this.#look(repository, digest, source),
    );
  }

  /** What the backend has, and has whole: what is damaged comes from the upstream again. */
  #local(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    return this.#backend.blob(repository, digest, { verified: true });
  }

  async #look(
    repository: RepositoryName,
    digest: Digest,
    source: ContentSource,
  ): Promise<StoredBlob | undefined> {
    const descriptor = await this.#find(repository, digest, source);
    if (descriptor === undefined) return undefined;
    for (const other of await this.#backend.blobRepositories(digest)) {
      // The upstream says that this repository has it; its bytes are here already.
      if (!await this.#backend.linkBlob(repository, digest, other)) continue;
      return await this.#local(repository, digest);
    }
    return {
      size: descriptor.size,
      open: (offset, length) => this.#open(repository, descriptor, source, offset, length),
    };
  }

  async #find(
    repository: RepositoryName,
    digest: Digest,
    source: ContentSource,
  ): Promise<Descriptor | undefined> {
    const key = keyOf(repository, digest);
    const known = this.#known.get(key);
    if (known?.seen !== undefined && this.#now() - known.seen < BELIEVED_MS) {
      return known.descriptor;
    }
    const descriptor = known === undefined
      ? await ask(() => source.resolve(digest))
      : await ask(() => source.exists(known.descriptor)) && known.descriptor;
    if (!descriptor) return undefined;
    const { size, mediaType } = descriptor;
    if (descriptor.digest !== digest || !Number.isSafeInteger(size) || size < 0) {
      throw new UpstreamRefusal(
        new InvalidContentError(`Cannot resolve ${digest}: the upstream described something else`),
      );
    }
    const type = isManifestMediaType(mediaType) ? MEDIA_TYPES.octetStream : mediaType;
    const found = { digest, size, mediaType: type };
    this.#known.set(key, { descriptor: found, seen: this.#now() });
    return found;
  }

  async #open(
    repository: RepositoryName,
    descriptor: Descriptor,
    source: ContentSource,
    offset: number,
    length: number,
  ): Promise<ReadableStream<Bytes>> {
    for (;;) {
      const opened = await this.#once(repository, descriptor, source);
      const stream = await opened.open(offset, length);
      if (stream !== undefined) return stream;
    }
  }

  /**
   * The blob in the backend, or the one fill of it. The place of a fill is taken before the backend
   * is asked, and given back after the backend has the blob: so no reader can miss both.
   */
  #once(
    repository: RepositoryName,
    descriptor: Descriptor,
    source: ContentSource,
  ): Promise<Opened> {
    const key = keyOf(repository, descriptor.digest);
    const running = this.#opened.get(key);
    if (running !== undefined) return running;
    const digest = descriptor.digest as Digest;
    const started = (async (): Promise<Opened> => {
      const local = await this.#local(repository, digest);
      if (local !== undefined) {
        this.#opened.delete(key);
        return local;
      }
      const fill = new BlobFill({
        backend: this.#backend,
        repository,
        digest,
        size: descriptor.size,
        open: async (signal) => {
          const stream = await ask(() => source.open(descriptor, { signal }));
          if (stream !== undefined) return stream;
          throw new Refusal(404, "BLOB_UNKNOWN", `Cannot find the blob ${digest} in ${repository}`);
        },
      });
      void fill.finished.then(() => {
        this.#opened.delete(key);
        if (!fill.there && !fill.givenUp) {
          // The size may be wrong, or the blob gone: the upstream is asked the next time.
          this.#known.delete(key);
        }
        if (fill.error !== undefined) this.#onError(fill.error);
      });
      return fill;
    })();
    started.catch(() => this.#opened.delete(key));
    this.#opened.set(key, started);
    return started;
  }
}

function keyOf(repository: RepositoryName, digest: string): string {
  return `${repository}@${digest}`;
}
