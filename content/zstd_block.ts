import { EMPTY } from "./bytes.ts";
import {
  BackwardBits,
  damaged,
  type FseTable,
  fseTable,
  type HuffmanTable,
  oneSymbolTable,
  readFseTable,
  readHuffmanTable,
} from "./zstd_tables.ts";

/** The most bytes that a block decompresses to. */
export const MAX_BLOCK_BYTES = 128 * 1024;

/** One of the three numbers of a sequence: how its codes are read, and what they stand for. */
interface Kind {
  symbols: number;
  accuracy: number;
  standard: FseTable;
  /** For each code what is added to the bits that follow, and how many follow. */
  bases: readonly number[];
  bits: readonly number[];
}

/** Codes below `plain` stand for themselves and `first`; each of the others begins where the last ends. */
function kind(plain: number, first: number, bits: number[], standard: [number[], number]) {
  const allBits = [...Array<number>(plain).fill(0), ...bits];
  const bases: number[] = [];
  let base = first;
  for (const [code, count] of allBits.entries()) {
    bases[code] = base;
    base += 2 ** count;
  }
  return { symbols: allBits.length, bases, bits: allBits, standard: fseTable(...standard) };
}

/** @see https://www.rfc-editor.org/rfc/rfc8878#name-default-distributions */
const LITERALS: Kind = {
  accuracy: 9,
  ...kind(16, 0, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], [
    [
      ...[4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1],
      ...[1, 1, 1, 1, -1, -1, -1, -1],
    ],
    6,
  ]),
};

const MATCHES: Kind = {
  accuracy: 9,
  ...kind(32, 3, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], [
    [1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1],
    6,
  ]),
};

const OFFSETS: Kind = {
  accuracy: 8,
  symbols: 32,
  standard: fseTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, ...Array<number>(15).fill(1), -1, -1, -1, -1, -1],
    5,
  ),
  bases: Array.from({ length: 32 }, (_, code) => 2 ** code),
  bits: Array.from({ length: 32 }, (_, code) => code),
};

const KINDS = [LITERALS, OFFSETS, MATCHES] as const;

/** What one block of a frame leaves to the next. */
export class ZstdBlocks {
  #huffman: HuffmanTable | undefined;
  #tables: (FseTable | undefined)[] = [];
  #one = 1;
  #two = 4;
  #three = 8;

  /**
   * Decompresses a block behind what the window holds.
   *
   * @param history How many bytes before `at` may be repeated.
   * @returns Where the block's bytes end.
   */
  read(packed: Uint8Array, window: Uint8Array, at: number, history: number): number {
    // Bits are read four bytes at a time: what is asked for behind an array's end is slow.
    const end = packed.length;
    const block = new Uint8Array(end + 4);
    block.set(packed);
    const literals = this.#literals(block, end);
    const start = at;
    let next = literals.at;
    let count = block[next++] ?? 0;
    if (count === 255) {
      count = block[next]! + (block[next + 1]! << 8) + 0x7f00;
      next += 2;
    } else if (count >= 128) {
      count = ((count - 128) << 8) + block[next++]!;
    }
    let used = 0;
    if (count > 0) {
      next = this.#readTables(block, next, end);
      const [literalTable, offsetTable, matchTable] = this.#tables as FseTable[];
      const bits = new BackwardBits(block, next, end);
      let literalState = bits.read(literalTable!.accuracy);
      let offsetState = bits.read(offsetTable!.accuracy);
      let matchState = bits.read(matchTable!.accuracy);
      for (let left = count; left > 0; left--) {
        const offsetCode = offsetTable!.symbols[offsetState]!;
        const matchCode = matchTable!.symbols[matchState]!;
        const literalCode = literalTable!.symbols[literalState]!;
        const value = OFFSETS.bases[offsetCode]! + bits.read(offsetCode);
        const length = MATCHES.bases[matchCode]! + bits.read(MATCHES.bits[matchCode]!);
        const literal = LITERALS.bases[literalCode]! + bits.read(LITERALS.bits[literalCode]!);
        const offset = this.#offset(value, literal);
        const made = at - start + literal;
        if (used + literal > literals.bytes.length || made + length > MAX_BLOCK_BYTES) {
          throw damaged();
        }
        if (offset > history + made) throw damaged();
        copy(literals.bytes, used, window, at, literal);
        used += literal;
        at += literal;
        repeat(window, at, offset, length);
        at += length;
        if (left === 1) break;
        literalState = literalTable!.bases[literalState]! +
          bits.read(literalTable!.bits[literalState]!);
        matchState = matchTable!.bases[matchState]! + bits.read(matchTable!.bits[matchState]!);
        offsetState = offsetTable!.bases[offsetState]! + bits.read(offsetTable!.bits[offsetState]!);
      }
      if (bits.left !== 0) throw damaged();
    }
    const rest = literals.bytes.length - used;
    if (next > end || at - start + rest > MAX_BLOCK_BYTES) throw damaged();
    copy(literals.bytes, used, window, at, rest);
    return at + rest;
  }

  /** One of the last three offsets, or a new one. */
  #offset(value: number, literal: number): number {
    const which = value > 3 ? 3 : value - (literal === 0 ? 0 : 1);
    if (which === 0) return this.#one;
    let offset = value - 3;
    if (value <= 3) offset = which === 1 ? this.#two : which === 2 ? this.#three : this.#one - 1;
    if (which !== 1) this.#three = this.#two;
    this.#two = this.#one;
    this.#one = offset;
    if (offset === 0) throw damaged();
    return offset;
  }

  #readTables(block: Uint8Array, at: number, end: number): number {
    const modes = block[at]!;
    let next = at + 1;
    for (const [which, kind] of KINDS.entries()) {
      const mode = modes >> (6 - 2 * which) & 3;
      if (mode === 0) this.#tables[which] = kind.standard;
      else if (mode === 1) {
        const symbol = block[next++]!;
        if (symbol >= kind.symbols) throw damaged();
        this.#tables[which] = oneSymbolTable(symbol);
      } else if (mode === 2) {
        const { table, at } = readFseTable(block, next, end, kind);
        this.#tables[which] = table;
        next = at;
      } else if (this.#tables[which] === undefined) throw damaged();
    }
    return next;
  }

  #literals(block: Uint8Array, length: number): { bytes: Uint8Array; at: number } {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = block;
    const format = a >> 2 & 3;
    const type = a & 3;
    if (type < 2) {
      const [size, header] = format === 3
        ? [a >> 4 | b << 4 | c << 12, 3]
        : format === 1
        ? [a >> 4 | b << 4, 2]
        : [a >> 3, 1];
      const at = header + (type === 1 ? 1 : size);
      if (at > length || size > MAX_BLOCK_BYTES) throw damaged();
      return type === 1
        ? { bytes: new Uint8Array(size).fill(block[header]!), at }
        : { bytes: block.subarray(header, at), at };
    }
    const [size, packed, header] = format === 3
      ? [a >> 4 | b << 4 | (c & 63) << 12, c >> 6 | d << 2 | e << 10, 5]
      : format === 2
      ? [a >> 4 | b << 4 | (c & 3) << 12, c >> 2 | d << 6, 4]
      : [a >> 4 | (b & 63) << 4, b >> 6 | c << 2, 3];
    const end = header + packed;
    if (end > length || size > MAX_BLOCK_BYTES) throw damaged();
    let at = header;
    if (type === 2) ({ table: this.#huffman, at } = readHuffmanTable(block, at, end));
    if (this.#huffman === undefined) throw damaged();
    const bytes = new Uint8Array(size);
    if (format === 0) decodeHuffman(this.#huffman, block, at, end, bytes);
    else fourStreams(this.#huffman, block, at, end, bytes);
    return { bytes, at: end };
  }
}

/** The literals in four streams, of which the first three have a quarter each, rounded up. */
function fourStreams(
  table: HuffmanTable,
  block: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
): void {
  const sizes = [0, 2, 4].map((place) => block[at + place]! | block[at + place + 1]! << 8);
  const quarter = (into.length + 3) >> 2;
  let start = at + 6;
  for (let which = 0; which < 4; which++) {
    const stop = which === 3 ? end : start + sizes[which]!;
    if (stop > end || quarter * 3 > into.length) throw damaged();
    const part = into.subarray(which * quarter, which === 3 ? into.length : (which + 1) * quarter);
    decodeHuffman(table, block, start, stop, part);
    start = stop;
  }
}

function decodeHuffman(
  { accuracy, symbols, bits }: HuffmanTable,
  block: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
): void {
  const stream = new BackwardBits(block, start, end);
  for (let at = 0; at < into.length; at++) {
    const state = stream.peek(accuracy);
    into[at] = symbols[state]!;
    stream.left -= bits[state]!;
  }
  if (stream.left !== 0) throw damaged();
}

/** Up to so many bytes a loop is faster than a call. */
const SHORT_BYTES = 64;

function copy(
  from: Uint8Array,
  start: number,
  into: Uint8Array,
  at: number,
  length: number,
): void {
  if (length > SHORT_BYTES) into.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) into[at + i] = from[start + i]!;
}

/** Bytes from before, which may reach into those that they make. */
function repeat(window: Uint8Array, at: number, offset: number, length: number): void {
  if (length > SHORT_BYTES && offset >= length) {
    window.copyWithin(at, at - offset, at - offset + length);
  } else if (length > SHORT_BYTES && offset === 1) window.fill(window[at - 1]!, at, at + length);
  else for (let i = at; i < at + length; i++) window[i] = window[i - offset]!;
}

/** A block that is one byte, repeated, or bytes as they are. */
export function plainBlock(block: Uint8Array, size: number, repeated: boolean): Uint8Array {
  if (!repeated) return block;
  return size === 0 ? EMPTY : new Uint8Array(size).fill(block[0]!);
}
