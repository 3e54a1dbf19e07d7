/** Which files the entry points reach, and what they import from elsewhere: what Deno itself says. */
import { denoCommand } from "../deno.ts";
import { ROOT, ROOT_URL } from "./project.ts";

/** A file of the standard library, as npm has it. */
interface StandardModule {
  /** The specifier in the sources: `"@std/encoding/hex"`. */
  specifier: string;
  /** The npm package with its version: `"deno-std@1.4.0"`. */
  npmPackage: string;
  /** The specifier of the code, without the version: `"deno-std/encoding/hex.js"`. */
  code: string;
  /** The path of the declarations. */
  types: string;
}

/** The files of the package, and what they need. */
export interface SourceGraph {
  /** The files, from the project's folder, each with the specifiers it imports. */
  files: Map<string, string[]>;
  /** The modules of the standard library, by their specifiers. */
  standard: Map<string, StandardModule>;
  /** The names of the npm packages that the code imports. */
  packages: string[];
}

interface Resolved {
  specifier?: string;
  error?: string;
}

interface Dependency {
  specifier: string;
  code?: Resolved;
  type?: Resolved;
}

interface Module {
  specifier: string;
  dependencies?: Dependency[];
  error?: string;
}

/** The graph of entry points, given by their files. */
export async function sourceGraph(entries: readonly string[], work: string): Promise<SourceGraph> {
  const file = `${work}/entries.ts`; // `deno info` takes one file
  const imports = entries.map((entry) => `import ${JSON.stringify(ROOT_URL + entry)};\n`);
  await Deno.writeTextFile(file, imports.join(""));
  const command = await denoCommand(["info", "--json", file], { cwd: ROOT, stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot read the sources' imports: ${decoder.decode(stderr)}`);
  const { modules } = JSON.parse(decoder.decode(stdout)) as { modules: Module[] };
  return graphOf(modules, ROOT_URL);
}

/** The graph that `deno info --json` tells of, for the project at a URL with a slash at its end. */
export function graphOf(modules: readonly Module[], root: string): SourceGraph {
  const files = new Map<string, string[]>();
  const standard = new Map<string, StandardModule>();
  const packages = new Set<string>();
  const known = new Map(modules.map((module) => [module.specifier, module]));
  for (const { specifier: url, dependencies = [], error } of modules) {
    if (error !== undefined) throw new Error(`Cannot read ${url}: ${error}`);
    const file = url.slice(root.length);
    if (!url.startsWith(root) || file.startsWith("scripts/")) continue;
    files.set(file, dependencies.map(({ specifier }) => specifier));
    for (const { specifier, code, type } of dependencies) {
      const failed = code?.error ?? type?.error;
      if (failed !== undefined) throw new Error(`Cannot read ${file}: ${failed}`);
      const target = code?.specifier;
      if (specifier.startsWith("@std/")) {
        standard.set(specifier, standardModule(specifier, known.get(target ?? type!.specifier!)));
      } else if (target?.startsWith("npm:")) {
        packages.add(packageName(target.replace(/^npm:\/?/, "")));
      }
    }
  }
  return { files, standard, packages: [...packages].sort() };
}

/** The two halves of a file that stands for a module of the standard library where there is no JSR. */
function standardModule(specifier: string, module: Module | undefined): StandardModule {
  const dependency = module?.dependencies?.[0];
  const [, npmPackage, path] = /^npm:\/?([^/]+)(\/.+)$/.exec(dependency?.code?.specifier ?? "") ??
    [];
  const types = dependency?.type?.specifier;
  if (npmPackage === undefined || types === undefined) {
    throw new Error(`Cannot find ${specifier} on npm: scripts/npm_std/import_map.json lacks it`);
  }
  return {
    specifier,
    npmPackage,
    code: packageName(npmPackage) + path,
    types: decodeURIComponent(new URL(types).pathname),
  };
}

/** `"@noble/hashes@2.4.0/sha2.js"` → `"@noble/hashes"`. */
export function packageName(specifier: string): string {
  return /^(?:@[^/]+\/)?[^@/]+/.exec(specifier)?.[0] ?? specifier;
}
