/** The runtimes that the client is run on as one program, bundled once. */
import { importMap } from "../import_map.ts";
import { neededPeer, requirePeers } from "../peers/locate.ts";
import type { Act, Outcome } from "./hosts_client.ts";

const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** A runtime: how it runs a program, and whether it is missing here. */
interface Runtime {
  /** Its name. */
  name: string;
  /** Whether its tests are left out: it is not here, and this is not CI. */
  ignore: boolean;
  /** Its command, for a program that may do all but what `without` names. */
  command(without?: "env"): string[];
}

/** Deno, and those that `deno task peers` brings. */
export const RUNTIMES: Runtime[] = [
  {
    name: "deno",
    ignore: false,
    command: (without) => [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-prompt",
      // What the program needs, so that a permission more is seen.
      "--allow-net",
      "--allow-read",
      ...(without === "env" ? [] : ["--allow-env"]),
    ],
  },
  ...(["node20", "node24", "bun"] as const).map((name) => ({
    name,
    ...requirePeers(name),
    command: () => [neededPeer(name)],
  })),
];

/** Bundles hosts_client.ts into a folder; answers the file. */
export async function bundleClient(folder: string): Promise<string> {
  const source = new URL("hosts_client.ts", import.meta.url);
  return await bundleProgram(source, `${folder}/hosts_client.mjs`);
}

/** Bundles a program into a file, which every runtime runs; answers the file. */
export async function bundleProgram(source: URL, file: string): Promise<string> {
  const path = decodeURIComponent(source.pathname);
  const map = `${file}.map.json`;
  await Deno.writeTextFile(map, await importMap());
  const flags = ["--no-config", "--no-lock", "--import-map", map];
  const bundle = ["bundle", "--quiet", "--platform=deno", ...flags, "-o", file, path];
  await output([Deno.execPath(), ...bundle], {});
  return file;
}

/** Runs acts in one process of a runtime. */
export async function runActs(
  { command }: Runtime,
  program: string,
  acts: Act[],
  { env = {}, without }: { env?: Record<string, string>; without?: "env" } = {},
): Promise<Outcome[]> {
  const file = await Deno.makeTempFile({ dir: program.replace(/[^/]+$/, ""), suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(acts));
  return JSON.parse(await output([...command(without), program, file], env));
}

/** What the environment of these tests says of proxies is no affair of theirs. */
const NO_PROXIES = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
    .flatMap((name) => [[name, ""], [name.toLowerCase(), ""]]),
);

async function output([command, ...args]: string[], env: Record<string, string>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command!, {
    args,
    cwd: ROOT,
    env: { ...NO_PROXIES, NO_COLOR: "1", ...env },
    signal: AbortSignal.timeout(300_000),
  }).output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${command} ${args.join(" ")}:\n${said}${complained}`);
  return said!;
}
