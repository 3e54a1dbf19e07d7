import type { Digest } from "../content/digest.ts";
import { Flights, RecentMap } from "../content/recent.ts";
import type { FileStat } from "../runtime/files.ts";

/** How many files are remembered, so that a large registry does not fill the memory: 200 bytes each. */
const FILES_KNOWN = 10_000;

/**
 * A file that was written so shortly before it was read, in milliseconds, may be written again
 * without a sign of it: the clocks of file systems tick every few milliseconds.
 */
export const CLOCK_MS = 20;

/** Whoever sets a file's time leaves only `ctime` as a sign, which Deno (2.9) gives in whole seconds. */
const CHANGE_CLOCK_MS = 1_050;

/** Reading this much takes a millisecond: such a file is read again rather than trusted too early. */
export const SMALL_BYTES = 1024 * 1024;

interface Known {
  /** The size and the times that the file had. */
  stamp: string;
  /** Whether its bytes were what the digest says. */
  right: boolean;
}

/**
 * What is known of files: whether their bytes are what their names say. It is known by the file,
 * whatever its names, until its identity, size or times change: one of these may serve many layouts.
 */
export class VerifiedFiles {
  readonly #known = new RecentMap<string, Known>(FILES_KNOWN);
  readonly #running = new Flights<boolean>();

  /** Whether a file is right; `undefined` where it has to be read. */
  get(digest: Digest, path: string, stat: FileStat): boolean | undefined {
    const known = this.#known.get(keyOf(digest, path, stat));
    return known?.stamp === stampOf(stat) ? known.right : undefined;
  }

  /** Remembers what was found in a file, unless it was changed just before that time. */
  found(digest: Digest, path: string, stat: FileStat, right: boolean, time: number): void {
    const { ctimeMs, mtimeMs, size } = stat;
    if (time - mtimeMs < CLOCK_MS) return;
    if (size <= SMALL_BYTES && time - Math.max(ctimeMs, mtimeMs) < CHANGE_CLOCK_MS) return;
    this.#known.set(keyOf(digest, path, stat), { stamp: stampOf(stat), right });
  }

  /** Remembers a large file that was just written here. */
  written(digest: Digest, path: string, stat: FileStat): void {
    if (stat.size > SMALL_BYTES) this.found(digest, path, stat, true, Infinity);
  }

  /** Reads a file; those who want that at the same time wait for one reading. */
  read(
    digest: Digest,
    path: string,
    stat: FileStat,
    run: () => Promise<boolean>,
  ): Promise<boolean> {
    return this.#running.run(`${keyOf(digest, path, stat)} ${stampOf(stat)}`, run);
  }
}

function keyOf(digest: Digest, path: string, { ino }: FileStat): string {
  return `${digest} ${ino || path}`;
}

function stampOf({ size, mtimeMs, ctimeMs }: FileStat): string {
  return `${size} ${mtimeMs} ${ctimeMs}`;
}
