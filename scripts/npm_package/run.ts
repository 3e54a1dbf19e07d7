/** How the build starts other programs: to the end, and with what they said when they fail. */
import { onPath } from "../peers_table.ts";

import { duration } from "../say.ts";

/** How much of what a program said explains its failure. */
const LAST_LINES = 10;

/** The longest that a program may take: downloads on a slow network, a first build of Go's. */
const LIMIT_MS = 10 * 60_000;

/** A program's standard output. The error says why there is none, and has that as its cause too. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { success, signal, stdout, stderr } = await new Deno.Command(command, {
    ...options,
    args: [...args],
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const said = `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`.trim();
  // What npm or Go says of a request.
  const [offline] = /request to .* failed, reason: .*|.*: dial tcp.*/.exec(said) ?? [];
  const ended = signal === null ? "" : ` (ended by ${signal} after ${duration(LIMIT_MS)})`;
  const cause = offline === undefined
    ? `it failed${ended}: ${said.split("\n").slice(-LAST_LINES).join("\n  ")}`
    : `there is no network: ${offline}`;
  throw new Error(`Cannot run ${command.split("/").at(-1)} ${args[0] ?? ""}: ${cause}`, { cause });
}

/** npm's own output is for people who type its commands. */
const QUIET = ["--no-audit", "--no-fund", "--loglevel=error"];

/** A request that fails is sent twice more, after these milliseconds: npm's own are over a minute. */
const RETRIES = ["--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=10000"];

/** A program that must be on the `PATH`. */
export function needed(program: string): string {
  const path = onPath(program);
  if (path === undefined) throw new Error(`there is no ${program} on the PATH`);
  return path;
}

/** Installs packages into a folder of their own, from npm's cache where they are there. */
export async function npmInstall(
  folder: string,
  packages: readonly string[],
  ...more: string[]
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const flags = ["--prefer-offline", "--ignore-scripts", "--no-package-lock", ...QUIET, ...RETRIES];
  const args = ["install", "--prefix", folder, ...flags, ...more, ...packages];
  await run(needed("npm"), args, { cwd: folder });
}

/** Packs a package's folder into a tarball within it, and answers the tarball's path. */
export async function npmPack(folder: string): Promise<string> {
  const args = ["pack", "--ignore-scripts", "--pack-destination", folder, ...QUIET];
  const said = await run(needed("npm"), args, { cwd: folder });
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".tgz")) return `${folder}/${name}`;
  }
  throw new Error(`Cannot find the tarball that npm packed: ${said}`);
}

/** Runs a command that an npm package in a folder brings, with the machine's Node. */
export async function runInstalled(
  folder: string,
  script: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  return await run(needed("node"), [`${folder}/node_modules/${script}`, ...args], options);
}

/** Runs esbuild, which lies in a folder's node_modules, there. */
export async function esbuild(folder: string, args: readonly string[]): Promise<void> {
  const flags = ["--charset=utf8", "--log-level=warning"];
  await runInstalled(folder, "esbuild/bin/esbuild", [...args, ...flags], { cwd: folder });
}

/** Writes a file, and the folders above it. */
export async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}
