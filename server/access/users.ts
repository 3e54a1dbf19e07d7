import { decodeBase64 } from "../../content/base64.ts";
import { checkOptions } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { Access } from "./access.ts";
import { HtpasswdFile, isBcryptHash, parseHtpasswd } from "./htpasswd.ts";
import {
  REGISTRY_RIGHTS,
  REGISTRY_USER,
  type RegistryAction,
  type RegistryRights,
  type RegistryUser,
  type RegistryUsersOptions,
} from "./options.ts";
import { Passwords, type Secret } from "./passwords.ts";

const EVERYTHING: readonly RegistryAction[] = ["pull", "push", "delete"];

/** Who can log in to a registry, and what they may do. */
export class Users {
  /** What clients may do that do not log in. */
  readonly anonymous: Access;
  readonly #users: ReadonlyMap<string, RegistryUser>;
  readonly #hashes: () => Promise<ReadonlyMap<string, string>>;
  #known: { hashes: ReadonlyMap<string, string>; passwords: Passwords } | undefined;

  /**
   * The users of the options.
   *
   * @throws {InvalidOptionError} When a user has no password, or two; a name that cannot log in; or
   * htpasswd is not what it must be.
   */
  constructor({ users = {}, htpasswd, anonymous = [] }: RegistryUsersOptions) {
    this.#users = new Map(
      Object.entries(users).map(([name, user]) => [
        name,
        typeof user === "string" ? { password: user } : user,
      ]),
    );
    for (const [name, user] of this.#users) checkUser(name, user);
    if (typeof htpasswd === "object") {
      const file = new HtpasswdFile(htpasswd.file);
      this.#hashes = () => file.hashes();
    } else {
      const hashes = parseHtpasswd(htpasswd ?? "");
      this.#hashes = () => Promise.resolve(hashes);
      for (const [name, user] of this.#users) {
        if (!hasPassword(user) && !hashes.has(name)) throw badUser(name, "a password or a hash");
      }
    }
    const rights = "length" in anonymous ? { actions: anonymous } : anonymous;
    checkOptions(rights, REGISTRY_RIGHTS, "anonymous");
    // The list of all repositories is for those who log in.
    this.anonymous = { ...accessOf(rights), user: "", lists: false };
  }

  /** What a user may do, once the password is right; `undefined` when it is not. */
  async login(name: string, password: string): Promise<Access | undefined> {
    const { hashes, passwords } = await this.#table();
    const right = await passwords.isRight(name, password);
    return right ? this.#access(name, hashes) : undefined;
  }

  /** What a user may do whose identity is known already; `undefined` when there is none. */
  async access(name: string): Promise<Access | undefined> {
    const { hashes } = await this.#table();
    return this.#access(name, hashes);
  }

  #access(name: string, hashes: ReadonlyMap<string, string>): Access | undefined {
    const user = this.#users.get(name);
    if (!hashes.has(name) && !hasPassword(user)) return undefined;
    return { ...accessOf(user ?? {}), user: name };
  }

  async #table(): Promise<{ hashes: ReadonlyMap<string, string>; passwords: Passwords }> {
    const hashes = await this.#hashes();
    if (this.#known?.hashes === hashes) return this.#known;
    const secrets = new Map<string, Secret>();
    for (const [name, hash] of hashes) secrets.set(name, { hash });
    for (const [name, { password, hash }] of this.#users) {
      if (password !== undefined) secrets.set(name, { password });
      else if (hash !== undefined) secrets.set(name, { hash });
    }
    return this.#known = { hashes, passwords: new Passwords(secrets) };
  }
}

/** The user name and password of a Basic `Authorization` header. */
export function basicCredentials(
  header: string | null,
): { name: string; password: string } | undefined {
  const match = /^basic +([a-z0-9+/=]+) *$/i.exec(header ?? "");
  if (match === null) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(decodeBase64(match[1]!));
  } catch {
    return undefined;
  }
  const colon = text.indexOf(":");
  if (colon === -1) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether a header names no user: skopeo sends an empty user name and password for that. */
export function namesNoUser(header: string | null): boolean {
  if (header === null) return true;
  const credentials = basicCredentials(header);
  return credentials !== undefined && credentials.name === "" && credentials.password === "";
}

function accessOf({ actions = EVERYTHING, repositories }: RegistryRights): Access {
  return {
    may: (repository, action) =>
      actions.includes(action) &&
      (repositories?.some((pattern) => matches(pattern, repository)) ?? true),
    lists: repositories === undefined && actions.includes("pull"),
  };
}

/** Whether a pattern, a repository's name or `ci/*`, is about a repository. */
export function matches(pattern: string, repository: string): boolean {
  if (!pattern.endsWith("/*")) return pattern === repository;
  return repository.startsWith(pattern.slice(0, -1));
}

function hasPassword(user: RegistryUser | undefined): boolean {
  return user?.password !== undefined || user?.hash !== undefined;
}

function checkUser(name: string, user: RegistryUser): void {
  checkOptions(user, REGISTRY_USER, `users[${JSON.stringify(name)}]`);
  const { password, hash, actions } = user;
  if (name === "" || name.includes(":")) {
    throw new InvalidOptionError(
      "Cannot create a registry as the name of a user must not be empty, and must hold no colon: " +
        `current value is ${JSON.stringify(name)}`,
    );
  }
  if (password !== undefined && hash !== undefined) throw badUser(name, "a password or a hash");
  if (hash !== undefined && !isBcryptHash(hash)) throw badUser(name, "a hash of bcrypt's");
  if (actions?.some((action) => !EVERYTHING.includes(action))) {
    throw badUser(name, `no actions but ${EVERYTHING.join(", ")}`);
  }
}

function badUser(name: string, need: string): InvalidOptionError {
  return new InvalidOptionError(
    `Cannot create a registry as the user ${JSON.stringify(name)} must have ${need}`,
  );
}
