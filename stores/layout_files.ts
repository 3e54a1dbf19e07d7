import { join } from "@std/path/join";
import { relative } from "@std/path/relative";
import type { Bytes } from "../content/bytes.ts";
import {
  type Digest,
  digestEncoded,
  hashAlgorithm,
  isDigest,
  toDigest,
} from "../content/digest.ts";
import { createHasher, type HashAlgorithm } from "../content/hasher.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { verifier } from "../content/verifying_stream.ts";
import { ContentNotFoundError } from "../errors.ts";
import {
  type FileCursor,
  type FileStat,
  hasCode,
  isMissing,
  openCursor,
} from "../runtime/files.ts";
import { onDisk } from "./disk_error.ts";
import { hashFile } from "./hash_file.ts";
import { LayoutFolder } from "./layout_folder.ts";
import { temporaryName } from "./partial_names.ts";
import { PieceWriter } from "./piece_writer.ts";

/** What `link` fails with where a file cannot have two names: another disk, or no such disk at all. */
const NO_LINK = ["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EACCES"];

const ALGORITHMS: readonly HashAlgorithm[] = ["sha256", "sha512"];

/**
 * A file that was written so shortly before it was read, in milliseconds, may be written again
 * without a sign of it: the clocks of file systems tick every few milliseconds.
 */
const CLOCK_MS = 20;

/** How many files are remembered as verified, so that a large registry does not fill the memory. */
const VERIFIED_KEPT = 10_000;

/**
 * The files of an OCI layout. Only regular files with content-addressed names are read or written,
 * in folders that are no links. What is written has such a name only once it was verified; what
 * other programs and bad disks have done to it since, {@linkcode verified} finds out.
 */
export class LayoutFiles extends LayoutFolder {
  /** The identity, size and times of files whose bytes are what their name says. */
  readonly #verified = new Map<Digest, string>();

  /** Where a blob is. A checked digest's characters leave no way out of the folder. */
  path(digest: Digest): string {
    return join(this.#blobs(digest), digestEncoded(digest));
  }

  /** The size of a blob; `undefined` where there is none, or something else in its place. */
  async size(digest: Digest): Promise<number | undefined> {
    return (await this.#stat(digest))?.size;
  }

  /**
   * Whether a blob is here and its bytes are what its name says. They are read for that once, and
   * again when the file's identity, size or times have changed.
   */
  async verified(digest: Digest, size: number, signal?: AbortSignal): Promise<boolean> {
    const stat = await this.#stat(digest);
    if (stat?.size !== size) return false;
    const stamp = stampOf(stat);
    if (this.#verified.get(digest) === stamp) return true;
    this.#verified.delete(digest);
    const start = Date.now();
    if (await this.#hash(digest, size, signal) !== digest) return false;
    if (start - stat.mtimeMs >= CLOCK_MS) this.#remember(digest, stamp);
    return true;
  }

  /**
   * Opens a blob at an offset.
   *
   * @throws {ContentNotFoundError} When it is not here.
   */
  async open(digest: Digest, offset = 0): Promise<FileCursor> {
    const path = this.path(digest);
    try {
      return await onDisk("read", path, () => openCursor(this.system, path, "read", offset));
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new ContentNotFoundError(
        `Cannot open ${digest}: ${this.folder} does not have it`,
        { cause },
      );
    }
  }

  /** A small blob; `undefined` where there is none. */
  async read(digest: Digest): Promise<Bytes | undefined> {
    if (await this.size(digest) === undefined) return undefined;
    const path = this.path(digest);
    try {
      return await onDisk("read", path, () => this.system.readFile(path)) as Bytes;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Every blob that is a file here, with when it was written, in milliseconds since 1970. */
  async *blobs(): AsyncGenerator<{ digest: Digest; size: number; mtimeMs: number }> {
    if (!await this.hasFolders("blobs")) return;
    for (const algorithm of ALGORITHMS) {
      const folder = join(this.folder, "blobs", algorithm);
      if (!await this.hasFolders(`blobs/${algorithm}`)) continue;
      for (const name of await this.system.readdir(folder)) {
        const digest = `${algorithm}:${name}`;
        const stat = isDigest(digest) ? await this.lstat(join(folder, name)) : undefined;
        if (!isDigest(digest) || !stat?.isFile()) continue;
        yield { digest, size: stat.size, mtimeMs: stat.mtimeMs };
      }
    }
  }

  /**
   * Verifies what a reader has, and makes it visible.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes.
   */
  async write(
    digest: Digest,
    size: number,
    reader: PieceReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const tap = await verifier({ digest, size });
    await this.writeTemporary(async (file) => {
      const options = { onPiece: (piece: Bytes) => tap.take(piece), ...(signal && { signal }) };
      await new PieceWriter(file).write(reader, options);
      tap.finish();
    }, async (temporary) => {
      signal?.throwIfAborted();
      await this.publish(temporary, digest);
    });
  }

  /** Gives a verified file its content-addressed name; its bytes have been synced where they must. */
  async publish(temporary: string, digest: Digest): Promise<void> {
    const path = this.path(digest);
    let folder = await this.makeBlobs(hashAlgorithm(digest));
    this.#verified.delete(digest);
    const rename = () => onDisk("write", path, () => this.system.rename(temporary, path));
    try {
      await rename().catch(async (error) => {
        if (!isMissing(error)) throw error;
        this.forgetFolders(); // they were removed since they were looked at
        folder = await this.makeBlobs(hashAlgorithm(digest));
        await rename();
      });
    } catch (error) {
      // Windows does not replace a file that is being read.
      const { size } = await this.system.stat(temporary);
      if (!await this.verified(digest, size)) throw error;
      await this.system.rm(temporary, { force: true });
      return;
    }
    if (this.durable) await this.syncFolder(folder);
  }

  /**
   * Gives a blob of another layout a name here, in the place of a damaged one.
   *
   * @returns `false` where the disk cannot do that, and `undefined` where that one does not have it,
   * or its bytes are not what its name says.
   */
  async link(
    from: LayoutFiles,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<boolean | undefined> {
    const stat = await from.#stat(digest);
    if (stat === undefined || !await from.verified(digest, stat.size, signal)) return undefined;
    const folder = await this.makeBlobs(hashAlgorithm(digest));
    const path = this.path(digest);
    const source = await this.system.realpath(from.path(digest));
    try {
      await this.system.link(source, path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (hasCode(error, ...NO_LINK)) return false;
      if (!hasCode(error, "EEXIST")) throw error;
      if (await this.verified(digest, stat.size, signal)) return true;
      const temporary = join(await this.partials(), temporaryName());
      await this.inPartials(temporary, () => this.system.link(source, temporary));
      await this.publish(temporary, digest);
      await this.system.rm(temporary, { force: true }); // a rename of one file to itself does nothing
    }
    // The link has changed a time of the file, and nothing else.
    const after = await from.#stat(digest);
    if (after?.ino === stat.ino && after.mtimeMs === stat.mtimeMs && after.size === stat.size) {
      if (Date.now() - after.mtimeMs >= CLOCK_MS) {
        from.#remember(digest, stampOf(after));
        this.#remember(digest, stampOf(after));
      }
    }
    if (this.durable) await this.syncFolder(folder);
    return true;
  }

  /** Removes a blob; `false` where there is none. */
  async remove(digest: Digest): Promise<boolean> {
    if (await this.size(digest) === undefined) return false;
    const path = this.path(digest);
    try {
      await onDisk("write", path, () => this.system.rm(path));
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    if (this.durable) await this.syncFolder(this.#blobs(digest));
    return true;
  }

  /** Makes the folder of the blobs of an algorithm, and answers its path. */
  async makeBlobs(algorithm: HashAlgorithm = "sha256"): Promise<string> {
    await this.makeFolder("blobs");
    return await this.makeFolder(`blobs/${algorithm}`);
  }

  #blobs(digest: Digest): string {
    return join(this.folder, "blobs", algorithmOf(digest));
  }

  async #stat(digest: Digest): Promise<FileStat | undefined> {
    if (!await this.hasFolders("blobs", `blobs/${algorithmOf(digest)}`)) return undefined;
    const path = this.path(digest);
    const stat = await this.lstat(path);
    if (stat === undefined || stat.isFile()) return stat;
    return stat.isDirectory() ? undefined : await this.#linked(path);
  }

  /** What a link in place of a blob leads to, where that is another file among the blobs. */
  async #linked(path: string): Promise<FileStat | undefined> {
    try {
      const blobs = await this.system.realpath(join(this.folder, "blobs"));
      const inside = relative(blobs, await this.system.realpath(path));
      if (!/^[a-z0-9]+[\\/][0-9a-f]+$/.test(inside)) return undefined;
      const stat = await this.system.stat(path);
      return stat.isFile() ? stat : undefined;
    } catch (error) {
      if (isMissing(error) || hasCode(error, "ELOOP")) return undefined;
      throw error;
    }
  }

  async #hash(digest: Digest, size: number, signal?: AbortSignal): Promise<Digest | undefined> {
    const algorithm = hashAlgorithm(digest);
    const hasher = await createHasher(algorithm);
    const path = this.path(digest);
    let file;
    try {
      file = await onDisk("read", path, () => this.system.open(path, "r"));
      const end = await hashFile(file, hasher, { start: 0, end: size, signal });
      return end === size ? toDigest(algorithm, hasher.digest()) : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    } finally {
      await file?.close();
    }
  }

  #remember(digest: Digest, stamp: string): void {
    this.#verified.delete(digest);
    this.#verified.set(digest, stamp);
    if (this.#verified.size <= VERIFIED_KEPT) return;
    const [oldest] = this.#verified.keys();
    this.#verified.delete(oldest!);
  }
}

function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":"));
}

function stampOf({ ctimeMs, ino, mtimeMs, size }: FileStat): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
