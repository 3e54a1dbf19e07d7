import { InvalidArchiveError } from "../errors.ts";

/** The error for data that no zstd encoder makes. */
export function damaged(): InvalidArchiveError {
  return new InvalidArchiveError("Cannot decompress: the zstd data is damaged");
}

/** The place of the highest bit that is set; of 0, -1. */
export function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}

/** Bits that are read from the end on, behind the highest bit set in the last byte. */
export class BackwardBits {
  /** How many are left; below 0 when more were read, which are zeros. */
  left: number;

  /** The bits of a part of some bytes. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly start: number,
    end: number,
  ) {
    const last = end > start ? bytes[end - 1]! : 0;
    if (last === 0) throw damaged();
    this.left = (end - start - 1) * 8 + highestBit(last);
  }

  /** The next bits, at most 24, without taking them. */
  peek(count: number): number {
    const from = this.left - count;
    if (from < 0) return this.left <= 0 ? 0 : this.#at(0, this.left) << -from;
    return this.#at(from, count);
  }

  /** The next bits, at most 31. */
  read(count: number): number {
    if (count === 0) return 0;
    if (count > 16) {
      const high = this.read(count - 16);
      return high * 65_536 + this.read(16);
    }
    const value = this.peek(count);
    this.left -= count;
    return value;
  }

  #at(from: number, count: number): number {
    const at = this.start + (from >> 3);
    const { bytes } = this;
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    return word >>> (from & 7) & ((1 << count) - 1);
  }
}

/**
 * A table of a finite state entropy: for each state its symbol, how many bits lead to the next state, and
 * what is added to them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#name-fse
 */
export interface FseTable {
  /** The logarithm of the number of states. */
  accuracy: number;
  symbols: Uint8Array;
  bits: Uint8Array;
  bases: Uint16Array;
}

/** The table of a distribution; -1 stands for less than one. */
export function fseTable(distribution: readonly number[], accuracy: number): FseTable {
  const size = 1 << accuracy;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(distribution.length);
  let high = size;
  for (const [symbol, share] of distribution.entries()) {
    next[symbol] = share === -1 ? 1 : share;
    if (share === -1) symbols[--high] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let place = 0;
  for (const [symbol, share] of distribution.entries()) {
    for (let i = 0; i < share; i++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1); while (place >= high);
    }
  }
  if (place !== 0) throw damaged();
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const count = next[symbols[state]!]!++;
    bits[state] = accuracy - highestBit(count);
    bases[state] = (count << bits[state]!) - size;
  }
  return { accuracy, symbols, bits, bases };
}

/** The table that has one symbol alone. */
export function oneSymbolTable(symbol: number): FseTable {
  return {
    accuracy: 0,
    symbols: Uint8Array.of(symbol),
    bits: new Uint8Array(1),
    bases: new Uint16Array(1),
  };
}

/** Reads a table's distribution; answers where it ends too. */
export function readFseTable(
  bytes: Uint8Array,
  at: number,
  end: number,
  { symbols, accuracy: maxAccuracy }: { symbols: number; accuracy: number },
): { table: FseTable; at: number } {
  let bit = at * 8;
  const peek = (count: number) => {
    const byte = bit >> 3;
    const word = bytes[byte]! | bytes[byte + 1]! << 8 | bytes[byte + 2]! << 16;
    return word >> (bit & 7) & ((1 << count) - 1);
  };
  const accuracy = peek(4) + 5;
  bit += 4;
  if (accuracy > maxAccuracy) throw damaged();
  let left = 1 << accuracy;
  const distribution: number[] = [];
  while (left > 0) {
    if (distribution.length >= symbols || bit > end * 8) throw damaged();
    const count = highestBit(left + 1) + 1;
    const low = (1 << (count - 1)) - 1;
    const short = (1 << count) - 2 - left;
    let value = peek(count);
    if ((value & low) < short) {
      value &= low;
      bit += count - 1;
    } else {
      if (value > low) value -= short;
      bit += count;
    }
    const share = value - 1;
    left -= Math.abs(share);
    distribution.push(share);
    if (share !== 0) continue;
    let repeat: number;
    do {
      repeat = peek(2);
      bit += 2;
      for (let i = 0; i < repeat; i++) distribution.push(0);
    } while (repeat === 3);
  }
  const next = (bit + 7) >> 3;
  if (left < 0 || distribution.length > symbols || next > end) throw damaged();
  return { table: fseTable(distribution, accuracy), at: next };
}

/** A table of a Huffman code: for the next bits their symbol, and how many of them it takes. */
export interface HuffmanTable {
  /** How many bits the longest code has. */
  accuracy: number;
  symbols: Uint8Array;
  bits: Uint8Array;
}

const MAX_HUFFMAN_BITS = 11;

/**
 * Reads a Huffman code's table; answers where it ends too.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#name-huffman-tree-description
 */
export function readHuffmanTable(
  bytes: Uint8Array,
  at: number,
  end: number,
): { table: HuffmanTable; at: number } {
  const header = bytes[at]!;
  const direct = header >= 128;
  const next = at + 1 + (direct ? (header - 126) >> 1 : header);
  if (next > end) throw damaged();
  const weights = direct
    ? Array.from({ length: header - 127 }, (_, i) => {
      const pair = bytes[at + 1 + (i >> 1)]!;
      return i % 2 === 0 ? pair >> 4 : pair & 15;
    })
    : compressedWeights(bytes, at + 1, next);
  return { table: huffmanTable(weights), at: next };
}

function compressedWeights(bytes: Uint8Array, at: number, end: number): number[] {
  const { table, at: start } = readFseTable(bytes, at, end, { symbols: 12, accuracy: 6 });
  const stream = new BackwardBits(bytes, start, end);
  const weights: number[] = [];
  const states = [stream.read(table.accuracy), stream.read(table.accuracy)];
  for (let turn = 0; weights.length < 255; turn ^= 1) {
    const state = states[turn]!;
    weights.push(table.symbols[state]!);
    states[turn] = table.bases[state]! + stream.read(table.bits[state]!);
    if (stream.left >= 0) continue;
    weights.push(table.symbols[states[turn ^ 1]!]!);
    return weights;
  }
  throw damaged();
}

function huffmanTable(weights: number[]): HuffmanTable {
  const sum = weights.reduce((sum, weight) => sum + (weight > 0 ? 1 << (weight - 1) : 0), 0);
  const accuracy = highestBit(sum) + 1;
  const left = (1 << accuracy) - sum;
  if (sum === 0 || accuracy > MAX_HUFFMAN_BITS || (left & (left - 1)) !== 0) throw damaged();
  const all = [...weights, highestBit(left) + 1];
  const symbols = new Uint8Array(1 << accuracy);
  const bits = new Uint8Array(1 << accuracy);
  let place = 0;
  for (let weight = 1; weight <= accuracy; weight++) {
    for (const [symbol, its] of all.entries()) {
      if (its !== weight) continue;
      const next = place + (1 << (weight - 1));
      symbols.fill(symbol, place, next);
      bits.fill(accuracy + 1 - weight, place, next);
      place = next;
    }
  }
  return { accuracy, symbols, bits };
}
