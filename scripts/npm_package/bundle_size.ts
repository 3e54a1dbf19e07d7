/** What the package costs a page: it is bundled for browsers, which fails when it needs a machine. */
import { runInstalled } from "./run.ts";

/** How large a bundle is, in bytes after gzip. */
export interface BundleSize {
  /** What is loaded at once. */
  main: number;
  /** What is loaded when it is asked for: the portable hash functions, in a browser. */
  later: number;
}

/** Bundles code that imports the package; esbuild and the package lie in a folder's node_modules. */
export async function bundleSize(folder: string, code: string): Promise<BundleSize> {
  const work = await Deno.makeTempDir({ prefix: "davit_bundle_", dir: folder });
  try {
    await Deno.writeTextFile(`${work}/main.mjs`, code);
    await runInstalled(folder, "esbuild/bin/esbuild", [
      `${work}/main.mjs`,
      ...["--bundle", "--minify", "--format=esm", "--platform=browser", "--splitting"],
      ...["--chunk-names=later-[hash]", `--outdir=${work}/out`, "--log-level=warning"],
    ]);
    const size = { main: 0, later: 0 };
    for await (const { name } of Deno.readDir(`${work}/out`)) {
      size[name === "main.js" ? "main" : "later"] += await gzipSize(`${work}/out/${name}`);
    }
    return size;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function gzipSize(path: string): Promise<number> {
  const stream = new Blob([await Deno.readFile(path)]).stream();
  const zipped = stream.pipeThrough(new CompressionStream("gzip"));
  return (await new Response(zipped).arrayBuffer()).byteLength;
}
