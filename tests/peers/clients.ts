/**
 * Runs the real clients (crane, oras, regctl, skopeo), each in a home folder of its own, so that
 * nothing on the machine changes what they do, and what they do changes nothing there.
 */
import { neededPeer } from "./locate.ts";
import type { Credentials } from "./registries.ts";

/** The clients. */
export type ClientName = "crane" | "oras" | "regctl" | "skopeo";

/** All clients. */
export const CLIENTS: readonly ClientName[] = ["crane", "oras", "regctl", "skopeo"];

/** The tag under which a layout folder holds what {@linkcode Client.push} sends and `pull` brings. */
export const LAYOUT_TAG = "latest";

/** The registry that a client talks to, over plain HTTP; a `Registry` is one. */
export interface Target {
  /** The registry's host with its port. */
  host: string;
  /** Who to log in as. */
  credentials?: Credentials;
}

/** What a command answered. */
export interface ClientResult {
  /** The exit code. */
  code: number;
  /** Standard output. */
  stdout: string;
  /** Standard error. */
  stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  /** Standard input. */
  stdin?: string;
  /** The folder it runs in. @default {the client's home} */
  cwd?: string;
  /** More environment variables. */
  env?: Record<string, string>;
  /** The longest it may take, in milliseconds. @default {60000} */
  limit?: number;
}

/** A client with its own home. */
export interface Client {
  /** Which one it is. */
  name: ClientName;
  /** Its home folder. */
  home: string;
  /** Runs it with any arguments; never fails for an exit code. */
  run(args: string[], options?: RunOptions): Promise<ClientResult>;
  /** Runs it and answers what it says, without white space around; fails for any exit code but 0. */
  succeed(args: string[], options?: RunOptions): Promise<string>;
  /** Logs in with its own login command. */
  login(target: Target): Promise<void>;
  /** Pushes the one manifest of an OCI layout folder, tagged {@linkcode LAYOUT_TAG} there, as `name:tag`. */
  push(target: Target, layout: string, reference: string): Promise<void>;
  /** Pulls `name:tag` or `name@digest`, all platforms, into an OCI layout folder. */
  pull(target: Target, reference: string, layout: string): Promise<void>;
  /** The digest that `name:tag` has at the registry. */
  digest(target: Target, reference: string): Promise<string>;
  /** The tags of a repository. */
  tags(target: Target, name: string): Promise<string[]>;
  /** Removes the home folder. */
  close(): Promise<void>;
}

const RUN_LIMIT_MS = 300_000;

type Arguments = {
  login(host: string, username: string): string[];
  push(host: string, layout: string, reference: string): string[];
  pull(host: string, reference: string, layout: string): string[];
  digest(host: string, reference: string): string[];
  tags(host: string, name: string): string[];
};

/** `regctl` takes a registry for HTTPS unless told: the option stands before the command. */
function regctl(host: string): string[] {
  return ["--host", `reg=${host},tls=disabled`];
}

/** `skopeo` wants a policy file in /etc without the first. */
const SKOPEO = ["--insecure-policy"];
/** Nothing is converted or compressed on the way: the digests stay. */
const SKOPEO_COPY = ["copy", "--quiet", "--all", "--preserve-digests"];

const ARGUMENTS: Record<ClientName, Arguments> = {
  crane: {
    login: (host, user) => ["auth", "login", host, "--username", user, "--password-stdin"],
    push: (host, layout, reference) => ["push", layout, `${host}/${reference}`],
    pull: (host, reference, layout) => ["pull", "--format=oci", `${host}/${reference}`, layout],
    digest: (host, reference) => ["digest", `${host}/${reference}`],
    tags: (host, name) => ["ls", `${host}/${name}`],
  },
  oras: {
    login: (host, user) => ["login", "--plain-http", host, "--username", user, "--password-stdin"],
    push: (host, layout, reference) => [
      ...["copy", "--no-tty", "--from-oci-layout", `${layout}:${LAYOUT_TAG}`],
      ...["--to-plain-http", `${host}/${reference}`],
    ],
    pull: (host, reference, layout) => [
      ...["copy", "--no-tty", "--from-plain-http", `${host}/${reference}`],
      ...["--to-oci-layout", `${layout}:${LAYOUT_TAG}`],
    ],
    digest: (host, reference) => ["resolve", "--plain-http", `${host}/${reference}`],
    tags: (host, name) => ["repo", "tags", "--plain-http", `${host}/${name}`],
  },
  regctl: {
    login: (host, user) => [
      ...regctl(host),
      ...["registry", "login", host, "--user", user, "--pass-stdin"],
    ],
    push: (host, layout, reference) => [
      ...regctl(host),
      ...["image", "copy", `ocidir://${layout}:${LAYOUT_TAG}`, `${host}/${reference}`],
    ],
    pull: (host, reference, layout) => [
      ...regctl(host),
      ...["image", "copy", `${host}/${reference}`, `ocidir://${layout}:${LAYOUT_TAG}`],
    ],
    digest: (host, reference) => [...regctl(host), "image", "digest", `${host}/${reference}`],
    tags: (host, name) => [...regctl(host), "tag", "ls", `${host}/${name}`],
  },
  skopeo: {
    login: (host, user) => [
      ...SKOPEO,
      ...["login", "--tls-verify=false", host, "--username", user, "--password-stdin"],
    ],
    push: (host, layout, reference) => [
      ...SKOPEO,
      ...SKOPEO_COPY,
      ...["--dest-tls-verify=false", `oci:${layout}:${LAYOUT_TAG}`],
      `docker://${host}/${reference}`,
    ],
    pull: (host, reference, layout) => [
      ...SKOPEO,
      ...SKOPEO_COPY,
      ...["--dest-oci-accept-uncompressed-layers", "--src-tls-verify=false"],
      ...[`docker://${host}/${reference}`, `oci:${layout}:${LAYOUT_TAG}`],
    ],
    digest: (host, reference) => [
      ...SKOPEO,
      ...["inspect", "--no-tags", "--tls-verify=false", "--format", "{{.Digest}}"],
      `docker://${host}/${reference}`,
    ],
    tags: (host, name) => [
      ...SKOPEO,
      ...["list-tags", "--tls-verify=false", `docker://${host}/${name}`],
    ],
  },
};

/** The few variables a client gets: none that name a proxy, a registry or another home. */
function environment(home: string): Record<string, string> {
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    HOME: home,
    DOCKER_CONFIG: `${home}/.docker`,
    REGISTRY_AUTH_FILE: `${home}/auth.json`,
    REGCTL_CONFIG: `${home}/regctl.json`,
    XDG_RUNTIME_DIR: home,
    XDG_CONFIG_HOME: `${home}/.config`,
    XDG_CACHE_HOME: `${home}/.cache`,
    TMPDIR: home,
  };
}

async function execute(
  path: string,
  home: string,
  args: string[],
  { stdin, cwd = home, env, limit = RUN_LIMIT_MS }: RunOptions,
): Promise<ClientResult> {
  const process = new Deno.Command(path, {
    args,
    cwd,
    clearEnv: true,
    env: { ...environment(home), ...env },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => process.kill("SIGKILL"), limit);
  try {
    if (stdin !== undefined) {
      const writer = process.stdin.getWriter();
      await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
      await writer.close().catch(() => {});
    }
    const { code, stdout, stderr } = await process.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A client with a new home folder.
 *
 * @throws {Error} When it is not here.
 */
export async function openClient(name: ClientName): Promise<Client> {
  const path = neededPeer(name);
  const home = await Deno.makeTempDir({ prefix: `davit_${name}_` });
  await Deno.mkdir(`${home}/.docker`);
  const args = ARGUMENTS[name];
  const run = (words: string[], options: RunOptions = {}) => execute(path, home, words, options);
  const succeed = async (words: string[], options?: RunOptions): Promise<string> => {
    const { code, stdout, stderr } = await run(words, options);
    if (code === 0) return stdout.trim();
    throw new Error(`${name} ${words.join(" ")}: exit code ${code}\n${stderr}${stdout}`);
  };
  return {
    name,
    home,
    run,
    succeed,
    async login({ host, credentials }) {
      if (credentials === undefined) throw new Error(`Cannot log in at ${host}: no credentials`);
      await succeed(args.login(host, credentials.username), { stdin: credentials.password });
    },
    async push({ host }, layout, reference) {
      await succeed(args.push(host, layout, reference));
    },
    async pull({ host }, reference, layout) {
      await succeed(args.pull(host, reference, layout));
    },
    digest: ({ host }, reference) => succeed(args.digest(host, reference)),
    async tags({ host }, repository) {
      const said = await succeed(args.tags(host, repository));
      if (name === "skopeo") return JSON.parse(said).Tags;
      return said.split("\n").filter((tag) => tag !== "");
    },
    close: () => Deno.remove(home, { recursive: true }),
  };
}

/** Runs something with a client, and removes the client's home after it. */
export async function withClient<T>(
  name: ClientName,
  target: Target,
  fn: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await openClient(name);
  try {
    if (target.credentials !== undefined) await client.login(target);
    return await fn(client);
  } finally {
    await client.close();
  }
}
