import { checkDescriptor } from "../content/descriptor.ts";
import type { IndexChange } from "./layout_entries.ts";
import type { LayoutFiles } from "./layout_files.ts";

/**
 * Changes of an index that its `index.json` does not have yet, a line for each group of them. No
 * other program looks at it: it is a hidden file.
 */
export const JOURNAL = ".index-journal";

/** What stands in a journal. */
interface Journal {
  /** The changes, the oldest first. Made once more on an index that has them, they change nothing. */
  changes: IndexChange[];
  /** The journal's size in bytes. */
  bytes: number;
}

/** Reads a journal. A line that was cut was never acknowledged, and is left out. */
export async function readJournal(files: LayoutFiles): Promise<Journal> {
  const stat = await files.stat(JOURNAL);
  const text = stat && await files.readText(JOURNAL);
  if (stat === undefined || text === undefined) return { changes: [], bytes: 0 };
  const changes = text.split("\n").flatMap((line) => line === "" ? [] : changesIn(line));
  return { changes, bytes: stat.size };
}

/**
 * Adds changes to the end of a journal, all or none.
 *
 * @returns The journal's size in bytes.
 */
export async function appendJournal(
  files: LayoutFiles,
  position: number,
  changes: readonly IndexChange[],
): Promise<number> {
  // It starts a line of its own, whatever a write that was cut has left before it.
  return await files.append(JOURNAL, position, `\n${JSON.stringify(changes)}\n`);
}

/** Ends a journal whose changes the index has. */
export async function removeJournal(files: LayoutFiles): Promise<void> {
  await files.removeFile(JOURNAL);
}

function changesIn(line: string): IndexChange[] {
  let changes: unknown;
  try {
    changes = JSON.parse(line);
  } catch {
    return [];
  }
  return Array.isArray(changes) && changes.every(isChange) ? changes : [];
}

function isChange(value: unknown): value is IndexChange {
  if (typeof value !== "object" || value === null) return false;
  const { tag, descriptor, untag, unlist, list, remove } = value as Record<string, unknown>;
  if ([untag, unlist, remove].some((name) => typeof name === "string")) return true;
  try {
    if (typeof tag === "string") checkDescriptor(descriptor, "the journal's entry");
    else checkDescriptor(list, "the journal's entry");
    return true;
  } catch {
    return false;
  }
}
