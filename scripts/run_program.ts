/**
 * How every task and example ends: with an exit code, and where something is wrong with a line or
 * two in plain words instead of a stack trace.
 */
import { complain, say } from "./say.ts";

/** Arguments that cannot be used: the message says why, the exit code is 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * Runs a program and ends the process. `--help` prints the help; without the arguments that its first
 * line names in capitals, as in `usage: list_tags REPOSITORY [LIMIT]`, that line is printed.
 *
 * @param main Gets the arguments; what it answers is the exit code, 0 where that is nothing.
 */
export async function runProgram(
  help: string,
  main: (...args: string[]) => Promise<number | void> | number | void,
): Promise<never> {
  const end = (error: unknown): never => {
    complain(plainly(error));
    return Deno.exit(error instanceof UsageError ? 2 : 1);
  };
  // What nobody waits for ends the program too: a listener that may not listen is such a one.
  addEventListener("error", (event) => {
    event.preventDefault();
    end(event.error);
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end(event.reason);
  });
  const args = Deno.args.filter((each) => each !== "--"); // npx and deno leave it in
  if (args.some((each) => each === "--help" || each === "-h")) {
    say(help.trim());
    return Deno.exit(0);
  }
  const [usage = ""] = help.split("\n");
  const needed = usage.replace(/\[.*?\]/g, "").match(/(?<= )[A-Z]+(?:\/[A-Z]+)*(?= |$)/g) ?? [];
  try {
    if (args.length < needed.length) throw new UsageError(usage);
    return Deno.exit(await main(...args) ?? 0);
  } catch (error) {
    return end(error);
  }
}

/** Errors whose message says everything. */
const UNNAMED = ["Error", "InvalidOptionError", "NotCapable", "NotFound", "UsageError"];

/** An error as a person reads it. */
export function plainly(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, code } = error as Error & { code?: string };
  // Deno's own and those of `node:fs`; both end with the file's name.
  const [, file] = /'([^']*)'$/.exec(message) ?? [];
  if (code === "ENOENT" && file !== undefined && !message.startsWith("Cannot ")) {
    return `Cannot open ${file}: there is no such file or folder`;
  }
  return UNNAMED.includes(name) ? message : `${name}: ${message}`;
}
