import { fileSystem, hasCode, isMissing, makeFileSync, removeFileSync } from "./files.ts";
import { isRunning, processOwner } from "./process_owner.ts";

/** The waits between two looks at a lock, in milliseconds: most are held for one. */
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1, 25];

/** So many times before a lock is taken for one that was left, its holder says that it has it. */
const BEATS = 6;

/** Where a lock is, and how long its holders are waited for. */
interface FileLock {
  /** The lock's file. */
  path: string;
  /** A new name in the same folder, for a file that is not whole yet. */
  temporary(): string;
  /** Makes a file in that folder, if need be the folder first. @default {makes it} */
  inFolder?(path: string, make: () => void): Promise<void>;
  /**
   * A lock that nobody has touched for so long was left behind, in milliseconds, where the system does
   * not tell whether its process still runs.
   */
  stale: number;
  /** How long one holder is waited for, in milliseconds: many may have it in turn. */
  patience: number;
  /** The error of who has waited for longer. */
  late(owner: string): Error;
}

/** A lock that another process has. */
interface Held {
  /** Who holds it; empty where the disk is full. */
  owner: string;
  /** When its holder touched it last, in milliseconds since 1970. */
  time: number;
}

/**
 * Takes a lock that no other process of davit has at the same time, and answers what releases it. The
 * lock is a file with the name of the process that holds it: when that process has ended, it counts
 * no more.
 */
export async function acquireFileLock(lock: FileLock): Promise<() => void> {
  const { path, stale, patience, late } = lock;
  let wait = FIRST_WAIT_MS;
  let last: Held | undefined;
  let since = performance.now();
  while (!await make(lock, path)) {
    const held = await look(path);
    if (held === undefined) continue;
    if (held.owner !== last?.owner || held.time !== last.time) since = performance.now();
    last = held;
    const unchanged = performance.now() - since;
    if (isLeft(lock, held, unchanged) && await remove(lock, path, held)) continue;
    if (unchanged > patience) throw late(held.owner);
    await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
  const beat = setInterval(() => {
    const now = Date.now() / 1000;
    fileSystem()!.utimes(path, now, now).catch(() => {}); // a disk that fails will say so elsewhere
  }, stale / BEATS);
  return () => {
    clearInterval(beat);
    removeFileSync(path);
  };
}

/** Makes a file with this process's name; `false` where there is one. */
async function make({ temporary, inFolder }: FileLock, path: string): Promise<boolean> {
  const run = () => makeFileSync(path, processOwner(), temporary());
  try {
    await (inFolder?.(path, run) ?? run());
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function look(path: string): Promise<Held | undefined> {
  const system = fileSystem()!;
  try {
    const { mtimeMs } = await system.lstat(path);
    return { owner: new TextDecoder().decode(await system.readFile(path)), time: mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A lock's time may lie ahead: a clock was set back, or is another machine's. */
function isLeft({ stale }: FileLock, { owner, time }: Held, unchanged = 0): boolean {
  const runs = owner === "" ? undefined : isRunning(owner);
  return runs === false ||
    (runs === undefined && Math.max(Date.now() - time, unchanged) > stale);
}

/**
 * Removes a lock that was left behind; `false` while somebody else does. Only one process may, or a slow
 * one would remove the next lock: whoever makes the file with the name of the lock and of its holder.
 * That file too may be left behind, and is removed in the same way.
 */
async function remove(lock: FileLock, path: string, left: Held): Promise<boolean> {
  const removing = `${path}~${left.owner.replace(/[^0-9a-z-]/g, "").slice(0, 80)}`;
  if (!await make(lock, removing)) {
    const held = await look(removing);
    if (held !== undefined && isLeft(lock, held)) await remove(lock, removing, held);
    return false;
  }
  try {
    const now = await look(path);
    if (now?.owner === left.owner && now.time === left.time) removeFileSync(path);
  } finally {
    removeFileSync(removing);
  }
  return true;
}
