import type { Command } from "commander";
import {
  AuthenticationError,
  InvalidOptionError,
  LimitError,
  type RegistryClientV2,
} from "../../mod.ts";
import { login as keep } from "../../auth/mod.ts";
import { type ConnectionFlags, connectionFlags, Connections } from "../connections.ts";
import { type Io, writeResult } from "../io.ts";
import { typedRegistry } from "../typed_registry.ts";

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
      const registry = typedRegistry(name);
      // Alone it reads as a name with a tag; with a scheme it does not.
      const bare = /^(?!localhost:)[^/.:[\]]+:\d+$/.test(registry) && !name.includes("://");
      const scheme = /^https?:\/\//i.exec(name)?.[0] ??
        (bare ? `${flags.plainHttp ? "http" : "https"}://` : "");
      const username = flags.username!;
      const password = passwordFrom(await readInput(io));
      if (password === "") {
        throw new InvalidOptionError("Cannot log in: there is no password on standard input");
      }
      const connections = new Connections(flags, io);
      let withheld: string | undefined;
      try {
        await tryCredentials(
          await connections.client(`${scheme}${registry}`, registry, {
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
