/** How the build starts other programs: to the end, and with what they said when they fail. */
import { onPath } from "../peers_table.ts";

/** How much of what a program said explains its failure. */
const LAST_LINES = 30;

/** The longest that a program of the build may take: npm's downloads on a slow network. */
const LIMIT_MS = 5 * 60_000;

/** What npm or Go says of the request that found no network. */
export function offlineLine(said: readonly string[]): string | undefined {
  return /request to .* failed, reason: .*|.*: dial tcp.*/.exec(said.join("\n"))?.[0];
}

/** A program's standard output. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    ...options,
    args: [...args],
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const said = (decoder.decode(stdout) + decoder.decode(stderr)).trim().split("\n");
  const offline = offlineLine(said);
  if (offline !== undefined) {
    throw new Error(`Cannot run npm ${args[0] ?? ""}: there is no network: ${offline}`);
  }
  throw new Error(
    `Cannot run ${command} ${args[0] ?? ""}: it failed\n${said.slice(-LAST_LINES).join("\n")}`,
  );
}

/** npm's own output is for people who type its commands. */
const QUIET = ["--no-audit", "--no-fund", "--loglevel=error"];

/** A request that fails is sent twice more, after these milliseconds: npm's own are over a minute. */
export const RETRIES = ["--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=10000"];

function npm(): string {
  const path = onPath("npm");
  if (path === undefined) throw new Error("Cannot build the package: there is no npm on the PATH");
  return path;
}

/** Installs packages into a folder of their own, from npm's cache where they are there. */
export async function npmInstall(folder: string, packages: readonly string[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const flags = ["--prefer-offline", "--ignore-scripts", "--no-package-lock", ...QUIET, ...RETRIES];
  await run(npm(), ["install", "--prefix", folder, ...flags, ...packages], { cwd: folder });
}

/** Packs a package's folder into a tarball within it, and answers the tarball's path. */
export async function npmPack(folder: string): Promise<string> {
  const args = ["pack", "--ignore-scripts", "--pack-destination", folder, ...QUIET];
  const said = await run(npm(), args, { cwd: folder });
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
  const node = onPath("node");
  if (node === undefined) throw new Error("Cannot build the package: there is no node on the PATH");
  return await run(node, [`${folder}/node_modules/${script}`, ...args], options);
}
