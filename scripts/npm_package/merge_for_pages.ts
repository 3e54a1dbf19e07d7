/**
 * What bundlers read is a file a module, so that they leave out what a page does not use, but for two
 * things. What every page needs, all that `connect` loads, is one file; and each module that is loaded
 * later is one file with all else that it needs, although other files have that too. Bundlers make a
 * file of whatever several parts of a program share, however small, and take along what any of them
 * uses: a page would get dozens of files, and wait for what it never calls.
 */
import { tempFolder } from "../temp_folder.ts";
import { filesBelow, importsOf } from "./check_package.ts";

/** The module of `connect`. */
const CONNECT = "registry_channel.js";

/** Where all that it loads is put; its modules stay, as names for what is there. */
const CONNECTION = "connection.js";

/** A module that is there once, whoever loads it: its class is exported. */
const SHARED = ["transport/docker_response.js"];

/** Bundles the ES modules in a folder, some into one. */
export async function mergeForPages(
  folder: string,
  esbuild: (args: readonly string[]) => Promise<void>,
): Promise<void> {
  const outsideOf = (files: Iterable<string>) =>
    Array.from(files, (file) => `--external:${folder}/${file}`);
  const bundled = ["--bundle", "--format=esm", "--platform=neutral", "--packages=external"];
  const connection = await loadedBy(folder, CONNECT);
  const later = await loadedLater(folder);

  const names = await exportsOf(folder, connection, esbuild);
  const all = [...names].map(([file, exported], index) =>
    `export { ${exported.map((name) => `${name} as ${name}_${index}`)} } from "./${file}";\n`
  );
  const entry = `${folder}/${CONNECTION}.entry.js`;
  await Deno.writeTextFile(entry, all.join(""));
  await esbuild([entry, ...bundled, ...outsideOf(later), `--outfile=${folder}/${CONNECTION}`]);
  await Deno.remove(entry);
  for (const [index, [file, exported]] of [...names].entries()) {
    const up = "../".repeat(file.split("/").length - 1) || "./";
    await Deno.writeTextFile(
      `${folder}/${file}`,
      `export { ${
        exported.map((name) => `${name}_${index} as ${name}`)
      } } from "${up}${CONNECTION}";\n`,
    );
  }

  for (const file of later) {
    const others = [CONNECTION, ...SHARED, ...later].filter((other) => other !== file);
    await esbuild([
      ...[`${folder}/${file}`, ...bundled, ...outsideOf(others)],
      `--outfile=${folder}/${file}.merged.js`,
    ]);
  }
  for (const file of later) await Deno.rename(`${folder}/${file}.merged.js`, `${folder}/${file}`);
}

/** A module and all that it loads at once, of the package's own. */
export async function loadedBy(folder: string, first: string): Promise<string[]> {
  const found = new Set([first]);
  for (const file of found) {
    const { atOnce } = importsOf(await Deno.readTextFile(`${folder}/${file}`));
    for (const path of ownModules(file, atOnce)) found.add(path);
  }
  return [...found];
}

/** The modules that others load when they need them. */
export async function loadedLater(folder: string): Promise<string[]> {
  const found = new Set<string>();
  for (const file of await filesBelow(folder)) {
    if (!file.endsWith(".js") || file.startsWith("merged/")) continue;
    const { later } = importsOf(await Deno.readTextFile(`${folder}/${file}`));
    for (const path of ownModules(file, later)) found.add(path);
  }
  return [...found].sort();
}

/** The files that a file's specifiers name, where they are the package's own. */
function ownModules(file: string, specifiers: readonly string[]): string[] {
  return specifiers.filter((specifier) => /^\.{1,2}\//.test(specifier))
    .map((specifier) => new URL(specifier, `file:///${file}`).pathname.slice(1));
}

/** What modules export, but for those that hold types alone. */
async function exportsOf(
  folder: string,
  files: readonly string[],
  esbuild: (args: readonly string[]) => Promise<void>,
): Promise<Map<string, string[]>> {
  await using work = await tempFolder();
  const paths = files.map((file) => `${folder}/${file}`);
  await esbuild([
    ...[...paths, "--format=esm", `--outbase=${folder}`, `--outdir=${work.path}/out`],
    `--metafile=${work.path}/meta.json`,
  ]);
  const { outputs }: { outputs: Record<string, { exports: string[] }> } = JSON.parse(
    await Deno.readTextFile(`${work.path}/meta.json`),
  );
  const known = Object.entries(outputs).map(([path, { exports }]) => ({ path, exports }));
  const found = files.map((file): [string, string[]] => [
    file,
    known.find(({ path }) => path.endsWith(`/out/${file}`))?.exports ?? [],
  ]);
  return new Map(found.filter(([, exported]) => exported.length > 0));
}
