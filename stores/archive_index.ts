import type { Bytes } from "../content/bytes.ts";
import { hashPieces } from "../content/hash_pieces.ts";
import { type PieceReader, pieceReader, readAll } from "../content/piece_reader.ts";
import { safePath } from "../content/safe_path.ts";
import { readTar, type TarEntryType, type TarInput } from "../content/tar_reader.ts";
import { InvalidArchiveError } from "../errors.ts";
import type { ArchiveBytes } from "./archive_bytes.ts";
import type { ArchiveLimits } from "./archive_limits.ts";

/** How many links lead to one file at most, one behind the other. */
const MAX_LINKS = 32;

/** What is known of an entry of the tar. */
export interface ArchiveEntry {
  /** Its name, without `./` before it. */
  readonly name: string;
  /** What it is. */
  readonly type: TarEntryType;
  /** How many bytes it has. */
  readonly size: number;
  /** Where they are in the tar. */
  readonly offset: number;
  /** Where a link leads. */
  readonly target?: string;
}

/**
 * The entries of a tar by their names, so that each is read where it is. Nothing is unpacked, and no link
 * leads out of the tar.
 */
export class ArchiveIndex {
  readonly #bytes: ArchiveBytes;
  readonly #entries = new Map<string, ArchiveEntry>();
  readonly #digests = new Map<ArchiveEntry, string>();

  private constructor(bytes: ArchiveBytes) {
    this.#bytes = bytes;
  }

  /**
   * Reads every header of a tar.
   *
   * @throws {InvalidArchiveError} When it is broken or cut, or has one name twice with different
   * content.
   * @throws {UnsafePathError} When a name leads out of the tar.
   * @throws {LimitError} When it has more entries or bytes than the limits.
   */
  static async read(
    bytes: ArchiveBytes,
    limits: Required<ArchiveLimits>,
    signal?: AbortSignal,
  ): Promise<ArchiveIndex> {
    const index = new ArchiveIndex(bytes);
    const entries = readTar(tarInput(bytes), limits, { absoluteNames: true });
    for await (const { name, type, size, offset, target } of entries) {
      signal?.throwIfAborted();
      await index.#add({ name, type, size, offset, ...(target !== undefined && { target }) });
    }
    return index;
  }

  /** Every name. */
  names(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /**
   * The file with a name, or that links lead to from there; `undefined` where there is no such name, or a
   * folder has it.
   *
   * @throws {InvalidArchiveError} When a link leads nowhere, or to itself.
   * @throws {UnsafePathError} When the name leads out of the tar.
   */
  find(name: string): ArchiveEntry | undefined {
    let entry = this.#entries.get(safePath(name.replace(/^\/+(?=.)/, ""), "a name in the archive"));
    for (let links = 0; entry?.target !== undefined; links++) {
      const link: ArchiveEntry = entry;
      if (links === MAX_LINKS) throw badLink(name, link, "which leads back to it");
      entry = placesOf(link).map((place) => this.#entries.get(place)).find((found) => found);
      if (entry === undefined) throw badLink(name, link, "which is not in the archive");
    }
    return entry?.type === "file" ? entry : undefined;
  }

  /** A part of a file. */
  async open({ offset }: ArchiveEntry, start: number, length: number): Promise<PieceReader> {
    return pieceReader(await this.#bytes.open(offset + start, length));
  }

  /**
   * All of a small file.
   *
   * @throws {LimitError} When it is larger than the limit.
   */
  async bytes(entry: ArchiveEntry, limit: { name: string; bytes: number }): Promise<Bytes> {
    const length = Math.min(entry.size, limit.bytes + 1);
    const reader = await this.open(entry, 0, length);
    return await readAll(reader, { ...limit, what: JSON.stringify(entry.name) });
  }

  /** Old savers of several images wrote a layer that they share twice. */
  async #add(entry: ArchiveEntry): Promise<void> {
    const other = this.#entries.get(entry.name);
    if (other === undefined) {
      this.#entries.set(entry.name, entry);
      return;
    }
    const isSame = other.type === entry.type && other.size === entry.size &&
      other.target === entry.target;
    if (isSame && (entry.type !== "file" || await this.#haveSameBytes(entry, other))) return;
    throw new InvalidArchiveError(
      `Cannot read the archive: it has ${JSON.stringify(entry.name)} twice, and the two differ`,
    );
  }

  async #haveSameBytes(one: ArchiveEntry, other: ArchiveEntry): Promise<boolean> {
    const known = this.#digests.get(other) ?? await this.#digest(other);
    this.#digests.set(other, known);
    return known === await this.#digest(one);
  }

  async #digest(entry: ArchiveEntry): Promise<string> {
    return (await hashPieces(await this.open(entry, 0, entry.size))).digest;
  }
}

/** What helps where a folder was packed, and not what is in it; else nothing. */
export function belowTop(index: ArchiveIndex): string {
  for (const name of index.names()) {
    if (!/^[^/]+\/(?:manifest|index)\.json$/.test(name)) continue;
    return `; it has ${
      JSON.stringify(name)
    }: pack what is in that folder, as tar -C FOLDER . does, ` +
      "and not the folder";
  }
  return "";
}

/** Reads on from place to place, and passes over what is not asked for. */
function tarInput(bytes: ArchiveBytes): TarInput {
  let position = 0;
  let reader: PieceReader | undefined;
  return {
    async read() {
      if (position >= bytes.size) return { done: true };
      reader ??= pieceReader(await bytes.open(position, bytes.size - position));
      const piece = await reader.read();
      position += piece.value?.byteLength ?? 0;
      return piece;
    },
    async skip(count) {
      await reader?.cancel();
      reader = undefined;
      const skipped = Math.min(count, bytes.size - position);
      position += skipped;
      return skipped;
    },
    async cancel(reason) {
      await reader?.cancel(reason);
    },
  };
}

/**
 * Where a link may lead: a symbolic one from its folder, a hard one from the tar's top; some writers
 * take the one for the other. `..` above the top stays at the top.
 */
function placesOf({ name, type, target = "" }: ArchiveEntry): string[] {
  const below = normalised([...name.split("/").slice(0, -1), ...target.split("/")]);
  const top = normalised(target.split("/"));
  return type === "link" || target.startsWith("/") ? [top, below] : [below, top];
}

function normalised(parts: string[]): string {
  const kept: string[] = [];
  for (const part of parts) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return kept.join("/");
}

function badLink(name: string, { name: from, target }: ArchiveEntry, why: string) {
  const [asked, link, place] = [name, from, target].map((each) => JSON.stringify(each));
  return new InvalidArchiveError(
    `Cannot read ${asked} of the archive: ${link} is a link to ${place}, ${why}`,
  );
}
