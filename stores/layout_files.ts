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
  openRandomFile,
} from "../runtime/files.ts";
import { isRunning } from "../runtime/process_owner.ts";
import { diskError, goneError, onDisk } from "./disk_error.ts";
import { hashFile } from "./hash_file.ts";
import { FOLLOW_LINKS, type LayoutFilesOptions, LayoutFolder } from "./layout_folder.ts";
import { PARTIAL, partialName, temporaryName } from "./partial_names.ts";
import { PieceWriter } from "./piece_writer.ts";
import { VerifiedFiles } from "./verified_files.ts";

/** What `link` fails with where a file cannot have two names: another disk, or no such disk at all. */
const NO_LINK = ["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EACCES"];

const ALGORITHMS: readonly HashAlgorithm[] = ["sha256", "sha512"];

/** Options of {@linkcode LayoutFiles.verified}. */
interface VerifiedOptions {
  /** The size that it must have; else any will do. */
  size?: number;
  /** A larger file is not read for this: it is right when it was known to be. @default {Infinity} */
  limit?: number;
  /** Ends the reading. */
  signal?: AbortSignal | undefined;
}

/**
 * The files of an OCI layout. Only regular files with content-addressed names are read or written,
 * in folders that are no links. What is written has such a name only once it was verified; what
 * other programs and bad disks have done to it since, {@linkcode verified} finds out.
 */
export class LayoutFiles extends LayoutFolder {
  readonly #verified: VerifiedFiles;

  /**
   * The files in a folder, which need not be there yet; what is known of them may be shared.
   *
   * @throws {UnsupportedRuntimeError} In a browser or a worker.
   */
  constructor(folder: string, options: LayoutFilesOptions, verified = new VerifiedFiles()) {
    super(folder, options);
    this.#verified = verified;
  }

  /**
   * Removes what processes that ended have left and no other one can go on with, parts of what came
   * whole in another way, and what has not been written to since a time, in milliseconds.
   */
  async sweep(before: number): Promise<void> {
    for (const name of await this.partialNames()) {
      const path = join(this.folder, PARTIAL, name);
      const stat = await this.lstat(path);
      if (!stat?.isFile()) continue;
      const { owner, digest } = partialName(name) ?? {};
      const runs = owner === undefined ? undefined : isRunning(owner);
      if (runs === true) continue;
      const isLeft = runs === false || (owner === undefined && digest !== undefined);
      const useless = isLeft && (digest === undefined || await this.size(digest) !== undefined);
      if (!useless && stat.mtimeMs >= before) continue;
      await onDisk("write", path, () => this.system.rm(path, { force: true }));
    }
  }

  /** Where a blob is. A checked digest's characters leave no way out of the folder. */
  path(digest: Digest): string {
    return join(this.#blobs(digest), digestEncoded(digest));
  }

  /** That a blob is not here; what stands in its place instead is told. */
  async missing(verb: string, digest: Digest): Promise<ContentNotFoundError> {
    const path = this.path(digest);
    const state = await this.lstat(path) === undefined
      ? `${this.folder} does not have it`
      : `${path} is no file, or a link that leads out of the blobs: ${FOLLOW_LINKS}`;
    return new ContentNotFoundError(`Cannot ${verb} ${digest}: ${state}`);
  }

  /** The size of a blob; `undefined` where there is none, or something else in its place. */
  async size(digest: Digest): Promise<number | undefined> {
    return (await this.#stat(digest))?.size;
  }

  /**
   * Whether a blob is here and its bytes are what its name says. They are read for that once, and
   * again when the file's identity, size or times have changed.
   */
  async verified(digest: Digest, options: VerifiedOptions = {}): Promise<boolean> {
    const stat = await this.#stat(digest);
    const { size = stat?.size, limit = Infinity, signal } = options;
    if (stat === undefined || stat.size !== size) return false;
    const path = this.path(digest);
    const known = this.#verified.get(digest, path, stat);
    if (known !== undefined) return known;
    if (size > limit) return false;
    const start = Date.now();
    const read = async () => {
      const right = await this.#hasDigest(digest, size, signal);
      this.#verified.found(digest, path, stat, right, start);
      return right;
    };
    return await (signal === undefined ? this.#verified.read(digest, path, stat, read) : read());
  }

  /** Remembers that a blob was verified before it got its name. */
  async learn(digest: Digest): Promise<void> {
    const stat = await this.#stat(digest);
    if (stat !== undefined) this.#verified.written(digest, this.path(digest), stat);
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
      const names = await onDisk("read", folder, () => this.system.readdir(folder));
      for (const name of names) {
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
      await tap.finish();
    }, async (temporary) => {
      signal?.throwIfAborted();
      await this.publish(temporary, digest);
    });
  }

  /** Gives a verified file its content-addressed name; its bytes have been synced where they must. */
  async publish(temporary: string, digest: Digest): Promise<void> {
    const path = this.path(digest);
    let folder = await this.makeBlobs(hashAlgorithm(digest));
    const rename = () => this.system.rename(temporary, path);
    try {
      await rename().catch(async (error) => {
        if (!isMissing(error)) throw error;
        this.forgetFolders(); // they were removed since they were looked at
        folder = await this.makeBlobs(hashAlgorithm(digest));
        await rename();
      });
    } catch (error) {
      // Windows does not replace a file that is being read.
      if (!await this.verified(digest)) throw goneError(path, error);
      await this.drop(temporary);
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
    if (stat === undefined || !await from.verified(digest, { signal })) return undefined;
    const folder = await this.makeBlobs(hashAlgorithm(digest));
    const path = this.path(digest);
    let source = from.path(digest);
    try {
      source = await this.system.realpath(source);
      await this.system.link(source, path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (hasCode(error, ...NO_LINK)) return false;
      if (!hasCode(error, "EEXIST")) throw diskError("write", path, error);
      if (await this.verified(digest, { size: stat.size, signal })) return true;
      const temporary = join(await this.partials(), temporaryName());
      await this.inPartials(temporary, () => this.system.link(source, temporary));
      try {
        await this.publish(temporary, digest);
      } finally {
        await this.drop(temporary); // a rename of one file to itself does nothing
      }
    }
    // The link has changed a time of the file, and nothing else.
    const after = await from.#stat(digest);
    if (after?.ino === stat.ino && after.mtimeMs === stat.mtimeMs && after.size === stat.size) {
      for (const files of [from, this]) {
        files.#verified.found(digest, files.path(digest), after, true, Date.now());
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
      throw diskError("read", path, error);
    }
  }

  /** What cannot be verified here, another program has written: it is taken as it is. */
  async #hasDigest(digest: Digest, size: number, signal?: AbortSignal): Promise<boolean> {
    if (!canBeVerified(digest)) return true;
    const algorithm = hashAlgorithm(digest);
    const hasher = await createHasher(algorithm);
    const path = this.path(digest);
    let file;
    try {
      file = await openRandomFile(this.system, path, "read");
      const end = await hashFile(file, hasher, { start: 0, end: size, signal });
      return end === size && toDigest(algorithm, await hasher.digest()) === digest;
    } catch (error) {
      if (isMissing(error)) return false;
      throw diskError("read", path, error);
    } finally {
      await file?.close();
    }
  }
}

/** Whether a digest is of an algorithm that is known here. */
export function canBeVerified(digest: Digest): boolean {
  return ALGORITHMS.some((each) => algorithmOf(digest) === each);
}

function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":"));
}
