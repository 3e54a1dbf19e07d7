import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import {
  type DavitEvent,
  InvalidOptionError,
  type RegistryClientOpts,
  RegistryClientV2,
  RegistryStore,
  type UploadJournal,
} from "../mod.ts";
import { dockerCredentials } from "../auth/mod.ts";
import { fileUploadJournal } from "../stores/mod.ts";
import { byFlags, formatTime, plainText } from "./format.ts";
import type { Io } from "./io.ts";
import { type RegistryLocation, repositoryName } from "./location.ts";

/** The flags that say how registries are connected to. */
export interface ConnectionFlags {
  /** Whether registries speak plain HTTP whose reference gives no scheme. */
  plainHttp?: boolean;
  /** Whether certificates go unchecked. */
  insecure?: boolean;
  /** A file of certificates that are trusted too. */
  caFile?: string;
  /** Token services that may have credentials although they are on another host. */
  tokenService?: string[];
  /** Whether nothing but errors is told. */
  quiet?: boolean;
}

/** Adds the flags that every verb has which speaks to a registry. */
export function connectionFlags(command: Command): Command {
  return command
    .option("--plain-http", "speak plain HTTP where a reference gives no scheme")
    .option("--insecure", "do not check the registry's certificate")
    .option("--ca-file <file>", "trust the certificates in this file (PEM) too")
    .option(
      "--token-service <url>",
      "send credentials to this token service on another host too; may be repeated",
      (value: string, before: string[] = []) => [...before, value],
    )
    .option("-q, --quiet", "tell nothing but the result and errors");
}

/** The registries that a run speaks to: one client for each, which repositories share. */
export class Connections {
  readonly #flags: ConnectionFlags;
  readonly #io: Io;
  readonly #say: (line: string) => void;
  readonly #clients = new Map<string, RegistryClientV2>();
  readonly #opened: RegistryClientV2[] = [];

  /** Connections by flags; what the registry has to say goes to `say`, or to standard error. */
  constructor(
    flags: ConnectionFlags,
    io: Io,
    say: (line: string) => void = (line) => void io.stderr.write(`${line}\n`).catch(() => {}),
  ) {
    this.#flags = flags;
    this.#io = io;
    this.#say = flags.quiet ? () => {} : say;
  }

  /** A repository as a store. */
  async store(location: RegistryLocation): Promise<RegistryStore> {
    const { registry, repository, scheme } = location.reference;
    const key = `${scheme ?? ""}://${registry}`;
    const known = this.#clients.get(key);
    const journal = uploadJournal(this.#io.env);
    if (known !== undefined) return new RegistryStore(known.withRepo(repository), journal);
    const client = await this.client(repositoryName(location), registry);
    this.#clients.set(key, client);
    return new RegistryStore(client, journal);
  }

  /** A client of a repository or a registry, with what `docker login` left. */
  async client(
    name: string,
    registry: string,
    options: RegistryClientOpts = {},
  ): Promise<RegistryClientV2> {
    const { plainHttp = false, insecure = false, caFile, tokenService } = this.#flags;
    const client = new RegistryClientV2({
      name,
      signal: this.#io.signal,
      onEvent: this.tell,
      ...(tokenService && { trustedRealms: { [registry.toLowerCase()]: tokenService } }),
      hosts: {
        // A name may be a host by its capitals alone.
        [registry.toLowerCase()]: {
          insecure,
          ...(plainHttp && { plainHttp }),
          ...(caFile !== undefined && { ca: await certificates(caFile) }),
        },
      },
      ...(options.username === undefined &&
        { credentials: dockerCredentials({ environment: this.#io.env }) }),
      ...options,
    });
    this.#opened.push(client);
    return client;
  }

  /** Closes every connection. */
  close(): void {
    for (const client of this.#opened.splice(0)) client.close();
  }

  /** Says what a person wants to know of. */
  readonly tell = (event: DavitEvent): void => {
    if (event.type === "wait") {
      this.#say(`${event.host} wants no requests for ${formatTime(event.delay)}: ${event.reason}`);
    } else if (event.type === "retry" && !event.reason.startsWith("status ")) {
      // A host that accepts connections and says nothing is waited for several minutes otherwise.
      const { host } = new URL(event.url);
      this.#say(`trying ${host} again in ${formatTime(event.delay)}: ${plainText(event.reason)}`);
    } else if (event.type === "warning") {
      this.#say(`${event.host} warns: ${plainText(event.text)}`);
    } else if (event.type === "credentials-failed") {
      this.#say(`no credentials for ${event.host}: ${plainText(event.message)}`);
    } else if (event.type === "credentials-withheld") {
      this.#say(`credentials were not sent to ${event.origin}: ${byFlags(event.reason)}`);
    }
  };
}

async function certificates(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new InvalidOptionError(
      `Cannot read --ca-file ${JSON.stringify(file)}: ${cause.message}`,
      { cause },
    );
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new InvalidOptionError(
    `Cannot use --ca-file ${JSON.stringify(file)}: it has no certificate in PEM`,
  );
}

/**
 * Remembers uploads, so that the next run goes on with those that were interrupted; in the user's own
 * folder for what may be lost, where there is one.
 */
function uploadJournal(env: Io["env"]): { journal?: UploadJournal } {
  const folder = env.XDG_CACHE_HOME || env.LOCALAPPDATA || (env.HOME && `${env.HOME}/.cache`);
  return folder ? { journal: fileUploadJournal(`${folder}/davit/uploads`) } : {};
}
