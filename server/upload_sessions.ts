import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher, type HashAlgorithm, type Hasher } from "../content/hasher.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import type { BackendUpload, RegistryBackend } from "./backend.ts";
import type { RegistrySettings } from "./options.ts";

/** One upload: the bytes that came, and the hash over them. */
export class UploadSession {
  /** The repository that it belongs to. */
  readonly repository: RepositoryName;
  /** Whether a chunk shorter than the least size was taken: it must have been the last. */
  short = false;
  /** Whether a request is writing to it. */
  busy = false;
  /** When it was last used, in milliseconds. */
  used = 0;
  readonly #upload: BackendUpload;
  #hash: { algorithm: HashAlgorithm; hasher: Hasher; bytes: number } | undefined;

  /** A session over an upload of the backend's. */
  constructor(repository: RepositoryName, upload: BackendUpload) {
    this.repository = repository;
    this.#upload = upload;
  }

  /** What names it in its URL. */
  get id(): string {
    return this.#upload.id;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#upload.size;
  }

  /** Starts hashing with an algorithm; once bytes are there it is too late, and nothing happens. */
  async hashWith(algorithm: HashAlgorithm): Promise<void> {
    if (this.size > 0) return;
    this.#hash = { algorithm, hasher: await createHasher(algorithm), bytes: 0 };
  }

  /**
   * Takes what a reader has, up to a number of bytes, and hashes it on the way.
   *
   * @returns Whether the reader's end was reached.
   */
  async append(reader: PieceReader, maximum: number): Promise<boolean> {
    if (this.#hash === undefined) await this.hashWith("sha256");
    const hash = this.#hash;
    return await this.#upload.append(reader, (piece) => {
      if (hash === undefined) return;
      hash.hasher.update(piece);
      hash.bytes += piece.byteLength;
    }, maximum);
  }

  /**
   * The digest of all bytes in the algorithm of another. They are read once more where that is not
   * the algorithm they were hashed with: clients name sha512 at the close, not at the start.
   */
  async digestLike(digest: Digest): Promise<Digest> {
    const algorithm = hashAlgorithm(digest);
    if (this.#hash?.algorithm === algorithm && this.#hash.bytes === this.size) {
      return toDigest(algorithm, this.#hash.hasher.digest());
    }
    const hasher = await createHasher(algorithm);
    const reader = pieceReader(await this.#upload.open());
    let view: Bytes = new Uint8Array(1024 * 1024);
    for (;;) {
      const { done, value } = await reader.read(view);
      if (done || value === undefined) break;
      hasher.update(value);
      view = new Uint8Array(value.buffer);
    }
    return toDigest(algorithm, hasher.digest());
  }

  /** Makes a blob of it; the digest has been verified. */
  finish(digest: Digest): Promise<void> {
    return this.#upload.finish(digest);
  }

  /** Forgets it. */
  cancel(): Promise<void> {
    return this.#upload.cancel();
  }
}

/** The uploads of a registry. */
export class UploadSessions {
  readonly #backend: RegistryBackend;
  readonly #settings: RegistrySettings;
  /** The least recently used first. */
  readonly #sessions = new Map<string, UploadSession>();

  /** Sessions over a backend's uploads. */
  constructor(backend: RegistryBackend, settings: RegistrySettings) {
    this.#backend = backend;
    this.#settings = settings;
  }

  /** A new session; those that nobody used for long end here. */
  async start(repository: RepositoryName): Promise<UploadSession> {
    await this.#expire();
    const session = new UploadSession(repository, await this.#backend.createUpload(repository));
    this.#touch(session);
    return session;
  }

  /** A session of a repository's. */
  async find(repository: RepositoryName, id: string): Promise<UploadSession | undefined> {
    await this.#expire();
    let session = this.#sessions.get(id);
    if (session === undefined) {
      const upload = await this.#backend.upload(repository, id);
      session = this.#sessions.get(id) ?? (upload && new UploadSession(repository, upload));
    }
    if (session?.repository !== repository) return undefined;
    this.#touch(session);
    return session;
  }

  /** Whether the session goes on: another request may have ended it. */
  has(session: UploadSession): boolean {
    return this.#sessions.get(session.id) === session;
  }

  /** Makes a blob of a session, whose digest has been verified. */
  async finish(session: UploadSession, digest: Digest): Promise<void> {
    this.#sessions.delete(session.id);
    await session.finish(digest);
  }

  /** Ends a session; its bytes are gone. */
  async cancel(session: UploadSession): Promise<void> {
    this.#sessions.delete(session.id);
    await session.cancel();
  }

  #touch(session: UploadSession): void {
    session.used = this.#settings.now();
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  async #expire(): Promise<void> {
    const oldest = this.#settings.now() - this.#settings.uploadExpiry;
    for (const session of this.#sessions.values()) {
      if (session.used >= oldest) break;
      if (!session.busy) await this.cancel(session);
    }
  }
}
