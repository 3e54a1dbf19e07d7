import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { Turns } from "../content/turns.ts";
import { InvalidContentError, LimitError } from "../errors.ts";
import { type FileStat, isMissing } from "../runtime/files.ts";
import { diskError } from "./disk_error.ts";
import { files as machineFiles } from "./files.ts";
import { type IndexChange, LayoutEntries } from "./layout_entries.ts";
import type { LayoutFiles } from "./layout_files.ts";
import { appendJournal, JOURNAL, readJournal, removeJournal } from "./layout_journal.ts";
import { withLayoutLock } from "./layout_lock.ts";
import { INDEX, LAYOUT_FILE, readIndex } from "./read_index.ts";
import { CLOCK_MS } from "./verified_files.ts";

const LAYOUT = JSON.stringify({ imageLayoutVersion: "1.0.0" });

/** A million entries; a file without an end is cut off here. */
const INDEX_LIMIT_BYTES = 256 * 1024 * 1024;

/** An index of so many entries is written within a millisecond: a journal would gain nothing. */
const DIRECT_ENTRIES = 256;

/** How long a change of a long index may wait for others before it is merged, in milliseconds. */
const MERGE_DELAY_MS = 100;

/** Merging takes at most one part in so many of the time, however long the index is. */
const MERGE_SHARE = 5;

/**
 * How many entries are written at once, some 250 KB: the text of a long index, and its bytes, would
 * stand in memory as often as it is written between two collections of garbage.
 */
const WRITTEN_ENTRIES = 1_000;

/** How a change of the index is written. */
interface IndexChangeOptions {
  /**
   * Whether a long index may be written a little later, many changes at once: until then they stand
   * in a journal beside it; the caller ends with `flush`.
   * @default {false}
   */
  journal?: boolean;
}

/** skopeo and oras write the file in its place: what is half there may be whole after so many milliseconds. */
const REREAD_MS = 50;

/** What is done with the entries: the changes to make, and what the caller wants to know. */
type IndexDecision<T> = (entries: LayoutEntries) => { changes: IndexChange[]; result: T };

/**
 * Removes the files of manifests that neither the index nor its file has any more.
 *
 * @returns What is left to do once nothing can bring this about again.
 */
type DropFiles = (digests: readonly string[]) => Promise<() => Promise<void>>;

interface Waiting {
  decide: IndexDecision<unknown>;
  files: LayoutFiles;
  journal: boolean;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** What was read of a file, or written to it. */
interface Loaded {
  readonly entries: LayoutEntries;
  /** The fields beside the entries, other programs' among them. */
  readonly fields: Record<string, unknown>;
  /** What tells the file from the next one; `undefined` where there was none. */
  stamp: string | undefined;
  /** The journal's size in bytes. */
  journalBytes: number;
  /** Manifests that were taken away, and that the file may still name. */
  readonly dropped: Set<string>;
}

/**
 * The `index.json` of an OCI layout: the manifests that the folder is about, and their tags. Other
 * programs' entries and fields are kept as they are, and their changes are seen.
 *
 * A folder has one of these in a process, however often it is opened, so that changes wait for one another;
 * those that wait are written together.
 */
export class LayoutIndex {
  static readonly #shared = new Map<string, WeakRef<LayoutIndex>>();
  /** Made with the first index: workers, which have no folders, may have no such thing either. */
  static #forgotten: FinalizationRegistry<string> | undefined;

  /** The index of a folder. */
  static async of({ folder }: LayoutFiles): Promise<LayoutIndex> {
    const key = await realPath(folder);
    const known = LayoutIndex.#shared.get(key)?.deref();
    if (known !== undefined) return known;
    const index = new LayoutIndex();
    LayoutIndex.#shared.set(key, new WeakRef(index));
    LayoutIndex.#forgotten ??= new FinalizationRegistry((key) => {
      if (LayoutIndex.#shared.get(key)?.deref() === undefined) LayoutIndex.#shared.delete(key);
    });
    LayoutIndex.#forgotten.register(index, key);
    return index;
  }

  /**
   * Called with manifests that were taken away, once `index.json` does not name them any more: their
   * files must not go before, since other programs read that file alone.
   */
  onDrop: DropFiles | undefined;
  #loaded: Loaded | undefined;
  /** Grows with every change that is seen. */
  #version = 0;
  /** Who has the lock, and who waits for it. */
  readonly #turns = new Turns();
  #waiting: Waiting[] = [];
  #merging: ReturnType<typeof setTimeout> | undefined;
  /** How long the last writing of the whole index took, in milliseconds. */
  #writeTime = 0;

  private constructor() {}

  /** Tells one state of the entries from every other: for what is derived from them. */
  get version(): number {
    return this.#version;
  }

  /** Whether a manifest was taken away, and its file may still be there. */
  isDropped(digest: string): boolean {
    return this.#loaded?.dropped.has(digest) ?? false;
  }

  /** The entries as they are; none where there is no layout yet. */
  async read(files: LayoutFiles): Promise<LayoutEntries> {
    const loaded = this.#loaded;
    if (loaded !== undefined && stampOf(await files.stat(INDEX)) === loaded.stamp) {
      return loaded.entries;
    }
    return await this.#turns.take(async () => (await this.#load(files)).entries);
  }

  /** Changes the entries: all of it is there afterwards, or none. */
  async change<T>(
    files: LayoutFiles,
    decide: IndexDecision<T>,
    { journal = false }: IndexChangeOptions = {},
  ): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        decide,
        files,
        journal,
        resolve: resolve as (result: unknown) => void,
        reject,
      });
      void this.#turns.take(() => this.#changeAll());
    });
  }

  /** Makes the folder a layout, where it is none: with an empty index. */
  async create(files: LayoutFiles): Promise<void> {
    await this.#exclusive(files, async () => {
      const loaded = await this.#load(files, true);
      if (loaded.stamp === undefined) await this.#write(files, loaded);
      else await this.#writeLayoutFile(files);
    });
  }

  /** Writes what still stands in the journal alone. */
  async flush(files: LayoutFiles): Promise<void> {
    clearTimeout(this.#merging);
    this.#merging = undefined;
    await this.#exclusive(files, async () => {
      const loaded = await this.#load(files, true);
      if (loaded.journalBytes > 0 || loaded.dropped.size > 0) await this.#write(files, loaded);
    });
  }

  /**
   * Does something while nobody else changes the layout; `apply` writes changes of its entries.
   */
  async exclusive<T>(
    files: LayoutFiles,
    run: (
      entries: LayoutEntries,
      apply: (changes: readonly IndexChange[]) => Promise<void>,
    ) => Promise<T>,
  ): Promise<T> {
    return await this.#exclusive(files, async () => {
      const loaded = await this.#load(files, true);
      return await run(loaded.entries, async (changes) => {
        if (changes.filter((change) => applyTo(loaded, change)).length === 0) return;
        this.#version++;
        await this.#write(files, loaded);
      });
    });
  }

  async #changeAll(): Promise<void> {
    if (this.#waiting.length === 0) return; // the turn before this one took them along
    const { files } = this.#waiting.find((each) => each.files.durable) ?? this.#waiting[0]!;
    let taken: Waiting[] = [];
    const results: (() => void)[] = [];
    try {
      await withLayoutLock(files, async () => {
        taken = this.#waiting.splice(0);
        const loaded = await this.#load(files, true);
        const changes: IndexChange[] = [];
        for (const { decide, resolve, reject } of taken) {
          try {
            const { changes: wanted, result } = decide(loaded.entries);
            changes.push(...wanted.filter((change) => applyTo(loaded, change)));
            results.push(() => resolve(result));
          } catch (error) {
            results.push(() => reject(error));
          }
        }
        if (changes.length === 0) return;
        this.#version++;
        await this.#persist(files, loaded, changes, taken.every(({ journal }) => journal));
      });
    } catch (error) {
      this.#forget();
      for (const { reject } of [...taken, ...this.#waiting.splice(0)]) reject(error);
      return;
    }
    for (const settle of results) settle();
  }

  async #persist(
    files: LayoutFiles,
    loaded: Loaded,
    changes: readonly IndexChange[],
    journal: boolean,
  ): Promise<void> {
    if (!journal || loaded.entries.size <= DIRECT_ENTRIES) return await this.#write(files, loaded);
    loaded.journalBytes = await appendJournal(files, loaded.journalBytes, changes);
    this.#mergeLater(files);
  }

  #mergeLater(files: LayoutFiles): void {
    const delay = Math.max(MERGE_DELAY_MS, this.#writeTime * (MERGE_SHARE - 1));
    this.#merging ??= setTimeout(() => {
      // What fails stays in the journal, and the next change tries again.
      this.flush(files).catch(() => {});
    }, delay);
  }

  async #write(files: LayoutFiles, loaded: Loaded): Promise<void> {
    const start = performance.now();
    const { entries, fields } = loaded;
    await files.replace(INDEX, indexText(fields, entries.lines()));
    loaded.stamp = stampOf(await files.stat(INDEX));
    await this.#writeLayoutFile(files);
    const finish = loaded.dropped.size > 0 ? await this.onDrop?.([...loaded.dropped]) : undefined;
    if (loaded.journalBytes > 0) await removeJournal(files);
    loaded.journalBytes = 0;
    loaded.dropped.clear();
    await finish?.();
    this.#writeTime = performance.now() - start;
  }

  async #writeLayoutFile(files: LayoutFiles): Promise<void> {
    if (await files.stat(LAYOUT_FILE) !== undefined) return;
    await files.makeBlobs(); // a folder is no layout without them
    await files.replace(LAYOUT_FILE, [LAYOUT]);
  }

  /**
   * The file as it is now, read where it is not what was read or written before. Before a change the
   * journal is looked at too: another process may have added to it.
   */
  async #load(files: LayoutFiles, toChange = false, isLast = false): Promise<Loaded> {
    const [stat, journaled] = await Promise.all([
      files.stat(INDEX),
      toChange ? files.stat(JOURNAL) : undefined,
    ]);
    const stamp = stampOf(stat);
    const known = this.#loaded;
    if (known !== undefined && known.stamp === stamp) {
      if (!toChange || (journaled?.size ?? 0) === known.journalBytes) return known;
    }
    if (stat !== undefined && stat.size > INDEX_LIMIT_BYTES) throw tooLarge(files);
    let index;
    try {
      index = await readIndex(files);
    } catch (error) {
      if (isLast || !(error instanceof InvalidContentError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, REREAD_MS));
      return await this.#load(files, toChange, true);
    }
    const { entries: lines, fields } = index;
    const entries = new LayoutEntries(lines);
    const journal = await readJournal(files);
    const dropped = new Set<string>();
    for (const change of journal.changes) applyTo({ entries, dropped }, change);
    const unsure = stat !== undefined && Date.now() - stat.mtimeMs < CLOCK_MS;
    this.#version++;
    return this.#loaded = {
      entries,
      fields,
      stamp: unsure ? "unsure" : stamp,
      journalBytes: journal.bytes,
      dropped,
    };
  }

  /** What is in memory is ahead of the disk. */
  #forget(): void {
    this.#loaded = undefined;
    this.#version++;
  }

  /** Lets one change happen at a time, in this process and in every other one. */
  async #exclusive<T>(files: LayoutFiles, run: () => Promise<T>): Promise<T> {
    return await this.#turns.take(async () => {
      try {
        return await withLayoutLock(files, run);
      } catch (error) {
        this.#forget();
        throw error;
      }
    });
  }
}

/** Makes a change, and notes what it drops; `false` when everything was so before. */
function applyTo(
  { dropped, entries }: Pick<Loaded, "dropped" | "entries">,
  change: IndexChange,
): boolean {
  const changed = entries.apply(change);
  if ("remove" in change) {
    if (changed) dropped.add(change.remove);
  } else if ("tag" in change || "list" in change) {
    dropped.delete("tag" in change ? change.descriptor.digest : change.list.digest);
  }
  return changed;
}

function* indexText(
  fields: Record<string, unknown>,
  lines: Iterable<unknown>,
): Generator<string> {
  yield JSON.stringify({ ...fields, manifests: [] }).slice(0, -"]}".length);
  let [some, separator]: [unknown[], string] = [[], ""];
  const text = () => `${separator}${JSON.stringify(some).slice(1, -1)}`;
  for (const line of lines) {
    some.push(line);
    if (some.length < WRITTEN_ENTRIES) continue;
    yield text();
    [some, separator] = [[], ","];
  }
  if (some.length > 0) yield text();
  yield "]}";
}

function stampOf(stat: FileStat | undefined): string | undefined {
  return stat && `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}

/** The folder without links; its last parts need not be there yet. */
async function realPath(folder: string): Promise<string> {
  try {
    return await machineFiles(`open the layout ${folder}`).realpath(folder);
  } catch (error) {
    const parent = dirname(folder);
    if (!isMissing(error) || parent === folder) throw diskError("read", folder, error);
    return join(await realPath(parent), basename(folder));
  }
}

function tooLarge({ folder }: LayoutFiles): LimitError {
  return new LimitError(
    `Cannot read ${join(folder, INDEX)}: it is larger than ${INDEX_LIMIT_BYTES} bytes`,
    { limit: "indexBytes", maximum: INDEX_LIMIT_BYTES },
  );
}
