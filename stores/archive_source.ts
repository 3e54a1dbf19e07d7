import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type {
  ContentSource,
  OpenOptions,
  ReferrersOptions,
  ResolveOptions,
  StoreOptions,
} from "../content/store.ts";

/** The two forms of an archive: an OCI layout in a tar, and what `docker save` makes. */
export type ArchiveFormat = "oci" | "docker";

/** An archive that is read. */
export interface ArchiveSource extends ContentSource {
  /** What it is read as. */
  readonly format: ArchiveFormat;
  /**
   * Digests of the manifests that are not in the archive and were made of what is, as of an image
   * that `docker save` wrote before Docker 25: the digest that the image had in a registry is lost.
   */
  readonly madeManifests: ReadonlySet<string>;
  /**
   * The descriptor that a reference names: a tag, a full name in any form, a digest, or `""` for the
   * only image there is. The manifest is verified, and is one that has one meaning.
   *
   * @throws {ContentNotFoundError} When there is none; the message lists the names that there are.
   * @throws {InvalidReferenceError} When several images have the name; the message lists them.
   * @throws {BadDigestError} When the manifest, or a compressed layer of `docker save`, is not what
   * its digest says.
   */
  resolve(reference: string, options?: ResolveOptions): Promise<Descriptor>;
  /** Whether the content is here. */
  exists(descriptor: Descriptor, options?: StoreOptions): Promise<boolean>;
  /** The content's bytes, out of the tar; several may be open at once. */
  open(descriptor: Descriptor, options?: OpenOptions): Promise<ReadableStream<Bytes>>;
  /** The names that it can be asked for: tags and full names, in ASCII order. */
  tags(options?: StoreOptions): AsyncIterable<string>;
  /** The manifests here whose subject is this one. */
  referrers(subject: Descriptor, options?: ReferrersOptions): AsyncIterable<Descriptor>;
  /** Lets go of the file; a temporary one is gone then. */
  close(): Promise<void>;
}
