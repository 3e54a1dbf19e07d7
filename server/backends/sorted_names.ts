import type { Page, PageRequest } from "./backend.ts";

/** Names in ASCII order, a page at a time: sorted once after each change, however many pages. */
export class SortedNames {
  readonly #names = new Set<string>();
  #sorted: string[] | undefined;

  /** Adds a name. */
  add(name: string): void {
    this.#names.add(name);
    this.#sorted = undefined;
  }

  /** Removes a name. */
  delete(name: string): void {
    if (this.#names.delete(name)) this.#sorted = undefined;
  }

  /** The names that come after one, which need not be among them. */
  page({ after, limit }: PageRequest): Page<string> {
    this.#sorted ??= [...this.#names].sort();
    const start = after === undefined ? 0 : firstAfter(this.#sorted, after);
    return {
      items: this.#sorted.slice(start, start + limit),
      more: start + limit < this.#sorted.length,
    };
  }
}

/** The place of the first name that sorts after another. */
function firstAfter(names: readonly string[], after: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (names[middle]! <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
