/**
 * `task bench`: pulls and pushes one large blob with davit and with its peers, interleaved, on one
 * real registry in memory, and prints the medians. `--write` puts them into bench/README.md.
 * `--runs N` and `--mib N` change how often, and how much; `--only nowhere,file` measures these
 * groups alone, of nowhere, tls, file, push, heads, servers, memory and copy.
 */
import { stdSource } from "../scripts/deno.ts";
import { randomBytes } from "../scripts/random_bytes.ts";
import { runProgram, UsageError } from "../scripts/run_program.ts";
import { say } from "../scripts/say.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import { neededPeer } from "../tests/peers/locate.ts";
import { type Registry, startRegistry } from "../tests/peers/registries.ts";
import { compete } from "./compete.ts";
import { benchCopies } from "./copy.ts";
import { benchHeads } from "./heads.ts";
import { type Contestant, measure } from "./measure.ts";
import { writeInReadme } from "./readme.ts";
import { type Runtime, runtimes } from "./runtimes.ts";
import { benchServers } from "./servers.ts";
import { fastest, markdownTable, table } from "./table.ts";
import { serveByTls } from "./tls.ts";

const MIB = 1024 * 1024;

/** What can be measured alone. */
const GROUPS = ["nowhere", "tls", "file", "push", "heads", "servers", "memory", "copy"] as const;
type Group = typeof GROUPS[number];

interface Setting {
  registry: Registry;
  /** The same blob by TLS: where, and what trusts its certificate. */
  tls: { host: string; env: Record<string, string> };
  folder: string;
  blob: string;
  digest: string;
  runtimes: Runtime[];
}

function regctl({ registry }: Setting, ...args: string[]): Pick<Contestant, "command" | "args"> {
  return {
    command: neededPeer("regctl"),
    args: ["--host", `reg=${registry.host},tls=disabled`, ...args],
  };
}

function pulls(name: string, setting: Setting): Contestant[] {
  const { runtimes, digest } = setting;
  const repository = name.replace("https://", "");
  return [
    ...runtimes.flatMap(({ name: davit, run }) => [
      { name: `${davit}, byob reader`, ...run("davit_pull.mjs", name, digest, "byob") },
      { name: `${davit}, for await`, ...run("davit_pull.mjs", name, digest, "iterate") },
    ]),
    { name: "crane", command: neededPeer("crane"), args: ["blob", `${repository}@${digest}`] },
  ];
}

function pullToNowhere(setting: Setting): Contestant[] {
  const { registry: { host, origin }, digest } = setting;
  const repository = `${host}/bench/blob`;
  return [
    ...pulls(repository, setting),
    { name: "regctl", ...regctl(setting, "blob", "get", repository, digest) },
    {
      name: "curl",
      command: neededPeer("curl"),
      args: ["-sSf", "-o", "/dev/null", `${origin}/v2/bench/blob/blobs/${digest}`],
      floor: true,
    },
  ];
}

function pullByTls(setting: Setting): Contestant[] {
  const { host, env } = setting.tls;
  return pulls(`https://${host}/bench/blob`, setting).map((each) => ({ ...each, env }));
}

function pullToFile(setting: Setting): Contestant[] {
  const { registry: { host, origin }, digest, folder } = setting;
  const repository = `${host}/bench/blob`;
  const output = `${folder}/pulled`;
  const contestants: Contestant[] = [
    ...setting.runtimes.map(({ name, run }) => ({
      name,
      ...run("davit_pull.mjs", repository, digest, output),
    })),
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
    ...setting.runtimes.map(({ name, run }, at) => ({
      name,
      ...run("davit_push.mjs", repository(`davit${at}_`), blob),
    })),
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

async function makeBlob(folder: string, mib: number): Promise<{ blob: string; digest: string }> {
  const blob = `${folder}/blob`;
  const file = await Deno.open(blob, { write: true, create: true, truncate: true });
  for (let at = 0; at < mib; at++) await file.write(randomBytes(MIB));
  file.close();
  const { stdout } = await new Deno.Command("sha256sum", { args: [blob] }).output();
  return { blob, digest: `sha256:${new TextDecoder().decode(stdout).slice(0, 64)}` };
}

/** A folder in memory, where the machine has one: the disk would be measured otherwise. */
async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const memory = await Deno.stat("/dev/shm").then(() => "/dev/shm", () => undefined);
  await using folder = await tempFolder(memory === undefined ? {} : { dir: memory });
  return await run(folder.path);
}

function prepared<T>(
  mib: number,
  runtimes: Runtime[],
  run: (setting: Setting) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    const registry = await startRegistry("distribution", { folder });
    const tls = await serveByTls(registry);
    try {
      const setting = { registry, tls, folder, runtimes, ...await makeBlob(folder, mib) };
      const repository = `${registry.host}/bench/blob`;
      await measure({
        name: "davit",
        ...runtimes[0]!.run("davit_push.mjs", repository, setting.blob),
      });
      return await run(setting);
    } finally {
      await tls.stop();
      await registry.stop();
    }
  });
}

async function memoryOf(mib: number, runtimes: Runtime[]): Promise<string> {
  return await prepared(mib, runtimes, async (setting) => {
    const { registry: { host }, digest, folder, blob } = setting;
    const rows: string[][] = [];
    for (const { name, run } of runtimes) {
      const pull = (to: string) => run("davit_pull.mjs", `${host}/bench/blob`, digest, to);
      // A repository of its own each time; a blob that is there already would not be sent.
      const again = `${host}/bench/again${rows.length}`;
      for (
        const [what, command] of [
          ["pull, byob reader", pull("byob")],
          ["pull, for await", pull("iterate")],
          ["pull to a file", pull(`${folder}/pulled`)],
          ["push from a file", run("davit_push.mjs", again, blob)],
        ] as const
      ) {
        const { wall, memory } = await measure({
          name: what,
          ...command,
          makes: `${folder}/pulled`,
        });
        rows.push([`${name}, ${what}`, wall.toFixed(2), memory.toFixed(0)]);
      }
    }
    return markdownTable(["", "wall s", "peak MB"], rows);
  });
}

function option(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(name);
  if (at < 0) return otherwise;
  const value = Number(Deno.args[at + 1]);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`${name} is a count: current value is ${Deno.args[at + 1] ?? "none"}`);
  }
  return value;
}

/** The groups that were asked for, or all. */
function groups(): readonly Group[] {
  const at = Deno.args.indexOf("--only");
  if (at < 0) return GROUPS;
  const asked = (Deno.args[at + 1] ?? "").split(",");
  const unknown = asked.find((name) => !GROUPS.some((group) => group === name));
  if (unknown === undefined) return GROUPS.filter((group) => asked.includes(group));
  throw new UsageError(`Cannot measure '${unknown}': the groups are ${GROUPS.join(", ")}`);
}

async function main(): Promise<void> {
  const runs = option("--runs", 5);
  const mib = option("--mib", 1024);
  const wanted = groups();
  const writes = Deno.args.includes("--write");
  if (writes && wanted !== GROUPS) throw new Error("Cannot write: that takes all groups");
  const sections: string[] = [];
  const tell = (title: string, text: string) => {
    sections.push(`### ${title}\n\n${text}`);
    say(`\n${title}\n\n${text}`);
  };
  const { source } = await stdSource();
  await using built = await tempFolder();
  const all = await runtimes(built.path, source);
  await measureAll(wanted, { runs, mib, source, runtimes: all }, tell);
  if (writes) await writeReadme(runs, all, sections);
}

async function measureAll(
  wanted: readonly Group[],
  { runs, mib, source, runtimes }: {
    runs: number;
    mib: number;
    source: "jsr" | "npm";
    runtimes: Runtime[];
  },
  tell: (title: string, text: string) => void,
): Promise<void> {
  const blobs = {
    nowhere: [`Pull a blob of ${mib} MiB to nowhere`, pullToNowhere],
    tls: [`Pull a blob of ${mib} MiB over TLS to nowhere`, pullByTls],
    file: [`Pull a blob of ${mib} MiB to a file`, pullToFile],
    push: [`Push a file of ${mib} MiB`, pushFile],
  } as const;
  const blobGroups = (["nowhere", "tls", "file", "push"] as const).filter((group) =>
    wanted.includes(group)
  );
  if (blobGroups.length > 0) {
    await prepared(mib, runtimes, async (setting) => {
      for (const group of blobGroups) {
        const [title, contestants] = blobs[group];
        const rows = await compete(runs, (round) => contestants(setting, round));
        tell(title, table(rows, fastest(rows)));
      }
    });
  }
  await inFolder(async (folder) => {
    if (wanted.includes("heads")) await benchHeads(runs, { folder, runtimes }, tell);
    if (wanted.includes("servers")) {
      await benchServers(runs, mib, { folder, source, ...await makeBlob(folder, mib) }, tell);
    }
    if (wanted.includes("copy")) await benchCopies(runs, mib, { folder, runtimes }, tell);
  });
  if (wanted.includes("memory")) {
    tell(`Memory at ${4 * mib} MiB`, await memoryOf(4 * mib, runtimes));
  }
}

async function writeReadme(runs: number, runtimes: Runtime[], sections: string[]): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const versions = runtimes.map(({ version }) => version).join(", ");
  const text = `${date}, ${versions}, ${navigator.hardwareConcurrency} cores, ` +
    `medians of ${runs} runs.\n\n${sections.join("\n\n")}`;
  await writeInReadme("figures", text);
}

const HELP = `usage: task bench [--runs N] [--mib N] [--only GROUP,...] [--write]

Measures davit beside its peers, which "task peers" brings, and prints the medians of N runs (5), with
a blob of N MiB (1024). The groups: ${GROUPS.join(", ")}.
--write puts the figures into bench/README.md.`;

if (import.meta.main) await runProgram(HELP, main);
