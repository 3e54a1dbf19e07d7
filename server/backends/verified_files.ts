import { type Digest, hashAlgorithm, toDigest } from "../../content/digest.ts";
import { createHasher } from "../../content/hasher.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { ContentNotFoundError } from "../../errors.ts";
import { type FileStat, type FileSystem, isMissing } from "../../runtime/files.ts";
import { fileStream } from "../../stores/file_stream.ts";
import type { LayoutFiles } from "../../stores/layout_files.ts";
import { Flights, RecentMap } from "../recent.ts";

/** What is known of a file is some 200 bytes. */
const FILES_KNOWN = 10_000;

/**
 * Two changes within one tick of a file system's clock have the same time. Deno (2.9) gives `ctime` in
 * whole seconds; the clocks themselves tick every few milliseconds.
 */
const TICK_MS = 1_050;

/** Reading this much takes a millisecond: a file that may have changed within a tick is read again. */
export const SMALL_BYTES = 1024 * 1024;

interface Known {
  /** The size and the times that the file had. */
  stamp: string;
  /** Whether its bytes were what the digest says. */
  right: boolean;
  /** Whether it was so new that a change within the same tick would not show. */
  fresh: boolean;
}

/**
 * Which files hold what their names say. A name and a size are not content: disks lose power, and
 * other programs write. A file is read once for its identity, size and times, and then trusted until
 * one of them changes.
 */
export class VerifiedFiles {
  readonly #system: FileSystem;
  readonly #known = new RecentMap<Known>(FILES_KNOWN);
  readonly #flights = new Flights<boolean>();

  /** Knows nothing yet. */
  constructor(system: FileSystem) {
    this.#system = system;
  }

  /**
   * Whether a blob is here, and its bytes are what its digest says. A file of more than `limit` bytes
   * is not read: it is right when it was known to be.
   */
  async isRight(files: LayoutFiles, digest: Digest, limit = Infinity): Promise<boolean> {
    const stat = await this.#stat(files, digest);
    if (stat === undefined) return false;
    const key = keyOf(files, digest, stat);
    const known = this.#known.get(key);
    const again = known?.fresh && stat.size <= SMALL_BYTES;
    if (known?.stamp === stampOf(stat) && !again) return known.right;
    if (stat.size > limit) return false;
    return await this.#flights.run(`${key} ${stampOf(stat)}`, async () => {
      const right = await hasDigest(files, digest);
      this.#remember(key, stat, right);
      return right;
    });
  }

  /** A blob was verified, and has its name now. */
  async learn(files: LayoutFiles, digest: Digest): Promise<void> {
    const stat = await this.#stat(files, digest);
    if (stat !== undefined) this.#remember(keyOf(files, digest, stat), stat, true);
  }

  #remember(key: string, stat: FileStat, right: boolean): void {
    const fresh = Date.now() - Math.max(stat.mtimeMs, stat.ctimeMs) < TICK_MS;
    this.#known.set(key, { stamp: stampOf(stat), right, fresh });
  }

  async #stat(files: LayoutFiles, digest: Digest): Promise<FileStat | undefined> {
    if (await files.size(digest) === undefined) return undefined;
    try {
      return await this.#system.lstat(files.path(digest));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/** By the file, whatever its names: blobs of several repositories are one. */
function keyOf(files: LayoutFiles, digest: Digest, { ino }: FileStat): string {
  return `${digest} ${ino || files.path(digest)}`;
}

function stampOf({ size, mtimeMs, ctimeMs }: FileStat): string {
  return `${size} ${mtimeMs} ${ctimeMs}`;
}

/** What cannot be verified here, another program has written: it is taken as it is. */
async function hasDigest(files: LayoutFiles, digest: Digest): Promise<boolean> {
  if (!canBeVerified(digest)) return true;
  const algorithm = hashAlgorithm(digest);
  const hasher = await createHasher(algorithm);
  try {
    const reader = pieceReader(fileStream(await files.open(digest)));
    let view = new Uint8Array(SMALL_BYTES);
    for (;;) {
      const { done, value } = await reader.read(view);
      if (done || value === undefined) break;
      hasher.update(value);
      view = new Uint8Array(value.buffer);
    }
  } catch (error) {
    if (error instanceof ContentNotFoundError) return false; // removed meanwhile
    throw error;
  }
  return toDigest(algorithm, hasher.digest()) === digest;
}

/** Whether a digest is of an algorithm that is known here. */
export function canBeVerified(digest: Digest): boolean {
  try {
    hashAlgorithm(digest);
    return true;
  } catch {
    return false;
  }
}
