import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, toDigest } from "../content/digest.ts";
import { createHasher, type HashAlgorithm, type Hasher } from "../content/hasher.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import type { BackendUpload, RegistryBackend } from "./backends/backend.ts";
import type { Deadline, Deadlines } from "./listen/deadlines.ts";
import type { RegistrySettings } from "./options.ts";
import { Refusal } from "./refusal.ts";

/** One upload: the bytes that came, and the hash over them. */
export class UploadSession {
  /** The repository that it belongs to. */
  readonly repository: RepositoryName;
  /** Whether a chunk shorter than the least size was taken: it must have been the last. */
  short = false;
  /** Whether a request is writing to it. */
  busy = false;
  /** Whether its last bytes have come: it takes no more. */
  ending = false;
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

  /** Whether it is being closed, here or in another process. */
  get closing(): boolean {
    return this.ending || this.#upload.closing === true;
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
      const { hasher } = this.#hash;
      this.#hash = undefined; // it is used up: should the end fail, the bytes are read the next time
      return toDigest(algorithm, await hasher.digest());
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
    return toDigest(algorithm, await hasher.digest());
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
  readonly #deadlines: Deadlines;
  /** The least recently used first. */
  readonly #sessions = new Map<string, UploadSession>();
  /** Who has started each upload, and when it was last used: those of this process that are open. */
  readonly #open = new Map<string, { user: string | undefined; used: number }>();
  /** When the next session expires. */
  readonly #expiry: Deadline = { due: Infinity, late: () => this.#tidy(() => this.#expire()) };
  /** When the backend is asked for what an earlier process left. */
  readonly #sweep: Deadline = { due: Infinity, late: () => this.#tidy(() => this.#sweepBackend()) };
  #watched = false;

  /** Sessions over a backend's uploads. */
  constructor(backend: RegistryBackend, settings: RegistrySettings, deadlines: Deadlines) {
    this.#backend = backend;
    this.#settings = settings;
    this.#deadlines = deadlines;
  }

  /**
   * Starts to look after what an earlier process left. Called with the first request: a Worker may
   * not start timers before.
   */
  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    if (this.#backend.sweepUploads !== undefined) {
      this.#ringBy(this.#sweep, this.#settings.uploadExpiry);
    }
  }

  /**
   * A new session of a user's; those unused for long end here.
   *
   * @throws {Refusal} 429 when too many are open.
   */
  async start(repository: RepositoryName, user?: string): Promise<UploadSession> {
    await this.#expire();
    this.#requireRoom(user);
    const place = crypto.randomUUID();
    this.#open.set(place, { user, used: this.#settings.now() });
    try {
      const session = new UploadSession(repository, await this.#backend.createUpload(repository));
      this.#open.set(session.id, { user, used: this.#settings.now() });
      this.#touch(session);
      return session;
    } finally {
      this.#open.delete(place);
    }
  }

  #requireRoom(user: string | undefined): void {
    const { now, openUploadLimit, uploadExpiry, userUploadLimit } = this.#settings;
    if (this.#open.size >= Math.min(openUploadLimit, userUploadLimit)) {
      // Those of a storage that others serve too end there: what was not used for long counts no more.
      for (const [id, { used }] of this.#open) {
        if (used + uploadExpiry < now()) this.#open.delete(id);
      }
    }
    let own = 0;
    if (user !== undefined) {
      for (const each of this.#open.values()) own += Number(each.user === user);
    }
    if (this.#open.size < openUploadLimit && own < userUploadLimit) return;
    throw new Refusal(
      429,
      "TOOMANYREQUESTS",
      own < userUploadLimit
        ? `Cannot start the upload: ${openUploadLimit} are open`
        : `Cannot start the upload: the user has ${userUploadLimit} that are open`,
    );
  }

  /** A session of a repository's. */
  async find(repository: RepositoryName, id: string): Promise<UploadSession | undefined> {
    await this.#expire();
    let session = this.#sessions.get(id);
    if (session === undefined || (this.#backend.shared && !session.busy)) {
      const upload = await this.#backend.upload(repository, id);
      const held = this.#sessions.get(id);
      session = held?.busy || !this.#backend.shared ? held : undefined;
      session ??= upload && new UploadSession(repository, upload);
    }
    if (session?.repository !== repository) return undefined;
    this.#touch(session);
    return session;
  }

  /** Whether the session goes on: another request, or another process, may have ended it. */
  async has(session: UploadSession): Promise<boolean> {
    if (this.#sessions.get(session.id) !== session) return false;
    if (!this.#backend.shared) return true;
    return await this.#backend.upload(session.repository, session.id) !== undefined;
  }

  /** A request writes to it. */
  hold(session: UploadSession): void {
    session.busy = true;
    if (this.#backend.shared) this.#sessions.set(session.id, session);
  }

  /** A request has written to it: its time starts anew. */
  release(session: UploadSession): void {
    session.busy = false;
    if (this.#sessions.get(session.id) === session) this.#touch(session);
  }

  /** Makes a blob of a session, whose digest has been verified. */
  async finish(session: UploadSession, digest: Digest): Promise<void> {
    await session.finish(digest);
    this.#forget(session);
  }

  /** Ends a session; its bytes are gone. */
  async cancel(session: UploadSession): Promise<void> {
    this.#forget(session);
    await session.cancel();
  }

  #touch(session: UploadSession): void {
    session.used = this.#settings.now();
    const open = this.#open.get(session.id);
    if (open !== undefined) open.used = session.used;
    this.#sessions.delete(session.id);
    if (this.#backend.shared && !session.busy) return;
    this.#sessions.set(session.id, session);
    this.#ringBy(this.#expiry, this.#settings.uploadExpiry);
  }

  #forget(session: UploadSession): void {
    this.#sessions.delete(session.id);
    this.#open.delete(session.id);
    if (this.#sessions.size === 0) this.#deadlines.forget(this.#expiry);
  }

  /** Ends the sessions whose time is over, and looks when the next one's is. */
  async #expire(): Promise<void> {
    const { now, uploadExpiry } = this.#settings;
    const over: UploadSession[] = [];
    let next = Infinity;
    for (const session of this.#sessions.values()) {
      if (session.busy) continue; // its body has a limit of its own
      if (session.used + uploadExpiry >= now()) {
        next = session.used + uploadExpiry + 1;
        break;
      }
      over.push(session);
    }
    this.#expiry.due = next;
    this.#deadlines.watch(this.#expiry);
    for (const session of over) this.#forget(session); // all at once: no request finds one meanwhile
    // Who happens to come now has nothing to do with what goes wrong.
    for (const session of over) await session.cancel().catch(this.#settings.onError);
  }

  async #sweepBackend(): Promise<void> {
    this.#sweep.due = Infinity;
    const wait = await this.#backend.sweepUploads?.();
    if (wait !== undefined) this.#ringBy(this.#sweep, wait);
  }

  #ringBy(deadline: Deadline, wait: number): void {
    const due = this.#settings.now() + wait + 1;
    deadline.due = Math.min(deadline.due, due);
    this.#deadlines.watch(deadline);
  }

  /** Does something in the background. */
  #tidy(work: () => Promise<void>): void {
    work().catch(this.#settings.onError);
  }
}
