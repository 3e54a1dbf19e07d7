/** Where the command writes to. */
export interface Output {
  /** Writes text or bytes; resolves when they are on their way. */
  write(data: string | Uint8Array): Promise<void>;
  /** Whether it is a terminal: what moves is shown on one only. */
  readonly isTerminal: boolean;
  /** The terminal's width in characters, as it is now. */
  columns(): number;
  /** The terminal's height in lines, as it is now. */
  rows(): number;
}

/** What the command sees of the machine; tests give their own. */
export interface Io {
  /** Takes the result alone. */
  readonly stdout: Output;
  /** Takes progress, notices and errors. */
  readonly stderr: Output;
  /** Whether standard input is a terminal. */
  readonly stdinIsTerminal: boolean;
  /** Standard input. */
  stdin(): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the command is interrupted. */
  readonly signal: AbortSignal;
}

/** Whoever read standard output has gone: `davit ls … | head`. */
export class OutputClosedError extends Error {
  /** The class's name. */
  override name = "OutputClosedError";
}

/** The command was interrupted; the message says what that means for the next run. */
export class InterruptedError extends Error {
  /** The class's name. */
  override name = "InterruptedError";
}

/** A line of the result, or the result as JSON where that is asked for. */
export async function writeResult(
  io: Io,
  { json = false }: { json?: boolean | undefined },
  value: unknown,
  lines: readonly string[],
): Promise<void> {
  const text = json ? JSON.stringify(value, undefined, 2) : lines.join("\n");
  if (text !== "") await io.stdout.write(`${text}\n`);
}
