import { builtin, runtimeName } from "./builtin.ts";
import type { Variables } from "./environment.ts";
import { programPath } from "./program_path.ts";
import { LONGEST_TIMER_MS } from "./longest_timer.ts";

/** How a program is run. */
export interface RunOptions {
  /** What it reads on its standard input. */
  input: Uint8Array;
  /** The longest it may take, in milliseconds; then it is killed. */
  timeout: number;
  /** The most it may write to either of its outputs, in bytes; then it is killed. */
  maxBytes: number;
  /** Its environment, in which it is looked for, too. @default {this process's} */
  environment?: Variables;
}

/** How a program ended. */
export type RunOutcome =
  | { ended: "by itself"; code: number | null; stdout: Uint8Array; stderr: Uint8Array }
  | { ended: "not found" | "not started"; cause: unknown }
  | { ended: "timeout" | "too much output" };

interface Options {
  env?: Variables;
  windowsHide: boolean;
}

interface Stream {
  on(event: string, listener: (value: Uint8Array) => void): void;
  end(bytes: Uint8Array): void;
  destroy(): void;
}

interface Child {
  stdin: Stream;
  stdout: Stream;
  stderr: Stream;
  on(event: "error", listener: (error: unknown) => void): void;
  on(event: "close" | "exit", listener: (code: number | null) => void): void;
  kill(signal: string): boolean;
}

/** The part of `node:child_process` that is used here. */
interface Processes {
  spawn(command: string, args: string[], options: Options): Child;
  spawnSync(command: string, args: string[], options: SyncOptions): SyncResult;
}

interface SyncOptions extends Options {
  input?: Uint8Array;
  stdio?: string[];
  timeout: number;
  maxBuffer: number;
  killSignal: string;
}

interface SyncResult {
  error?: { code?: string };
  status?: number | null;
  stdout?: Uint8Array | null;
  stderr?: Uint8Array | null;
}

/** A program that does not listen to a polite signal would be waited for without end. */
const KILL = "SIGKILL";

const NOTHING = new Uint8Array(0);

/** The machine's programs; `undefined` where there are none, in a browser or a worker. */
export function canRunPrograms(): boolean {
  return processes() !== undefined;
}

function processes(): Processes | undefined {
  return builtin<Processes>("child_process");
}

/**
 * Runs a program, without a shell, and waits for its end. It is looked for on the PATH: see
 * {@linkcode programPath}. It never fails: see {@linkcode RunOutcome}.
 */
export function runProgram(
  command: string,
  args: string[],
  { input, timeout, maxBytes, environment: env }: RunOptions,
): Promise<RunOutcome> {
  const path = programPath(command, env);
  if (path === undefined) return Promise.resolve(nowhere(command));
  return new Promise((resolve) => {
    let child: Child;
    try {
      child = processes()!.spawn(path, args, { ...(env && { env }), windowsHide: true });
    } catch (cause) { // Deno, without the permission
      return resolve(notStarted(cause));
    }
    const settle = (outcome: RunOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const stop = (ended: "timeout" | "too much output") => {
      child.on("exit", () => settle({ ended })); // not "close": see below
      child.kill(KILL);
      // What it has started may live on, and hold the other end of the pipes.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    };
    const timer = setTimeout(() => stop("timeout"), timerOf(timeout));
    const gather = (stream: Stream) => {
      const pieces: Uint8Array[] = [];
      let size = 0;
      stream.on("data", (piece) => {
        size += piece.byteLength;
        if (size > maxBytes) return stop("too much output");
        pieces.push(piece);
      });
      return () => joined(pieces, size);
    };
    child.on("error", (cause) => settle(notStarted(cause)));
    if (child.stdout === undefined || child.stdout === null) return;
    const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)];
    child.on("close", (code) => {
      settle({ ended: "by itself", code, stdout: stdout(), stderr: stderr() });
    });
    child.stdin.on("error", () => {}); // it ended without reading all: its exit code says why
    child.stdin.end(input);
  });
}

/**
 * {@linkcode runProgram} for callers that cannot wait: nothing else runs until the program ends.
 * Deno looks at how much it wrote when it has ended, so that only the time limit stops it before;
 * and there the environment comes on top of this process's own, not in its place.
 */
export function runProgramSync(
  command: string,
  args: string[],
  { input, timeout, maxBytes, environment: env }: RunOptions,
): RunOutcome {
  const path = programPath(command, env);
  if (path === undefined) return nowhere(command);
  const onDeno = runtimeName() === "deno";
  const options = {
    ...(env && { env }),
    ...{ timeout: timerOf(timeout), killSignal: KILL, windowsHide: true },
    maxBuffer: maxBytes,
  };
  let result: SyncResult;
  try {
    result = processes()!.spawnSync(path, args, { ...options, input });
    // So Deno says that a program ended before it had its input: then it does without.
    if (onDeno && result.status === undefined && result.error === undefined) {
      result = processes()!.spawnSync(path, args, {
        ...options,
        stdio: ["ignore", "pipe", "pipe"],
      });
    }
  } catch (cause) {
    return notStarted(cause);
  }
  const { error, status = null, stdout, stderr } = result;
  if (error?.code === "ETIMEDOUT") return { ended: "timeout" };
  if (error?.code === "ENOBUFS") return { ended: "too much output" };
  // EPIPE: it ended without reading all of its input.
  if (error !== undefined && error.code !== "EPIPE") return notStarted(error);
  const [out, err] = [stdout ?? NOTHING, stderr ?? NOTHING];
  if (Math.max(out.byteLength, err.byteLength) > maxBytes) return { ended: "too much output" };
  return { ended: "by itself", code: status, stdout: out, stderr: err };
}

/** A time limit as timers take it, and `spawnSync`, which wants a whole number. */
function timerOf(timeout: number): number {
  return Math.min(Math.ceil(timeout), LONGEST_TIMER_MS);
}

function nowhere(command: string): RunOutcome {
  return { ended: "not found", cause: new Error(`${command} is nowhere on the PATH`) };
}

function notStarted(cause: unknown): RunOutcome {
  const missing = (cause as { code?: string } | undefined)?.code === "ENOENT";
  return { ended: missing ? "not found" : "not started", cause };
}

function joined(pieces: Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
