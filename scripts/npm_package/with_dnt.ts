/** The package as it is released: made by dnt, which lives on JSR alone. */
import { packageManifest } from "./manifest.ts";
import { type Project, ROOT } from "./project.ts";

/** The part of dnt that is used. Written out, as it cannot be loaded where JSR cannot be reached. */
interface Dnt {
  build(options: Record<string, unknown>): Promise<void>;
}

/** dnt's name in deno.json's import map; not a literal in `import()`, so that nothing else asks for it. */
const DNT: string = "@deno/dnt";

/** What dnt needs while it builds, and the package does not. */
const LEFTOVERS = ["node_modules", "package-lock.json", ".npmignore", "src"];

/** Builds code and declarations into a folder, and answers the dependencies that dnt has found. */
export async function buildWithDnt(
  project: Project,
  folder: string,
): Promise<Record<string, string>> {
  const { build }: Dnt = await import(DNT);
  const { exports: _exports, files: _files, ...manifest } = packageManifest(project, {});
  await build({
    entryPoints: project.entryPoints.map(({ name, file }) => ({ name, path: `${ROOT}/${file}` })),
    outDir: folder,
    configFile: new URL("../../deno.json", import.meta.url).href,
    // The library asks for what a runtime has, and does without what it has not.
    shims: {},
    // tests/package/ tests the tarball, in the runtimes it is for.
    test: false,
    typeCheck: "single",
    declaration: "inline",
    scriptModule: "cjs",
    skipSourceOutput: true,
    package: manifest,
    compilerOptions: {
      // For any other target dnt adds polyfills, which bundlers drop as nothing has side effects.
      // Code that is too new for Node 20 is found by the other builder and by tests/package/.
      target: "Latest",
      sourceMap: true,
      // Less than the first two, and today's @std does not type-check.
      lib: ["ESNext", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
      noUncheckedIndexedAccess: true,
    },
  });
  const { dependencies = {} } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`)) as {
    dependencies?: Record<string, string>;
  };
  for (const name of LEFTOVERS) {
    await Deno.remove(`${folder}/${name}`, { recursive: true }).catch(() => {});
  }
  return dependencies;
}
