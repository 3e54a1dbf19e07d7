/**
 * `deno task serve --port N`: a registry on loopback, until it is interrupted.
 */
import { runProgram } from "../scripts/run_program.ts";
import { diskBackend } from "../server/backends/disk_backend.ts";
import { type RequestHandler, serve, type ServeOptions } from "../server/listen/serve.ts";
import type { Registry } from "../server/registry.ts";
import { type Flag, readFlags, UsageError, usageOf } from "./flags.ts";
import { GRADE_FLAGS, type GradeCommand, gradedRegistry } from "./grade_serve.ts";
import { PRESETS } from "./quirks/preset_table.ts";
import { isPresetName, presetLogin } from "./quirks/presets.ts";
import { authFrom, type Login, LOGIN_FLAGS } from "./serve_login.ts";
import { createTestRegistry, type TestRegistryOptions } from "./test_registry.ts";

/** What the arguments ask for: the flags fill it in. */
interface ServeCommand {
  registry: TestRegistryOptions;
  serve: ServeOptions;
  login: Login;
  tls: { cert?: string; key?: string };
  grade: GradeCommand;
  /** Whether pages of the origins that are named may send credentials. */
  corsCredentials: boolean;
  /** Whether nothing is said of requests. */
  quiet: boolean;
  /** What is printed when it stops. */
  atStop: (() => string | Promise<string>)[];
}

/** Every option, in the order of the usage. A new one is one entry here. */
const FLAGS: readonly Flag<ServeCommand>[] = [
  {
    name: "--port",
    value: "N",
    help: "the port; a free one without it",
    set: (command, value) => void (command.serve.port = portFrom(value)),
  },
  {
    name: "--hostname",
    value: "ADDRESS",
    help: "the address to listen on (127.0.0.1: this machine alone)",
    set: (command, value) => void (command.serve.hostname = value),
  },
  {
    name: "--store",
    value: "FOLDER",
    help: "keeps everything in a folder, an OCI layout for each repository",
    set: async ({ registry, atStop }, value) => {
      const backend = diskBackend(value);
      await backend.recover();
      registry.backend = backend;
      atStop.push(() => backend.close().then(() => ""));
    },
  },
  ...LOGIN_FLAGS.map((flag): Flag<ServeCommand> => ({
    ...flag,
    set: ({ login }, value) => flag.set(login, value),
  })),
  ...GRADE_FLAGS.map((flag): Flag<ServeCommand> => ({
    ...flag,
    set: ({ grade }, value) => flag.set(grade, value),
  })),
  {
    name: "--tls-cert",
    value: "FILE",
    help: "the certificate for HTTPS, in PEM; with --tls-key",
    set: async ({ tls }, value) => void (tls.cert = await Deno.readTextFile(value)),
  },
  {
    name: "--tls-key",
    value: "FILE",
    help: "the certificate's private key, in PEM",
    set: async ({ tls }, value) => void (tls.key = await Deno.readTextFile(value)),
  },
  {
    name: "--external-url",
    value: "URL",
    help: "where clients reach it, behind a proxy: https://registry.example",
    set: (command, value) => void (command.registry.externalUrl = value),
  },
  {
    name: "--cors",
    help: "lets all web pages use the registry",
    set: (command) => void (command.serve.cors = true),
  },
  {
    name: "--cors-origin",
    value: "ORIGIN",
    help: "lets pages of one origin use it; more than once for more of them",
    set: ({ serve }, value) => {
      const cors = serve.cors && serve.cors !== true ? serve.cors : { origins: [] };
      if (serve.cors !== true) serve.cors = { ...cors, origins: [...cors.origins, value] };
    },
  },
  {
    name: "--cors-credentials",
    help: "lets those origins send what the browser has for it, cookies and passwords",
    set: (command) => void (command.corsCredentials = true),
  },
  {
    name: "--preset",
    value: "NAME",
    help: "has the habits of another registry: ghcr, ecr, quay and others",
    set: ({ registry }, value) => {
      if (!isPresetName(value)) {
        const names = Object.keys(PRESETS).sort().join(", ");
        throw new UsageError(
          `Cannot serve: --preset must be one of ${names}: current value is ${value}`,
        );
      }
      registry.preset = value;
    },
  },
  {
    name: "--sparse",
    help: "takes images and indexes whose parts are not all here",
    set: (command) => void (command.registry.sparse = true),
  },
  {
    name: "--quiet",
    help: "says no line for each request on a terminal",
    set: (command) => void (command.quiet = true),
  },
  {
    name: "--no-deletes",
    help: "answers 405 to deletes of manifests, tags and blobs",
    set: (command) => void (command.registry.deletes = false),
  },
  {
    name: "--no-referrers",
    help: "has no referrers API: clients keep lists under fallback tags",
    set: (command) => void (command.registry.referrersApi = false),
  },
];

const USAGE = `usage: deno task serve [OPTION]...

Serves an OCI registry: from memory, where what was pushed is gone when it stops, or from a folder.

${usageOf([...FLAGS, { name: "--help, -h", help: "this text", set: () => {} }])}`;

/**
 * What the arguments ask for; `undefined` for help.
 *
 * @throws {UsageError} When an argument cannot be used.
 */
export async function parseArguments(args: readonly string[]): Promise<ServeCommand | undefined> {
  const command: ServeCommand = {
    registry: {},
    serve: { hostname: "127.0.0.1", port: 0 },
    login: { users: {} },
    tls: {},
    grade: {},
    corsCredentials: false,
    quiet: false,
    atStop: [],
  };
  if (!await readFlags(FLAGS, args, command)) return undefined;
  const { cert, key } = command.tls;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("Cannot serve: --tls-cert and --tls-key go together");
  }
  if (cert !== undefined && key !== undefined) command.serve.tls = { cert, key };
  if (command.corsCredentials) {
    const { cors } = command.serve;
    if (cors === undefined || cors === true) {
      throw new UsageError("Cannot serve: --cors-credentials goes with --cors-origin");
    }
    command.serve.cors = { ...cors, credentials: true };
  }
  const { login, registry: { preset } } = command;
  const users = Object.keys(login.users).length > 0 || login.htpasswd !== undefined;
  const way = preset !== undefined && users ? presetLogin(preset) : undefined;
  if (way !== undefined) login.auth ??= way;
  const auth = authFrom(login);
  if (auth !== undefined) command.registry.auth = auth;
  return command;
}

/** A registry that says each request in a line: `GET 200 /v2/app/tags/list`. */
export function saying(registry: RequestHandler, say: (line: string) => void): RequestHandler {
  return {
    fetch: async (request) => {
      const path = request.url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");
      try {
        const response = await registry.fetch(request);
        say(`${request.method} ${response.status} ${path}\n`);
        return response;
      } catch (error) {
        say(`${request.method} --- ${path}\n`); // a fault breaks the connection
        throw error;
      }
    },
  };
}

function portFrom(value: string): number {
  if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new UsageError(
    `Cannot serve: --port must be a number from 0 to 65535: current value is ${value}`,
  );
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.byteLength;) at += stream.writeSync(bytes.subarray(at));
}

async function main(...args: string[]): Promise<void> {
  const command = await parseArguments(args);
  if (command === undefined) return; // for help, which was printed already
  let registry: Registry;
  if (command.grade.provoke === undefined) registry = createTestRegistry(command.registry);
  else {
    const graded = await gradedRegistry(command.registry, command.grade);
    registry = graded.registry;
    command.atStop.push(graded.end);
  }
  const says = !command.quiet && Deno.stdout.isTerminal();
  const answering = says ? saying(registry, (line) => write(Deno.stdout, line)) : registry;
  const server = await serve(answering, command.serve);
  write(Deno.stdout, `${server.url}\n`);
  const stop = () => void server.close();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue; // unknown there
    Deno.addSignalListener(signal, stop);
  }
  await server.finished;
  for (const last of command.atStop) write(Deno.stdout, await last());
}

if (import.meta.main) await runProgram(USAGE, main);
