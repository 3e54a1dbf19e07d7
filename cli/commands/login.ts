import type { Command } from "commander";
import {
  AuthenticationError,
  InvalidOptionError,
  InvalidReferenceError,
  LimitError,
  parseReference,
  type RegistryClientV2,
} from "../../mod.ts";
import { login as keep } from "../../auth/mod.ts";
import { type ConnectionFlags, connectionFlags, Connections } from "../connections.ts";
import { type Io, writeResult } from "../io.ts";

interface Flags extends ConnectionFlags {
  username?: string;
  passwordStdin?: boolean;
  json?: boolean;
}

/** Far above any password or token. */
const MAX_PASSWORD_BYTES = 64 * 1024;

/** `davit login`: tries credentials on a registry, and keeps them where docker finds them too. */
export default function login(command: Command, io: Io): void {
  connectionFlags(command)
    .argument("[registry]", "the registry's host", "docker.io")
    .requiredOption("-u, --username <name>", "the user's name")
    .requiredOption("--password-stdin", "read the password or token from standard input")
    .option("--json", "print {registry, username}")
    .action(async (name: string, flags: Flags) => {
      const { host, registry } = registryOf(name, flags);
      const username = flags.username!;
      const password = passwordFrom(await readInput(io));
      if (password === "") {
        throw new InvalidOptionError("Cannot log in: there is no password on standard input");
      }
      const connections = new Connections(flags, io);
      let withheld: string | undefined;
      try {
        await tryCredentials(
          await connections.client(host, registry, {
            username,
            password,
            onEvent(event) {
              if (event.type === "credentials-withheld") withheld = event.reason;
              else connections.tell(event);
            },
          }),
        );
      } finally {
        connections.close();
      }
      if (withheld !== undefined) { // a token that everybody gets says nothing of a password
        throw new AuthenticationError(`Cannot log in to ${registry}: ${withheld}`);
      }
      await keep(registry, { username, password }, { environment: io.env });
      await writeResult(io, flags, { registry, username }, [
        `logged in to ${registry} as ${username}`,
      ]);
    });
}

/** A registry as people type and paste it: `https://index.docker.io/v1/` is in Docker's own files. */
function registryOf(name: string, { plainHttp }: Flags): { host: string; registry: string } {
  const host = name.replace(/\/(?:v[12]\/?)?$/, "");
  const { registry, repository } = parseReference(`${host}/name`);
  // Docker Hub would be given what is meant for another registry.
  if (/^[^/]+\/name$/.test(repository) && !repository.startsWith("library/")) {
    throw new InvalidReferenceError(
      `Cannot log in to ${JSON.stringify(name)}: it is no registry's host: one has a dot or a port`,
    );
  }
  // Alone it reads as a name with a tag; with a scheme it does not.
  const scheme = /^(?!localhost:)[^/.:\[\]]+:\d+$/i.test(host)
    ? `${plainHttp ? "http" : "https"}://`
    : "";
  return { host: scheme + host, registry };
}

/** Asks for `/v2/` as docker login does: with what the registry's challenge asks for. */
async function tryCredentials(client: RegistryClientV2): Promise<void> {
  const pingRes = await client.ping({ expectStatus: [200, 401] });
  const info = await client.performLogin({ pingRes });
  if (info.type !== "Bearer") return; // a password was tried, or the registry asks nobody who they are
  const authorization = `Bearer ${info.token}`;
  await client.ping({ headers: { authorization }, expectStatus: [200] });
}

/** Without the line's end, and without what PowerShell puts before a text: U+FEFF, or `?` for it. */
function passwordFrom(input: string): string {
  return input.replace(/\r?\n$/, "").replace(/^[\uFEFF?]/, "");
}

async function readInput(io: Io): Promise<string> {
  let text = "";
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for await (const bytes of io.stdin()) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length <= MAX_PASSWORD_BYTES) continue;
    throw new LimitError("Cannot log in: what is on standard input is no password", {
      limit: "passwordBytes",
      maximum: MAX_PASSWORD_BYTES,
    });
  }
  return text;
}
