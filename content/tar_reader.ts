import { InvalidArchiveError, LimitError } from "../errors.ts";
import { type Bytes, concatBytes, EMPTY } from "./bytes.ts";
import type { PieceReader } from "./piece_reader.ts";
import { safePath } from "./safe_path.ts";
import {
  BLOCK_BYTES,
  isTarHeader,
  isZeroBlock,
  paddingOf,
  readTarHeader,
  type TarHeader,
  utf8,
} from "./tar_header.ts";

/** What an entry is: of devices, pipes and sparse files a tar is refused. */
export type TarEntryType = "file" | "directory" | "symlink" | "link";

/** An entry of a tar. */
export interface TarEntry {
  /** Its path: relative, without `.` and `..`; `.` for the folder itself. */
  name: string;
  /** What it is. */
  type: TarEntryType;
  /** The content's size in bytes; 0 for what is no file. */
  size: number;
  /** Where the content is in the tar: the bytes before it. */
  offset: number;
  /** The permission bits, with setuid, setgid and sticky. */
  mode: number;
  /** When it was last written, in seconds since 1970. */
  mtime: number;
  /** Where a symbolic link leads, as it stands there, unchecked; of a hard link the name of a file. */
  target?: string;
  /** The content, once, before the next entry is asked for; what is not read is passed over. */
  content: AsyncIterable<Bytes>;
}

/** What a tar may cost. */
export interface TarLimits {
  /** The most entries. */
  maxEntries: number;
  /** The most bytes that all files have together. */
  maxBytes: number;
}

/** Where a tar is read from. */
export interface TarInput extends PieceReader {
  /**
   * Passes over bytes without reading them, where that can be done; answers how many there were.
   * What follows the end of such a tar is not read.
   */
  skip?(bytes: number): Promise<number>;
}

/** How a tar is read. */
interface ReadTarOptions {
  /**
   * Whether a name may begin with a slash, which is left out: for a tar that is not unpacked.
   * @default {false}
   */
  absoluteNames?: boolean;
}

/** The most that names outside of their header's fields may take: paths have 4,096 bytes at most. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** More than any key or number that means something has. */
const MAX_KEY_BYTES = 32;

const TYPES: Record<string, TarEntryType> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "5": "directory",
};

/** What cannot be read, by its flag. */
const UNSUPPORTED: Record<string, string> = {
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  "D": "a folder of GNU's incremental backup",
  "M": "the rest of a file that another volume begins",
  "S": "sparse: pack it without --sparse",
};

/**
 * The entries of a tar, one after the other: POSIX's with PAX, GNU's and the old form. No name leads
 * out of the folder that it is unpacked in. It reads on to the end of the source, also behind the
 * end of the tar, so that a source that verifies has verified.
 *
 * @throws {InvalidArchiveError} When it is broken or cut, or has devices, pipes or sparse files.
 * @throws {UnsafePathError} When a name is absolute and may not be, or has `..`, a backslash, a drive letter or NUL.
 * @throws {LimitError} When there are more entries or bytes than the limits.
 */
export async function* readTar(
  source: TarInput,
  limits: TarLimits,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry> {
  const blocks = new BlockReader(source);
  let count = 0;
  let bytes = 0;
  try {
    for await (const header of headers(blocks)) {
      const entry = { ...entryOf(header, options), offset: blocks.position };
      if (++count > limits.maxEntries) throw tooMuch("maxEntries", limits, "entries", entry.name);
      bytes += entry.size;
      if (bytes > limits.maxBytes) throw tooMuch("maxBytes", limits, "bytes", entry.name);
      const content = new EntryContent(blocks, entry);
      yield { ...entry, content };
      await content.skip();
      await blocks.take(paddingOf(entry.size)); // the last one may lack it
    }
    if (source.skip === undefined) { while (!(await source.read()).done); }
  } finally {
    await source.cancel().catch(() => {});
  }
}

/** The content of an entry; also when its reader stops early, the rest is passed over. */
class EntryContent implements AsyncIterable<Bytes> {
  #left: number;

  constructor(
    private readonly blocks: BlockReader,
    private readonly entry: { name: string; size: number },
  ) {
    this.#left = entry.size;
  }

  async read(): Promise<Bytes | undefined> {
    if (this.#left === 0) return undefined;
    const piece = await this.blocks.some(this.#left);
    if (piece.byteLength === 0) throw this.#cut();
    this.#left -= piece.byteLength;
    return piece;
  }

  /** Passes over what was not read. */
  async skip(): Promise<void> {
    this.#left -= await this.blocks.skip(this.#left);
    if (this.#left > 0) throw this.#cut();
  }

  #cut(): InvalidArchiveError {
    return new InvalidArchiveError(
      `Cannot read the tar: it ends ${this.#left} bytes before the end of ` +
        JSON.stringify(this.entry.name),
    );
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    for (let piece; (piece = await this.read()) !== undefined;) yield piece;
  }
}

/** The entries' headers, with what PAX's and GNU's extensions say of the one behind them. */
async function* headers(blocks: BlockReader): AsyncGenerator<TarHeader> {
  let everywhere: Record<string, string> = {};
  let here: Record<string, string> = {};
  for (;;) {
    const block = await blocks.take(BLOCK_BYTES);
    if (block.byteLength === 0) break;
    const isFirst = blocks.position === block.byteLength;
    if (block.byteLength < BLOCK_BYTES) {
      throw isFirst ? none("it ends in the middle of a header") : cut();
    }
    if (isZeroBlock(block)) {
      // One block of zeros ends it too, where nothing follows.
      const next = await blocks.take(BLOCK_BYTES);
      if (isZeroBlock(next)) return;
      throw new InvalidArchiveError("Cannot read the tar: it goes on behind a block of zeros");
    }
    if (isFirst && !isTarHeader(block)) throw none("a header's checksum is wrong");
    const header = readTarHeader(block);
    if (header.flag === "V" && header.size === 0) continue; // what GNU's --label calls the tar
    if ("xgLK".includes(header.flag)) {
      const bytes = await extension(blocks, header.size);
      if (header.flag === "L") here.path = longName(bytes);
      else if (header.flag === "K") here.linkpath = longName(bytes);
      else if (header.flag === "x") here = { ...here, ...records(bytes) };
      else everywhere = { ...everywhere, ...records(bytes) };
      continue;
    }
    yield extended(header, { ...everywhere, ...here });
    here = {};
  }
  if (Object.keys(here).length > 0) throw cut();
}

async function extension(blocks: BlockReader, size: number): Promise<Bytes> {
  if (size > MAX_EXTENSION_BYTES) {
    throw new InvalidArchiveError("Cannot read the tar: a name takes more than 1 MiB");
  }
  const bytes = await blocks.take(size);
  if (bytes.byteLength < size) throw cut();
  await blocks.take(paddingOf(size));
  return bytes;
}

/** GNU's long name, which a NUL ends. */
function longName(bytes: Bytes): string {
  return utf8(bytes, "a name").replace(/\0+$/, "");
}

/** What a sparse file is called: its header may have another name. */
const SPARSE = "GNU.sparse.name";

/** The keys of PAX's records that mean something here. */
const KEYS: readonly string[] = ["path", "linkpath", "size", "mtime", SPARSE];

/**
 * PAX's records: `30 mtime=1350244992.023960108\n`, the length counting itself. The others' values
 * need not be text: extended attributes hold any bytes.
 */
function records(bytes: Bytes): Record<string, string> {
  const found: Record<string, string> = {};
  for (let at = 0; at < bytes.byteLength;) {
    const space = bytes.indexOf(0x20, at);
    const equals = bytes.indexOf(0x3d, space + 1);
    const digits = space === -1 ? "" : ascii(bytes.subarray(at, space));
    const end = at + Number(digits);
    if (!/^\d+$/.test(digits) || equals < space + 2 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw new InvalidArchiveError(
        "Cannot read the tar: a record of its extended header is broken",
      );
    }
    const key = ascii(bytes.subarray(space + 1, equals));
    // The names of ordinary objects' own members are no keys of PAX's.
    if (KEYS.includes(key)) found[key] = utf8(bytes.subarray(equals + 1, end - 1), `a ${key}`);
    if (key.startsWith("GNU.sparse.")) found[SPARSE] ??= "";
    at = end;
  }
  return found;
}

/** The first letters of what is ASCII where it means something. */
function ascii(bytes: Bytes): string {
  return String.fromCharCode(...bytes.subarray(0, MAX_KEY_BYTES));
}

/** An empty value takes back what was said before. */
function extended(header: TarHeader, more: Record<string, string>): TarHeader {
  const { path, linkpath, size, mtime, [SPARSE]: sparse } = more;
  if (sparse !== undefined) {
    throw unsupported(
      `${JSON.stringify(sparse || path || header.name)}, which is ${UNSUPPORTED.S}`,
    );
  }
  const number = (text: string, pattern: RegExp) => {
    const value = Math.floor(Number(text));
    if (pattern.test(text) && Number.isSafeInteger(value)) return value;
    throw new InvalidArchiveError("Cannot read the tar: a number of its extended header is none");
  };
  return {
    ...header,
    ...(path && { name: path }),
    ...(linkpath && { target: linkpath }),
    ...(size && { size: number(size, /^\d+$/) }),
    ...(mtime && { mtime: number(mtime, /^-?\d+(?:\.\d*)?$/) }),
  };
}

function entryOf(
  { name, flag, size, mode, mtime, target }: TarHeader,
  { absoluteNames = false }: ReadTarOptions,
): Omit<TarEntry, "content" | "offset"> {
  const shown = JSON.stringify(name);
  const isFolder = name.endsWith("/") && ["\0", "0"].includes(flag); // before there was a flag for it
  const type = isFolder ? "directory" : Object.hasOwn(TYPES, flag) ? TYPES[flag]! : undefined;
  if (type === undefined) {
    const kind = Object.hasOwn(UNSUPPORTED, flag)
      ? UNSUPPORTED[flag]
      : `of the unknown type ${JSON.stringify(flag)}`;
    throw unsupported(`${shown}, which is ${kind}`);
  }
  // Some readers take such content for the next header, and some pass it over.
  if (type !== "file" && size > 0) throw unsupported(`${shown}, which is no file and has content`);
  const relative = absoluteNames ? name.replace(/^\/+$/, ".").replace(/^\/+/, "") : name;
  const path = safePath(relative, "the name of a tar's entry");
  if (path === "." && type !== "directory") {
    throw new InvalidArchiveError("Cannot read the tar: an entry has no name");
  }
  const isLink = type === "link" || type === "symlink";
  return { name: path, type, size, mode: mode & 0o7777, mtime, ...(isLink && { target }) };
}

/** Reads exactly as much as is asked for, as far as there is as much. */
class BlockReader {
  #held: Bytes = EMPTY;
  #position = 0;

  constructor(private readonly source: TarInput) {}

  /** How many bytes have been read or passed over. */
  get position(): number {
    return this.#position;
  }

  /** At most this many bytes, as many as come at once; none at the end. */
  async some(most: number): Promise<Bytes> {
    if (this.#held.byteLength === 0) this.#held = (await this.source.read()).value ?? EMPTY;
    const piece = this.#held.subarray(0, most) as Bytes;
    this.#held = this.#held.subarray(piece.byteLength) as Bytes;
    this.#position += piece.byteLength;
    return piece;
  }

  /** Passes over this many bytes; answers how many there were. */
  async skip(count: number): Promise<number> {
    let left = count;
    while (left > 0) {
      if (this.source.skip !== undefined && this.#held.byteLength === 0) {
        const skipped = await this.source.skip(left);
        this.#position += skipped;
        return count - left + skipped;
      }
      const { byteLength } = await this.some(left);
      if (byteLength === 0) break;
      left -= byteLength;
    }
    return count - left;
  }

  /** This many bytes; fewer at the end. */
  async take(count: number): Promise<Bytes> {
    const pieces: Bytes[] = [];
    for (let left = count; left > 0;) {
      const piece = await this.some(left);
      if (piece.byteLength === 0) break;
      left -= piece.byteLength;
      pieces.push(piece);
    }
    return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
  }
}

/** What is no tar at all, as most files that are called one by mistake, ends or fails where it begins. */
function none(why: string): InvalidArchiveError {
  return new InvalidArchiveError(`Cannot read the tar: it is no tar, or damaged: ${why}`);
}

function cut(): InvalidArchiveError {
  return new InvalidArchiveError("Cannot read the tar: it ends in the middle of a header");
}

function unsupported(what: string): InvalidArchiveError {
  return new InvalidArchiveError(`Cannot read the tar: it has ${what}`);
}

function tooMuch(
  limit: keyof TarLimits,
  limits: TarLimits,
  what: string,
  name: string,
): LimitError {
  const maximum = limits[limit];
  return new LimitError(
    `Cannot read the tar: with ${
      JSON.stringify(name)
    } it has more ${what} than ${limit}, ${maximum}`,
    { limit, maximum },
  );
}
