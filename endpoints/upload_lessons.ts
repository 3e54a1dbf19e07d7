import type { Learned } from "../transport/channel.ts";

/** What uploads learn about a registry. */
export type UploadFact =
  | "chunks"
  | "maxBody"
  | "maxChunk"
  | "singlePost"
  | "uploadStatus"
  | "wholePatch";

/**
 * What one upload learns about a registry: known to all others at once, and taken back where the
 * upload comes to nothing, as then the registry meant something else.
 */
export class UploadLessons {
  readonly #learned: Learned;
  readonly #before = new Map<UploadFact, unknown>();
  readonly #taught = new Map<UploadFact, unknown>();

  /** Nothing learned yet. */
  constructor(learned: Learned) {
    this.#learned = learned;
  }

  /** Learns a fact. */
  learn<F extends UploadFact>(fact: F, value: Learned[F]): void {
    if (!this.#before.has(fact)) this.#before.set(fact, this.#learned[fact]);
    this.#taught.set(fact, value);
    this.#learned[fact] = value;
  }

  /** Forgets a fact that has turned out wrong. */
  unlearn(fact: UploadFact): void {
    delete this.#learned[fact];
  }

  /** Takes back what was learned, but for what another upload has learned since. */
  takeBack(): void {
    for (const [fact, value] of this.#taught) {
      if (this.#learned[fact] !== value) continue;
      const before = this.#before.get(fact);
      if (before === undefined) delete this.#learned[fact];
      else Object.assign(this.#learned, { [fact]: before });
    }
    this.#taught.clear();
    this.#before.clear();
  }
}
