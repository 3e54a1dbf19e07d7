/**
 * What `task bench` measures of the embedded server: a large blob pulled from disk and pushed to
 * disk, and many small ones, beside the registries that everybody knows, with the same client.
 */
import { denoArguments } from "../scripts/deno.ts";
import { startChild } from "../tests/peers/child.ts";
import { neededPeer } from "../tests/peers/locate.ts";
import { startRegistry } from "../tests/peers/registries.ts";
import { inRounds } from "./compete.ts";
import { type Contestant, measure, median, type Run, summary } from "./measure.ts";
import { markdownTable } from "./table.ts";

/** How long the embedded server may take to start, in milliseconds. */
const START_LIMIT_MS = 20_000;

const SMALL_BLOBS = 1_000;

interface Server {
  name: string;
  /** Where it is, without a scheme. */
  host: string;
  peakMemory(): Promise<number>;
  stop(): Promise<void>;
}

/** What the large blob is, and where servers may keep theirs. */
interface ServersSetting {
  /** A folder, in memory where the machine has one. */
  folder: string;
  blob: string;
  digest: string;
  /** Where the standard library comes from. */
  source: "jsr" | "npm";
}

async function embedded({ source }: ServersSetting, ...args: string[]): Promise<Server> {
  const script = decodeURIComponent(new URL("../testing/main.ts", import.meta.url).pathname);
  const child = startChild(
    Deno.execPath(),
    denoArguments(["run", "--quiet", "--allow-all", script, ...args], source),
  );
  const [, host] = await child.said(/http:\/\/(127\.0\.0\.1:\d+)/, START_LIMIT_MS);
  return { name: "davit", host: host!, peakMemory: child.peakMemory, stop: child.kill };
}

async function peer(
  kind: "distribution" | "olareg" | "crane",
  folder: string,
  ...args: string[]
): Promise<Server> {
  const { host, peakMemory, stop } = await startRegistry(kind, { folder, args });
  return { name: kind, host, peakMemory, stop };
}

/** Every server with its blobs in files. */
async function onDisk(setting: ServersSetting): Promise<Server[]> {
  const { folder } = setting;
  for (const name of ["davit", "olareg", "crane"]) await Deno.mkdir(`${folder}/${name}`);
  return [
    await embedded(setting, "--store", `${folder}/davit`),
    await peer("distribution", folder),
    await peer("olareg", folder, "--store-type", "dir", "--dir", `${folder}/olareg`),
    await peer("crane", folder, "--disk", `${folder}/crane`),
  ];
}

function pull(server: Server, { digest }: ServersSetting): Contestant {
  const url = `http://${server.host}/v2/bench/blob/blobs/${digest}`;
  return { name: server.name, command: neededPeer("curl"), args: ["-sSf", url] };
}

function push(server: Server, repository: string, { blob, digest }: ServersSetting): Contestant {
  const put = `location=$(curl -sSf -i -X POST "$1/v2/$2/blobs/uploads/" | tr -d '\\r' |
    sed -n 's/^[Ll]ocation: //p'); case $location in /*) location=$1$location;; esac
    case $location in *\\?*) location="$location&";; *) location="$location?";; esac
    exec curl -sSf -T "$4" "\${location}digest=$3"`;
  const args = ["-c", put, "sh", `http://${server.host}`, repository, digest, blob];
  return { name: server.name, command: "sh", args };
}

async function remove({ host }: Server, repository: string, digest: string): Promise<void> {
  const response = await fetch(`http://${host}/v2/${repository}/blobs/${digest}`, {
    method: "DELETE",
  });
  await response.body?.cancel();
}

/** Pulls and pushes of the large blob, by curl, which costs the least: two tables' lines. */
async function large(
  servers: Server[],
  runs: number,
  setting: ServersSetting,
): Promise<{ pulls: Map<string, Run[]>; pushes: Map<string, Run[]> }> {
  for (const server of servers) await measure(push(server, "bench/blob", setting));
  const pulls = await inRounds(runs, () => servers, (server) => measure(pull(server, setting)));
  // What is pushed is new to them, or the bytes would be thrown away that a server has already.
  for (const server of servers) await remove(server, "bench/blob", setting.digest);
  const pushes = await inRounds(runs, () => servers, async (server, round) => {
    // A repository of its own each time, whose blob goes again: it would fill the memory.
    const repository = `bench/again${round}`;
    const run = await measure(push(server, repository, setting));
    await remove(server, repository, setting.digest);
    return run;
  });
  return { pulls, pushes };
}

interface Small {
  /** The milliseconds that all pushes took. */
  push: number;
  /** The milliseconds that all pulls took. */
  pull: number;
}

async function small(server: Server, round: number, setting: ServersSetting): Promise<Small> {
  const script = decodeURIComponent(new URL("./davit_small.ts", import.meta.url).pathname);
  const repository = `${server.host}/bench/small${round}`;
  const args = ["run", "--quiet", "--allow-all", script, repository, String(SMALL_BLOBS)];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: denoArguments(args, setting.source),
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${server.name} failed: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}

function largeTable(runs: Map<string, Run[]>, memory: Map<string, number>): string {
  const yardstick = summary(runs.get("distribution")!).wall;
  return markdownTable(
    ["server", "wall s", "server's peak MB", "wall / distribution"],
    [...runs].map(([name, all]) => {
      const { wall } = summary(all);
      const cells = [wall.toFixed(2), memory.get(name)!.toFixed(0), (wall / yardstick).toFixed(2)];
      return [name, ...cells];
    }),
  );
}

/** Measures the servers and tells two tables and a third. */
export async function benchServers(
  runs: number,
  mib: number,
  setting: ServersSetting,
  tell: (title: string, text: string) => void,
): Promise<void> {
  const disk = await onDisk(setting);
  try {
    const { pulls, pushes } = await large(disk, runs, setting);
    const memory = new Map<string, number>();
    for (const server of disk) memory.set(server.name, await server.peakMemory());
    tell(`Serve a blob of ${mib} MiB from disk, to curl`, largeTable(pulls, memory));
    tell(`Take a blob of ${mib} MiB to disk, from curl`, largeTable(pushes, memory));
  } finally {
    for (const server of disk) await server.stop();
  }
  const inMemory = [await embedded(setting), await peer("olareg", setting.folder)];
  try {
    const results = await inRounds(
      runs,
      () => inMemory,
      (server, round) => small(server, round, setting),
    );
    const rows = [...results].map(([name, all]) => [
      name,
      median(all.map(({ push }) => push)).toFixed(0),
      median(all.map(({ pull }) => pull)).toFixed(0),
    ]);
    tell(
      `${SMALL_BLOBS} blobs of 1 KiB, 32 at once, in memory, by davit's client`,
      markdownTable(["server", "pushes ms", "pulls ms"], rows),
    );
  } finally {
    for (const server of inMemory) await server.stop();
  }
}
