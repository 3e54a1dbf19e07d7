import { access, constants, readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { InvalidContentError, InvalidOptionError } from "../../mod.ts";
import {
  createRegistry,
  type DiskBackend,
  diskBackend,
  type RegistryAction,
  type RegistryAuth,
  serve as listen,
  type ServeOptions,
} from "../../server/mod.ts";
import { complaint } from "../complaint.ts";
import { type Io, writeResult } from "../io.ts";

interface Flags {
  port: number;
  hostname: string;
  dir?: string;
  auth?: "basic" | "bearer";
  user?: Record<string, string>;
  htpasswd?: string;
  anonymous?: RegistryAction[];
  tlsCert?: string;
  tlsKey?: string;
  cors?: true;
  json?: boolean;
}

const ACTIONS: readonly string[] = ["pull", "push", "delete"] satisfies RegistryAction[];

/** `davit serve`: a registry on this machine, until it is interrupted. */
export default function serve(command: Command, io: Io): void {
  command
    .option("--port <number>", "the port; a free one without it", portFrom, 0)
    .option("--hostname <address>", "the address to listen on", "127.0.0.1")
    .option("--dir <folder>", "keep everything in a folder; without it, in memory")
    .option("--user <name:password>", "a user who may do everything; may be repeated", userFrom)
    .option("--htpasswd <file>", "users as htpasswd -B writes them")
    .option("--auth <way>", "how to log in: basic (where there are users) or bearer", wayFrom)
    .option("--anonymous <actions>", "what others may do: pull, or pull,push", actionsFrom)
    .option("--tls-cert <file>", "the certificate for HTTPS, in PEM")
    .option("--tls-key <file>", "its private key, in PEM")
    .option("--cors", "let web pages use the registry")
    .option("--json", "print {url}")
    .action(async (flags: Flags) => {
      const auth = authFrom(flags);
      if (flags.htpasswd !== undefined) {
        // The registry reads the file with the first login, and refuses everybody if it cannot.
        const htpasswd = await textOf("--htpasswd", flags.htpasswd);
        createRegistry({ auth: { basic: { htpasswd } } });
      }
      const backend = flags.dir === undefined ? undefined : await diskAt(flags.dir);
      const registry = createRegistry({
        ...(auth && { auth }),
        ...(backend && { backend }),
        // The client learns no more than that the registry failed.
        onError: (error) => void io.stderr.write(`${complaint(error)}\n`).catch(() => {}),
      });
      const server = await listen(registry, await serveOptions(flags));
      try {
        await writeResult(io, flags, { url: server.url }, [server.url]);
        await aborted(io.signal); // to interrupt it is how it ends
      } finally {
        await server.close();
        await backend?.close();
      }
    });
}

/** Finds out before anything is served what would fail with every push. */
async function diskAt(folder: string): Promise<DiskBackend> {
  const backend = diskBackend(folder);
  try {
    await backend.recover(); // makes it
    await access(folder, constants.W_OK);
    return backend;
  } catch (cause) {
    if (cause instanceof InvalidContentError) throw cause; // there is something else in it
    throw new InvalidOptionError(
      `Cannot serve: --dir ${folder} is no folder to write to: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function textOf(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new InvalidOptionError(
      `Cannot serve: ${option} ${file} cannot be read: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function serveOptions(flags: Flags): Promise<ServeOptions> {
  const { port, hostname, cors, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new InvalidOptionError("Cannot serve: --tls-cert and --tls-key go together");
  }
  const tls = tlsCert === undefined ? undefined : {
    cert: await textOf("--tls-cert", tlsCert),
    key: await textOf("--tls-key", tlsKey!),
  };
  return { port, hostname, ...(tls && { tls }), ...(cors && { cors }) };
}

function authFrom({ auth, user, htpasswd, anonymous }: Flags): RegistryAuth | undefined {
  if (user === undefined && htpasswd === undefined) {
    if (auth === undefined && anonymous === undefined) return undefined;
    throw new InvalidOptionError("Cannot serve: there must be users: give --user or --htpasswd");
  }
  const options = {
    ...(user && { users: user }),
    ...(htpasswd !== undefined && { htpasswd: { file: htpasswd } }),
    ...(anonymous && { anonymous }),
  };
  return auth === "bearer" ? { bearer: options } : { basic: options };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function portFrom(value: string): number {
  if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new InvalidArgumentError("It must be a number from 0 to 65535.");
}

function userFrom(value: string, users: Record<string, string> = {}): Record<string, string> {
  const colon = value.indexOf(":");
  if (colon < 1) throw new InvalidOptionError("Cannot serve: --user must be NAME:PASSWORD");
  return { ...users, [value.slice(0, colon)]: value.slice(colon + 1) };
}

function wayFrom(value: string): "basic" | "bearer" {
  if (value === "basic" || value === "bearer") return value;
  throw new InvalidArgumentError("It must be basic or bearer.");
}

function actionsFrom(value: string): RegistryAction[] {
  const actions = value.split(",");
  if (actions.every((action) => ACTIONS.includes(action))) return actions as RegistryAction[];
  throw new InvalidArgumentError(`It must be of ${ACTIONS.join(", ")}, with commas between.`);
}
