/**
 * The last step of the build: for runtimes the code is merged into few files, as each costs a third
 * of a millisecond at every start. What bundlers read is merged in another way.
 */
import { filesBelow } from "./check_package.ts";
import { ESM, type Manifest, MERGED, SCRIPT } from "./manifest.ts";
import { loadedBy, loadedLater, mergeForPages } from "./merge_for_pages.ts";
import { esbuild as runEsbuild, npmInstall, write } from "./run.ts";
import { tempFolder } from "../temp_folder.ts";
import { NODE_TARGET, TOOLS } from "./with_npm_tools.ts";

/**
 * Merges what a package's entry points load. The ES modules go beside the others; of the CommonJS
 * modules nothing else is left. A class is the same whichever entry point it comes from, as what
 * several of them need lies in files that they share.
 */
export async function mergeCode(folder: string, { exports }: Manifest): Promise<void> {
  await using temp = await tempFolder();
  const work = temp.path;
  await npmInstall(work, [`esbuild@${TOOLS.esbuild}`]);
  const esm = `${folder}/${ESM}`;
  // Entry points, and what is loaded later, import all that the main one does: it is one file then,
  // whatever they share.
  const common = (await loadedBy(esm, exports["."]!.import.default.slice(`./${ESM}/`.length)))
    .map((file) => `import ${JSON.stringify(`${esm}/${file}`)};\n`).join("");
  const entries: string[] = [];
  for (const { import: { default: path } } of Object.values(exports)) {
    const file = path.slice(`./${ESM}/`.length);
    const entry = `${work}/entries/${file}`;
    await write(entry, `${common}export * from ${JSON.stringify(`${esm}/${file}`)};\n`);
    entries.push(entry);
  }
  const later = new Map<string, string>();
  for (const file of await loadedLater(esm)) {
    const text = await Deno.readTextFile(`${esm}/${file}`);
    later.set(`${esm}/${file}`, text);
    await Deno.writeTextFile(`${esm}/${file}`, `${text}\n${common}`); // behind, for the map's lines
  }
  const merged = `${folder}/${MERGED}`;
  await esbuild(work, [
    ...entries,
    ...["--bundle", "--splitting", "--format=esm", "--platform=neutral", "--packages=external"],
    // What the main entry point loads shall be in that file, used or not.
    ...["--ignore-annotations", "--chunk-names=shared/[hash]"],
    ...[`--outbase=${work}/entries`, `--outdir=${merged}`],
  ]);
  for (const [path, text] of later) await Deno.writeTextFile(path, text);
  for (const file of await filesBelow(`${folder}/${SCRIPT}`)) {
    if (/\.js(?:\.map)?$/.test(file)) await Deno.remove(`${folder}/${SCRIPT}/${file}`);
  }
  const files = (await filesBelow(merged)).filter((file) => file.endsWith(".js"));
  await esbuild(work, [
    ...files.map((file) => `${merged}/${file}`),
    ...["--format=cjs", "--platform=node"],
    ...[`--outbase=${merged}`, `--outdir=${folder}/${SCRIPT}`],
  ]);
  await mergeForPages(esm, (args) => esbuild(work, args));
  await finishMaps(folder);
}

/**
 * Makes the maps of merged files name the TypeScript that they came of, as it lies in the project; and
 * leaves away those of single modules, which served to make them.
 */
async function finishMaps(folder: string): Promise<void> {
  for (const file of await filesBelow(folder)) {
    const path = `${folder}/${file}`;
    if (file.startsWith(`${MERGED}/`) || file.startsWith(`${SCRIPT}/`)) {
      if (!file.endsWith(".js.map")) continue;
      const map: { sources: string[] } = JSON.parse(await Deno.readTextFile(path));
      const up = "../".repeat(file.split("/").length - 1);
      const sources = map.sources.map((source) => up + source.replace(/^.*\/src\//, ""));
      await Deno.writeTextFile(path, JSON.stringify({ ...map, sources }));
    } else if (file.endsWith(".js.map")) await Deno.remove(path);
    else if (file.endsWith(".js")) {
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, text.replace(/^\/\/# sourceMappingURL=.*\n?/gm, ""));
    }
  }
}

async function esbuild(work: string, args: readonly string[]): Promise<void> {
  // A stack trace names the sources; who wants to read them has the repository.
  const maps = ["--sourcemap=linked", "--sources-content=false"];
  await runEsbuild(work, [...args, `--target=${NODE_TARGET}`, ...maps]);
}
