import process from "node:process";
import { Readable } from "node:stream";
import { isatty } from "node:tty";
import { InterruptedError, type Io, type Output, OutputClosedError } from "./io.ts";

/** How wide an output is taken to be that is no terminal: nothing is cut then. */
const NO_TERMINAL = { columns: 100, rows: 24 };

/**
 * A signal that comes this soon after another is the same one: a terminal sends it to every process
 * of its group, and the task that started this one hands its own on. In milliseconds.
 */
const SAME_SIGNAL_MS = 500;

/** This process's own input, output, environment and signals. */
export function machineIo(): Io {
  return {
    stdout: output(process.stdout, "standard output"),
    stderr: output(process.stderr, "standard error"),
    stdinIsTerminal: isatty(0),
    stdin: () => Readable.toWeb(process.stdin) as ReadableStream<Uint8Array<ArrayBuffer>>,
    env: process.env,
    signal: interruption(),
  };
}

function output(stream: typeof process.stdout | typeof process.stderr, name: string): Output {
  stream.on("error", () => {}); // a write says it; unheard, it would end the process with a trace
  let failure: Error | undefined;
  return {
    write: (data) =>
      new Promise<void>((resolve, reject) => {
        // Deno says nothing more of a stream that has failed: what is written then would wait for ever.
        if (failure !== undefined) throw failure;
        stream.write(data, (error) => error == null ? resolve() : reject(error));
      }).catch((cause) => {
        failure ??= closed(cause)
          ? new OutputClosedError(`${name} was closed`)
          : new Error(`Cannot write to ${name}: ${cause.message}`, { cause });
        throw failure;
      }),
    isTerminal: stream.isTTY === true,
    columns: () => stream.columns || NO_TERMINAL.columns,
    rows: () => stream.rows || NO_TERMINAL.rows,
  };
}

function closed(error: Error & { code?: string }): boolean {
  return ["EPIPE", "ERR_STREAM_DESTROYED", "ECONNRESET"].includes(error.code ?? "");
}

/** Aborted by the first signal, so that what runs cleans up; the second one ends the process. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = () => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      controller.abort(new InterruptedError("interrupted"));
    } else if (now - first > SAME_SIGNAL_MS) process.exit(130);
  };
  process.on("SIGINT", interrupt);
  // Windows knows neither: it would say so, or end the process before anything is cleaned up.
  if (process.platform !== "win32") {
    for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, interrupt);
  }
  return controller.signal;
}
