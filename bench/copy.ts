/**
 * What `task bench` measures of copies: images of many and of large layers between two registries and
 * layout folders, many tags, an image with much attached, and a slow link that breaks midway.
 */
import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
import { attach, pack } from "@davit/registry-client/artifact";
import { copy } from "@davit/registry-client/copy";
import { serve } from "@davit/registry-client/server";
import { LayoutStore } from "@davit/registry-client/stores";
import { createTestRegistry } from "@davit/registry-client/testing";
import { randomBytes } from "../scripts/random_bytes.ts";
import { type Registry, startRegistry } from "../tests/peers/registries.ts";
import { compete } from "./compete.ts";
import { copyContestants, type CopyJob } from "./copy_peers.ts";
import { type Contestant, measure, type Run, summary } from "./measure.ts";
import type { Runtime } from "./runtimes.ts";
import { fastest, table } from "./table.ts";

const MIB = 1024 * 1024;
const ARTIFACT = "application/vnd.example.bench";

/** What registries in the cloud give one connection, in bytes a second. */
const SLOW_BYTES_PER_SECOND = 74_000_000;

/** Where things are, and what davit runs on. */
interface CopySetting {
  /** A folder, in memory where the machine has one. */
  folder: string;
  runtimes: Runtime[];
}

type Tell = (title: string, text: string) => void;

function storeAt(name: string): RegistryStore {
  return new RegistryStore(new RegistryClientV2({ name, scopes: ["pull", "push"] }));
}

/** An image of layers of one size, under the tag `v1`, with so much attached. */
async function writeImage(
  store: RegistryStore,
  layers: number,
  size: number,
  attached = 0,
): Promise<void> {
  const image = await pack(store, {
    artifactType: ARTIFACT,
    tag: "v1",
    layers: Array.from({ length: layers }, () => ({ body: randomBytes(size) })),
  });
  for (let at = 0; at < attached; at++) {
    const signature = { artifactType: ARTIFACT, layers: [{ body: randomBytes(5_000) }] };
    await attach(store, image, signature);
  }
}

export async function benchCopies(
  runs: number,
  mib: number,
  setting: CopySetting,
  tell: Tell,
): Promise<void> {
  const { folder } = setting;
  // It has the referrers API, so that everybody finds what is attached in their own way.
  const source = await startRegistry("olareg", { folder });
  const targets = new Targets(folder);
  try {
    await benchImages(runs, mib, setting, { source, targets }, tell);
    await benchTags(runs, setting, { source, targets }, tell);
  } finally {
    await source.stop();
    await targets.stop();
  }
  await benchSlow(runs, mib, setting, tell);
}

interface Registries {
  source: Registry;
  targets: Targets;
}

/**
 * A new registry for each round: skopeo remembers, from one run to the next, which registry has which
 * blob in which repository, and mounts it from there.
 */
class Targets {
  readonly #folder: string;
  #current: Registry | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async next(): Promise<Registry> {
    await this.stop();
    return this.#current = await startRegistry("distribution", { folder: this.#folder });
  }

  async stop(): Promise<void> {
    await this.#current?.stop();
    this.#current = undefined;
  }
}

async function benchImages(
  runs: number,
  mib: number,
  { folder, runtimes }: CopySetting,
  { source, targets }: Registries,
  tell: Tell,
): Promise<void> {
  const repository = (name: string) => `${source.host}/bench/${name}`;
  // `--mib 1024` is what is measured; a smaller one makes the large layers smaller.
  const large = Math.max(1, Math.round(mib / 128));
  await writeImage(storeAt(repository("forty")), 40, large * MIB);
  await writeImage(storeAt(repository("small")), 200, 65_536);
  await writeImage(storeAt(repository("one")), 1, 2 * mib * MIB);
  await writeImage(storeAt(repository("attached")), 40, large * MIB, 20);
  const layout = `${folder}/source`;
  await copy(storeAt(repository("forty")), "v1", new LayoutStore(layout), "v1");

  const job =
    (name: string, toLayout = false, attached = false) => (target: Registry): CopyJob => ({
      from: { repository: repository(name) },
      to: (contestant) =>
        toLayout
          ? { layout: `${folder}/to_${contestant}` }
          : { repository: `${target.host}/bench/to_${contestant}` },
      tag: "v1",
      attached,
    });
  const pushed = (target: Registry): CopyJob => ({ ...job("forty")(target), from: { layout } });
  const forty = `40 layers of ${large} MiB`;
  const jobs: [string, (target: Registry) => CopyJob][] = [
    [`Copy ${forty}, registry → registry`, job("forty")],
    [`Copy ${forty}, registry → layout`, job("forty", true)],
    [`Copy ${forty}, layout → registry`, pushed],
    ["Copy 200 layers of 64 KiB, registry → registry", job("small")],
    [`Copy one layer of ${2 * mib} MiB, registry → registry`, job("one")],
    [`Copy one layer of ${2 * mib} MiB, registry → layout`, job("one", true)],
    [`Copy ${forty} and 20 attached, registry → registry`, job("attached", false, true)],
  ];
  for (const [title, jobOf] of jobs) {
    const rows = await compete(
      runs,
      async () => copyContestants(jobOf(await targets.next()), runtimes),
    );
    tell(title, table(rows, fastest(rows)));
    for (let at = 0; at < 10; at++) await removeFolder(`${folder}/to_${at}`);
  }
}

async function benchTags(
  runs: number,
  { runtimes }: CopySetting,
  { source, targets }: Registries,
  tell: Tell,
): Promise<void> {
  const repository = `${source.host}/bench/tags`;
  const store = storeAt(repository);
  const shared = { body: randomBytes(MIB) };
  for (let tag = 0; tag < 200; tag++) {
    const layers = [shared, { body: randomBytes(10_000) }];
    await pack(store, { artifactType: ARTIFACT, tag: `v${tag}`, layers });
  }
  const rows = await compete(runs, async () => {
    const { host } = await targets.next();
    const to = (contestant: number) => ({ repository: `${host}/bench_${contestant}/tags` });
    return copyContestants({ from: { repository }, to, tag: "*" }, runtimes);
  });
  tell("Copy 200 tags of one repository, registry → registry", table(rows, fastest(rows)));
}

/** One large layer over a slow link, killed midway and run again: the time of both runs. */
async function benchSlow(
  runs: number,
  mib: number,
  { folder, runtimes }: CopySetting,
  tell: Tell,
): Promise<void> {
  const registry = createTestRegistry({
    requestsKept: 1_000_000, // what was sent is counted by them
    faults: { bytesPerSecond: SLOW_BYTES_PER_SECOND, on: { endpoint: "blob", method: "GET" } },
  });
  const server = await serve(registry);
  try {
    const repository = `${server.hostname}:${server.port}/bench/slow`;
    await writeImage(storeAt(repository), 1, mib * MIB);
    const results = new Map<string, Run[]>();
    for (let round = 0; round < runs; round++) {
      const contestants = copyContestants({
        from: { repository },
        to: () => ({ layout: `${folder}/slow` }),
        tag: "v1",
      }, runtimes);
      for (const contestant of contestants) {
        await removeFolder(`${folder}/slow`);
        const before = registry.requests.length;
        const moved = () =>
          registry.requests.slice(before).reduce((sum, { bytesOut }) => sum + bytesOut, 0);
        const took = await killedAt(contestant, () => moved() >= mib * MIB / 2);
        const { makes: _, ...again } = contestant;
        const run = await measure(again);
        const all = results.get(contestant.name) ?? [];
        results.set(contestant.name, [...all, { ...run, wall: run.wall + took }]);
      }
    }
    const rows = [...results].map(([name, each]) => ({ name, floor: false, run: summary(each) }));
    tell(
      `Copy one layer of ${mib} MiB over a link of 74 MB/s a connection to a layout, killed midway`,
      table(rows, fastest(rows)),
    );
  } finally {
    await server.close();
  }
}

/** Runs a command, and kills it when it has come so far; answers how long it ran, in seconds. */
async function killedAt({ command, args }: Contestant, far: () => boolean): Promise<number> {
  const started = performance.now();
  const child = new Deno.Command(command, { args, stdout: "null", stderr: "null" }).spawn();
  let ended = false;
  void child.status.then(() => ended = true);
  while (!ended && !far()) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!ended) child.kill("SIGKILL");
  await child.status;
  return (performance.now() - started) / 1000;
}

async function removeFolder(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}
