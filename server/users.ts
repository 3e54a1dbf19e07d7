import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { encodeText } from "../content/bytes.ts";
import { createHasher } from "../content/hasher.ts";
import type { RegistryAction, RegistryUser, RegistryUsersOptions } from "./auth_options.ts";
import type { Access } from "./access.ts";

const EVERYTHING: readonly RegistryAction[] = ["pull", "push", "delete"];

/** Who can log in to a registry, and what they may do. */
export class Users {
  readonly #users: ReadonlyMap<string, RegistryUser>;
  /** What somebody may do who does not log in. */
  readonly anonymous: Access;

  /** The users of the options. */
  constructor({ users = {}, anonymous = [] }: RegistryUsersOptions) {
    this.#users = new Map(
      Object.entries(users).map(([name, user]) => [
        name,
        typeof user === "string" ? { password: user } : user,
      ]),
    );
    this.anonymous = { may: (_repository, action) => anonymous.includes(action) };
  }

  /** What a user may do, once the password is right; `undefined` when it is not. */
  async login(name: string, password: string): Promise<Access | undefined> {
    const user = this.#users.get(name);
    // An unknown user costs as much time as a known one, so that time does not tell them apart.
    const right = await sameText(password, user?.password ?? "");
    return right && user !== undefined ? this.#access(user) : undefined;
  }

  /** What a user may do whose identity is known already; `undefined` when there is none. */
  access(name: string): Access | undefined {
    const user = this.#users.get(name);
    return user && this.#access(user);
  }

  #access({ actions = EVERYTHING, repositories }: RegistryUser): Access {
    return {
      may: (repository, action) =>
        actions.includes(action) &&
        (repositories?.some((pattern) => matches(pattern, repository)) ?? true),
    };
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
    // Not @std/encoding: it moves buffers with `ArrayBuffer.transfer`, which Node 20 lacks.
    const bytes = Uint8Array.from(atob(match[1]!), (character) => character.charCodeAt(0));
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const colon = text.indexOf(":");
  if (colon === -1) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Whether a header names nobody: skopeo sends an empty user name and password for that. */
export function saysNobody(header: string | null): boolean {
  if (header === null) return true;
  const credentials = basicCredentials(header);
  return credentials !== undefined && credentials.name === "" && credentials.password === "";
}

/** Compares secrets in a time that depends on neither: their hashes, which are equally long. */
async function sameText(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([hash(a), hash(b)]);
  return timingSafeEqual(first, second);
}

async function hash(text: string): Promise<Uint8Array> {
  const hasher = await createHasher("sha256");
  hasher.update(encodeText(text));
  return hasher.digest();
}

function matches(pattern: string, repository: string): boolean {
  if (!pattern.endsWith("/*")) return pattern === repository;
  return repository.startsWith(pattern.slice(0, -1));
}
