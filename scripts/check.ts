/**
 * `deno task check`: types of everything, examples in the documentation too, types of what the package exports with a browser's
 * library alone, the documentation of every export, and whether the package could be published.
 * One line for each check; a check that fails prints what the tool said.
 */
import { denoArguments, denoCommand, stdSource } from "./deno.ts";
import { ROOT } from "./npm_package/project.ts";
import { complain, duration, say } from "./say.ts";
import { projectFiles } from "./project_files.ts";
import { tempFolder } from "./temp_folder.ts";

/** What a browser and Deno have in common: no `Deno.`, no `process`, no `node:`. */
const BROWSER_LIBRARIES = ["ESNext", "DOM", "DOM.Iterable", "DOM.AsyncIterable"];

/** An export that runs as a program, and so may need a machine. */
const NOT_FOR_BROWSERS = ["./cli"];

/** What a tool said, and whether it was content. */
interface Outcome {
  success: boolean;
  output: string;
}

interface Configuration {
  exports: Record<string, string>;
  imports: Record<string, string>;
  compilerOptions: Record<string, unknown>;
}

async function output(command: Deno.Command): Promise<Outcome> {
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stderr) + decoder.decode(stdout) };
}

async function deno(args: string[]): Promise<Outcome> {
  return await output(await denoCommand(args, { cwd: ROOT, env: { NO_COLOR: "1" } }));
}

interface Graph {
  modules: {
    specifier: string;
    dependencies?: {
      specifier: string;
      code?: { specifier?: string; span: { start: { line: number } } };
    }[];
  }[];
}

/** The imports of `node:` in a file's graph, which Deno's check takes for granted; types are none. */
async function builtIns(file: string, config: string): Promise<string[]> {
  const { source } = await stdSource();
  const args = denoArguments(["info", "--json", "--config", config, file], source);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  if (!success) return [new TextDecoder().decode(stderr)];
  const { modules }: Graph = JSON.parse(new TextDecoder().decode(stdout));
  return modules.flatMap(({ specifier: module, dependencies = [] }) =>
    dependencies.flatMap(({ specifier, code }) =>
      code?.specifier?.startsWith("node:")
        ? `${module}:${code.span.start.line + 1}: a browser has no ${specifier}`
        : []
    )
  );
}

/** Runs `deno check` with the DOM library alone over files, given by their paths. */
export async function browserCheck(files: string[]): Promise<Outcome> {
  const { imports, compilerOptions } = await configuration();
  await using folder = await tempFolder();
  const config = `${folder.path}/deno.json`;
  await Deno.writeTextFile(
    config,
    JSON.stringify({ imports, compilerOptions: { ...compilerOptions, lib: BROWSER_LIBRARIES } }),
  );
  const types = await deno(["check", "--config", config, ...files]);
  const built = (await Promise.all(files.map((file) => builtIns(file, config)))).flat();
  if (built.length === 0) return types;
  return { success: false, output: `${types.output}\n${[...new Set(built)].join("\n")}` };
}

async function configuration(): Promise<Configuration> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
}

/** The imports of deno.json as npm has them: the second map, without its hand-written types. */
async function npmImports(): Promise<Record<string, string>> {
  const folder = `${ROOT}/scripts/npm_std`;
  const { imports } = JSON.parse(await Deno.readTextFile(`${folder}/import_map.json`));
  const found: Record<string, string> = {};
  for (const [name, target] of Object.entries<string>(imports)) {
    if (!target.startsWith("./")) {
      found[name] = target;
      continue;
    }
    const [, specifier] = (await Deno.readTextFile(`${folder}/${target}`)).match(/"(npm:[^"]+)"/) ??
      [];
    if (specifier === undefined) {
      throw new Error(`Cannot read ${target}: it imports nothing of npm`);
    }
    found[name] = specifier;
  }
  return found;
}

/**
 * Runs `deno publish --dry-run` over a copy: publishing ignores `--import-map`, so where JSR cannot
 * be reached the copy's deno.json names npm's packages instead. Those have no types, which the
 * check of everything has looked at already.
 */
async function publishCheck(files: string[]): Promise<Outcome> {
  const { source } = await stdSource();
  await using temp = await tempFolder();
  const folder = temp.path;
  for (const file of files) {
    const slash = file.lastIndexOf("/");
    if (slash > 0) await Deno.mkdir(`${folder}/${file.slice(0, slash)}`, { recursive: true });
    await Deno.copyFile(`${ROOT}/${file}`, `${folder}/${file}`);
  }
  const config = await configuration();
  const imports = source === "npm" ? await npmImports() : config.imports;
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    JSON.stringify({ ...config, imports }),
  );
  const unchecked = source === "npm" ? ["--no-check"] : [];
  return await output(
    new Deno.Command(Deno.execPath(), {
      args: ["publish", "--dry-run", "--allow-dirty", ...unchecked],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }),
  );
}

/** Runs a check, prints its line, and answers whether it was content. */
async function step(name: string, check: () => Promise<Outcome>): Promise<boolean> {
  const start = performance.now();
  const { success, output } = await check();
  const took = duration(performance.now() - start);
  if (success) say(`ok      ${name} (${took})`);
  else complain(`${output.trimEnd()}\nFAILED  ${name} (${took})`);
  return success;
}

async function main(): Promise<boolean> {
  const files = await projectFiles(ROOT);
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
  const pages = files.filter((file) => file.endsWith(".md"));
  const { exports } = await configuration();
  const entries = Object.values(exports);
  const browserSafe = Object.entries(exports).filter(([name]) => !NOT_FOR_BROWSERS.includes(name))
    .map(([, path]) => path);

  const results = [
    await step(
      `types of ${sources.length} files and of their examples`,
      () => deno(["check", "--doc", ...sources, ...pages]),
    ),
    await step(
      `types of ${browserSafe.length} entry points with the browser's library`,
      () => browserCheck(browserSafe.map((path) => `${ROOT}/${path}`)),
    ),
    await step(
      `documentation of ${entries.length} entry points`,
      () => deno(["doc", "--lint", ...entries]),
    ),
    await step("publish --dry-run", () => publishCheck(files)),
  ];
  return results.every((result) => result);
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
