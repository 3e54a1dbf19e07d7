/**
 * The command in the package: one file, so that it starts at once, with all that it needs, so that
 * the library needs nothing more for it.
 */
import { filesBelow } from "./check_package.ts";
import { COMMAND_FILE, ESM, jsonText } from "./manifest.ts";
import { npmRange, type Project, ROOT } from "./project.ts";
import { esbuild, npmInstall, write } from "./run.ts";
import { tempFolder } from "../temp_folder.ts";
import { NODE_TARGET, TOOLS } from "./with_npm_tools.ts";

/** What the command uses beside the library's dependencies. */
const OWN_PACKAGES = ["commander"];

/** Bundles the command over the library's code, which is in the package's folder already. */
export async function bundleCommand(
  project: Project,
  dependencies: Record<string, string>,
  folder: string,
): Promise<void> {
  await using temp = await tempFolder();
  const work = temp.path;
  const packages = [
    `esbuild@${TOOLS.esbuild}`,
    ...Object.entries(dependencies).map((pair) => pair.join("@")),
    ...OWN_PACKAGES.map((name) => `${name}@${npmRange(project.imports, name)}`),
  ];
  await Promise.all([npmInstall(work, packages), copySources(folder, `${work}/src`)]);
  await esbuild(work, [
    ...["src/cli/main.ts", "--bundle", "--minify"],
    ...["--platform=node", "--format=esm", `--target=${NODE_TARGET}`],
    // It is a program: Node 20 does not know the property.
    "--define:import.meta.main=true",
    // What is CommonJS, as commander is, asks for built-in modules by `require`.
    `--banner:js=${BANNER}`,
    ...["--metafile=meta.json", `--outfile=${folder}/${COMMAND_FILE}`],
  ]);
  const notices = await licenses(work);
  const file = `${folder}/${COMMAND_FILE}`;
  await Deno.writeTextFile(file, `${await Deno.readTextFile(file)}${notices}`);
  await Deno.chmod(file, 0o755);
}

const BANNER = `#!/usr/bin/env node
import { createRequire as davitRequire } from "node:module";
const require = davitRequire(import.meta.url);`;

/** The library's own code as it was built, and the command's beside it. */
async function copySources(folder: string, to: string): Promise<void> {
  for (const file of await filesBelow(`${folder}/${ESM}`)) {
    if (/\.js(?:on)?$/.test(file)) {
      await write(`${to}/${file}`, await Deno.readTextFile(`${folder}/${ESM}/${file}`));
    }
  }
  for (const file of await filesBelow(`${ROOT}/cli`)) {
    if (file.endsWith("_test.ts")) continue;
    const text = await Deno.readTextFile(`${ROOT}/cli/${file}`);
    // Out of the room lead only the rooms' own exports, which are built.
    const built = text.replace(/(?<=from ")((?:\.\.\/)+(?:\w+\/)?mod)\.ts(?=")/g, "$1.js");
    await write(`${to}/cli/${file}`, built);
  }
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  await write(`${to}/deno.json`, jsonText({ version }));
}

/** The licenses of the packages in the bundle, as all of them ask for. */
async function licenses(work: string): Promise<string> {
  const { inputs } = JSON.parse(await Deno.readTextFile(`${work}/meta.json`)) as { inputs: object };
  const names = new Set<string>();
  for (const input of Object.keys(inputs)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
    if (name !== undefined) names.add(name);
  }
  let notices = "";
  for (const name of [...names].sort()) {
    const folder = `${work}/node_modules/${name}`;
    const file = (await filesBelow(folder)).find((path) => /^licen[cs]e(?:\.\w+)?$/i.test(path));
    if (file === undefined) throw new Error(`Cannot bundle ${name}: it has no license`);
    const text = (await Deno.readTextFile(`${folder}/${file}`)).trim().replaceAll("*/", "* /");
    notices += `/*!\n${name}\n\n${text}\n*/\n`;
  }
  return notices;
}
