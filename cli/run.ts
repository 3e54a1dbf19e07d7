import { Command, CommanderError } from "commander";
import config from "../deno.json" with { type: "json" };
import { InterruptedError, type Io } from "./io.ts";
import { VERBS } from "./verbs.ts";

/** The exit code of arguments that cannot be used; `exit_codes.ts` has all, and is loaded for errors. */
const USAGE = 2;

/**
 * Runs the command, and answers its exit code: what `EXIT_CODES` says. Nothing is thrown, and nothing
 * of the process is touched but through `io`.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const typed = args[0] === "--" ? args.slice(1) : args; // npx and deno leave it in
  // Of a verb that is none, commander's help says no more than the help without one.
  const noVerb = typed.length > 1 && !VERBS.some(({ name }) => name === typed[1]);
  const given = typed[0] === "help" && noVerb ? typed.slice(1) : typed;
  const said = { out: "", err: "" };
  const program = new Command("davit")
    .description("Copies, lists and inspects images and artifacts in registries, folders and tars.")
    .version(config.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void (said.out += text),
      writeErr: (text) => void (said.err += text),
      getOutHelpWidth: () => io.stdout.columns(),
      getErrHelpWidth: () => io.stderr.columns(),
      outputError: (text, write) => write(usageLine(text, given)),
    });
  for (const { name, summary, load } of VERBS) {
    const command = program.command(name).description(summary);
    if (given.includes(name)) (await load()).default(command, io);
  }
  try {
    const code = await parse(program, given.map(withValue));
    if (said.err !== "") await io.stderr.write(said.err).catch(() => {});
    if (said.out !== "") await io.stdout.write(said.out);
    return code;
  } catch (error) {
    return await failed(error, io, given[0] === "login");
  }
}

async function parse(program: Command, args: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : USAGE;
  }
}

/** Options whose value may be left out: commander would take the next argument for it. */
const DEFAULT_VALUES: Record<string, string> = { "--all-tags": "*" };

function withValue(arg: string): string {
  return Object.hasOwn(DEFAULT_VALUES, arg) ? `${arg}=${DEFAULT_VALUES[arg]}` : arg;
}

/** Commander's words on one line: "error: unknown command 'cpoy'\n(Did you mean copy?)". */
function usageLine(text: string, args: readonly string[]): string {
  const [what = "", ...near] = text.replace(/^error: /, "").trim().split("\n");
  const said = what.replace(/\.+$/, "");
  const suggestion = near.join(" ").replace(/^\(D/, " (d");
  const verb = VERBS.find(({ name }) => args.includes(name));
  return `davit: ${said}${suggestion}. Hint: davit ${verb ? `${verb.name} ` : ""}--help\n`;
}

async function failed(error: unknown, io: Io, loggingIn: boolean): Promise<number> {
  const { EXIT_CODES, outcomeOf } = await import("./exit_codes.ts");
  if (io.signal.aborted) {
    const said = error instanceof InterruptedError ? error.message : "interrupted";
    await io.stderr.write(`davit: ${said}\n`).catch(() => {});
    return EXIT_CODES.interrupted;
  }
  const outcome = outcomeOf(error);
  if (outcome !== "closed") {
    const { complaint } = await import("./complaint.ts");
    await io.stderr.write(`${complaint(error, loggingIn)}\n`).catch(() => {});
  }
  return EXIT_CODES[outcome];
}
