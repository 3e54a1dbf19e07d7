import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import type { Bytes } from "../content/bytes.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import {
  BLOCK_BYTES,
  paddingOf,
  REGULAR_FILE,
  TAR_END,
  writeTarBlock,
  writeTarHeader,
} from "../content/tar_header.ts";
import { ContentNotFoundError, UploadError } from "../errors.ts";
import type { FileSystem } from "../runtime/files.ts";
import { isRunning } from "../runtime/process_owner.ts";
import { sharedBytes } from "./archive_bytes.ts";
import { checkReplaceable } from "./disk_error.ts";
import { files } from "./files.ts";
import { partialName, temporaryName } from "./partial_names.ts";
import { PieceWriter } from "./piece_writer.ts";
import { SharedFile } from "./shared_file.ts";

/** Takes what a reader has, after `onPiece` has seen each piece. */
type Fill = (writer: PieceWriter) => Promise<void>;

/** Where in a tar a file's content is. */
export interface Place {
  /** The bytes before it. */
  offset: number;
  /** How many bytes it has. */
  size: number;
}

/** A tar that is written, one file after the other. */
export interface ArchiveOutput {
  /** Whether what was written can be read again, and a file that failed leaves no trace. */
  readonly readable: boolean;
  /** Writes a file whose size is known. */
  append(name: string, size: number, fill: Fill): Promise<Place>;
  /**
   * Writes a file whose name and size are known once its content is written; without a name it is taken
   * back.
   */
  appendUnknown(fill: (writer: PieceWriter) => Promise<string | undefined>): Promise<Place>;
  /** Reads a part of what was written. */
  open(offset: number, length: number): Promise<PieceReader>;
  /** Ends the tar, and publishes it. */
  end(): Promise<void>;
  /** Leaves nothing behind. */
  abort(reason?: unknown): Promise<void>;
}

/** A tar in a temporary file beside the path, which takes the path's name at the end. */
export async function pathOutput(path: string): Promise<ArchiveOutput> {
  const system = files(`write ${path}`);
  await checkReplaceable(system, path);
  await removeLeft(system, path);
  const temporary = join(dirname(path), startOf(path) + temporaryName());
  const file = await SharedFile.create(temporary, path);
  return new FileOutput(file, async () => {
    await file.close();
    await file.rename(path);
  });
}

/** Removes the temporary files of a tar that processes have left which were killed. */
async function removeLeft(system: FileSystem, path: string): Promise<void> {
  const start = startOf(path);
  for (const name of await system.readdir(dirname(path)).catch(() => [])) {
    const owner = name.startsWith(start) && partialName(name.slice(start.length))?.owner;
    if (!owner || isRunning(owner) !== false) continue;
    await system.rm(join(dirname(path), name), { force: true }).catch(() => {});
  }
}

function startOf(path: string): string {
  return `.${basename(path)}.`;
}

/** A tar in a temporary file without a name, which goes out when it is whole. */
export async function spooledOutput(output: WritableStream<Bytes>): Promise<ArchiveOutput> {
  const file = await SharedFile.temporary("write an archive");
  const writer = output.getWriter();
  return new FileOutput(file, async (size) => {
    const reader = pieceReader(await sharedBytes(file, size, () => file.close()).open(0, size));
    for (let value; (value = (await reader.read()).value)?.byteLength;) await writer.write(value);
    await writer.close();
    await file.remove();
  }, (reason) => writer.abort(reason));
}

class FileOutput implements ArchiveOutput {
  readonly readable = true;
  #position = 0;

  constructor(
    private readonly file: SharedFile,
    private readonly publish: (size: number) => Promise<void>,
    private readonly discard: (reason: unknown) => Promise<void> = async () => {},
  ) {}

  append(name: string, size: number, fill: Fill): Promise<Place> {
    const header = writeTarHeader({ ...REGULAR_FILE, name, size });
    return this.#undone(async (start) => {
      await this.file.cursor(start).write(header);
      const place = await this.#content(start + header.byteLength, fill);
      return { place, end: place.offset + place.size };
    });
  }

  appendUnknown(fill: (writer: PieceWriter) => Promise<string | undefined>): Promise<Place> {
    return this.#undone(async (start) => {
      let name: string | undefined;
      const place = await this.#content(start + BLOCK_BYTES, async (writer) => {
        name = await fill(writer);
      });
      if (name === undefined) {
        await this.file.truncate(start);
        return { place, end: start };
      }
      await this.file.cursor(start).write(writeTarBlock(name, place.size));
      return { place, end: place.offset + place.size };
    });
  }

  open(offset: number, length: number): Promise<PieceReader> {
    return sharedBytes(this.file, this.#position, () => Promise.resolve())
      .open(offset, length).then(pieceReader);
  }

  async end(): Promise<void> {
    await this.file.cursor(this.#position).write(TAR_END);
    await this.publish(this.#position + TAR_END.byteLength);
  }

  async abort(reason?: unknown): Promise<void> {
    await this.file.remove();
    await this.discard(reason).catch(() => {});
  }

  async #content(offset: number, fill: Fill): Promise<Place> {
    const writer = new PieceWriter(this.file.cursor(offset));
    await fill(writer);
    const size = writer.written;
    await this.file.cursor(offset + size).write(new Uint8Array(paddingOf(size)));
    return { offset, size };
  }

  /** What fails is cut off. */
  async #undone(
    write: (start: number) => Promise<{ place: Place; end: number }>,
  ): Promise<Place> {
    const start = this.#position;
    try {
      const { place, end } = await write(start);
      this.#position = end + paddingOf(end);
      return place;
    } catch (error) {
      await this.file.truncate(start).catch(() => {});
      throw error;
    }
  }
}

/** A tar that goes out as it is written. What fails after its header has gone out breaks it. */
export class StreamOutput implements ArchiveOutput {
  /** Nothing comes back. */
  readonly readable = false;
  readonly #writer: WritableStreamDefaultWriter<Bytes>;
  #position = 0;
  #failure: { error: unknown } | undefined;

  /** Locks the stream. */
  constructor(output: WritableStream<Bytes>) {
    this.#writer = output.getWriter();
  }

  /** Writes a file. */
  async append(name: string, size: number, fill: Fill): Promise<Place> {
    this.#check();
    try {
      await this.#write(writeTarHeader({ ...REGULAR_FILE, name, size }));
      const offset = this.#position;
      // Who takes a piece may keep it, while the memory it came in is used again.
      const write = (bytes: Uint8Array) => this.#write(new Uint8Array(bytes));
      await fill(new PieceWriter({ write }));
      await this.#write(new Uint8Array(paddingOf(size)));
      return { offset, size };
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Cannot be done: a header goes out before the content. */
  appendUnknown(): Promise<Place> {
    return Promise.reject(new UploadError("Cannot write to a stream what has no size yet"));
  }

  /** Cannot be done. */
  open(): Promise<PieceReader> {
    return Promise.reject(
      new ContentNotFoundError("Cannot read it again: it has gone out with the archive's stream"),
    );
  }

  /** Ends the tar and closes the stream. */
  async end(): Promise<void> {
    this.#check();
    await this.#write(TAR_END.slice());
    await this.#writer.close();
  }

  /** Aborts the stream. */
  async abort(reason?: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => {});
  }

  async #write(bytes: Bytes): Promise<void> {
    if (bytes.byteLength === 0) return;
    this.#position += bytes.byteLength;
    await this.#writer.write(bytes);
  }

  #check(): void {
    if (this.#failure === undefined) return;
    throw new UploadError(
      "Cannot go on with the archive: content failed when a part of it had gone out",
      { cause: this.#failure.error },
    );
  }
}
