/**
 * A server that cannot outlive the test that started it: it runs under a shell that kills it when
 * its standard input closes, which the system does however this process ends.
 */

// The reader of the pipe is killed when the server ends by itself, so that it kills nobody later.
const SUPERVISE = `
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
{ cat <&3; kill -9 $server; } >/dev/null 2>&1 &
reader=$!
exec 3<&-
wait $server
status=$?
kill $reader 2>/dev/null
exit $status
`;

/** A running server and what it has said so far. */
export interface Child {
  /** Everything on standard output and standard error so far. */
  log(): string;
  /** Whether it has ended. */
  ended(): boolean;
  /** The most memory that the server has held so far, in MB; on Linux. */
  peakMemory(): Promise<number>;
  /** Waits until the log matches; fails when it ends before, or after the time given in milliseconds. */
  said(pattern: RegExp, limit: number): Promise<RegExpMatchArray>;
  /** Ends it, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Starts a server. */
export function startChild(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Child {
  const process = new Deno.Command("sh", {
    args: ["-c", SUPERVISE, "supervise", command, ...args],
    ...options,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      log += text;
      tell();
    }
  };
  const reading = [read(process.stdout), read(process.stderr)];
  const over = process.status.then(() => {
    ended = true;
    tell();
  });
  let killing: Promise<void> | undefined;
  const kill = async () => {
    await process.stdin.close().catch(() => {});
    await over;
    await Promise.all(reading);
  };
  return {
    log: () => log,
    ended: () => ended,
    kill: () => killing ??= kill(),
    async peakMemory() {
      const shell = process.pid;
      const children = await Deno.readTextFile(`/proc/${shell}/task/${shell}/children`);
      const status = await Deno.readTextFile(`/proc/${children.split(" ")[0]}/status`);
      return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) / 1000;
    },
    async said(pattern, limit) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => late.reject(new Error(`not within ${limit} ms`)), limit);
      try {
        for (;;) {
          const match = log.match(pattern);
          if (match !== null) return match;
          if (ended) throw new Error("it ended");
          await Promise.race([changed.promise, late.promise]);
        }
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
