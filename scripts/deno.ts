/**
 * Runs `deno` with the arguments given, taking the standard library from JSR, or from npm where JSR
 * cannot be reached. The only place in the project that knows of the difference.
 *
 * `DAVIT_STD=jsr` or `DAVIT_STD=npm` forces one; otherwise JSR is asked, for at most two seconds.
 *
 * The lock of npm's packages is never written by the way: `deno task deno check --frozen=false mod.ts`
 * updates it on purpose.
 */

type StdSource = "jsr" | "npm";

const PROBE_TIMEOUT_MS = 2_000;
/** A small module: whether it can be imported is the question. */
const PROBE = "jsr:@std/assert@^1.0.16/assertion-error";
const NPM_MAP = new URL("./npm_std/import_map.json", import.meta.url);
const CONFIG = new URL("../deno.json", import.meta.url);
const NPM_LOCK = new URL("./npm_std/deno.lock", import.meta.url);

/** The subcommands that resolve imports, and so take `--import-map`, `--lock` and `--config`. */
const RESOLVING = [
  "bench",
  "cache",
  "check",
  "doc",
  "eval",
  "info",
  "install",
  "run",
  "serve",
  "test",
];

/** Which source this machine can use, and why. */
export async function stdSource(): Promise<{ source: StdSource; reason: string }> {
  const forced = Deno.env.get("DAVIT_STD");
  if (forced === "jsr" || forced === "npm") {
    return { source: forced, reason: `DAVIT_STD=${forced}` };
  }
  if (forced !== undefined && forced !== "") {
    throw new Error(`DAVIT_STD must be "jsr" or "npm": current value is "${forced}"`);
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("JSR does not answer"), PROBE_TIMEOUT_MS);
  });
  // Not a literal, which would be looked up before this module runs.
  const probe = import(PROBE).then(() => undefined, () => "JSR cannot be reached");
  const problem = await Promise.race([probe, timeout]);
  clearTimeout(timer);
  return problem === undefined
    ? { source: "jsr", reason: "JSR answers" }
    : { source: "npm", reason: problem };
}

/** The arguments for `deno`, with those that choose the source put after the subcommand: the caller's own come last, and win. */
export function denoArguments(args: readonly string[], source: StdSource): string[] {
  const [command, ...rest] = args;
  if (command === undefined) return [];
  if (source === "jsr" || !RESOLVING.includes(command)) return [...args];
  const path = (url: URL) => decodeURIComponent(url.pathname);
  // The lock also lists what the configuration imports: with another one it would be out of date.
  const configured = rest.some((word) => /^(?:-c|--config|--no-config)(?:=|$)/.test(word));
  return [
    command,
    ...["--import-map", path(NPM_MAP), "--lock", path(NPM_LOCK), "--frozen"],
    ...(configured ? [] : ["--config", path(CONFIG)]),
    ...rest,
  ];
}

/** A `deno` command as the project's tasks run it, for scripts and tests that start another one. */
export async function denoCommand(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<Deno.Command> {
  const { source } = await stdSource();
  return new Deno.Command(Deno.execPath(), {
    ...options,
    args: denoArguments(args, source),
    env: { ...options.env, DAVIT_STD: source },
  });
}

if (import.meta.main) {
  const { source, reason } = await stdSource();
  if (!Deno.env.has("DAVIT_STD")) {
    const from = source === "jsr" ? "JSR" : "npm";
    await Deno.stderr.write(
      new TextEncoder().encode(`the standard library comes from ${from} (${reason})\n`),
    );
  }
  const child = (await denoCommand(Deno.args)).spawn();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch { /* it has ended already */ }
    });
  }
  Deno.exit((await child.status).code);
}
