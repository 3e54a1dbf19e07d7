/**
 * `deno task test [arguments of deno test]`: every test beside its file, in tests/, and in the
 * documentation; their types are checked by `deno task check`. The last line is `N passed, N failed`,
 * with `, N skipped` after it where tests were ignored; the line before it says which peers were
 * missing and how to get them.
 *
 * Whatever the tests make the library tell is searched for the secrets that they use: an error, event,
 * tape or line of output that shows one fails the run. See `secret_watch.ts`.
 *
 * Test files run side by side, except those whose name ends in `_alone_test.ts`: what measures
 * memory or time, or changes the process, runs after the others and by itself. When everything runs,
 * a few files of a room share an isolate: see `sharedIsolates`.
 */
import { denoCommand } from "./deno.ts";
import { HOW_TO_GET, PEER_NAMES, peerPath } from "./peers_table.ts";
import { projectFiles } from "./project_files.ts";
import { runProgram, UsageError } from "./run_program.ts";
import { duration, say } from "./say.ts";
import { ALARM, SecretSearch } from "./secret_search.ts";
import { tempFolder } from "./temp_folder.ts";

/** What a run of `deno test` came to. */
export interface Counts {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed; a run that could not start counts as one. */
  failed: number;
  /** Tests and steps that were ignored. */
  skipped: number;
}

/**
 * The project promises 5 minutes, real registries included; the rest is for slow machines. A test
 * that hangs ends here, instead of where the machine's owner loses patience.
 */
const LIMIT_MS = 10 * 60_000;
const PROMISED_MS = 5 * 60_000;

const ALONE = /_alone_test\.ts$/;

/** Escape sequences for colours: the summary is read without them. */
// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[0-9;]*m/g;
const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored(?: \((\d+) steps?\))?)?/gm;

/** Reads the summary that `deno test` ends with; a failure without one counts as one failed test. */
export function countsOf(output: string, success: boolean): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const last = [...output.replace(COLOURS, "").matchAll(SUMMARY)].at(-1);
  if (last !== undefined) {
    const [passed, failed, ignored, ignoredSteps] = last.slice(1).map((text) => Number(text ?? 0));
    counts.passed = passed!;
    counts.failed = failed!;
    counts.skipped = ignored! + ignoredSteps!;
  }
  if (!success && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** The most lines of a group's failures that are told again. */
const TOLD_AGAIN = 60;

/** What `deno test` tells of its failures: it stands far above the last line once other groups ran. */
export function failuresIn(output: string): string {
  const plain = output.replace(COLOURS, "");
  const at = plain.lastIndexOf("\n ERRORS \n");
  if (at < 0) return "";
  const [errors = "", names = ""] = plain.slice(at).split("\n FAILURES \n");
  const told = errors.split("\n");
  const lines = told.length > TOLD_AGAIN ? [...told.slice(0, TOLD_AGAIN), "…"] : told;
  return `${lines.join("\n").trim()}\n\n FAILURES \n\n${names.trim().split("\n\n")[0]}`;
}

/** What a run that was stopped had come to: its lines are counted, as it printed no summary. */
export function countsSoFar(output: string): Counts {
  const ends = [...output.replace(COLOURS, "").matchAll(/ \.\.\. (ok|FAILED|ignored)\b.*$/gm)];
  const count = (end: string) => ends.filter(([, found]) => found === end).length;
  return { passed: count("ok"), failed: count("FAILED"), skipped: count("ignored") };
}

/** What is said of a run that was stopped: by the time limit, or from outside by a signal. */
export function stoppedLine({ passed, failed }: Counts, after = LIMIT_MS, by?: string): string {
  const failures = failed === 0 ? "no test failed" : `${failed} failed`;
  const why = by === undefined
    ? "This machine is too slow or too busy for the whole; give paths to run a part"
    : "What sent it did not wait for the whole; give paths to run a part";
  return `stopped${by === undefined ? "" : ` by ${by}`} after ${duration(after)}, before every ` +
    `test had run: ${passed} had passed, ${failures}. ${why}`;
}

/** The last line. */
export function lastLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** The line before the last one, where tests were skipped for want of a peer. */
export function skippedLine(skipped: number, missing: readonly string[]): string | undefined {
  if (skipped === 0 || missing.length === 0) return undefined;
  const tests = skipped === 1 ? "1 test" : `${skipped} tests`;
  return `skipped ${tests}, as these are not here: ${
    missing.join(", ")
  }; to get them: ${HOW_TO_GET}`;
}

/**
 * Every test must end what it started. Deno checks that by itself before 2.9, and since then only when
 * it is told to. `operations` is for tests that start no programs: what those print is read on while
 * the next test begins.
 */
export function sanitizers(version: string, operations: boolean): string[] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 9)) return [];
  return ["--sanitize-resources", ...(operations ? ["--sanitize-ops"] : [])];
}

/** Tests that start programs: registries, clients, other runtimes. */
const PROGRAMS = [
  // First what takes longest: the rest runs beside it.
  ...["package", "endpoints", "interop", "peers", "server_interop"],
  ...["copy", "disk_registry", "layout_processes"].map((name) => `kill/${name}_test.ts`),
].map((path) => `tests/${path}`);

/** Whether any of these paths has tests that start programs. */
export function startsPrograms(paths: readonly string[]): boolean {
  const plain = paths.map((path) => path.replace(/^\.\//, "").replace(/\/$/, ""));
  return plain.some((path) =>
    ALONE.test(path) ||
    PROGRAMS.some((folder) => path.startsWith(folder) || folder.startsWith(path))
  );
}

/**
 * The most test files that share an isolate. One by one, each would begin an isolate (some 70 ms of
 * processor time) and compile the modules that it tests (as much again). With more to an isolate little
 * is gained, and the last one runs on by itself.
 */
const SHARING = 16;

/**
 * The test files of each isolate, by its name. `deno test` begins one for each module that it is given;
 * what that module imports registers its tests there, and is named where they fail.
 */
export function sharedIsolates(files: readonly string[]): Map<string, string[]> {
  const rooms = Map.groupBy(files, (file) => file.includes("/") ? file.split("/")[0]! : "root");
  // From the last room on: what waits longest is in transport/ and tests/, and the rest runs beside it.
  const isolates = [...rooms].reverse().flatMap(([room, all]) => {
    const count = Math.ceil(all.length / SHARING);
    // Neighbours take alike long, and are dealt out.
    return Array.from({ length: count }, (_, one) => {
      return [`${room}_${one + 1}`, all.filter((_, at) => at % count === one)] as const;
    });
  });
  return new Map(isolates);
}

/** Writes a module for each isolate, which imports its files; their paths. */
async function writeIsolates(folder: string, files: readonly string[]): Promise<string[]> {
  const written = [...sharedIsolates(files)].map(async ([name, theirs]) => {
    const path = `${folder}/${name}_test.ts`;
    const lines = theirs.map((file) => `import "${new URL(`../${file}`, import.meta.url)}";\n`);
    await Deno.writeTextFile(path, lines.join(""));
    return path;
  });
  return await Promise.all(written);
}

/** What searches for secrets stands before each file; Deno has `--preload` since 2.4. */
export function preloads(version: string, args: readonly string[]): string[] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 4)) return [];
  // What measures time and memory is not slowed down.
  if (pathsIn(args).some((path) => ALONE.test(path))) return [];
  return [`--preload=${new URL("secret_watch.ts", import.meta.url).pathname}`];
}

/** A line with a test's title, which its author wrote: "./a_test.ts => title ... ok (1ms)". */
const TITLE = /^\S+_test\.ts => .* \.\.\. (ok|FAILED|ignored)| => \.\/\S+_test\.ts:\d+:\d+$/;

/** How many lines of a run's output show a secret, or tell of one. */
export function secretLines(output: string): number {
  const search = new SecretSearch();
  const shows = (line: string) =>
    line.includes(ALARM) || !TITLE.test(line) && search.in(line).length > 0;
  return output.split("\n").filter(shows).length;
}

/** Runs `deno test`, shows what it prints, and counts; `stopped` where the signal ended it. */
async function denoTest(
  args: string[],
  signal: AbortSignal,
): Promise<Counts & { stopped: boolean; failures: string }> {
  const checks = sanitizers(Deno.version.deno, !startsPrograms(pathsIn(args)));
  const colours = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
  const command = await denoCommand([
    "test",
    "--allow-all",
    "--doc",
    "--no-check",
    ...checks,
    ...preloads(Deno.version.deno, args),
    ...args,
  ], {
    stdin: "null",
    stdout: "piped",
    // A group of its own, so that the registries and clients that its tests started end with it.
    detached: true,
    env: {
      // It writes to a pipe here, whether a terminal is at its end or not.
      ...(colours ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
      // Many files wait: for a program, for a disk, for a server's time limit.
      DENO_JOBS: Deno.env.get("DENO_JOBS") ?? String(2 * navigator.hardwareConcurrency),
    },
  });
  const child = command.spawn();
  const stop = () => killGroup(child);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const decoder = new TextDecoder();
  let output = "";
  for await (const bytes of child.stdout) {
    output += decoder.decode(bytes, { stream: true });
    await Deno.stdout.write(bytes);
  }
  const { success } = await child.status;
  signal.removeEventListener("abort", stop);
  const stopped = signal.aborted;
  const counts = { ...(stopped ? countsSoFar(output) : countsOf(output, success)), stopped };
  const failures = failuresIn(output);
  const lines = secretLines(output);
  if (lines === 0) return { ...counts, failures };
  say(`\nfailed: ${lines} lines above show a secret of a test, or report one that was shown`);
  return { ...counts, failed: counts.failed + 1, failures };
}

/** Ends a program and what it started. */
function killGroup(child: Deno.ChildProcess): void {
  try {
    if (Deno.build.os === "windows") child.kill("SIGKILL");
    else Deno.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
}

/** The signals that ask a run to end: of a time limit around it, of a terminal, of one that closed. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** The arguments that are paths: not options, nor the value of `--filter`. */
export function pathsIn(args: readonly string[]): string[] {
  return args.filter((word, at) => !word.startsWith("-") && args[at - 1] !== "--filter");
}

async function main(...args: string[]): Promise<number> {
  const start = Date.now();
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const groups: string[][] = [];
  await using folder = await tempFolder();
  const paths = pathsIn(args);
  for (const path of paths.filter((each) => /\/|\.(ts|md)$/.test(each) && !/[*?{[]/.test(each))) {
    await Deno.stat(path).catch(() => {
      throw new UsageError(`Cannot test ${path}: there is no such file or folder`);
    });
  }
  if (paths.length > 0) {
    groups.push(["--parallel", ...args]);
  } else {
    const files = (await projectFiles(".")).filter((file) => file.endsWith("_test.ts"));
    const alone = files.filter((file) => ALONE.test(file));
    const shared = files.filter((file) => !startsPrograms([file]));
    groups.push(["--parallel", ...args, ...await writeIsolates(folder.path, shared)]);
    // The documentation. What the configuration excludes is tested all the same once something is
    // ignored here.
    groups.push([
      "--parallel",
      `--ignore=${["npm", "out", ...PROGRAMS, ...files].join(",")}`,
      ...args,
    ]);
    groups.push(["--parallel", ...args, ...PROGRAMS]);
    if (alone.length > 0) groups.push([...args, ...alone]);
  }
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LIMIT_MS);
  for (const signal of SIGNALS) Deno.addSignalListener(signal, () => stop.abort(signal));
  let stopped = false;
  const failures: string[] = [];
  for (const group of groups) {
    const more = await denoTest(group, stop.signal);
    counts.passed += more.passed;
    counts.failed += more.failed;
    counts.skipped += more.skipped;
    failures.push(more.failures);
    stopped = more.stopped;
    if (stopped) break;
  }
  clearTimeout(timer);
  const took = Date.now() - start;
  if (groups.length > 1 && failures.join("") !== "") say(failures.filter(Boolean).join("\n\n"));
  const { reason } = stop.signal;
  const by = typeof reason === "string" ? reason : undefined;
  if (stopped) say(`\n${stoppedLine(counts, took, by)}`);
  else if (took > PROMISED_MS) say(`note: ${duration(took)}, longer than ${duration(PROMISED_MS)}`);
  const missing = PEER_NAMES.filter((name) => peerPath(name) === undefined);
  const line = skippedLine(counts.skipped, missing);
  if (line !== undefined) say(line);
  say(lastLine(counts));
  return stopped || counts.failed > 0 ? 1 : 0;
}

const HELP = `usage: task test [ARGUMENT OF deno test]...

Runs every test beside its file, in tests/ and in the documentation; with paths, those alone:
task test content/ --filter digest. The last line is N passed, N failed.`;

if (import.meta.main) await runProgram(HELP, main);
