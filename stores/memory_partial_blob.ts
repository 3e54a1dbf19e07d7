import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher } from "../content/hasher.ts";
import type { PartialBlob, StoreOptions } from "../content/store.ts";
import { InvalidOptionError } from "../errors.ts";
import { PieceList } from "./piece_list.ts";
import { badDigest, sizeMismatch } from "./take_body.ts";

/** The parts of one piece of content that have come so far, shared by everybody who brings some. */
export class MemoryPartial {
  /** The parts by offset; the longer of two that start at the same place. */
  readonly parts = new Map<number, Bytes>();

  /** Adds a copy of some bytes. */
  add(bytes: Bytes, offset: number): void {
    const there = this.parts.get(offset);
    if (there === undefined || there.byteLength < bytes.byteLength) {
      this.parts.set(offset, bytes.slice());
    }
  }

  /** The bytes without a gap, from the first one on: each only once. */
  *joined(): Generator<Bytes> {
    let position = 0;
    for (const offset of [...this.parts.keys()].sort((a, b) => a - b)) {
      if (offset > position) return;
      const part = this.parts.get(offset)!;
      const next = part.subarray(position - offset);
      yield next;
      position += next.byteLength;
    }
  }

  /** How many bytes there are without a gap, from the first one on. */
  get offset(): number {
    let size = 0;
    for (const part of this.joined()) size += part.byteLength;
    return size;
  }
}

/** One writer's hold on content that is partly in memory. */
export class MemoryPartialBlob implements PartialBlob {
  readonly #digest: Digest;
  readonly #size: number;
  readonly #there: MemoryPartial | PieceList;
  readonly #finish: (list?: PieceList) => void;
  readonly #offset: number;

  /** Content that is whole already, or its parts and what to do with the whole. */
  constructor(
    digest: Digest,
    size: number,
    there: MemoryPartial | PieceList,
    finish: (list?: PieceList) => void = () => {},
  ) {
    this.#digest = digest;
    this.#size = size;
    this.#there = there;
    this.#finish = finish;
    this.#offset = there instanceof PieceList ? there.size : there.offset;
  }

  /** How many bytes, from the first on, were there when this hold was made. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Adds bytes at an offset; those of content that is whole are left alone.
   *
   * @throws {InvalidOptionError} When the offset is not a count of bytes.
   * @throws {SizeMismatchError} When they go past the content's end.
   */
  write(bytes: Bytes, offset: number, options: StoreOptions = {}): Promise<void> {
    return new Promise((resolve) => {
      options.signal?.throwIfAborted();
      if (!Number.isSafeInteger(offset) || offset < 0) {
        throw new InvalidOptionError(
          `Cannot write as 'offset' must be a count of bytes: current value is ${offset}`,
        );
      }
      if (offset + bytes.byteLength > this.#size) {
        throw sizeMismatch(this.#digest, this.#size, offset + bytes.byteLength);
      }
      if (this.#there instanceof MemoryPartial) this.#there.add(bytes, offset);
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
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#there instanceof PieceList) return;
    const { offset } = this.#there;
    if (offset !== this.#size) throw sizeMismatch(this.#digest, this.#size, offset);
    const algorithm = hashAlgorithm(this.#digest);
    const hasher = await createHasher(algorithm);
    signal?.throwIfAborted();
    const list = new PieceList();
    for (const part of this.#there.joined()) {
      hasher.update(part);
      list.append(part);
    }
    const actual = toDigest(algorithm, hasher.digest());
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
