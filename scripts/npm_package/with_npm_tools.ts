/**
 * The package as dnt makes it, where JSR cannot be reached: esbuild makes the code, a file each, in
 * both formats, so that a class is the same whichever entry point it comes from; the TypeScript
 * compiler makes the declarations.
 */
import { ESM, jsonText, SCRIPT } from "./manifest.ts";
import { npmRange, type Project, ROOT } from "./project.ts";
import { esbuild, npmInstall, runInstalled, write } from "./run.ts";
import { tempFolder } from "../temp_folder.ts";
import { type SourceGraph, sourceGraph } from "./source_graph.ts";

/** The npm packages that build; kept in step by hand, as nothing else of the project uses them. */
export const TOOLS = { esbuild: "0.28.2", typescript: "7.0.2" } as const;

/** What `package.json` promises of Node, as esbuild says it. */
export const NODE_TARGET = "node20.19";

/**
 * What Node 20 has: something newer, `Promise.withResolvers` for one, fails to compile. TypeScript
 * cannot tell for the web's own interfaces.
 */
const LIBRARIES = ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"];

/** The lines that say whose a file of the standard library is. */
const COPYRIGHT = /^\/\/ (?:Copyright|https:\S+LICENSE).*$/gm;

/** Where the standard library's modules lie in the package, beside the project's own. */
const STANDARD = "deps/std";

/** Builds code and declarations into a folder, and answers the dependencies. */
export async function buildWithNpmTools(
  project: Project,
  folder: string,
): Promise<Record<string, string>> {
  await using temp = await tempFolder();
  const work = temp.path;
  const graph = await sourceGraph(project.entryPoints.map(({ file }) => file), work);
  const dependencies = Object.fromEntries(
    graph.packages.map((name) => [name, npmRange(project.imports, name)]),
  );
  const packages = [
    ...Object.entries({ ...TOOLS, ...dependencies }).map((pair) => pair.join("@")),
    ...new Set([...graph.standard.values()].map(({ npmPackage }) => npmPackage)),
  ];
  await Promise.all([npmInstall(work, packages), copySources(graph, `${work}/src`)]);
  await bundleStandard(graph, work);
  await Promise.all([
    transform(graph, work, folder, ESM),
    transform(graph, work, folder, SCRIPT),
    declare(graph, work, folder),
  ]);
  return dependencies;
}

/** `"@std/encoding/hex"` → `"deps/std/encoding/hex.js"`. */
function standardFile(specifier: string): string {
  return `${STANDARD}/${specifier.replace(/^@std\//, "")}.js`;
}

/**
 * The specifier under which a file of the package finds another module: relative ones name what
 * `.ts` becomes, the standard library's name the copy in the package, npm's stay.
 */
export function packageSpecifier(file: string, specifier: string): string {
  if (/^\.{1,2}\//.test(specifier)) return specifier.replace(/\.ts$/, ".js");
  if (!specifier.startsWith("@std/")) return specifier;
  const up = "../".repeat(file.split("/").length - 1) || "./";
  return up + standardFile(specifier);
}

/** Copies the sources, with the specifiers that the package has. */
async function copySources({ files }: SourceGraph, folder: string): Promise<void> {
  await write(`${folder}/package.json`, jsonText({ type: "module" }));
  for (const [file, specifiers] of files) {
    let text = await Deno.readTextFile(`${ROOT}/${file}`);
    for (const specifier of specifiers) {
      // Deno has read the file and says that it imports this: no other text of it looks the same.
      text = text.replaceAll(`"${specifier}"`, `"${packageSpecifier(file, specifier)}"`);
    }
    await write(`${folder}/${file}`, text);
  }
}

/**
 * Puts the parts of the standard library that the sources use beside them, each as one file, under
 * the names of those who wrote it and with its license, which is the project's own: MIT.
 */
async function bundleStandard({ standard }: SourceGraph, work: string): Promise<void> {
  for (const { specifier, code, types } of standard.values()) {
    const file = `${work}/src/${standardFile(specifier)}`;
    const metafile = `${work}/standard.json`;
    await esbuild(work, [
      `${work}/node_modules/${code}`,
      ...["--bundle", "--format=esm", "--platform=neutral", `--metafile=${metafile}`],
      `--outfile=${file}`,
    ]);
    const { inputs } = JSON.parse(await Deno.readTextFile(metafile)) as { inputs: object };
    const notices = new Set<string>();
    for (const input of Object.keys(inputs)) {
      const text = await Deno.readTextFile(`${work}/${input}`);
      for (const [line] of text.matchAll(COPYRIGHT)) notices.add(line);
    }
    // esbuild keeps comments that begin so.
    const banner = [...notices].map((line) => line.replace("//", "//!")).join("\n");
    await write(file, `${banner}\n${await Deno.readTextFile(file)}`);
    await Deno.copyFile(types, file.replace(/\.js$/, ".d.ts"));
  }
}

/** Makes the code of one format, a file each. */
async function transform(
  { files, standard }: SourceGraph,
  work: string,
  folder: string,
  format: string,
): Promise<void> {
  const sources = [...files.keys(), ...[...standard.keys()].map(standardFile)];
  await esbuild(work, [
    ...sources.map((file) => `${work}/src/${file}`),
    ...[`--outbase=${work}/src`, `--outdir=${folder}/${format}`, `--target=${NODE_TARGET}`],
    ...["--sourcemap=linked", "--sources-content=false"],
    // In CommonJS, "node" lists the exports where Node's own reader of CommonJS finds them, and
    // keeps `import()`: it is how an ES module is loaded when it is asked for.
    ...(format === ESM
      ? ["--format=esm", "--platform=neutral"]
      : ["--format=cjs", "--platform=node"]),
  ]);
}

/** Makes the declarations, which are the same in both formats: `package.json` says what they are. */
async function declare({ files }: SourceGraph, work: string, folder: string): Promise<void> {
  const compilerOptions = {
    ...{ target: "ES2023", lib: LIBRARIES, types: [], module: "NodeNext" },
    ...{ strict: true, noUncheckedIndexedAccess: true, noImplicitOverride: true },
    ...{ skipLibCheck: true, noEmitOnError: true, newLine: "lf" },
    ...{ declaration: true, emitDeclarationOnly: true, rootDir: "src", outDir: "types" },
  };
  await write(
    `${work}/tsconfig.json`,
    jsonText({ compilerOptions, files: [...files.keys()].map((file) => `src/${file}`) }),
  );
  await runInstalled(work, "typescript/bin/tsc", ["-p", "tsconfig.json"], { cwd: work });
  for (const file of files.keys()) {
    const types = file.replace(/\.ts$/, ".d.ts");
    const text = await Deno.readTextFile(`${work}/types/${types}`);
    for (const format of [ESM, SCRIPT]) await write(`${folder}/${format}/${types}`, text);
  }
}
