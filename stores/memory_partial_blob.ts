import { checkArgument } from "../content/check_argument.ts";
import { checkCall } from "../content/check_call.ts";
import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher } from "../content/hasher.ts";
import { type PartialBlob, STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import { PieceList } from "./piece_list.ts";
import { badDigest, checkPlace, sizeMismatch } from "./write_errors.ts";

interface Part {
  offset: number;
  bytes: Bytes;
}

/** The parts of one piece of content that have come so far, shared by all its writers. */
export class MemoryPartial {
  /** In their order; no two of them overlap. */
  #parts: Part[] = [];

  /** Adds a copy of some bytes, in place of those that were there. */
  add(bytes: Bytes, offset: number): void {
    const part = { offset, bytes: new Uint8Array(bytes) };
    const last = this.#parts.at(-1);
    if (last === undefined || endOf(last) <= offset) {
      this.#parts.push(part);
      return;
    }
    const end = endOf(part);
    this.#parts = [
      ...this.#parts.flatMap((other) => between(other, 0, offset)),
      part,
      ...this.#parts.flatMap((other) => between(other, end, Infinity)),
    ];
  }

  /** The bytes without a gap, from the first one on. */
  *joined(): Generator<Bytes> {
    let position = 0;
    for (const part of this.#parts) {
      if (part.offset > position) return;
      yield part.bytes;
      position = endOf(part);
    }
  }

  /** How many bytes there are without a gap, from the first one on. */
  get offset(): number {
    let size = 0;
    for (const part of this.joined()) size += part.byteLength;
    return size;
  }

  /** What there is behind a gap: starts and ends. */
  get behind(): [start: number, end: number][] {
    const { offset } = this;
    const stretches: [start: number, end: number][] = [];
    for (const part of this.#parts) {
      const last = stretches.at(-1);
      if (part.offset < offset) continue;
      if (last?.[1] === part.offset) last[1] = endOf(part);
      else stretches.push([part.offset, endOf(part)]);
    }
    return stretches;
  }
}

function endOf({ offset, bytes }: Part): number {
  return offset + bytes.byteLength;
}

/** What a part has between two places: itself, a piece of it, or nothing. */
function between(part: Part, start: number, end: number): Part[] {
  const { offset } = part;
  if (offset >= start && endOf(part) <= end) return [part];
  const from = Math.max(offset, start);
  const to = Math.min(endOf(part), end);
  if (from >= to) return [];
  return [{ offset: from, bytes: part.bytes.subarray(from - offset, to - offset) as Bytes }];
}

/** One writer's hold on content that is partly in memory. */
export class MemoryPartialBlob implements PartialBlob {
  readonly #digest: Digest;
  readonly #size: number;
  readonly #partial: MemoryPartial;
  readonly #finish: (list?: PieceList) => void;
  readonly #offset: number;
  /** What was there behind a gap when this hold was made: starts and ends. */
  readonly behind: readonly (readonly [start: number, end: number])[];

  /** The parts of some content, and what to do with the whole once it is verified, or is wrong. */
  constructor(
    digest: Digest,
    size: number,
    partial: MemoryPartial,
    finish: (list?: PieceList) => void,
  ) {
    this.#digest = digest;
    this.#size = size;
    this.#partial = partial;
    this.#finish = finish;
    this.#offset = partial.offset;
    this.behind = partial.behind;
  }

  /** How many bytes, from the first on, were there when this hold was made. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Writes bytes at an offset, over what was written there before.
   *
   * @throws {InvalidOptionError} When the offset is not a count of bytes.
   * @throws {SizeMismatchError} When they go past the content's end.
   */
  write(bytes: Bytes, offset: number, options: StoreOptions = {}): Promise<void> {
    return new Promise((resolve) => {
      checkCall(options, STORE_OPTIONS);
      checkArgument("bytes", bytes, "bytes");
      checkPlace(this.#digest, this.#size, offset, bytes.byteLength);
      this.#partial.add(bytes, offset);
      resolve();
    });
  }

  /**
   * Verifies the whole and makes it visible. Parts that turn out wrong are forgotten.
   *
   * @throws {SizeMismatchError} When bytes are missing; those that came stay.
   * @throws {BadDigestError} When the bytes have another digest.
   */
  async commit(options: StoreOptions = {}): Promise<void> {
    checkCall(options, STORE_OPTIONS);
    const { signal } = options;
    const { offset } = this.#partial;
    if (offset !== this.#size) throw sizeMismatch(this.#digest, this.#size, offset);
    const algorithm = hashAlgorithm(this.#digest);
    const hasher = await createHasher(algorithm);
    signal?.throwIfAborted();
    const list = new PieceList();
    for (const part of this.#partial.joined()) {
      hasher.update(part);
      list.append(part);
    }
    const actual = toDigest(algorithm, await hasher.digest());
    if (actual !== this.#digest) {
      this.#finish();
      throw badDigest(this.#digest, actual);
    }
    this.#finish(list);
  }

  /** Lets go; what was written stays for the next time. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
