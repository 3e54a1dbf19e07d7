/**
 * `deno task deno run -A bench/grade.ts`: runs crane, oras, regctl, skopeo and davit through the
 * scenarios of the grading registry, over sockets, and prints what each was seen to do. `--write`
 * puts it into bench/README.md. `--only SCENARIO` and `--client NAME` run one of them; `--runs N`
 * says how often each scenario is run.
 */
import { MemoryBackend, type RequestHandler, serve } from "@davit/registry-client/server";
import {
  createTestRegistry,
  grade,
  GRADE_SCENARIOS,
  GRADE_USER,
  type GradeReport,
  type GradeScenario,
  mergeGrades,
} from "@davit/registry-client/testing";
import { complain, say } from "../scripts/say.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import {
  type Client,
  type ClientName,
  CLIENTS,
  LAYOUT_TAG,
  openClient,
} from "../tests/peers/clients.ts";
import { type SampleLayout, writeSampleLayout } from "../tests/peers/sample_layout.ts";
import * as davit from "../tests/grade/davit_acts.ts";
import { writeInReadme } from "./readme.ts";

type Setting = davit.DavitSetting;

/** Does what a scenario asks for; fails where the client does. */
type Act = (setting: Setting) => Promise<unknown>;

/** A client: what it can do, by the scenarios' tasks. */
interface Contestant {
  name: string;
  version: string;
  /** Gets ready, before anything is graded. */
  prepare(setting: Setting): Promise<void>;
  acts: Record<string, Act | undefined>;
  close(): Promise<void>;
}

/** Three chunks, or a few more. */
const LAYER_BYTES = 64 * 1024;

/** A client that retries for ever is as good as one that fails. */
const RUN_LIMIT_MS = 40_000;

async function peer(name: ClientName): Promise<Contestant> {
  const client = await openClient(name);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await client.run(args, { limit: RUN_LIMIT_MS });
    if (code !== 0) throw new Error(`${name} ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout.trim();
  };
  const version = name === "skopeo" || name === "regctl"
    ? await run(name === "skopeo" ? "--version" : "version")
    : await run("version");
  return {
    name,
    version: /[0-9]+\.[0-9]+\.[0-9]+/.exec(version)![0],
    prepare: (setting) => setting.credentials ? client.login(setting as never) : Promise.resolve(),
    acts: {
      "pull an image": (setting) => client.pull(setting, "app:latest", `${setting.folder}/pulled`),
      "list all tags": (setting) => client.tags(setting, "app"),
      "push an image": (setting) => client.push(setting, setting.layout, "new:latest"),
      "push an image whose layer ends early": (setting) =>
        client.push(setting, setting.broken, "new:latest"),
      ...PEER_ACTS[name](client, run),
    },
    close: () => client.close(),
  };
}

type Run = (...args: string[]) => Promise<string>;

/** What only one of the clients can, or each in its own words. */
const PEER_ACTS: Record<ClientName, (client: Client, run: Run) => Contestant["acts"]> = {
  crane: (client, run) => ({
    "push a blob in chunks": ({ host, layout }) => client.push({ host }, layout, "new:latest"),
    "copy an image to another repository": ({ host }) =>
      run("copy", `${host}/app:latest`, `${host}/copy:latest`),
    "attach to an image that has attachments, list, delete one": ({ host, attachment }) =>
      run("delete", `${host}/app@${attachment}`),
  }),
  oras: (_, run) => {
    const plain = "--plain-http";
    const attach: Act = async ({ host, folder }) => {
      await Deno.writeTextFile(`${folder}/note.txt`, "a note of oras's");
      const note = `${folder}/note.txt:text/plain`;
      const type = ["--artifact-type", "application/x-note", "--annotation", "org.example.by=oras"];
      await run("attach", plain, "--disable-path-validation", ...type, `${host}/app:latest`, note);
    };
    const discover: Act = ({ host }) => run("discover", plain, `${host}/app:latest`);
    return {
      "copy an image to another repository": ({ host }) =>
        run(
          ...["copy", "--no-tty", "--from-plain-http", "--to-plain-http"],
          ...[`${host}/app:latest`, `${host}/copy:latest`],
        ),
      "attach something to an image": attach,
      "list what is attached to an image": discover,
      "attach to an image that has attachments, list, delete one": async (setting) => {
        await attach(setting);
        await discover(setting);
        const what = `${setting.host}/app@${setting.attachment}`;
        await run("manifest", "delete", plain, "--force", what);
      },
    };
  },
  regctl: (client, run) => {
    const at = (host: string) => ["--host", `reg=${host},tls=disabled`];
    const attach: Act = async ({ host }) => {
      const type = [
        "--artifact-type",
        "application/x-note",
        "--annotation",
        "org.example.by=regctl",
      ];
      const args = [...at(host), "artifact", "put", ...type, "--subject", `${host}/app:latest`];
      const { code, stderr } = await client.run(args, { stdin: "a note of regctl's" });
      if (code !== 0) throw new Error(stderr);
    };
    const list: Act = ({ host }) => run(...at(host), "artifact", "list", `${host}/app:latest`);
    return {
      "push a blob in chunks": async ({ host, layout }) => {
        const chunks = [
          "--blob-chunk",
          String(davit.CHUNK_BYTES),
          "--blob-max",
          String(davit.CHUNK_BYTES),
        ];
        await run("registry", "set", host, "--tls", "disabled", "--skip-check", ...chunks);
        await run("image", "copy", `ocidir://${layout}:${LAYOUT_TAG}`, `${host}/new:latest`);
      },
      "copy an image to another repository": ({ host }) =>
        run(...at(host), "image", "copy", `${host}/app:latest`, `${host}/copy:latest`),
      "attach something to an image": attach,
      "list what is attached to an image": list,
      "attach to an image that has attachments, list, delete one": async (setting) => {
        await attach(setting);
        await list(setting);
        const { host, attachment } = setting;
        await run(...at(host), "manifest", "delete", "--referrers", `${host}/app@${attachment}`);
      },
    };
  },
  skopeo: (client, run) => ({
    "push a blob in chunks": ({ host, layout }) => client.push({ host }, layout, "new:latest"),
    "copy an image to another repository": ({ host }) =>
      run(
        ...["--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"],
        ...["--src-tls-verify=false", "--dest-tls-verify=false"],
        ...[`docker://${host}/app:latest`, `docker://${host}/copy:latest`],
      ),
    "attach to an image that has attachments, list, delete one": ({ host, attachment }) =>
      run(
        ...["--insecure-policy", "delete", "--tls-verify=false"],
        `docker://${host}/app@${attachment}`,
      ),
  }),
};

async function davitContestant(): Promise<Contestant> {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  return {
    name: "davit",
    version,
    prepare: () => Promise.resolve(),
    acts: davit.DAVIT_ACTS,
    close: () => Promise.resolve(),
  };
}

/** One client in one scenario; nothing where it does not do such a thing. */
async function runScenario(
  { registry: scenario, options: grading, task }: GradeScenario,
  contestant: Contestant,
  files: Pick<Setting, "seeded" | "layout" | "broken">,
): Promise<GradeReport | undefined> {
  const act = contestant.acts[task];
  if (act === undefined) return undefined;
  await using temporary = await tempFolder();
  const folder = temporary.path;
  const options = { ...scenario, backend: new MemoryBackend() };
  let answering: RequestHandler = createTestRegistry(options);
  const known = { ...files, folder, ...(options.auth && { credentials: GRADE_USER }) };
  const seeding = { ...known, host: "registry.test", fetch: answering.fetch as typeof fetch };
  const attachment = await davit.seed(seeding);
  // The other origin has another name, not only another port: most clients compare names alone.
  const handler = { fetch: (request: Request) => answering.fetch(request) };
  const [server, other] = [await serve(handler), await serve(handler)];
  const graded = grade(options, { ...grading, otherOrigin: `http://localhost:${other.port}` });
  const setting = { ...known, attachment, host: server.url.replace("http://", "") };
  try {
    await contestant.prepare(setting);
    answering = graded.registry;
    await act(setting);
    graded.ended("succeeded");
  } catch (error) {
    // Some scenarios are made to fail; which ones did is for whoever watches.
    complain(`  failed: ${(error as Error).message.trim().slice(0, 300)}`);
    graded.ended("failed");
  } finally {
    await Promise.all([server.close(), other.close()]);
  }
  return graded.report();
}

/** Makes the last layer of a layout shorter than its descriptor says. */
async function shorten({ folder, blobs }: SampleLayout): Promise<void> {
  const largest = blobs.reduce((a, b) => a.size > b.size ? a : b);
  const path = `${folder}/blobs/sha256/${largest.digest.slice("sha256:".length)}`;
  await Deno.truncate(path, largest.size >> 1);
}

const SHOWN = { kept: "kept", broken: "**broken**", "not seen": "·" } as const;

/** The reports as Markdown: a table, and what broke what. */
function gradesTable(reports: ReadonlyMap<string, GradeReport>): string {
  const names = [...reports.keys()];
  const rules = [...reports.values()][0]!.results;
  const verdict = (name: string, index: number) => reports.get(name)!.results[index]!;
  const rows = rules.map(({ id, level, duty }, index) =>
    `| \`${id}\` (${level}): ${duty} | ${
      names.map((name) => SHOWN[verdict(name, index).verdict]).join(" | ")
    } |`
  );
  const counts = (what: keyof typeof SHOWN) =>
    names.map((name) => reports.get(name)!.results.filter((each) => each.verdict === what).length);
  const evidence = rules.flatMap(({ id }, index) =>
    names.flatMap((name) => {
      const { evidence } = verdict(name, index);
      return evidence === undefined ? [] : [`- \`${id}\`, ${name}: ${plain(evidence)}`];
    })
  );
  return [
    `| duty | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---|").join("")}`,
    ...rows,
    `| kept | ${counts("kept").join(" | ")} |`,
    `| broken | ${counts("broken").join(" | ")} |`,
    "",
    "What was seen where a duty is broken:",
    "",
    ...evidence,
  ].join("\n");
}

/** Ports and digests are others in every run, and say nothing. */
function plain(evidence: string): string {
  return evidence.replace(/(sha256(?::|-|%3A))[0-9a-f]{64}/g, "$1…").replaceAll("|", "\\|");
}

/** Clients work in parallel: what a race decides shows in some runs only. */
const RUNS = 5;

/** The report of every run of a scenario; what broke something says where. */
async function runs(
  count: number,
  scenario: GradeScenario,
  contestant: Contestant,
  files: Pick<Setting, "seeded" | "layout" | "broken">,
): Promise<GradeReport[]> {
  const reports: GradeReport[] = [];
  for (let run = 0; run < count; run++) {
    const report = await runScenario(scenario, contestant, files);
    if (report === undefined) break;
    reports.push(report);
  }
  return reports.map(({ results }) => ({
    results: results.map((result) => {
      if (result.evidence === undefined) return result;
      const times = reports.filter((report) =>
        report.results.some(({ id, verdict }) =>
          id === result.id && verdict === "broken"
        )
      ).length;
      const where = `${scenario.name}, ${times} of ${reports.length} runs`;
      return { ...result, evidence: `${where}: ${result.evidence}` };
    }),
  }));
}

async function main(args: readonly string[]): Promise<number> {
  const option = (name: string) => args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
  const only = option("--only");
  const count = Number(option("--runs") ?? RUNS);
  const scenarios = GRADE_SCENARIOS.filter(({ name }) => only === undefined || name === only);
  if (scenarios.length === 0) {
    complain(`Cannot grade: there is no scenario ${only}`);
    return 1;
  }
  await using folder = await tempFolder();
  // Of other sizes, and so of other digests: what a registry has already is not pushed to it.
  const [seeded, layout, broken] = await Promise.all([
    writeSampleLayout(`${folder.path}/seeded`, LAYER_BYTES),
    writeSampleLayout(`${folder.path}/layout`, 2 * LAYER_BYTES),
    writeSampleLayout(`${folder.path}/broken`, 3 * LAYER_BYTES),
  ]);
  await shorten(broken);
  const files = { seeded: seeded.folder, layout: layout.folder, broken: broken.folder };
  const everybody = [...await Promise.all(CLIENTS.map(peer)), await davitContestant()];
  const wanted = option("--client");
  const contestants = everybody.filter(({ name }) => wanted === undefined || name === wanted);
  const reports = new Map<string, GradeReport>();
  for (const contestant of contestants) {
    const all: GradeReport[] = [grade().report()];
    for (const scenario of scenarios) {
      complain(`${contestant.name}: ${scenario.name}`);
      all.push(...await runs(count, scenario, contestant, files));
    }
    reports.set(contestant.name, mergeGrades(...all));
  }
  for (const contestant of everybody) await contestant.close();
  const versions = contestants.map(({ name, version }) => `${name} ${version}`).join(", ");
  const date = new Date().toISOString().slice(0, 10);
  const text = `${date}: ${versions}; ${count} runs of each scenario.\n\n${gradesTable(reports)}`;
  say(text);
  if (args.includes("--write")) await writeInReadme("grades", text);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
