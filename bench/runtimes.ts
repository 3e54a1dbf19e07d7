/** davit on the runtimes that `task bench` measures: its sources on Deno, the installed package elsewhere. */
import { buildNpm } from "../scripts/build_npm.ts";
import { denoArguments } from "../scripts/deno.ts";
import { npmInstall } from "../scripts/npm_package/run.ts";
import { PEERS } from "../scripts/peers_table.ts";
import { neededPeer } from "../tests/peers/locate.ts";
import type { Contestant } from "./measure.ts";

export interface Runtime {
  /** What its lines begin with: `davit, Node 24`. */
  name: string;
  version: string;
  /** The command that runs a script of this folder with davit. */
  run(script: Script, ...args: string[]): Pick<Contestant, "command" | "args">;
}

/** What runs on every runtime: plain JavaScript, so that none spends time on types. */
type Script = typeof SCRIPTS[number];

const SCRIPTS = ["davit_copy.mjs", "davit_pull.mjs", "davit_push.mjs", "davit_heads.mjs"] as const;

/** The runtimes; the package is built and installed into the folder. */
export async function runtimes(folder: string, source: "jsr" | "npm"): Promise<Runtime[]> {
  const { tarball } = await buildNpm(`${folder}/npm`);
  const installed = `${folder}/installed`;
  await npmInstall(installed, [tarball]);
  for (const script of SCRIPTS) await Deno.copyFile(here(script), `${installed}/${script}`);
  const deno: Runtime = {
    name: "davit",
    version: `Deno ${Deno.version.deno}`,
    run: (script, ...args) => ({
      command: Deno.execPath(),
      args: denoArguments(["run", "--quiet", "--allow-all", here(script), ...args], source),
    }),
  };
  const others = ([
    ["node20", "Node", 20],
    ["node24", "Node", 24],
    ["bun", "Bun", ""],
  ] as const).map((
    [peer, runtime, major],
  ): Runtime => ({
    name: `davit, ${runtime} ${major}`.trim(),
    version: `${runtime} ${PEERS[peer].version}`,
    run: (script, ...args) => ({
      command: neededPeer(peer),
      args: [`${installed}/${script}`, ...args],
    }),
  }));
  return [deno, ...others];
}

function here(script: Script): string {
  return decodeURIComponent(new URL(script, import.meta.url).pathname);
}
