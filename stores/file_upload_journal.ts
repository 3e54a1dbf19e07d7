import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { join } from "@std/path/join";
import { encodeText } from "../content/bytes.ts";
import { digestEncoded } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import type { UploadJournal, UploadKey, UploadRecord } from "../content/upload_journal.ts";
import { absolutePath } from "../runtime/absolute_path.ts";
import type { FileSystem } from "../runtime/files.ts";
import { makeFolders } from "../runtime/make_folders.ts";
import { files } from "./files.ts";

export type { UploadJournal, UploadKey, UploadRecord } from "../content/upload_journal.ts";

/** Options of {@linkcode fileUploadJournal}. */
export interface FileUploadJournalOptions {
  /**
   * After how long an upload is forgotten, in milliseconds. Registries keep sessions for a day to a
   * week.
   * @default {604800000}
   */
  expiry?: number;
}

const FILE_UPLOAD_JOURNAL_OPTIONS: OptionNames<FileUploadJournalOptions> = names("expiry");

/** A week: `distribution` removes uploads after that. */
const EXPIRY_MS = 7 * 24 * 60 * 60 * 1_000;

/** Only the user: a session's URL may hold a signature that lets anybody write to it. */
const [FILE_MODE, FOLDER_MODE] = [0o600, 0o700];

const NAME = /^[0-9a-f]{64}(?:\.json|\.[0-9a-f-]{36})$/;

/**
 * Remembers uploads in a folder, a file each that only this user can read, so that a push which was
 * interrupted goes on in another process; docker-registry 2 takes up no upload that was cut within a
 * request, and gets that blob from its start again. A disk that fails costs a new upload, and no push.
 * On Deno it needs permission to read and write the folder.
 *
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 *
 * @example
 * ```ts
 * import { fileUploadJournal } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const upload = {
 *   registry: "https://registry.example",
 *   repository: "app",
 *   digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 * };
 * const location = "https://registry.example/v2/app/blobs/uploads/1?_state=abc";
 * await fileUploadJournal(folder).keep({ ...upload, location, bytes: 1024, time: Date.now() });
 *
 * const found = await fileUploadJournal(folder).find(upload); // in another process
 * assertEquals(found?.location, location);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function fileUploadJournal(
  folder: string,
  options: FileUploadJournalOptions = {},
): UploadJournal {
  checkOptions(options, FILE_UPLOAD_JOURNAL_OPTIONS);
  checkArgument("folder", folder, "path");
  const { expiry = EXPIRY_MS } = options;
  return new FileUploadJournal(files(`keep uploads in ${folder}`), absolutePath(folder), expiry);
}

class FileUploadJournal implements UploadJournal {
  readonly #system: FileSystem;
  readonly #folder: string;
  readonly #expiry: number;
  #swept = false;

  constructor(system: FileSystem, folder: string, expiry: number) {
    this.#system = system;
    this.#folder = folder;
    this.#expiry = expiry;
  }

  async find(key: UploadKey): Promise<UploadRecord | undefined> {
    const path = await this.#path(key);
    try {
      if (!(await this.#system.lstat(path)).isFile()) return undefined;
      const record = JSON.parse(new TextDecoder().decode(await this.#system.readFile(path)));
      return isRecord(record, key) && record.time >= this.#oldest() ? record : undefined;
    } catch {
      return undefined; // it is not there, or not readable, or cut: a new upload does as well
    }
  }

  async keep(record: UploadRecord): Promise<void> {
    const { registry, repository, digest, location, bytes, time } = record;
    const path = await this.#path(record);
    const temporary = path.replace(/json$/, crypto.randomUUID());
    const text = JSON.stringify({ registry, repository, digest, location, bytes, time });
    try {
      await makeFolders(this.#system, this.#folder, { mode: FOLDER_MODE });
      await this.#sweep();
      await this.#system.writeFile(temporary, text, { mode: FILE_MODE });
      await this.#system.rename(temporary, path);
    } catch {
      await this.#system.rm(temporary, { force: true }).catch(() => {});
    }
  }

  async forget(key: UploadKey): Promise<void> {
    await this.#system.rm(await this.#path(key), { force: true }).catch(() => {});
  }

  /** Hashed: a repository's name is no file's name. */
  async #path({ registry, repository, digest }: UploadKey): Promise<string> {
    const hash = await digestOf(encodeText(JSON.stringify([registry, repository, digest])));
    return join(this.#folder, `${digestEncoded(hash)}.json`);
  }

  #oldest(): number {
    return Date.now() - this.#expiry;
  }

  /** Removes what has expired, once for each journal. */
  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    for (const name of await this.#system.readdir(this.#folder)) {
      if (!NAME.test(name)) continue;
      const path = join(this.#folder, name);
      const { mtimeMs } = await this.#system.lstat(path);
      if (mtimeMs < this.#oldest()) await this.#system.rm(path, { force: true });
    }
  }
}

function isRecord(value: unknown, key: UploadKey): value is UploadRecord {
  const { registry, repository, digest, location, bytes, time } = (value ?? {}) as UploadRecord;
  return registry === key.registry && repository === key.repository && digest === key.digest &&
    typeof location === "string" && Number.isSafeInteger(bytes) && bytes >= 0 &&
    typeof time === "number";
}
