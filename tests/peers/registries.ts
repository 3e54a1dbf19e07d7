/**
 * Starts real registries for tests and the benchmark: each on a free port of loopback, with a data
 * folder of its own, gone when the test stops it or ends in any other way.
 */
import { hash } from "bcryptjs";
import { type Child, startChild } from "./child.ts";
import { havePeers, neededPeer, requirePeers } from "./locate.ts";
import { startTokenServer, type TokenServer, type TokenServerOptions } from "./token_server.ts";

/** The registries, by the name of their peer. */
export type RegistryKind = "docker-registry" | "distribution" | "olareg" | "crane";

/** How a registry asks who is there. */
export type RegistryAuth = "none" | "basic" | "bearer";

/** A user with a password. */
export interface Credentials {
  /** The user's name. */
  username: string;
  /** The password. */
  password: string;
}

/** How a registry is started. */
interface RegistryOptions {
  /** How it asks who is there. @default {"none"} */
  auth?: RegistryAuth;
  /** How the token service behaves, where there is one beside the registry (not with olareg). */
  tokens?: Omit<TokenServerOptions, "users">;
  /** More arguments for olareg and crane: `--api-referrer=false`, `--rate-limit 5`. */
  args?: string[];
  /** More of the configuration of distribution and docker-registry, by section. */
  config?: Record<string, unknown>;
  /** Where the data folder is made; the benchmark gives a folder in memory. @default {the temporary folder} */
  folder?: string;
}

/** A running registry. */
export interface Registry {
  /** Which one it is. */
  kind: RegistryKind;
  /** How it asks who is there. */
  auth: RegistryAuth;
  /** Where it is: `http://127.0.0.1:41234`. */
  origin: string;
  /** The origin without its scheme, as references have it: `127.0.0.1:41234`. */
  host: string;
  /** Who may do everything, where the registry asks. */
  credentials?: Credentials;
  /** The token service beside it, where there is one. */
  tokens?: TokenServer;
  /** The data folder. */
  folder: string;
  /** What the registry has said so far. */
  log(): string;
  /** The most memory that the registry has held so far, in MB; on Linux. */
  peakMemory(): Promise<number>;
  /** Ends the registry, its token service and its data. */
  stop(): Promise<void>;
}

/** The one user of a registry that asks. A password with a colon and a non-ASCII letter finds bugs. */
export const CREDENTIALS: Credentials = { username: "davit", password: "pä:ss word" };

/** Which registries exist, and what they can ask. */
export const REGISTRY_AUTHS: Record<RegistryKind, readonly RegistryAuth[]> = {
  "docker-registry": ["none", "basic", "bearer"],
  distribution: ["none", "basic", "bearer"],
  olareg: ["none", "basic", "bearer"],
  crane: ["none"],
};

const START_LIMIT_MS = 120_000;
const POLL_MS = 20;
/** Ports are taken by others now and then between choosing and using one. */
const MAX_STARTS = 5;
/** A foreign server may have answered on the port; a registry that could not bind it is gone by then. */
const SETTLE_MS = 50;
/** The least that bcrypt allows: registries check it at every request. */
const BCRYPT_COST = 4;

interface Launch {
  command: string;
  args: string[];
  /** What the log says once it listens; the first group is the port, where it chose one. */
  ready: RegExp;
  /** The port, where it had to be chosen here. */
  port?: number;
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

async function olareg(folder: string, options: RegistryOptions): Promise<Launch> {
  const port = freePort();
  const { username, password } = CREDENTIALS;
  const file = `${folder}/auth.json`; // YAML, of which JSON is a part
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      users: { [username]: { cred: await hash(password, BCRYPT_COST) } },
      // The empty name is /v2/ itself: "*" stands for it too.
      acls: [{ repo: "*", members: [username], access: ["*"] }],
    }),
  );
  const auth = {
    none: [],
    basic: ["--auth-basic", file],
    bearer: ["--auth-token-opaque", file, "--external-url", `http://127.0.0.1:${port}`],
  }[options.auth ?? "none"];
  return {
    command: neededPeer("olareg"),
    args: [
      ...["serve", "--verbosity", "info", "--addr", "127.0.0.1", "--port", String(port)],
      ...["--store-type", "mem", "--api-delete", "--api-blob-delete"],
      ...auth,
      ...options.args ?? [],
    ],
    ready: /launching server/,
    port,
  };
}

function crane(options: RegistryOptions): Launch {
  return {
    command: neededPeer("crane"),
    args: ["registry", "serve", "--address", "127.0.0.1:0", ...options.args ?? []],
    ready: /serving on port (\d+)/,
  };
}

async function distribution(
  kind: "docker-registry" | "distribution",
  folder: string,
  options: RegistryOptions,
  tokens: TokenServer | undefined,
): Promise<Launch> {
  const { username, password } = CREDENTIALS;
  let auth = {};
  if (tokens !== undefined) {
    const { realm, service, issuer } = tokens;
    const rootcertbundle = `${folder}/tokens.pem`;
    await Deno.writeTextFile(rootcertbundle, tokens.certificate);
    auth = { auth: { token: { realm, service, issuer, rootcertbundle } } };
  } else if (options.auth === "basic") {
    const path = `${folder}/htpasswd`;
    await Deno.writeTextFile(path, `${username}:${await hash(password, BCRYPT_COST)}\n`);
    auth = { auth: { htpasswd: { realm: "davit tests", path } } };
  }
  const file = `${folder}/config.yml`;
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      version: 0.1,
      log: { level: "info", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: `${folder}/data` }, delete: { enabled: true } },
      http: { addr: "127.0.0.1:0", secret: "davit" },
      ...auth,
      ...options.config,
    }),
  );
  return {
    command: neededPeer(kind),
    args: ["serve", file],
    ready: /listening on 127\.0\.0\.1:(\d+)/,
  };
}

/** Waits until the registry says that it listens, and answers. */
async function untilReady(child: Child, launch: Launch): Promise<number> {
  const end = Date.now() + START_LIMIT_MS;
  const [, chosen] = await child.said(launch.ready, START_LIMIT_MS);
  const port = launch.port ?? Number(chosen);
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/v2/`);
      await response.body?.cancel();
      if (response.status === 200 || response.status === 401) break;
    } catch {
      if (Date.now() > end) throw new Error(`no answer within ${START_LIMIT_MS} ms`);
    }
    if (child.ended()) throw new Error("it ended");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  if (launch.port !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    if (child.ended()) throw new Error("it ended");
  }
  return port;
}

/**
 * Starts a registry and waits until it answers.
 *
 * @throws {Error} When it is not here, cannot ask in the way wanted, or does not start; with its log.
 */
export async function startRegistry(
  kind: RegistryKind,
  options: RegistryOptions = {},
): Promise<Registry> {
  const { auth = "none" } = options;
  if (!REGISTRY_AUTHS[kind].includes(auth)) throw new Error(`Cannot start ${kind} with ${auth}`);
  neededPeer(kind);
  const folder = await Deno.makeTempDir({
    prefix: `davit_${kind}_`,
    ...(options.folder === undefined ? {} : { dir: options.folder }),
  });
  const withTokens = auth === "bearer" && kind !== "olareg";
  const users = { [CREDENTIALS.username]: CREDENTIALS.password };
  const tokens = withTokens ? await startTokenServer({ ...options.tokens, users }) : undefined;
  let child: Child | undefined;
  const stop = async () => {
    await child?.kill();
    await tokens?.stop();
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  };
  for (let start = 1;; start++) {
    const launch = kind === "olareg"
      ? await olareg(folder, options)
      : kind === "crane"
      ? crane(options)
      : await distribution(kind, folder, options, tokens);
    child = startChild(launch.command, launch.args, { cwd: folder });
    const running = child;
    try {
      const port = await untilReady(running, launch);
      const host = `127.0.0.1:${port}`;
      return {
        kind,
        auth,
        origin: `http://${host}`,
        host,
        ...(auth === "none" ? {} : { credentials: CREDENTIALS }),
        ...(tokens === undefined ? {} : { tokens }),
        folder,
        log: running.log,
        peakMemory: running.peakMemory,
        stop,
      };
    } catch (error) {
      await running.kill();
      if (start < MAX_STARTS && running.log().includes("address already in use")) continue;
      await stop();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot start ${kind} (${auth}): ${reason}\n${running.log()}`);
    }
  }
}

/** A pair that tests can loop over. */
interface RegistryCase {
  /** Which registry. */
  kind: RegistryKind;
  /** How it asks who is there. */
  auth: RegistryAuth;
  /** For a test's name: `distribution, basic`. */
  name: string;
  /** Whether the registry is here. */
  here: boolean;
  /** What `Deno.test` needs to skip it where it is not: see `requirePeers`. */
  test: { ignore: boolean };
}

/** Every possible pair of registry and way of asking, or those with the ways named. */
export function registryCases(
  auths: readonly RegistryAuth[] = ["none", "basic", "bearer"],
): RegistryCase[] {
  const kinds = Object.keys(REGISTRY_AUTHS) as RegistryKind[];
  return kinds.flatMap((kind) =>
    REGISTRY_AUTHS[kind].filter((auth) => auths.includes(auth)).map((auth) => ({
      kind,
      auth,
      name: `${kind}, ${auth === "none" ? "open" : auth}`,
      here: havePeers(kind),
      test: requirePeers(kind),
    }))
  );
}

/**
 * Runs a step on every possible pair of registry and way of asking, each on a registry of its own;
 * steps whose registry is not here are ignored, or fail where `CI=true`.
 */
export async function eachRegistry(
  t: Deno.TestContext,
  auths: readonly RegistryAuth[],
  fn: (registry: Registry) => Promise<void>,
): Promise<void> {
  for (const { kind, auth, name, test } of registryCases(auths)) {
    await t.step({
      ...test,
      name,
      fn: async () => {
        const registry = await startRegistry(kind, { auth });
        try {
          await fn(registry);
        } finally {
          await registry.stop();
        }
      },
    });
  }
}
