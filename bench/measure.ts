import { neededPeer } from "../tests/peers/locate.ts";

export interface Contestant {
  name: string;
  command: string;
  args: string[];
  /** A file or folder that it makes: removed beforehand, so that nobody pays for emptying the last one. */
  makes?: string;
  /** Where its standard output goes; to nowhere when not given. */
  output?: string;
  /** What it reads; nothing when not given. */
  input?: string;
  /** What its environment has beside this program's. */
  env?: Record<string, string>;
  /** Whether it is shown for scale only. */
  floor?: boolean;
}

/** What one run of a command took, as a whole process. */
export interface Run {
  /** From start to end, in seconds. */
  wall: number;
  /** Processor time, in seconds. */
  cpu: number;
  /** The most memory it held, in MB. */
  memory: number;
}

const FORMAT = "%e %U %S %M";

/**
 * Runs a command once. The process is measured by the operating system, through GNU time; the shell
 * only opens the files.
 */
export async function measure(contestant: Contestant): Promise<Run> {
  const { name, command, args, env, output = "/dev/null", input = "/dev/null" } = contestant;
  if (contestant.makes !== undefined) await removeIfThere(contestant.makes);
  const report = await Deno.makeTempFile();
  try {
    const script = 'exec "$@" <"$DAVIT_IN" >"$DAVIT_OUT"';
    const timed = [neededPeer("time"), "-f", FORMAT, "-o", report, command, ...args];
    const started = performance.now();
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", script, "sh", ...timed],
      env: { ...env, DAVIT_IN: input, DAVIT_OUT: output },
      stdout: "null",
      stderr: "piped",
    }).output();
    const wall = (performance.now() - started) / 1000;
    if (!success) throw new Error(`${name} failed: ${new TextDecoder().decode(stderr)}`);
    const numbers = (await Deno.readTextFile(report)).trim().split("\n").at(-1)!.split(" ").map(
      Number,
    );
    const [, user, system, kilobytes] = numbers;
    return { wall, cpu: user! + system!, memory: kilobytes! / 1000 };
  } finally {
    await Deno.remove(report);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The medians of several runs; of memory the most. */
export function summary(runs: readonly Run[]): Run {
  return {
    wall: median(runs.map((run) => run.wall)),
    cpu: median(runs.map((run) => run.cpu)),
    memory: Math.max(...runs.map((run) => run.memory)),
  };
}
