/** Whether the package that was built holds together, before anybody installs it. */
import { ESM, type Manifest, SCRIPT } from "./manifest.ts";
import { packageName } from "./source_graph.ts";

/** How code and declarations name another module, in the compilers' own output. */
const SPECIFIERS = /\b(?:from |import |import\(|require\()"([^"\n]+)"/g;

/** Names that declarations may not mention: TypeScript has them only with the runtime's own types. */
const RUNTIME_TYPES =
  /\b(?:Deno|NodeJS|Buffer|AsyncDisposable|Disposable)\b|Symbol\.(?:asyncD|d)ispose|<reference types/;

/** `import("x")`, and what TypeScript, and so dnt, makes of it in CommonJS. */
const LATER =
  /\bimport\("([^"\n]+)"\)|Promise\.resolve\(\)\.then\(\(\) => (?:\w+\()?require\("([^"\n]+)"\)/g;

/** The modules that code imports when it is loaded, and those that it imports when it needs them. */
export function importsOf(code: string): { atOnce: string[]; later: string[] } {
  const later = [...code.matchAll(LATER)].map(([, esm, script]) => esm ?? script!);
  const rest = code.replace(LATER, "");
  return { atOnce: [...rest.matchAll(SPECIFIERS)].map(([, specifier]) => specifier!), later };
}

/** A text without its comments: examples in them import what they like. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/(?!\/).*$/gm, "");
}

/** The files below a folder, by their paths within it. */
export async function filesBelow(folder: string, inside = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${inside}`)) {
    const path = inside + name;
    if (isDirectory) found.push(...await filesBelow(folder, `${path}/`));
    else found.push(path);
  }
  return found.sort();
}

/** What is wrong with a package's folder, a line each; empty when nothing is. */
export async function packageFaults(folder: string, manifest: Manifest): Promise<string[]> {
  const files = new Set(await filesBelow(folder));
  const faults: string[] = [];
  for (const [name, targets] of Object.entries(manifest.exports)) {
    for (const { types, node, default: code } of [targets.import, targets.require]) {
      for (const path of [types, code, node ?? code]) {
        if (!files.has(path.slice(2))) faults.push(`${name}: there is no ${path}`);
      }
    }
  }
  for (const file of files) {
    if (!/\.(?:js|d\.ts)$/.test(file)) continue;
    if (!file.startsWith(`${ESM}/`) && !file.startsWith(`${SCRIPT}/`)) continue;
    const text = await Deno.readTextFile(`${folder}/${file}`);
    faults.push(...faultsOf(file, withoutComments(text), files, manifest.dependencies));
  }
  return faults;
}

function faultsOf(
  file: string,
  code: string,
  files: ReadonlySet<string>,
  dependencies: Record<string, string>,
): string[] {
  const types = file.endsWith(".d.ts");
  const faults: string[] = [];
  for (const [, specifier = ""] of code.matchAll(SPECIFIERS)) {
    if (/^\.{1,2}\//.test(specifier)) {
      const path = new URL(specifier, `file:///${file}`).pathname.slice(1);
      const needed = types ? path.replace(/\.js$/, ".d.ts") : path;
      if (!files.has(needed)) faults.push(`${file}: there is no ${specifier}`);
    } else if (types) {
      // In CommonJS, TypeScript before 5.8 refuses the types of a package that is ES modules alone.
      faults.push(`${file}: declarations may not need ${specifier}`);
    } else if (!(packageName(specifier) in dependencies)) {
      faults.push(`${file}: ${specifier} is not among the dependencies`);
    }
  }
  const named = types ? RUNTIME_TYPES.exec(code)?.[0] : undefined;
  if (named !== undefined) faults.push(`${file}: declarations may not mention ${named}`);
  return faults;
}
