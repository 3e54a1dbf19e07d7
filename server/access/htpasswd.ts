import { InvalidOptionError } from "../../errors.ts";
import { fileSystem } from "../../runtime/files.ts";

/** `$2b$10$`, 22 letters of salt and 31 of hash; `2a` and `2y` are the same algorithm. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/;

/** Whether a text is a bcrypt hash. */
export function isBcryptHash(text: string): boolean {
  return BCRYPT.test(text);
}

/** The cost of a bcrypt hash: the number of its rounds is two to the power of it. */
export function bcryptCost(hash: string): number {
  return Number(BCRYPT.exec(hash)?.[1]);
}

/**
 * The hashes of an htpasswd file, by user. Empty lines and those that begin with `#` say nothing.
 *
 * @throws {InvalidOptionError} When a line is not `name:hash`, the hash is not bcrypt's, or a name
 * stands there twice.
 */
export function parseHtpasswd(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const [name, hash] = [line.slice(0, colon), line.slice(colon + 1)];
    const fault = colon < 1
      ? "it must be name:hash"
      : !isBcryptHash(hash)
      ? "its hash must be bcrypt's, which htpasswd -B makes"
      : hashes.has(name)
      ? "its user stands in a line above"
      : undefined;
    if (fault !== undefined) {
      throw new InvalidOptionError(`Cannot read line ${index + 1} of htpasswd: ${fault}`);
    }
    hashes.set(name, hash);
  }
  return hashes;
}

/** Reads an htpasswd file, again whenever it is asked: what has not changed is not parsed twice. */
export class HtpasswdFile {
  readonly #path: string;
  #text: string | undefined;
  #hashes: ReadonlyMap<string, string> = new Map();

  /** The file at a path. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The hashes by user: the same map as long as the file is the same.
   *
   * @throws {InvalidOptionError} When there are no files here, or this one is not what it must be.
   */
  async hashes(): Promise<ReadonlyMap<string, string>> {
    const files = fileSystem();
    if (files === undefined) {
      throw new InvalidOptionError("Cannot read htpasswd: there are no files here, give its text");
    }
    const text = new TextDecoder().decode(await files.readFile(this.#path));
    if (text !== this.#text) {
      this.#hashes = parseHtpasswd(text);
      this.#text = text;
    }
    return this.#hashes;
  }
}
