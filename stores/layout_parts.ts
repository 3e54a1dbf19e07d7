import { join } from "@std/path/join";
import { bytesThere } from "../content/bytes_there.ts";
import type { Digest } from "../content/digest.ts";
import { isMissing, openRandomFile, type RandomFile } from "../runtime/files.ts";
import { isRunning } from "../runtime/process_owner.ts";
import { diskError, onDisk } from "./disk_error.ts";
import type { LayoutFiles } from "./layout_files.ts";
import { freeName, heldName, noteOf, PARTIAL, partialName } from "./partial_names.ts";

/**
 * A part that was not written to for so long may be taken over, in milliseconds, where the system
 * does not tell whether the process that holds it still runs.
 */
const QUIET_MS = 60_000;

/** A part that one holder has. */
interface ClaimedPart {
  /** Its path, which is this holder's alone. */
  path: string;
  /** It, to be read and written. */
  file: RandomFile;
  /** Whether there is nothing in it. */
  isNew: boolean;
}

/** What is there of some content. */
export interface Extent {
  /** How many bytes without a gap, from the first one on. */
  prefix: number;
  /** What stands behind a gap: starts and ends, in their order. */
  behind: [start: number, end: number][];
}

const NOTHING: Extent = { prefix: 0, behind: [] };

/** How many bytes there are. */
function bytesOf({ prefix, behind }: Extent): number {
  return bytesThere(prefix, behind);
}

/**
 * Takes hold of the longest part of some content that nobody holds, or starts one. A rename does it:
 * of several who try only one succeeds.
 */
export async function claimPart(files: LayoutFiles, digest: Digest): Promise<ClaimedPart> {
  const { system } = files;
  const folder = await files.partials();
  for (const { path: part, extent } of await partsFree(files, digest)) {
    if (bytesOf(extent) === 0) continue;
    const path = join(folder, heldName(digest));
    try {
      // The note of a part with gaps is there before the part: without it they would count as bytes.
      await system.writeFile(noteOf(path), noteLine(extent));
      await system.rename(part, path);
    } catch (error) {
      await system.rm(noteOf(path), { force: true }).catch(() => {});
      if (!isMissing(error)) throw diskError("write", part, error);
      continue; // another one was faster
    }
    try {
      await system.rm(noteOf(part), { force: true });
      // Not before it has this name: what another one publishes must not be written to.
      return { path, file: await openRandomFile(system, path, "update"), isNew: false };
    } catch {
      await removePart(files, path).catch(() => {}); // another user's, say
    }
  }
  const path = join(folder, heldName(digest));
  const file = await files.inPartials(path, () => openRandomFile(system, path, "create"));
  return { path, file, isNew: true };
}

/** Lets go of a part, where there is one: the next one who wants the content goes on with it. */
export async function releasePart(files: LayoutFiles, path: string, digest: Digest): Promise<void> {
  const free = join(path, "..", freeName(digest));
  const extent = await extentOf(files, path);
  const [mine, other] = [bytesOf(extent), bytesOf(await extentLeft(files, free))];
  if (mine === 0 || other >= mine) return await removePart(files, path);
  await removePart(files, free);
  await onDisk("write", path, async () => {
    const { size } = await files.system.lstat(path);
    if (mine < size) await files.system.writeFile(noteOf(free), noteLine(extent));
    await files.system.rename(path, free);
    await files.system.rm(noteOf(path), { force: true });
  });
}

/** Removes the parts of some content that nobody holds. */
export async function forgetParts(files: LayoutFiles, digest: Digest): Promise<void> {
  for (const { path } of await partsFree(files, digest)) {
    await removePart(files, path).catch(() => {}); // another user's: it expires
  }
}

/** What is there of a part: all of it, or what the last whole line of its note says. */
export async function extentOf({ system }: LayoutFiles, part: string): Promise<Extent> {
  try {
    const stat = await system.lstat(part);
    if (!stat.isFile()) return NOTHING;
    const note = await system.readFile(noteOf(part)).catch((error) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    const all = { prefix: stat.size, behind: [] };
    if (note === undefined) return all;
    const lines = new TextDecoder().decode(note).split("\n").slice(0, -1);
    // A note that was never written whole was made before there was a gap.
    return lines.length === 0 ? all : readLine(lines.at(-1)!, stat.size);
  } catch (error) {
    if (isMissing(error)) return NOTHING;
    throw diskError("read", part, error);
  }
}

/** A line of a note. */
export function noteLine({ prefix, behind }: Extent): string {
  return `${[prefix, ...behind.map(([start, end]) => `${start}-${end}`)].join(" ")}\n`;
}

function readLine(line: string, size: number): Extent {
  if (!/^[0-9]{1,15}(?: [0-9]{1,15}-[0-9]{1,15})*$/.test(line)) return NOTHING;
  const [first, ...rest] = line.split(" ");
  const extent: Extent = { prefix: Math.min(size, Number(first)), behind: [] };
  let before = extent.prefix;
  for (const stretch of rest) {
    const [start, end] = stretch.split("-").map(Number) as [number, number];
    if (start <= before || end <= start || end > size) break;
    extent.behind.push([start, end]);
    before = end;
  }
  return extent;
}

/** The parts of some content that nobody holds any more, the longest first. */
async function partsFree(
  files: LayoutFiles,
  digest: Digest,
): Promise<{ path: string; extent: Extent }[]> {
  const folder = join(files.folder, PARTIAL);
  const parts: { path: string; extent: Extent }[] = [];
  for (const name of await files.partialNames()) {
    const isPart = name === freeName(digest) || name.startsWith(`${freeName(digest)}.`);
    if (!isPart || name.endsWith(".prefix")) continue;
    const path = join(folder, name);
    const owner = partialName(name)?.owner;
    if (owner !== undefined && !await isLeft(files, path, owner)) continue;
    parts.push({ path, extent: await extentLeft(files, path) });
  }
  return parts.sort((one, other) => bytesOf(other.extent) - bytesOf(one.extent));
}

/** What is there of another one's part; nothing where it cannot be read. */
async function extentLeft(files: LayoutFiles, part: string): Promise<Extent> {
  return await extentOf(files, part).catch(() => NOTHING);
}

async function isLeft({ system }: LayoutFiles, path: string, owner: string): Promise<boolean> {
  const runs = isRunning(owner);
  if (runs !== undefined) return !runs;
  try {
    return Date.now() - (await system.lstat(path)).mtimeMs > QUIET_MS;
  } catch (error) {
    if (isMissing(error)) return false;
    throw diskError("read", path, error);
  }
}

/** Removes a part, and its note. */
export async function removePart({ system }: LayoutFiles, part: string): Promise<void> {
  await onDisk("write", part, async () => {
    await system.rm(part, { force: true });
    await system.rm(noteOf(part), { force: true });
  });
}
