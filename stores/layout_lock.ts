import { join } from "@std/path/join";
import { TimeoutError } from "../errors.ts";
import { hasCode, isMissing, makeFileSync, removeFileSync } from "../runtime/files.ts";
import { isRunning, processOwner } from "../runtime/process_owner.ts";
import { onDisk } from "./disk_error.ts";
import type { LayoutFolder } from "./layout_folder.ts";
import { temporaryName } from "./partial_names.ts";

/** The lock's name in the folder for what is not whole yet. */
const LOCK = "lock";

/** How often a process that holds the lock says so, in milliseconds. */
const BEAT_MS = 5_000;

/**
 * A lock that nobody has touched for so long was left behind, in milliseconds, where the system does
 * not tell whether its process still runs.
 */
const STALE_MS = 30_000;

/** How long one holder is waited for, in milliseconds: longer than writing a million entries takes. */
const PATIENCE_MS = 120_000;

/** The waits between two looks at a lock, in milliseconds: most are held for one. */
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1, 25];

/** A lock that another process has. */
interface Held {
  /** Who holds it; empty where the disk is full. */
  owner: string;
  /** When its holder touched it last, in milliseconds since 1970. */
  time: number;
}

/**
 * Runs something that no other process of davit does to the layout at the same time. The lock is a
 * file with the name of the process that holds it: when that process has ended, it counts no more.
 *
 * @throws {TimeoutError} When a process holds it for minutes.
 * @throws {StorageError} When the folder cannot be written to.
 */
export async function withLayoutLock<T>(
  folder: LayoutFolder,
  run: () => Promise<T>,
): Promise<T> {
  const { system } = folder;
  const path = await acquire(folder);
  const beat = setInterval(() => {
    const now = Date.now() / 1000;
    system.utimes(path, now, now).catch(() => {}); // a disk that fails will say so elsewhere
  }, BEAT_MS);
  try {
    return await run();
  } finally {
    clearInterval(beat);
    removeFileSync(path);
  }
}

async function acquire(folder: LayoutFolder): Promise<string> {
  const path = join(await folder.partials(), LOCK);
  return await onDisk("write", path, () => acquired(folder, path));
}

async function acquired(folder: LayoutFolder, path: string): Promise<string> {
  let wait = FIRST_WAIT_MS;
  let last: Held | undefined;
  let since = Date.now();
  while (!await make(folder, path, processOwner())) {
    const held = await look(folder, path);
    if (held === undefined) continue;
    if (isLeft(held)) {
      if (await remove(folder, path, held)) continue;
    }
    if (held.owner !== last?.owner || held.time !== last.time) since = Date.now();
    last = held;
    if (Date.now() - since > PATIENCE_MS) {
      throw new TimeoutError(
        `Cannot write to ${folder.folder}: the process ${held.owner} has held ${path} for minutes`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
  return path;
}

/** Makes a file; `false` where there is one. */
async function make(folder: LayoutFolder, path: string, text: string): Promise<boolean> {
  try {
    const temporary = join(path, "..", temporaryName());
    await folder.inPartials(path, () => makeFileSync(path, text, temporary));
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function look({ system }: LayoutFolder, path: string): Promise<Held | undefined> {
  try {
    const { mtimeMs } = await system.lstat(path);
    return { owner: new TextDecoder().decode(await system.readFile(path)), time: mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isLeft({ owner, time }: Held): boolean {
  const runs = owner === "" ? undefined : isRunning(owner);
  return runs === false || (runs === undefined && Date.now() - time > STALE_MS);
}

/**
 * Removes a lock that was left behind; `false` while somebody else does. Only one process may, or a slow
 * one would remove the next lock: whoever makes the file with the name of the lock and of its holder.
 * That file too may be left behind, and is removed in the same way.
 */
async function remove(folder: LayoutFolder, path: string, left: Held): Promise<boolean> {
  const removing = `${path}~${left.owner.replace(/[^0-9a-z-]/g, "").slice(0, 80)}`;
  if (!await make(folder, removing, processOwner())) {
    const held = await look(folder, removing);
    if (held !== undefined && isLeft(held)) await remove(folder, removing, held);
    return false;
  }
  try {
    const now = await look(folder, path);
    if (now?.owner === left.owner && now.time === left.time) removeFileSync(path);
  } finally {
    removeFileSync(removing);
  }
  return true;
}
