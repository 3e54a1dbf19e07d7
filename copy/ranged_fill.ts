import type { Bytes } from "../content/bytes.ts";
import { bytesThere } from "../content/bytes_there.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type { ContentSource, PartialBlob } from "../content/store.ts";
import { ApiError, DownloadError, HttpError } from "../errors.ts";
import type { Connections } from "./connections.ts";
import { onSide } from "./copy_error.ts";
import { PieceGatherer } from "./piece_gatherer.ts";

const MIB = 1024 * 1024;

/** What containerd and SOCI ask for at once. */
const PART_BYTES = 8 * MIB;

/** Of less than this, one connection brings the most before others have started. */
const RANGED_BYTES = 32 * MIB;

/** So many parts at first; twice as many where that was faster. */
const FIRST_PARTS = 4;
const MOST_PARTS = 8;

/** For how long the pace is measured, of one connection and then of several, in milliseconds. */
const MEASURED_MS = 250;

/**
 * Registries give one connection 25 to 74 MB/s, in bytes a millisecond. What is much faster is bound
 * by this machine, and so are all blobs together where they are as fast as that.
 */
const SLOW_PACE = 150_000;
const FAST_TOTAL = 300_000;

/** Several connections must be faster than one by so much. */
const GAIN = 1.25;

/** After so many failures none of which brought a part, it is over: whoever reads has tried before. */
const MOST_FAILURES = 4;

/** What a {@linkcode RangedFill} works with. */
export interface RangedFillOptions {
  /** Shared by all blobs of a copy. */
  connections: Connections;
  /** Ends it. */
  signal: AbortSignal;
  /** Told how many of the blob's bytes are there. */
  onBytes: (bytes: number) => void;
  /** Told of a part that is asked for again. */
  onRetry: (attempt: number, reason: string) => void;
  /** The time in milliseconds. @default {performance.now} */
  now?: () => number;
}

/** A part of the blob, from its first byte up to its end. */
interface Part {
  start: number;
  end: number;
}

/**
 * Fills a partial blob from a source: from one stream as long as that is fast, else in several parts
 * at once, where the source answers ranges as such.
 */
export class RangedFill {
  readonly #source: ContentSource;
  readonly #descriptor: Descriptor;
  readonly #partial: PartialBlob;
  readonly #options: RangedFillOptions;
  /** What nothing reads yet. */
  readonly #parts: Part[] = [];
  #came = 0;
  /** The parts that may be read at once. */
  #most = 1;
  #reading = 0;
  #failures = 0;
  readonly #workers = new Set<Promise<void>>();
  #failed: { error: unknown } | undefined;
  /** When several parts at once began, at what pace one came, and how many bytes there were. */
  #ranged: { since: number; pace: number; came: number } | undefined;
  #taken = 0;

  /** Fills a blob from where it ends. */
  constructor(
    source: ContentSource,
    descriptor: Descriptor,
    partial: PartialBlob,
    options: RangedFillOptions,
  ) {
    this.#source = source;
    this.#descriptor = descriptor;
    this.#partial = partial;
    this.#options = options;
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }

  /** Reads everything that is missing: last of all the longest part, which may be worth several at once. */
  async run(): Promise<void> {
    const gaps = gapsOf(this.#partial, this.#descriptor.size);
    const longest = gaps.reduce((one, other) => length(other) > length(one) ? other : one);
    this.#came = bytesThere(this.#partial.offset, this.#partial.behind);
    this.#reading = 1;
    try {
      await this.#lead(gaps.filter((gap) => gap !== longest), longest);
      this.#reading--;
      this.#spawn();
      while (this.#workers.size > 0) await Promise.all(this.#workers);
      if (this.#failed !== undefined) throw this.#failed.error;
    } catch (error) {
      this.#parts.length = 0;
      this.#failed ??= { error };
      await Promise.all(this.#workers);
      throw this.#failed.error;
    } finally {
      this.#options.connections.give(this.#taken);
    }
  }

  /** Reads gaps in their order, so that most is hashed as it comes, and then the longest part. */
  async #lead(gaps: readonly Part[], longest: Part): Promise<void> {
    let lead = longest;
    for (const gap of gaps) {
      const reader = await this.#open(gap);
      if (this.#source.ranges === false) {
        // Each gap would cost the whole blob: what is behind this one is read again.
        await reader.cancel().catch(() => {});
        lead = { start: gap.start, end: this.#descriptor.size };
        this.#came = gap.start;
        break;
      }
      await this.#read(gap, reader);
    }
    await this.#read(lead, await this.#open(lead), true);
  }

  /** Reads a part; the lead's end comes nearer when others take what is behind it. */
  async #read(part: Part, reader: PieceReader, leads = false): Promise<void> {
    const { onBytes, signal, connections } = this.#options;
    const gatherer = new PieceGatherer(reader);
    let at = part.start;
    let writing: Promise<void> | undefined;
    const first = this.#now();
    const from = at;
    try {
      while (at < part.end) {
        if (this.#failed !== undefined) throw this.#failed.error;
        const bytes = await onSide("source", this.#descriptor, signal, () => gatherer.next());
        if (bytes === undefined) throw this.#ended(at);
        const piece = bytes.subarray(0, part.end - at) as Bytes;
        await writing;
        // One is written while the next one is read; what came is kept, also when the signal aborts.
        writing = this.#partial.write(piece, at).then(() => gatherer.free(bytes));
        writing.catch(() => {}); // awaited before the next one
        at += piece.byteLength;
        part.start = at;
        this.#came += piece.byteLength;
        const now = this.#now();
        connections.came(piece.byteLength, now);
        onBytes(this.#came);
        if (this.#ranged !== undefined) this.#compare(now);
        else if (leads) this.#maySplit(part, at - from, now - first);
      }
      await writing;
    } catch (error) {
      await writing?.catch(() => {});
      throw error;
    } finally {
      await gatherer.cancel().catch(() => {});
    }
  }

  async #open({ start, end }: Part): Promise<PieceReader> {
    const { signal } = this.#options;
    const { size } = this.#descriptor;
    const range = { offset: start, ...(end < size && { length: end - start }) };
    return pieceReader(
      await onSide(
        "source",
        this.#descriptor,
        signal,
        () => this.#source.open(this.#descriptor, { ...range, verify: false, signal }),
      ),
    );
  }

  /** Lets others read what is behind the lead, where one connection is slow. */
  #maySplit(lead: Part, bytes: number, took: number): void {
    const { connections } = this.#options;
    if (took < MEASURED_MS || connections.useless || this.#most > 1) return;
    if (lead.end - lead.start < RANGED_BYTES || this.#source.ranges === false) return;
    const pace = bytes / took;
    if (pace > SLOW_PACE || connections.pace > FAST_TOTAL) return;
    this.#grow(FIRST_PARTS - 1);
    if (this.#most === 1) return;
    // The first part shows whether the source takes ranges: until then the lead may need it all.
    const probe: Part = { start: lead.start + 2 * PART_BYTES, end: lead.start + 3 * PART_BYTES };
    this.#start(async () => {
      let reader: PieceReader;
      try {
        reader = await this.#open(probe);
      } catch {
        // Some hosts give a client one connection; what else it may be, the lead will meet it.
        connections.useless = true;
        this.#most = 1;
        return;
      }
      if (this.#source.ranges !== true || lead.start > probe.start) {
        this.#most = 1;
        await reader.cancel().catch(() => {});
        return;
      }
      this.#ranged = { since: this.#now(), pace, came: this.#came };
      for (let start = probe.end; start < lead.end; start += PART_BYTES) {
        this.#parts.push({ start, end: Math.min(start + PART_BYTES, lead.end) });
      }
      lead.end = probe.start;
      this.#reading++;
      this.#spawn();
      await this.#readOn(probe, reader);
    });
  }

  /** Looks once whether several connections are faster than one was. */
  #compare(now: number): void {
    const { since, pace, came } = this.#ranged!;
    if (since === Infinity || now - since < 2 * MEASURED_MS) return;
    this.#ranged!.since = Infinity;
    if ((this.#came - came) / (now - since) >= GAIN * pace) {
      this.#grow(MOST_PARTS - this.#most);
      this.#spawn();
    } else {
      this.#options.connections.useless = true;
      this.#most = 1;
      this.#join();
    }
  }

  /** Makes one part of those that follow each other: one connection reads them in one go. */
  #join(): void {
    const parts = this.#parts.splice(0);
    for (const part of parts) {
      const before = this.#parts.at(-1);
      if (before?.end === part.start) before.end = part.end;
      else this.#parts.push(part);
    }
  }

  #grow(more: number): void {
    const taken = this.#options.connections.take(more);
    this.#taken += taken;
    this.#most += taken;
  }

  /** Starts as many readers as may be. */
  #spawn(): void {
    while (this.#reading < this.#most && this.#parts.length > 0) {
      this.#reading++;
      this.#start(() => this.#readOn());
    }
  }

  /** Reads one part after the other, as long as so many may be read. */
  async #readOn(part?: Part, reader?: PieceReader): Promise<void> {
    for (let next = part ?? this.#parts.shift(); next !== undefined; next = this.#parts.shift()) {
      try {
        await this.#read(next, reader ?? await this.#open(next));
        reader = undefined;
        this.#failures = 0;
      } catch (error) {
        this.#again(next, error);
        reader = undefined;
      }
      if (this.#reading > this.#most) break;
    }
    this.#reading--;
  }

  /** Puts back a part that failed, and reads half as many at once from now on. */
  #again(part: Part, error: unknown): void {
    const { signal, onRetry } = this.#options;
    signal.throwIfAborted();
    if (this.#failed !== undefined || !mayPass(error)) throw error;
    if (++this.#failures > MOST_FAILURES) throw error;
    this.#most = Math.max(1, Math.floor(this.#most / 2));
    if (this.#ranged !== undefined) this.#ranged.since = Infinity; // and no more of them again
    this.#parts.unshift(part);
    onRetry(this.#failures, (error as Error).message);
  }

  #start(task: () => Promise<void>): void {
    const started: Promise<void> = task().catch((error) => {
      this.#failed ??= { error };
      this.#parts.length = 0;
    }).finally(() => this.#workers.delete(started));
    this.#workers.add(started);
  }

  #ended(at: number): DownloadError {
    const { digest, size } = this.#descriptor;
    return new DownloadError(`Cannot read ${digest}: it ended after ${at} of ${size} bytes`);
  }
}

/** What is missing of a blob, in its order. */
function gapsOf({ offset, behind = [] }: PartialBlob, size: number): [Part, ...Part[]] {
  const starts = [offset, ...behind.map(([, end]) => end)];
  const ends = [...behind.map(([start]) => start), size];
  const gaps = starts.map((start, at) => ({ start, end: ends[at]! }));
  // A last stretch up to the end leaves an empty gap.
  return gaps.filter((gap, at) => at === 0 || length(gap) > 0) as [Part, ...Part[]];
}

function length({ start, end }: Part): number {
  return end - start;
}

/** Whether a part may come when it is asked for again: 429, 503, and connections that break. */
function mayPass(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof HttpError) return each.statusCode === 429 || each.statusCode === 503;
    if (each instanceof ApiError && each.retryable) return true;
  }
  return false;
}
