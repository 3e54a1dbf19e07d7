import type { Bytes } from "../../content/bytes.ts";
import type { Digest } from "../../content/digest.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import { InternalError } from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import {
  type CursorMode,
  type FileCursor,
  type FileSystem,
  isMissing,
  openCursor,
} from "../../runtime/files.ts";
import { onDisk, onDiskCursor } from "../../stores/disk_error.ts";
import { fileStream } from "../../stores/file_stream.ts";
import { PieceWriter } from "../../stores/piece_writer.ts";
import { type BackendUpload, endedUpload } from "./backend.ts";

/** What an upload on the disk is made of. */
interface DiskUploadParts {
  /** The repository that it belongs to. */
  repository: RepositoryName;
  /** What names it in its URL. */
  id: string;
  /** The machine's files. */
  system: FileSystem;
  /** Its file, which is there. */
  path: string;
  /** Whether bytes wait for the disk. */
  durable: boolean;
  /** Makes a blob of the file, where there is a digest, and removes the upload. */
  end(upload: DiskUpload, digest?: Digest): Promise<void>;
}

/** An upload as a file of its own: how far it is, the file's size says. */
export class DiskUpload implements BackendUpload {
  readonly #parts: DiskUploadParts;
  #size: number;
  /** What writes to the file now. */
  #writer: PieceWriter | undefined;
  /** Whether the file is being written to, or opened for that. */
  #writing = false;
  #synced = false;
  #state: "open" | "closing" | "ended" = "open";

  /** An upload whose file has so many bytes. */
  constructor(parts: DiskUploadParts, size: number) {
    this.#parts = parts;
    this.#size = size;
  }

  get id(): string {
    return this.#parts.id;
  }

  get repository(): RepositoryName {
    return this.#parts.repository;
  }

  get path(): string {
    return this.#parts.path;
  }

  get size(): number {
    return this.#size + (this.#writer?.written ?? 0);
  }

  get closing(): boolean {
    return this.#state === "closing";
  }

  /** Whether it is a blob by now, or was cancelled. */
  get ended(): boolean {
    return this.#state === "ended";
  }

  async append(
    reader: PieceReader,
    onPiece: (piece: Bytes) => void,
    maximum = Infinity,
  ): Promise<boolean> {
    this.#requireOpen();
    this.#writing = true;
    this.#synced = false;
    try {
      const file = await this.#open("update", this.#size);
      const writer = this.#writer = new PieceWriter(file);
      try {
        const ended = await writer.write(reader, { onPiece, maximum });
        if (this.#parts.durable) await file.sync();
        this.#synced = true;
        return ended;
      } finally {
        this.#size += writer.written;
        this.#writer = undefined;
        await file.close();
      }
    } finally {
      this.#writing = false;
    }
  }

  open(): Promise<ReadableStream<Bytes>> {
    return this.read(0, this.size);
  }

  async read(offset: number, length: number): Promise<ReadableStream<Bytes>> {
    const there = Math.min(length, this.size - offset);
    return fileStream(await this.#open("read", offset), there, this.#parts.path);
  }

  async finish(digest: Digest): Promise<void> {
    this.#requireOpen();
    this.#state = "closing";
    try {
      await this.#settle();
      await this.#parts.end(this, digest);
      this.#state = "ended";
    } catch (error) {
      this.#state = "open"; // a full disk may have room later
      throw error;
    }
  }

  async cancel(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "ended";
    await this.#parts.end(this);
  }

  /** A file that somebody still writes to must not become a blob. */
  #requireOpen(): void {
    if (this.#state !== "open") throw endedUpload();
    if (this.#writing) throw new InternalError("Cannot use the upload: it is being written to");
  }

  /** Opens the file, and nothing that a link in its place leads to. */
  async #open(mode: CursorMode, offset: number): Promise<FileCursor> {
    const { path, system } = this.#parts;
    try {
      if ((await system.lstat(path)).isFile()) {
        const verb = mode === "read" ? "read" : "write";
        const open = () => openCursor(system, path, mode, offset);
        const file = await onDisk(verb, path, open);
        return mode === "read" ? file : onDiskCursor(path, file);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    throw endedUpload();
  }

  /** Cuts what a failed write has left, and waits for the disk. */
  async #settle(): Promise<void> {
    const { durable, path, system } = this.#parts;
    const stat = await system.lstat(path);
    if (!stat.isFile()) throw endedUpload();
    if (stat.size === this.#size && (this.#synced || !durable)) return;
    await onDisk("write", path, async () => {
      const file = await system.open(path, "r+");
      try {
        await file.truncate(this.#size);
        if (durable) await file.sync();
      } finally {
        await file.close();
      }
    });
  }
}
