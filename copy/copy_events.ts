import type { Descriptor } from "../content/descriptor.ts";
import type { CopyEvent } from "../events.ts";

/** Four times a second is what an eye can follow, and costs nothing. */
const INTERVAL_MS = 250;

/** Tells what a copy does: bytes and totals not oftener than a few times a second. */
export class CopyEvents {
  readonly #onEvent: ((event: CopyEvent) => void) | undefined;
  #descriptors = 0;
  #bytes = 0;
  #told = 0;

  /** Tells the caller; nobody without one. */
  constructor(onEvent: ((event: CopyEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  /** Whether anybody listens. */
  get heard(): boolean {
    return this.#onEvent !== undefined;
  }

  /** Content was found that the copy needs. */
  found({ size }: Descriptor): void {
    this.#descriptors++;
    this.#bytes += size;
    const now = this.heard ? performance.now() : 0;
    if (now - this.#told < INTERVAL_MS) return;
    this.#told = now;
    this.#total(false);
  }

  /** Nothing more can be found. */
  foundAll(): void {
    this.#total(true);
  }

  /** Reports a blob's bytes, as a count from its first. */
  progress(descriptor: Descriptor): (bytes: number) => void {
    let last = this.heard ? performance.now() : Infinity;
    return (bytes) => {
      if (last === Infinity) return;
      const now = performance.now();
      if (now - last < INTERVAL_MS) return;
      last = now;
      this.tell({ type: "copy-progress", descriptor, bytes });
    };
  }

  /** Tells one event. */
  tell(event: CopyEvent): void {
    try {
      this.#onEvent?.(event);
    } catch {
      // What a listener throws is its own affair.
    }
  }

  #total(final: boolean): void {
    const { heard } = this;
    if (!heard) return;
    this.tell({ type: "copy-total", descriptors: this.#descriptors, bytes: this.#bytes, final });
  }
}
