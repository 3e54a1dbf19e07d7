import { relative } from "@std/path/relative";
import type { Bytes } from "../content/bytes.ts";
import { checkArgument } from "../content/check_argument.ts";
import { checkCall } from "../content/check_call.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher, type Hasher } from "../content/hasher.ts";
import { type PartialBlob, STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import { Turns } from "../content/turns.ts";
import { InvalidOptionError } from "../errors.ts";
import type { RandomFile } from "../runtime/files.ts";
import { onDisk } from "./disk_error.ts";
import { hashFile } from "./hash_file.ts";
import type { LayoutFiles } from "./layout_files.ts";
import {
  claimPart,
  type Extent,
  extentOf,
  forgetParts,
  noteLine,
  releasePart,
  removePart,
} from "./layout_parts.ts";
import { noteOf } from "./partial_names.ts";
import { badDigest, checkPlace, sizeMismatch } from "./write_errors.ts";

/**
 * How much may come while there are gaps before what is there is written down again: what a crash can
 * cost at most, per transfer, in bytes. Measured: 512 MiB in eight parts at once take 2 % longer than
 * with eight times as much.
 */
const NOTE_BYTES = 2 * 1024 * 1024;

/**
 * Goes on with content that is partly in a layout, or starts it. The part stands in a hidden folder
 * under a name of this process's own, and is hashed again before anything is added to it.
 * `onCommitted` is called when the content is visible,
 * and `onEnd` in the end.
 */
export async function beginPartial(
  files: LayoutFiles,
  { digest, size }: { digest: Digest; size: number },
  options: {
    onCommitted: () => Promise<void>;
    onEnd: () => Promise<void>;
    signal?: AbortSignal | undefined;
  },
): Promise<PartialBlob> {
  const { signal, ...events } = options;
  const { path, file, isNew } = await claimPart(files, digest);
  try {
    const partial = new LayoutPartialBlob({ files, file, digest, size, path, ...events });
    if (!isNew) await partial.resume(signal);
    return partial;
  } catch (error) {
    await file.close();
    await releasePart(files, path, digest);
    throw error;
  }
}

interface Parts {
  files: LayoutFiles;
  digest: Digest;
  size: number;
  path: string;
  file: RandomFile;
  /** Called when the content is visible. */
  onCommitted(): Promise<void>;
  /** Called when this hold has ended, in whatever way. */
  onEnd(): Promise<void>;
}

/** One writer's hold on content that is partly in a layout. */
class LayoutPartialBlob implements PartialBlob {
  readonly #parts: Parts;
  /** How many bytes there are without a gap, from the first one on. */
  #prefix = 0;
  /** How many of them the hasher has seen: a prefix of the file as it is now. */
  #hashed = 0;
  /** Made with the first byte that is hashed. */
  #hasher: Hasher | undefined;
  /** What came behind a gap: starts and ends, in their order. */
  #behind: Extent["behind"] = [];
  /** How long the note beside the file is, where there is one, and how much came since. */
  #note: { length: number; since: number } | undefined;
  #offset = 0;
  #found: Extent["behind"] = [];
  #open = true;
  /** Writes and commits go one after the other. */
  readonly #turns = new Turns();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** How many bytes, from the first on, were there when this hold was made. */
  get offset(): number {
    return this.#offset;
  }

  /** What was there behind a gap when this hold was made: starts and ends. */
  get behind(): readonly (readonly [start: number, end: number])[] {
    return this.#found;
  }

  /** Finds what is there, and hashes it up to the first gap. */
  async resume(signal?: AbortSignal): Promise<void> {
    const { file, files, path, size } = this.#parts;
    const { prefix, behind } = await extentOf(files, path);
    this.#prefix = Math.min(size, prefix);
    this.#behind = behind.filter(([, end]) => end <= size);
    await onDisk("write", path, async () => {
      if (await file.size() > this.#end) await file.truncate(this.#end);
      if (this.#behind.length === 0) await files.system.rm(noteOf(path), { force: true });
      else this.#note = { length: (await files.system.lstat(noteOf(path))).size, since: 0 };
    });
    this.#offset = this.#prefix;
    this.#found = this.#behind.map(([start, end]) => [start, end]);
    await this.#hashPrefix(signal);
  }

  /**
   * Writes bytes at an offset, over what was written there before.
   *
   * @throws {InvalidOptionError} When the offset is not a count of bytes, or after `close`.
   * @throws {SizeMismatchError} When they go past the content's end.
   */
  async write(bytes: Bytes, offset: number, options: StoreOptions = {}): Promise<void> {
    checkCall(options, STORE_OPTIONS);
    checkArgument("bytes", bytes, "bytes");
    const { digest, size } = this.#parts;
    checkPlace(digest, size, offset, bytes.byteLength);
    await this.#turns.take(async () => {
      this.#requireOpen();
      options.signal?.throwIfAborted();
      await this.#write(bytes, offset);
    });
  }

  /**
   * Verifies the whole and makes it visible. Bytes that turn out wrong are forgotten.
   *
   * @throws {SizeMismatchError} When bytes are missing; those that came stay.
   * @throws {BadDigestError} When the bytes have another digest.
   */
  async commit(options: StoreOptions = {}): Promise<void> {
    checkCall(options, STORE_OPTIONS);
    await this.#turns.take(async () => {
      this.#requireOpen();
      const { digest, file, files, onCommitted, path, size } = this.#parts;
      if (this.#prefix !== size) throw sizeMismatch(digest, size, this.#prefix);
      const hasher = await this.#hashPrefix(options.signal);
      this.#forgetHash(); // a hasher cannot be used again
      const actual = toDigest(hashAlgorithm(digest), await hasher.digest());
      if (actual === digest && files.durable) await onDisk("write", path, () => file.sync());
      await this.#finish(async () => {
        try {
          if (actual === digest) await files.publish(path, digest);
          if (actual !== digest || this.#note !== undefined) await removePart(files, path);
          await forgetParts(files, digest);
        } catch (error) {
          await releasePart(files, path, digest);
          throw error;
        }
        if (actual !== digest) throw badDigest(digest, actual);
        await onCommitted();
      });
    });
  }

  /** Lets go; what was written stays for the next time. */
  async close(): Promise<void> {
    await this.#turns.take(async () => {
      if (!this.#open) return;
      const { digest, file, files, path } = this.#parts;
      let failure: { error: unknown } | undefined;
      if (this.#end > 0) {
        const cut = async () => {
          await onDisk("write", path, () => file.truncate(this.#end));
          // A note that fails leaves the one before, which says less.
          if (this.#behind.length > 0) await this.#writeNote().catch(() => {});
        };
        await cut().catch((error) => failure = { error });
      }
      await this.#finish(async () => {
        // The note tells what counts where there are gaps, and of what could not be cut.
        if (failure === undefined && this.#behind.length === 0) {
          await onDisk("write", path, () => files.system.rm(noteOf(path), { force: true }));
        }
        await releasePart(files, path, digest);
        if (failure !== undefined) throw failure.error;
      });
    });
  }

  async #write(bytes: Bytes, offset: number): Promise<void> {
    const { file, path } = this.#parts;
    const end = offset + bytes.byteLength;
    if (offset === end) return;
    // Before there is anything behind a gap: the file's size says nothing from then on.
    if (offset > this.#prefix && this.#note === undefined) await this.#writeNote();
    // Before a byte that was hashed is written over, and also when only a part of them is.
    if (offset < this.#hashed) this.#forgetHash();
    const hasher = offset === this.#hashed ? await this.#hashing() : undefined;
    const writing = onDisk("write", path, () => file.write(bytes, offset));
    if (hasher === undefined) await writing;
    else {
      this.#forgetHash(); // a write that fails leaves a hasher that has seen too much
      hasher.update(bytes); // while another thread writes them
      await writing;
      [this.#hasher, this.#hashed] = [hasher, end];
    }
    const gapsBefore = this.#behind.length;
    if (offset > this.#prefix) this.#addBehind(offset, end);
    else {
      this.#prefix = Math.max(this.#prefix, end);
      while (this.#behind.length > 0 && this.#behind[0]![0] <= this.#prefix) {
        this.#prefix = Math.max(this.#prefix, this.#behind.shift()![1]);
      }
    }
    if (this.#note !== undefined && (this.#note.since += bytes.byteLength) >= NOTE_BYTES) {
      await this.#writeNote();
    }
    if (this.#behind.length < gapsBefore && offset < this.#prefix) await this.#hashPrefix();
  }

  /** Where the last of the bytes that are there ends. */
  get #end(): number {
    return this.#behind.at(-1)?.[1] ?? this.#prefix;
  }

  #addBehind(start: number, end: number): void {
    const joined = this.#behind.filter(([first, last]) => first <= end && last >= start);
    const others = this.#behind.filter((each) => !joined.includes(each));
    const all: Extent["behind"] = [[start, end], ...joined];
    others.push([
      Math.min(...all.map(([first]) => first)),
      Math.max(...all.map(([, last]) => last)),
    ]);
    this.#behind = others.sort(([one], [other]) => one - other);
  }

  /** Adds a line to the note: a crash that cuts it leaves the one before. */
  async #writeNote(): Promise<void> {
    const { files, path } = this.#parts;
    const line = noteLine({ prefix: this.#prefix, behind: this.#behind });
    const name = relative(files.folder, noteOf(path));
    const length = await files.append(name, this.#note?.length ?? 0, line);
    this.#note = { length, since: 0 };
  }

  async #hashing(): Promise<Hasher> {
    return this.#hasher ??= await createHasher(hashAlgorithm(this.#parts.digest));
  }

  /** The next hash starts at the first byte. */
  #forgetHash(): void {
    this.#hasher = undefined;
    this.#hashed = 0;
  }

  /** Reads back what the hasher has not seen of the bytes without a gap. */
  async #hashPrefix(signal?: AbortSignal): Promise<Hasher> {
    const { digest, file, path } = this.#parts;
    const hasher = await this.#hashing();
    const [start, end] = [this.#hashed, this.#prefix];
    this.#forgetHash(); // what fails half-way leaves a hasher that has seen too much
    const hash = () => hashFile(file, hasher, { start, end, signal });
    const hashed = await onDisk("read", path, hash);
    if (hashed < end) throw sizeMismatch(digest, end, hashed);
    [this.#hasher, this.#hashed] = [hasher, end];
    return hasher;
  }

  #requireOpen(): void {
    if (this.#open) return;
    throw new InvalidOptionError(
      `Cannot write ${this.#parts.digest}: it was committed or closed before`,
    );
  }

  /** Closes the file, so that nobody writes to what is published then; what is left is let go. */
  async #finish(then: () => Promise<void>): Promise<void> {
    const { file, onEnd, path } = this.#parts;
    this.#open = false;
    try {
      await onDisk("write", path, () => file.close());
      await then();
    } finally {
      await onEnd();
    }
  }
}
