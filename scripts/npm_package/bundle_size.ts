/** What the package costs a page: it is bundled for browsers, which fails when it needs a machine. */
import { gzipSync } from "node:zlib";
import { runInstalled } from "./run.ts";
import { tempFolder } from "../temp_folder.ts";

/** As those who keep files compressed for pages do it. */
const MOST = 9;

/** How large a bundle is, in bytes after `gzip -9`; the files of one are compressed each by itself. */
interface BundleSize {
  /** What must be there before the first request: the entry, and all that it imports statically. */
  main: number;
  /** What comes by `import()`, by the module that is asked for, with what only such modules share. */
  later: Record<string, number>;
}

/** What esbuild tells of a bundle. */
interface Meta {
  outputs: Record<string, { entryPoint?: string; imports: { path: string; kind: string }[] }>;
}

/** Bundles code that imports the package; esbuild and the package lie in a folder's node_modules. */
export async function bundleSize(folder: string, code: string): Promise<BundleSize> {
  await using temp = await tempFolder({ dir: folder });
  const work = temp.path;
  await Deno.writeTextFile(`${work}/main.mjs`, code);
  await runInstalled(folder, "esbuild/bin/esbuild", [
    `${work}/main.mjs`,
    ...["--bundle", "--minify", "--format=esm", "--platform=browser", "--splitting"],
    ...[`--outdir=${work}/out`, `--metafile=${work}/meta.json`, "--log-level=warning"],
  ], { cwd: work });
  const { outputs }: Meta = JSON.parse(await Deno.readTextFile(`${work}/meta.json`));
  const atOnce = new Set(["out/main.js"]);
  for (const file of atOnce) {
    for (const { path, kind } of outputs[file]!.imports) {
      if (kind === "import-statement") atOnce.add(path);
    }
  }
  const size: BundleSize = { main: 0, later: {} };
  for (const [file, { entryPoint = "shared" }] of Object.entries(outputs)) {
    const bytes = await gzipSize(`${work}/${file}`);
    const name = entryPoint.replace(/^.*\/(?=[^/]+\/[^/]+$)/, "").replace(/\.js$/, "");
    if (atOnce.has(file)) size.main += bytes;
    else size.later[name] = (size.later[name] ?? 0) + bytes;
  }
  return size;
}

async function gzipSize(path: string): Promise<number> {
  return gzipSync(await Deno.readFile(path), { level: MOST }).length;
}
