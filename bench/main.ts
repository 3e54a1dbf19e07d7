/**
 * `task bench`: pulls and pushes one large blob with davit and with its peers, interleaved, on one
 * real registry in memory, and prints the medians. `--write` puts them into bench/README.md.
 * `--runs N` and `--mib N` change how often, and how much.
 */
import { denoArguments, stdSource } from "../scripts/deno.ts";
import { complain, say } from "../scripts/say.ts";
import { neededPeer } from "../tests/peers/locate.ts";
import { type Registry, startRegistry } from "../tests/peers/registries.ts";
import { benchHeads } from "./heads.ts";
import { type Contestant, measure, type Run, summary } from "./measure.ts";
import { benchServers } from "./servers.ts";
import { fastest, type Row, table } from "./table.ts";

const README = new URL("./README.md", import.meta.url);
const MARKS = ["<!-- figures -->", "<!-- end of figures -->"] as const;
const MIB = 1024 * 1024;

interface Setting {
  registry: Registry;
  folder: string;
  blob: string;
  digest: string;
  source: "jsr" | "npm";
}

function davit(
  setting: Setting,
  script: string,
  ...args: string[]
): Pick<Contestant, "command" | "args"> {
  const path = decodeURIComponent(new URL(script, import.meta.url).pathname);
  return {
    command: Deno.execPath(),
    args: denoArguments(["run", "--quiet", "--allow-all", path, ...args], setting.source),
  };
}

function regctl({ registry }: Setting, ...args: string[]): Pick<Contestant, "command" | "args"> {
  return {
    command: neededPeer("regctl"),
    args: ["--host", `reg=${registry.host},tls=disabled`, ...args],
  };
}

function pullToNowhere(setting: Setting): Contestant[] {
  const { registry: { host, origin }, digest } = setting;
  const repository = `${host}/bench/blob`;
  return [
    { name: "davit, byob reader", ...davit(setting, "davit_pull.ts", repository, digest, "byob") },
    { name: "davit, for await", ...davit(setting, "davit_pull.ts", repository, digest, "iterate") },
    { name: "crane", command: neededPeer("crane"), args: ["blob", `${repository}@${digest}`] },
    { name: "regctl", ...regctl(setting, "blob", "get", repository, digest) },
    {
      name: "curl",
      command: neededPeer("curl"),
      args: ["-sSf", "-o", "/dev/null", `${origin}/v2/bench/blob/blobs/${digest}`],
      floor: true,
    },
  ];
}

function pullToFile(setting: Setting): Contestant[] {
  const { registry: { host, origin }, digest, folder } = setting;
  const repository = `${host}/bench/blob`;
  const output = `${folder}/pulled`;
  const contestants: Contestant[] = [
    { name: "davit", ...davit(setting, "davit_pull.ts", repository, digest, output) },
    {
      name: "oras",
      command: neededPeer("oras"),
      args: ["blob", "fetch", "--plain-http", "--output", output, `${repository}@${digest}`],
    },
    {
      name: "crane",
      command: neededPeer("crane"),
      args: ["blob", `${repository}@${digest}`],
      output,
    },
    { name: "regctl", ...regctl(setting, "blob", "get", repository, digest), output },
    {
      name: "curl",
      command: neededPeer("curl"),
      args: ["-sSf", "-o", output, `${origin}/v2/bench/blob/blobs/${digest}`],
      floor: true,
    },
  ];
  return contestants.map((each) => ({ ...each, makes: output }));
}

function pushFile(setting: Setting, round: number): Contestant[] {
  const { registry: { host, origin }, digest, blob } = setting;
  // A repository of its own each time: nobody finds the blob there already.
  const repository = (name: string) => `${host}/bench/${name}${round}`;
  const put = `location=$(curl -sSf -i -X POST "$1/v2/$2/blobs/uploads/" | tr -d '\\r' |
    sed -n 's/^[Ll]ocation: //p') && exec curl -sSf -T "$4" "$location&digest=$3"`;
  return [
    { name: "davit", ...davit(setting, "davit_push.ts", repository("davit"), blob) },
    {
      name: "oras",
      command: neededPeer("oras"),
      args: ["blob", "push", "--plain-http", repository("oras"), blob],
    },
    { name: "regctl", ...regctl(setting, "blob", "put", repository("regctl")), input: blob },
    {
      name: "curl",
      command: "sh",
      args: ["-c", put, "sh", origin, `bench/curl${round}`, digest, blob],
      floor: true,
    },
  ];
}

/** Every contestant once a round, in turn, so that a slow moment meets all of them. */
async function compete(
  runs: number,
  contestants: (round: number) => Contestant[],
): Promise<Row[]> {
  const results = new Map<string, { runs: Run[]; floor: boolean }>();
  for (let round = 0; round <= runs; round++) {
    for (const contestant of contestants(round)) {
      const run = await measure(contestant);
      if (round === 0) continue; // the first round fills caches and does not count
      const result = results.get(contestant.name) ??
        { runs: [], floor: contestant.floor ?? false };
      results.set(contestant.name, result);
      result.runs.push(run);
    }
  }
  return [...results].map(([name, { runs, floor }]) => ({ name, floor, run: summary(runs) }));
}

async function makeBlob(folder: string, mib: number): Promise<{ blob: string; digest: string }> {
  const blob = `${folder}/blob`;
  const file = await Deno.open(blob, { write: true, create: true, truncate: true });
  const piece = new Uint8Array(MIB);
  for (let at = 0; at < mib; at++) {
    for (let from = 0; from < MIB; from += 65_536) {
      crypto.getRandomValues(piece.subarray(from, from + 65_536));
    }
    await file.write(piece);
  }
  file.close();
  const { stdout } = await new Deno.Command("sha256sum", { args: [blob] }).output();
  return { blob, digest: `sha256:${new TextDecoder().decode(stdout).slice(0, 64)}` };
}

/** A folder in memory, where the machine has one: the disk would be measured otherwise. */
async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const memory = await Deno.stat("/dev/shm").then(() => "/dev/shm", () => undefined);
  const folder = await Deno.makeTempDir({ ...(memory && { dir: memory }), prefix: "davit_bench_" });
  try {
    return await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function prepared<T>(mib: number, run: (setting: Setting) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const registry = await startRegistry("distribution", { folder });
    try {
      const { source } = await stdSource();
      const setting = { registry, folder, source, ...await makeBlob(folder, mib) };
      await measure({
        name: "davit",
        ...davit(setting, "davit_push.ts", `${registry.host}/bench/blob`, setting.blob),
      });
      return await run(setting);
    } finally {
      await registry.stop();
    }
  });
}

async function memoryOf(mib: number): Promise<string> {
  return await prepared(mib, async (setting) => {
    const { registry: { host }, digest, folder, blob } = setting;
    const pull = (to: string) =>
      measure({ name: to, ...davit(setting, "davit_pull.ts", `${host}/bench/blob`, digest, to) });
    const push = davit(setting, "davit_push.ts", `${host}/bench/again`, blob);
    const rows = [
      ["pull, byob reader", await pull("byob")],
      ["pull, for await", await pull("iterate")],
      ["pull to a file", await pull(`${folder}/pulled`)],
      ["push from a file", await measure({ name: "push", ...push })],
    ] as const;
    return [
      "| davit | wall s | peak MB |",
      "| --- | --- | --- |",
      ...rows.map(([name, run]) =>
        `| ${name} | ${run.wall.toFixed(2)} | ${run.memory.toFixed(0)} |`
      ),
    ].join("\n");
  });
}

function option(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(name);
  return at < 0 ? otherwise : Number(Deno.args[at + 1]);
}

async function main(): Promise<void> {
  const runs = option("--runs", 5);
  const mib = option("--mib", 1024);
  const sections: string[] = [];
  const tell = (title: string, text: string) => {
    sections.push(`### ${title}\n\n${text}`);
    say(`\n${title}\n\n${text}`);
  };
  await prepared(mib, async (setting) => {
    const nowhere = await compete(runs, () => pullToNowhere(setting));
    tell(`Pull a blob of ${mib} MiB to nowhere`, table(nowhere, fastest(nowhere)));
    const file = await compete(runs, () => pullToFile(setting));
    tell(`Pull a blob of ${mib} MiB to a file`, table(file, fastest(file)));
    const push = await compete(runs, (round) => pushFile(setting, round));
    tell(`Push a file of ${mib} MiB`, table(push, fastest(push)));
  });
  await inFolder(async (folder) => {
    const { source } = await stdSource();
    await benchHeads(runs, { folder, source }, tell);
    await benchServers(runs, mib, { folder, source, ...await makeBlob(folder, mib) }, tell);
  });
  tell(`Memory at ${4 * mib} MiB`, await memoryOf(4 * mib));
  if (!Deno.args.includes("--write")) return;
  const [begin, end] = MARKS;
  const date = new Date().toISOString().slice(0, 10);
  const text =
    `${begin}\n\n${date}, Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores, ` +
    `medians of ${runs} runs.\n\n${sections.join("\n\n")}\n\n${end}`;
  const readme = await Deno.readTextFile(README);
  const [before] = readme.split(begin);
  const after = readme.split(end)[1] ?? "";
  await Deno.writeTextFile(README, `${before}${text}${after}`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
