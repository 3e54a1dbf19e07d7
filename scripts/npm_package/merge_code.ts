/**
 * The last step of the build: for runtimes the code is merged into few files, as each costs a third
 * of a millisecond at every start. What bundlers read stays a file a module, so that they can leave
 * out what a page does not use.
 */
import { filesBelow, importsOf } from "./check_package.ts";
import { ESM, type Manifest, MERGED, SCRIPT } from "./manifest.ts";
import { npmInstall, runInstalled } from "./run.ts";
import { NODE_TARGET, TOOLS } from "./with_npm_tools.ts";

/**
 * Merges what a package's entry points load. The ES modules go beside the others; of the CommonJS
 * modules nothing else is left. A class is the same whichever entry point it comes from, as what
 * several of them need lies in files that they share.
 */
export async function mergeCode(folder: string, { exports }: Manifest): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "davit_merge_" });
  try {
    await npmInstall(work, [`esbuild@${TOOLS.esbuild}`]);
    const esm = `${folder}/${ESM}`;
    // All entry points import all that the main one does: it is one file then, whatever they share.
    const common = (await loadedBy(esm, exports["."]!.import.default.slice(`./${ESM}/`.length)))
      .map((file) => `import ${JSON.stringify(`${esm}/${file}`)};\n`).join("");
    const entries: string[] = [];
    for (const { import: { default: path } } of Object.values(exports)) {
      const file = path.slice(`./${ESM}/`.length);
      const entry = `${work}/entries/${file}`;
      await Deno.mkdir(entry.slice(0, entry.lastIndexOf("/")), { recursive: true });
      const own = `export * from ${JSON.stringify(`${esm}/${file}`)};\n`;
      await Deno.writeTextFile(entry, common + own);
      entries.push(entry);
    }
    const merged = `${folder}/${MERGED}`;
    await esbuild(work, [
      ...entries,
      ...["--bundle", "--splitting", "--format=esm", "--platform=neutral", "--packages=external"],
      // What the main entry point loads shall be in that file, used or not.
      ...["--ignore-annotations", "--chunk-names=shared/[hash]"],
      ...[`--outbase=${work}/entries`, `--outdir=${merged}`],
    ]);
    for (const file of await filesBelow(`${folder}/${SCRIPT}`)) {
      if (file.endsWith(".js")) await Deno.remove(`${folder}/${SCRIPT}/${file}`);
    }
    const files = (await filesBelow(merged)).filter((file) => file.endsWith(".js"));
    await esbuild(work, [
      ...files.map((file) => `${merged}/${file}`),
      ...["--format=cjs", "--platform=node"],
      ...[`--outbase=${merged}`, `--outdir=${folder}/${SCRIPT}`],
    ]);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** A module and all that it loads at once, of the package's own. */
async function loadedBy(folder: string, first: string): Promise<string[]> {
  const found = new Set([first]);
  for (const file of found) {
    const { atOnce } = importsOf(await Deno.readTextFile(`${folder}/${file}`));
    for (const specifier of atOnce) {
      if (/^\.{1,2}\//.test(specifier)) {
        found.add(new URL(specifier, `file:///${file}`).pathname.slice(1));
      }
    }
  }
  return [...found];
}

async function esbuild(work: string, args: readonly string[]): Promise<void> {
  const flags = [
    ...[`--target=${NODE_TARGET}`, "--charset=utf8", "--log-level=warning"],
    // The modules themselves are in the package: the maps need not hold them.
    ...["--sourcemap=linked", "--sources-content=false"],
  ];
  await runInstalled(work, "esbuild/bin/esbuild", [...args, ...flags], { cwd: work });
}
