/**
 * `deno task peers`: brings the real registries, clients and runtimes that tests use into a cache
 * folder, once. A peer is brought again when its version in peers_table.ts changes.
 */
import {
  cachedBinary,
  cacheFolder,
  type GoPeer,
  type GoProgramPeer,
  onPath,
  type Peer,
  PEER_NAMES,
  type PeerName,
  peerPath,
  PEERS,
  versionFile,
  versionRecord,
} from "./peers_table.ts";
import { needed, npmInstall, run } from "./npm_package/run.ts";
import { runProgram, UsageError } from "./run_program.ts";
import { complain, duration, say } from "./say.ts";
import { tempFolder } from "./temp_folder.ts";

/** One line of the answer: a peer that is there, or the reason why it is not. */
type Outcome = { path: string; version: string; how: string } | { reason: string };

/** Why something could not be had. */
function reasonOf(error: unknown): string {
  const { message, cause = message } = error as Error;
  return String(cause);
}

/** Builds in a throw-away module that requires the version: `go install` fails behind some proxies. */
async function build(peer: GoPeer | GoProgramPeer, out: string): Promise<void> {
  const go = needed("go");
  await using folder = await tempFolder();
  const options = {
    cwd: folder.path,
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=mod -buildvcs=false", GOWORK: "off" },
  };
  await run(go, ["mod", "init", "peer"], options);
  await run(go, ["mod", "edit", `-require=${peer.module}@${peer.version}`], options);
  const flags = ["-trimpath", "-ldflags", "-s -w"];
  let what = ".";
  if (peer.source === "go") what = `${peer.module}/${peer.package}`;
  else await Deno.copyFile(peer.program, `${folder.path}/main.go`);
  await run(go, ["build", ...flags, "-o", out, what], options);
}

/** Brings what the cache folder keeps; the version file is written last, so a half is no peer. */
async function bring(name: PeerName, folder: string): Promise<Outcome> {
  const peer: Peer = PEERS[name];
  const binary = cachedBinary(name, folder);
  if (peer.source === "apt" || binary === undefined) throw new Error(`${name} is not kept here`);
  const there = peerPath(name, folder);
  if (there !== undefined) return { path: there, version: peer.version, how: "already there" };
  const start = performance.now();
  try {
    await Deno.remove(versionFile(name, folder)).catch(() => {});
    if (peer.source !== "npm") {
      const part = `${binary}.${Deno.pid}.part`;
      await build(peer, part);
      await Deno.rename(part, binary);
    } else {
      // The packages of the table carry the binary itself. --force: npm refuses a Node package on a
      // machine whose own Node is not in its "engines".
      await npmInstall(`${folder}/${name}`, [`${peer.package}@${peer.version}`], "--force");
    }
    await Deno.writeTextFile(versionFile(name, folder), versionRecord(name));
  } catch (error) {
    return { reason: reasonOf(error) };
  }
  const verb = peer.source === "npm" ? "installed" : "built";
  const path = peerPath(name, folder);
  if (path === undefined) return { reason: `it was ${verb}, but ${binary} is not there` };
  return { path, version: peer.version, how: `${verb} in ${duration(performance.now() - start)}` };
}

/** The commands of the system that are there, and apt-get for the others where root may call it. */
async function fromSystem(names: PeerName[], tell: Tell): Promise<void> {
  const missing = names.filter((name) => onPath(name) === undefined);
  const apt = onPath("apt-get");
  const hint = `apt-get install ${missing.join(" ")}`;
  let reason = `it comes from Debian or Ubuntu: ${hint}`;
  const start = performance.now();
  if (missing.length > 0 && apt !== undefined) {
    if (Deno.build.os === "linux" && Deno.uid() === 0) {
      // RUNLEVEL=1 keeps the package from starting its registry as a service.
      const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
      try {
        await run(apt, ["update", "-q"], { env });
        const packages = missing.map((name) => (PEERS[name] as { package: string }).package);
        await run(apt, ["install", "-qy", "--no-install-recommends", ...packages], { env });
      } catch (error) {
        reason = reasonOf(error);
      }
    } else {
      reason = `only root may install it: sudo ${hint}`;
    }
  }
  for (const name of names) {
    const path = onPath(name);
    if (path === undefined) {
      tell(name, { reason });
      continue;
    }
    const how = missing.includes(name)
      ? `installed in ${duration(performance.now() - start)}`
      : "already there";
    tell(name, { path, version: await systemVersion(path), how });
  }
}

/** The version that a command of the system says it has: "skopeo version 1.9.3" → "1.9.3". */
async function systemVersion(path: string): Promise<string> {
  try {
    const said = await run(path, ["--version"]);
    return said.match(/\d+\.\d+(\.\d+)?[^\s]*/)?.[0] ?? "unknown version";
  } catch {
    return "unknown version";
  }
}

type Tell = (name: PeerName, outcome: Outcome) => void;

/** Brings every peer named and prints a line for each; answers the names that could not be had. */
export async function bringPeers(
  names: readonly PeerName[],
  folder: string,
  print: (line: string) => void,
): Promise<PeerName[]> {
  await Deno.mkdir(folder, { recursive: true });
  const failed: PeerName[] = [];
  const width = Math.max(...names.map((name) => name.length));
  const tell: Tell = (name, outcome) => {
    const title = name.padEnd(width);
    if ("reason" in outcome) {
      failed.push(name);
      print(`${title}  missing: ${outcome.reason}`);
    } else {
      print(`${title}  ${outcome.version.padEnd(10)}  ${outcome.path}  (${outcome.how})`);
    }
  };
  const of = (source: Peer["source"]) => names.filter((name) => PEERS[name].source === source);
  const oneByOne = async (some: PeerName[]) => {
    for (const name of some) tell(name, await bring(name, folder));
  };
  // One build uses every core; downloads and builds may go on side by side.
  const go = [...of("go"), ...of("go-program")];
  await Promise.all([oneByOne(go), oneByOne(of("npm")), fromSystem(of("apt"), tell)]);
  return failed;
}

async function main(...args: string[]): Promise<number> {
  const unknown = args.filter((name) => !(name in PEERS));
  if (unknown.length > 0) {
    throw new UsageError(
      `There is no peer ${unknown.join(", ")}; there are ${PEER_NAMES.join(", ")}`,
    );
  }
  const names = args.length > 0 ? args as PeerName[] : PEER_NAMES;
  const start = performance.now();
  const failed = await bringPeers(names, cacheFolder(), say);
  const took = duration(performance.now() - start);
  say(`${names.length - failed.length} of ${names.length} peers are there (${took})`);
  if (failed.length === 0) return 0;
  complain(`tests that need ${failed.join(", ")} will be skipped; with CI=true they fail`);
  return 1;
}

const HELP = `usage: task peers [NAME]...

Brings the real registries, clients and runtimes that tests use into a cache folder, once; all of
them, or those that are named: ${PEER_NAMES.join(", ")}.`;

if (import.meta.main) await runProgram(HELP, main);
