import type { Bytes } from "../../content/bytes.ts";
import type { Digest } from "../../content/digest.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import { type FileSystem, openCursor } from "../../runtime/files.ts";
import { fileStream } from "../../stores/file_stream.ts";
import { PieceWriter } from "../../stores/piece_writer.ts";
import type { BackendUpload } from "./backend.ts";

/** What an upload on the disk is made of. */
export interface DiskUploadParts {
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
  /** Makes a blob of the file, where there is a digest, and forgets the upload. */
  end(upload: DiskUpload, digest?: Digest): Promise<void>;
}

/** An upload as a file of its own: how far it is, the file's size says. */
export class DiskUpload implements BackendUpload {
  readonly #parts: DiskUploadParts;
  #size: number;
  /** What writes to the file now. */
  #writer: PieceWriter | undefined;
  #synced = false;

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

  async append(
    reader: PieceReader,
    onPiece: (piece: Bytes) => void,
    maximum = Infinity,
  ): Promise<boolean> {
    const { durable, path, system } = this.#parts;
    const file = await openCursor(system, path, "update", this.#size);
    const writer = this.#writer = new PieceWriter(file);
    this.#synced = false;
    try {
      const ended = await writer.write(reader, { onPiece, maximum });
      if (durable) await file.sync();
      this.#synced = true;
      return ended;
    } finally {
      this.#size += writer.written;
      this.#writer = undefined;
      await file.close();
    }
  }

  open(): Promise<ReadableStream<Bytes>> {
    return this.read(0, this.size);
  }

  async read(offset: number, length: number): Promise<ReadableStream<Bytes>> {
    const { path, system } = this.#parts;
    const there = Math.min(length, this.size - offset);
    return fileStream(await openCursor(system, path, "read", offset), there);
  }

  async finish(digest: Digest): Promise<void> {
    const { durable, path, system } = this.#parts;
    const { size } = await system.stat(path);
    if (size !== this.#size || (durable && !this.#synced)) {
      const file = await system.open(path, "r+");
      try {
        await file.truncate(this.#size); // what a failed write has left
        if (durable) await file.sync();
      } finally {
        await file.close();
      }
    }
    await this.#parts.end(this, digest);
  }

  async cancel(): Promise<void> {
    await this.#parts.end(this);
  }
}
