import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { concatBytes, encodeText } from "../../content/bytes.ts";
import { createHasher } from "../../content/hasher.ts";
import { bcryptCost } from "./htpasswd.ts";

/** What is known of a password: itself, or its bcrypt hash. */
export type Secret = { readonly password: string } | { readonly hash: string };

/**
 * Checks passwords in a time that tells nothing: not how much of one is right, nor whether its user
 * is known. Where any password of the table is a bcrypt hash, every wrong login costs a bcrypt hash
 * of the table's highest cost.
 */
export class Passwords {
  readonly #secrets: ReadonlyMap<string, Secret>;
  /** The highest cost of the hashes; 0 where there are none. */
  readonly #cost: number;
  /** Passwords that were right, hashed with a key of this process: bcrypt takes 50 ms and more. */
  readonly #right = new Map<string, Uint8Array>();
  readonly #key = crypto.getRandomValues(new Uint8Array(32));

  /** The passwords by user. */
  constructor(secrets: ReadonlyMap<string, Secret>) {
    this.#secrets = secrets;
    const hashes = [...secrets.values()].flatMap((secret) => "hash" in secret ? [secret.hash] : []);
    this.#cost = Math.max(0, ...hashes.map(bcryptCost));
  }

  /** Whether it is the user's password; for an unknown user it takes as long to say no. */
  async isRight(name: string, password: string): Promise<boolean> {
    const secret = this.#secrets.get(name);
    const given = await this.#keyed(password);
    const plain = secret !== undefined && "password" in secret ? secret.password : "";
    const same = timingSafeEqual(given, await this.#keyed(plain));
    const remembered = this.#right.get(name);
    if (remembered !== undefined && timingSafeEqual(given, remembered)) return true;
    if (secret !== undefined && "password" in secret && same) return true;
    const hash = secret !== undefined && "hash" in secret ? secret.hash : undefined;
    const hashed = await this.#bcrypt(password, hash);
    if (hashed) this.#right.set(name, given);
    return hashed;
  }

  async #bcrypt(password: string, hash: string | undefined): Promise<boolean> {
    if (this.#cost === 0) return false;
    // Loaded when it is needed: a registry without such hashes, and a browser, go without it.
    const { compare } = await import("bcryptjs");
    const same = hash !== undefined && await compare(password, hash);
    const paid = hash !== undefined && bcryptCost(hash) === this.#cost;
    if (!same && !paid) await compare(password, unknownHash(this.#cost));
    return same;
  }

  async #keyed(text: string): Promise<Uint8Array> {
    const hasher = await createHasher("sha256");
    hasher.update(concatBytes([this.#key, encodeText(text)]));
    return await hasher.digest();
  }
}

/** A hash of no known password. */
function unknownHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, "0")}$${".".repeat(53)}`;
}
