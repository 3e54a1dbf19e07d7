import type { Bytes } from "./bytes.ts";

/** A manifest that is kept. */
interface KeptManifest {
  /** Its bytes. */
  bytes: Bytes;
  /** What it is. */
  mediaType: string;
}

/** Thousands of manifests, which have a few kilobytes. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Manifests that will be wanted again, by digest: the newest ones, as many as go into 4 MiB. */
export class KeptManifests {
  readonly #kept = new Map<string, KeptManifest>();
  #bytes = 0;

  /** One that is kept. */
  get(digest: string): KeptManifest | undefined {
    return this.#kept.get(digest);
  }

  /** Keeps one, and lets go of the oldest where there are too many. */
  keep(digest: string, manifest: KeptManifest): void {
    this.take(digest);
    this.#kept.set(digest, manifest);
    this.#bytes += manifest.bytes.byteLength;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= KEPT_BYTES) return;
      this.take(oldest);
    }
  }

  /** One that was kept, and is not any more. */
  take(digest: string): KeptManifest | undefined {
    const manifest = this.#kept.get(digest);
    this.#kept.delete(digest);
    this.#bytes -= manifest?.bytes.byteLength ?? 0;
    return manifest;
  }
}
