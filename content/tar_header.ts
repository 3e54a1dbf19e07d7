import { InvalidArchiveError, InvalidOptionError } from "../errors.ts";
import { type Bytes, concatBytes, encodeText } from "./bytes.ts";

/** A tar is made of blocks of this size: a header, then content filled up to the next block. */
export const BLOCK_BYTES = 512;

/** What ends a tar: two blocks of zeros. Nothing more is written, as oras refuses what follows. */
export const TAR_END: Bytes = new Uint8Array(2 * BLOCK_BYTES);

/** The fields of a header that mean something here. */
export interface TarHeader {
  /** The name; a folder's may end with a slash. */
  name: string;
  /** The type flag, a character. */
  flag: string;
  /** The bytes of content that follow. */
  size: number;
  /** The permission bits. */
  mode: number;
  /** When it was last written, in seconds since 1970. */
  mtime: number;
  /** Where a link leads. */
  target: string;
}

/** Where a field is in a block: its offset, and its length. */
type Field = readonly [offset: number, length: number];

const NAME: Field = [0, 100];
const MODE: Field = [100, 8];
const UID: Field = [108, 8];
const GID: Field = [116, 8];
const SIZE: Field = [124, 12];
const MTIME: Field = [136, 12];
const CHECKSUM: Field = [148, 8];
const FLAG: Field = [156, 1];
const TARGET: Field = [157, 100];
const MAGIC: Field = [257, 8];
const DEVICE_MAJOR: Field = [329, 8];
const DEVICE_MINOR: Field = [337, 8];
const PREFIX: Field = [345, 155];

/** The largest number in eleven octal digits, which is a size's or time's field. */
const MAX_OCTAL = 8 ** 11 - 1;

/** Whether a block is all zeros: the end, or a part of it. */
export function isZeroBlock(block: Bytes): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Reads a header: POSIX's, GNU's or the old one.
 *
 * @throws {InvalidArchiveError} When it is none.
 */
export function readTarHeader(block: Bytes): TarHeader {
  if (!isTarHeader(block)) {
    throw new InvalidArchiveError("Cannot read the tar: a header's checksum is wrong");
  }
  const name = readText(block, NAME, "a name");
  const prefix = readText(block, MAGIC, "a header").startsWith("ustar\0")
    ? readText(block, PREFIX, `the name of ${name}`)
    : "";
  // GNU's magic has a blank in the NUL's place, and other things where the prefix would be.
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    flag: String.fromCharCode(block[FLAG[0]]!),
    size: readNumber(block, SIZE, `the size of ${name}`),
    mode: readNumber(block, MODE, `the mode of ${name}`),
    mtime: readNumber(block, MTIME, `the time of ${name}`, -Number.MAX_SAFE_INTEGER),
    target: readText(block, TARGET, `the target of ${name}`),
  };
}

/** A text that a NUL ends where it does not fill its field; the magic's NUL is kept. */
function readText(block: Bytes, field: Field, what: string): string {
  const bytes = block.subarray(field[0], field[0] + field[1]);
  const end = field === MAGIC ? -1 : bytes.indexOf(0);
  return utf8(end === -1 ? bytes : bytes.subarray(0, end), what);
}

/** @throws {InvalidArchiveError} When the bytes are not UTF-8. */
export function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidArchiveError(`Cannot read the tar: ${what} is not UTF-8`, { cause });
  }
}

/** Octal digits; or where those do not suffice GNU's big-endian number behind a set bit. */
function readNumber(block: Bytes, [offset, length]: Field, what: string, least = 0): number {
  const bytes = block.subarray(offset, offset + length);
  let value = NaN;
  if (bytes[0]! >= 0x80) {
    // A negative one, as a time before 1970, is the complement of one less.
    const flip = bytes[0]! & 0x40 ? 0xff : 0;
    const [first = 0, ...rest] = bytes.map((byte) => byte ^ flip);
    const number = rest.reduce((sum, byte) => sum * 256 + byte, first & 0x3f);
    value = flip === 0 ? number : -1 - number;
  } else {
    const digits = /^[ \0]*([0-7]*)[ \0]*$/.exec(String.fromCharCode(...bytes))?.[1];
    if (digits !== undefined) value = digits === "" ? 0 : parseInt(digits, 8);
  }
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArchiveError(`Cannot read the tar: ${what} is no number that it could be`);
}

/** Whether a block is a header, by its checksum: old writers added the bytes up with their signs. */
export function isTarHeader(block: Bytes): boolean {
  const [from, length] = CHECKSUM;
  let unsigned = 0;
  let signed = 0;
  block.forEach((byte, at) => {
    const counted = at >= from && at < from + length ? 0x20 : byte;
    unsigned += counted;
    signed += counted < 0x80 ? counted : counted - 0x100;
  });
  const digits = /^[ \0]*([0-7]+)[ \0]*$/.exec(
    String.fromCharCode(...block.subarray(from, from + length)),
  )?.[1];
  if (digits === undefined) return false;
  const stated = parseInt(digits, 8);
  return stated === unsigned || stated === signed;
}

/**
 * The blocks that stand before an entry's content: POSIX's header, and one for what does not fit
 * into it before that. Byte for byte what Go's `archive/tar` writes, and so what oras does.
 */
export function writeTarHeader(header: TarHeader): Bytes {
  const extra: Record<string, string> = {};
  const split = splitName(header.name);
  if (split === undefined) extra.path = header.name;
  if (!fits(header.target, TARGET)) extra.linkpath = header.target;
  if (header.size > MAX_OCTAL) extra.size = String(header.size);
  const main = new Uint8Array(BLOCK_BYTES) as Bytes;
  const isPax = Object.keys(extra).length > 0;
  const { prefix, name } = !isPax && split || { prefix: "", name: header.name };
  writeText(main, NAME, name);
  writeText(main, PREFIX, prefix);
  writeText(main, TARGET, header.target);
  writeNumber(main, SIZE, header.size > MAX_OCTAL ? 0 : header.size);
  writeNumber(main, MTIME, Math.min(Math.max(0, header.mtime), MAX_OCTAL));
  writeNumber(main, MODE, header.mode);
  writeNumber(main, DEVICE_MAJOR, 0);
  writeNumber(main, DEVICE_MINOR, 0);
  finish(main, header.flag);
  return isPax ? concatBytes([paxHeader(header.name, extra), main]) : main;
}

/**
 * One block for a file whose size was not known before its content was written: what eleven digits do
 * not hold is GNU's big-endian number.
 *
 * @throws {InvalidOptionError} When the name does not fit.
 */
export function writeTarBlock(name: string, size: number): Bytes {
  if (!fits(name, NAME)) {
    throw new InvalidOptionError(`Cannot write the tar: ${JSON.stringify(name)} is too long`);
  }
  const block = writeTarHeader({ ...REGULAR_FILE, name, size: Math.min(size, MAX_OCTAL) });
  if (size <= MAX_OCTAL) return block;
  let rest = size;
  for (let at = SIZE[0] + SIZE[1] - 1; at > SIZE[0]; at--) {
    block[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  block[SIZE[0]] = 0x80;
  finish(block, REGULAR_FILE.flag);
  return block;
}

/** What a header says of a file that anyone may read, and that has no time. */
export const REGULAR_FILE = { flag: "0", mode: 0o644, mtime: 0, target: "" } as const;

/** Go puts a name into the two fields where it is ASCII and has a slash at the right place. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  if (fits(name, NAME)) return { prefix: "", name };
  if (!isAscii(name)) return undefined;
  const slash = name.slice(0, PREFIX[1] + 1).lastIndexOf("/");
  const rest = name.slice(slash + 1);
  return slash > 0 && rest !== "" && rest.length <= NAME[1]
    ? { prefix: name.slice(0, slash), name: rest }
    : undefined;
}

function fits(text: string, [, length]: Field): boolean {
  return isAscii(text) && text.length <= length;
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x01-\x7f]*$/.test(text);
}

/** PAX's records, in the order of their names, with a header of their own. */
function paxHeader(name: string, records: Record<string, string>): Bytes {
  const body = concatBytes(
    Object.entries(records).sort().map(([key, value]) => {
      const rest = encodeText(` ${key}=${value}\n`);
      // The record's length counts its own digits.
      let length = rest.byteLength;
      while (length !== rest.byteLength + String(length).length) {
        length = rest.byteLength + String(length).length;
      }
      return concatBytes([encodeText(String(length)), rest]);
    }),
  );
  const slash = name.lastIndexOf("/") + 1;
  const header = new Uint8Array(BLOCK_BYTES) as Bytes;
  const ownName = `${name.slice(0, slash)}PaxHeaders.0/${name.slice(slash)}`;
  writeText(header, NAME, ascii(ownName).slice(0, NAME[1]).replace(/\/+$/, ""));
  writeNumber(header, MODE, 0);
  writeNumber(header, SIZE, body.byteLength);
  writeNumber(header, MTIME, 0);
  finish(header, "x");
  return concatBytes([header, body, new Uint8Array(paddingOf(body.byteLength))]);
}

/** How many zeros fill content of a size up to the next block. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES;
}

function ascii(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[^\x01-\x7f]/g, "");
}

function writeText(block: Bytes, [offset, length]: Field, text: string): void {
  block.set(encodeText(ascii(text)).subarray(0, length), offset);
}

function writeNumber(block: Bytes, [offset, length]: Field, value: number): void {
  block.set(encodeText(value.toString(8).padStart(length - 1, "0")), offset);
}

/** The fields that every header has the same of, and the checksum over all of them. */
function finish(block: Bytes, flag: string): void {
  writeNumber(block, UID, 0);
  writeNumber(block, GID, 0);
  writeText(block, FLAG, flag);
  block.set(encodeText("ustar\x0000"), MAGIC[0]);
  block.fill(0x20, CHECKSUM[0], CHECKSUM[0] + CHECKSUM[1]);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(encodeText(`${sum.toString(8).padStart(6, "0")}\0`), CHECKSUM[0]);
}
