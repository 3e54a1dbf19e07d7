import { join } from "@std/path/join";
import { relative } from "@std/path/relative";
import type { Bytes } from "../content/bytes.ts";
import { type Digest, digestEncoded, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher, type Hasher } from "../content/hasher.ts";
import type { PartialBlob, StoreOptions } from "../content/store.ts";
import { InvalidOptionError } from "../errors.ts";
import { type FileHandle, type FileSystem, isMissing } from "../runtime/files.ts";
import { files as machineFiles } from "./files.ts";
import type { LayoutFiles } from "./layout_files.ts";
import { badDigest, checkPlace, sizeMismatch } from "./write_errors.ts";

/** How much of the file is read back at once to hash it. */
const READ_BYTES = 1024 * 1024;

/**
 * How much may come after a gap before the place of the gap is written down again: what a crash can
 * cost at most, per transfer, in bytes.
 */
const NOTE_BYTES = 16 * 1024 * 1024;

/** Files that this process writes to: a second writer must not write behind the first one's commit. */
const held = new Set<string>();

/**
 * Goes on with content that is partly in a layout, or starts it. The part stands under the content's
 * own name in a hidden folder, and is hashed again before anything is added to it. `onCommitted` is
 * called when the content is visible.
 */
export async function beginPartial(
  files: LayoutFiles,
  { digest, size }: { digest: Digest; size: number },
  onCommitted: () => Promise<void>,
): Promise<PartialBlob> {
  const system = machineFiles(`write to the layout ${files.folder}`);
  const folder = await files.partials();
  const name = join(folder, digest.replace(":", "-"));
  // The second writer of one content at once starts anew: bytes of its own, and no trace of them.
  const shared = !held.has(name);
  const path = shared ? name : join(folder, `${digestEncoded(digest)}.${crypto.randomUUID()}`);
  held.add(path);
  try {
    if (!await isRegular(system, path)) {
      await system.rm(path, { force: true });
      await (await files.create(path)).close();
    }
    const file = await system.open(path, "r+");
    try {
      const what = { digest, size, path, shared, onCommitted };
      const partial = new LayoutPartialBlob({ files, system, file, ...what });
      await partial.resume();
      return partial;
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    held.delete(path);
    throw error;
  }
}

interface Parts {
  files: LayoutFiles;
  system: FileSystem;
  digest: Digest;
  size: number;
  path: string;
  /** Whether it has the content's own name, and so is found the next time. */
  shared: boolean;
  file: FileHandle;
  /** Called when the content is visible. */
  onCommitted(): Promise<void>;
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
  /** What came behind a gap: starts and ends. */
  #behind: [start: number, end: number][] = [];
  /** The count in the note beside the file, where there is one. */
  #noted: number | undefined;
  #offset = 0;
  #open = true;
  /** The last write or commit: they go one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** How many bytes, from the first on, were there when this hold was made. */
  get offset(): number {
    return this.#offset;
  }

  /** Reads what is there, and hashes it. */
  async resume(): Promise<void> {
    const { file, size, system } = this.#parts;
    const stat = await file.stat();
    const noted = await readNote(system, this.#note);
    this.#prefix = Math.min(stat.size, size, noted ?? Infinity);
    if (stat.size > this.#prefix) await file.truncate(this.#prefix);
    if (noted !== undefined) await system.rm(this.#note, { force: true });
    this.#offset = this.#prefix;
    await this.#hashPrefix();
  }

  /**
   * Writes bytes at an offset, over what was written there before.
   *
   * @throws {InvalidOptionError} When the offset is not a count of bytes, or after `close`.
   * @throws {SizeMismatchError} When they go past the content's end.
   */
  async write(bytes: Bytes, offset: number, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const { digest, size } = this.#parts;
    checkPlace(digest, size, offset, bytes.byteLength);
    await this.#next(async () => {
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
    options.signal?.throwIfAborted();
    await this.#next(async () => {
      this.#requireOpen();
      const { digest, file, files, onCommitted, path, size } = this.#parts;
      if (this.#prefix !== size) throw sizeMismatch(digest, size, this.#prefix);
      const hasher = await this.#hashPrefix(options.signal);
      this.#forgetHash(); // a hasher cannot be used again
      const actual = toDigest(hashAlgorithm(digest), hasher.digest());
      if (actual !== digest) {
        await this.#end();
        await this.#forget();
        throw badDigest(digest, actual);
      }
      if (files.durable) await file.sync();
      await this.#end();
      await files.publish(path, digest);
      await this.#forget();
      await onCommitted();
    });
  }

  /** Lets go; what was written stays for the next time. */
  async close(): Promise<void> {
    await this.#next(async () => {
      if (!this.#open) return;
      const { file, shared } = this.#parts;
      if (shared && this.#prefix > 0) await file.truncate(this.#prefix);
      await this.#end();
      if (!shared || this.#prefix === 0) await this.#forget();
      else await this.#parts.system.rm(this.#note, { force: true });
    });
  }

  /** The path of a note that says up to where the file has no gap. */
  get #note(): string {
    return `${this.#parts.path}.prefix`;
  }

  async #write(bytes: Bytes, offset: number): Promise<void> {
    const { file } = this.#parts;
    const end = offset + bytes.byteLength;
    if (offset === end) return;
    // Before there is anything behind a gap: the file's size says nothing from then on.
    if (offset > this.#prefix && this.#noted === undefined) await this.#writeNote();
    // Before a byte that was hashed is written over, and also when only a part of them is.
    if (offset < this.#hashed) this.#forgetHash();
    let written = 0;
    while (written < bytes.byteLength) {
      const left = bytes.byteLength - written;
      written += (await file.write(bytes, written, left, offset + written)).bytesWritten;
    }
    if (offset === this.#hashed) {
      (await this.#hashing()).update(bytes);
      this.#hashed = end;
    }
    if (offset > this.#prefix) {
      this.#addBehind(offset, end);
      return;
    }
    this.#prefix = Math.max(this.#prefix, end);
    const gapsBefore = this.#behind.length;
    while (this.#behind.length > 0 && this.#behind[0]![0] <= this.#prefix) {
      this.#prefix = Math.max(this.#prefix, this.#behind.shift()![1]);
    }
    if (this.#noted !== undefined && this.#prefix - this.#noted >= NOTE_BYTES) {
      await this.#writeNote();
    }
    if (this.#behind.length < gapsBefore) await this.#hashPrefix();
  }

  #addBehind(start: number, end: number): void {
    const before = this.#behind.find(([, last]) => last === start);
    if (before !== undefined) before[1] = end;
    else this.#behind.push([start, end]);
    this.#behind.sort(([one], [other]) => one - other);
  }

  async #writeNote(): Promise<void> {
    const { files } = this.#parts;
    await files.replace(relative(files.folder, this.#note), [String(this.#prefix)]);
    this.#noted = this.#prefix;
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
    const { digest, file } = this.#parts;
    const hasher = await this.#hashing();
    if (this.#hashed === this.#prefix) return hasher;
    const buffer = new Uint8Array(Math.min(READ_BYTES, this.#prefix - this.#hashed));
    while (this.#hashed < this.#prefix) {
      signal?.throwIfAborted();
      const length = Math.min(buffer.byteLength, this.#prefix - this.#hashed);
      const { bytesRead } = await file.read(buffer, 0, length, this.#hashed);
      if (bytesRead === 0) throw sizeMismatch(digest, this.#prefix, this.#hashed);
      hasher.update(buffer.subarray(0, bytesRead));
      this.#hashed += bytesRead;
    }
    return hasher;
  }

  #requireOpen(): void {
    if (this.#open) return;
    throw new InvalidOptionError(
      `Cannot write ${this.#parts.digest}: it was committed or closed before`,
    );
  }

  async #end(): Promise<void> {
    this.#open = false;
    await this.#parts.file.close();
    held.delete(this.#parts.path);
  }

  async #forget(): Promise<void> {
    await this.#parts.system.rm(this.#parts.path, { force: true });
    await this.#parts.system.rm(this.#note, { force: true });
  }

  async #next(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => {});
    await turn;
  }
}

async function isRegular(system: FileSystem, path: string): Promise<boolean> {
  try {
    return (await system.lstat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function readNote(system: FileSystem, path: string): Promise<number | undefined> {
  if (!await isRegular(system, path)) return undefined;
  const text = new TextDecoder().decode(await system.readFile(path));
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
}
