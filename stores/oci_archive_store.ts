import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { Digest } from "../content/digest.ts";
import { isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import type { ReferrersOptions } from "../content/store.ts";
import { childrenOf, subjectOf } from "../manifest/children.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { filterReferrers, referrerDescriptor } from "../manifest/referrers_index.ts";
import { isTag } from "../reference/tag.ts";
import { TarStore } from "./archive_store.ts";
import { digestIn } from "./digest_in.ts";
import { IMAGE_NAME } from "./entry_names.ts";
import { iterate } from "./iterate.ts";
import { LayoutEntries } from "./layout_entries.ts";
import { blobName } from "./oci_archive.ts";

/** An OCI layout in a tar that is written as content comes; `index.json` stands at its end. */
export class OciArchiveStore extends TarStore {
  /** What it becomes. */
  readonly format = "oci";
  /** Manifests in the order they came, with what they are attached to. */
  readonly #manifests = new Map<Digest, { descriptor: Descriptor; subject: string | undefined }>();
  readonly #children = new Set<string>();

  /** The manifests here whose subject is this one. */
  async *referrers(
    subject: Descriptor,
    { artifactType, signal }: ReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const { digest } = subject;
    digestIn(subject);
    const all = [...this.#manifests.values()].filter((each) => each.subject === digest)
      .map((each) => each.descriptor);
    yield* iterate(structuredClone(filterReferrers(all, artifactType)), signal);
  }

  protected async take(
    descriptor: Descriptor & { digest: Digest },
    reader: PieceReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const { digest } = descriptor;
    const held = await this.append(blobName(digest), descriptor, reader, signal);
    if (held.bytes !== undefined) this.#note(descriptor, held.bytes);
    // Only what goes out with a stream cannot be read again.
    if (this.output.readable) delete held.bytes;
    this.held.set(digest, held);
  }

  protected checkTagged(): void {}

  protected async finish(): Promise<void> {
    const entries = new LayoutEntries();
    for (const [name, descriptor] of this.named) {
      const annotations = {
        ...descriptor.annotations,
        ...(!isTag(name) && { [IMAGE_NAME]: name }),
      };
      const isBare = Object.keys(annotations).length === 0;
      entries.apply({
        tag: name,
        descriptor: isBare ? descriptor : { ...descriptor, annotations },
      });
    }
    for (const [digest, { descriptor, subject }] of this.#manifests) {
      const { mediaType, size } = descriptor;
      // What nothing else leads to.
      const isTop = subject !== undefined || !this.#children.has(digest);
      if (isTop) entries.apply({ list: { mediaType, digest, size } });
    }
    const { ociIndex: mediaType } = MEDIA_TYPES;
    const index = { schemaVersion: 2, mediaType, manifests: entries.all() };
    const layout = { imageLayoutVersion: "1.0.0" };
    await this.appendBytes("index.json", encodeText(JSON.stringify(index)));
    await this.appendBytes("oci-layout", encodeText(JSON.stringify(layout)));
  }

  #note({ mediaType, digest, size }: Descriptor & { digest: Digest }, bytes: Uint8Array): void {
    if (!isManifestMediaType(mediaType)) return;
    const plain = { mediaType, digest, size };
    try {
      const { manifest } = parseManifest(bytes, { mediaType });
      for (const child of childrenOf(manifest)) this.#children.add(child.digest);
      const subject = subjectOf(manifest)?.digest;
      this.#manifests.set(digest, { descriptor: referrerDescriptor(manifest, plain), subject });
    } catch {
      this.#manifests.set(digest, { descriptor: plain, subject: undefined }); // it is written all the same
    }
  }
}
