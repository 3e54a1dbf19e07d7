import { InterruptedError, type Io, type Output } from "./io.ts";
import { run } from "./run.ts";

/** An output that keeps what is written to it. */
export class FakeOutput implements Output {
  text = "";
  readonly pieces: string[] = [];
  readonly isTerminal: boolean;
  width: number;
  height = 24;

  constructor(width?: number) {
    this.isTerminal = width !== undefined;
    this.width = width ?? 100;
  }

  write(data: string | Uint8Array): Promise<void> {
    const text = typeof data === "string" ? data : new TextDecoder("latin1").decode(data);
    this.text += text;
    this.pieces.push(text);
    return Promise.resolve();
  }

  columns(): number {
    return this.width;
  }

  rows(): number {
    return this.height;
  }
}

/** What a run is given beside its arguments. */
export interface FakeInput {
  stdin?: string | Uint8Array<ArrayBuffer>;
  stdinIsTerminal?: boolean;
  env?: Record<string, string>;
  /** The width of the terminal that both outputs are; without it they are pipes. */
  columns?: number;
  signal?: AbortSignal;
  stdout?: Output;
}

/** What came of a run. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** A machine that is made up: no real credentials, no real terminal. */
export function fakeIo(input: FakeInput = {}): { io: Io; stdout: FakeOutput; stderr: FakeOutput } {
  const stdout = new FakeOutput(input.columns);
  const stderr = new FakeOutput(input.columns);
  const io: Io = {
    stdout: input.stdout ?? stdout,
    stderr,
    stdinIsTerminal: input.stdinIsTerminal ?? false,
    stdin: () => new Blob([input.stdin ?? ""]).stream(),
    env: input.env ?? {},
    signal: input.signal ?? new AbortController().signal,
  };
  return { io, stdout, stderr };
}

/** Runs the command with {@linkcode fakeIo}. */
export async function fakeRun(args: string[], input: FakeInput = {}): Promise<Ran> {
  const { io, stdout, stderr } = fakeIo(input);
  const code = await run(args, io);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A signal as that of the machine is when it is interrupted. */
export function interrupter(): { signal: AbortSignal; interrupt: () => void } {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    interrupt: () => controller.abort(new InterruptedError("interrupted")),
  };
}
