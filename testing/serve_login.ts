import { HtpasswdFile } from "../server/access/htpasswd.ts";
import type {
  RegistryAction,
  RegistryAuth,
  RegistryUsersOptions,
  TokenKey,
} from "../server/access/options.ts";
import { type Flag, UsageError } from "./flags.ts";

/** What the arguments of `deno task serve` say of who may do what. */
export interface Login {
  auth?: "basic" | "bearer";
  users: Record<string, string>;
  htpasswd?: string;
  /** What clients may do that do not log in. */
  anonymous?: RegistryAction[];
  key?: string;
}

const ACTIONS: readonly string[] = ["pull", "push", "delete"] satisfies RegistryAction[];

export const LOGIN_FLAGS: readonly Flag<Login>[] = [
  {
    name: "--auth",
    value: "basic|bearer",
    help: "how to log in (basic, where there are users)",
    set: (login, value) => {
      if (value !== "basic" && value !== "bearer") throw bad("--auth must be basic or bearer");
      login.auth = value;
    },
  },
  {
    name: "--user",
    value: "NAME:PASSWORD",
    help: "a user who may do everything; more than once for more users",
    set: ({ users }, value) => {
      const colon = value.indexOf(":");
      if (colon < 1) throw bad("--user must be NAME:PASSWORD");
      users[value.slice(0, colon)] = value.slice(colon + 1);
    },
  },
  {
    name: "--htpasswd",
    value: "FILE",
    help: "users as htpasswd -B writes them; read again when it changes",
    set: async (login, value) => {
      await new HtpasswdFile(value).hashes();
      login.htpasswd = value;
    },
  },
  {
    name: "--anonymous",
    value: "ACTIONS",
    help: "what those may do who do not log in: pull, or pull,push",
    set: (login, value) => {
      const actions = value.split(",");
      if (!actions.every((action) => ACTIONS.includes(action))) {
        throw bad(`--anonymous must be of ${ACTIONS.join(", ")}, with commas between`);
      }
      login.anonymous = actions as RegistryAction[];
    },
  },
  {
    name: "--token-key",
    value: "FILE",
    help: "the private key of tokens, in PEM or JSON (a new one at each start)",
    set: async (login, value) => void (login.key = await Deno.readTextFile(value)),
  },
];

/**
 * The option `auth` of a registry; `undefined` where every client may do everything.
 *
 * @throws {UsageError} When no user could log in.
 */
export function authFrom(login: Login): RegistryAuth | undefined {
  const { auth, users, htpasswd, anonymous, key } = login;
  const known = Object.keys(users).length > 0 || htpasswd !== undefined;
  if (!known && auth === undefined && anonymous === undefined && key === undefined) {
    return undefined;
  }
  if (!known) throw bad("there must be users: give --user or --htpasswd");
  if (key !== undefined && auth !== "bearer") throw bad("--token-key goes with --auth bearer");
  const options: RegistryUsersOptions = {
    users,
    ...(htpasswd !== undefined && { htpasswd: { file: htpasswd } }),
    ...(anonymous !== undefined && { anonymous }),
  };
  if (auth !== "bearer") return { basic: options };
  return { bearer: { ...options, ...(key !== undefined && { key: keyFrom(key) }) } };
}

function keyFrom(text: string): string | TokenKey {
  if (!text.trimStart().startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw bad("the file of --token-key is neither PEM nor JSON"); // the cause would quote the key
  }
}

function bad(why: string): UsageError {
  return new UsageError(`Cannot serve: ${why}`);
}
