/**
 * `deno task npm`: builds the npm package into npm/ and packs it there: the tarball is what will be
 * published, and what a project installs before that. dnt builds what is released; where JSR, and with it
 * dnt, cannot be reached, npm's own tools make the same package.
 */
import { stdSource } from "./deno.ts";
import { bundleSize } from "./npm_package/bundle_size.ts";
import { filesBelow, packageFaults } from "./npm_package/check_package.ts";
import { bundleCommand } from "./npm_package/command.ts";
import { ESM, formatManifest, jsonText, packageManifest, SCRIPT } from "./npm_package/manifest.ts";
import { readProject, ROOT } from "./npm_package/project.ts";
import { repositoryOfClone } from "./npm_package/repository.ts";
import { npmInstall, npmPack } from "./npm_package/run.ts";
import { mergeCode } from "./npm_package/merge_code.ts";
import { webTypes } from "./npm_package/web_types.ts";
import { buildWithDnt } from "./npm_package/with_dnt.ts";
import { buildWithNpmTools, TOOLS } from "./npm_package/with_npm_tools.ts";
import { runProgram } from "./run_program.ts";
import { duration, say } from "./say.ts";
import { tempFolder } from "./temp_folder.ts";

export interface BuiltPackage {
  tarball: string;
  name: string;
  version: string;
  /** The names of its entry points: `"."`, `"./endpoints"`. */
  entryPoints: string[];
  /** Where its sources are; `undefined` where this clone came from nowhere that others can reach. */
  repository: string | undefined;
  /** Which builder made it, and why that one. */
  builder: string;
  /** The tarball's bytes. */
  packed: number;
  /** The bytes of all files. */
  unpacked: number;
}

/** Builds the package into a folder, which is emptied first. */
export async function buildNpm(folder: string): Promise<BuiltPackage> {
  const { source, reason } = await stdSource();
  const project = await readProject();
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });

  const build = source === "jsr" ? buildWithDnt : buildWithNpmTools;
  const dependencies = await build(project, folder);
  await bundleCommand(project, dependencies, folder);
  const repository = await repositoryOfClone();
  const manifest = packageManifest(project, dependencies, repository);
  await Deno.writeTextFile(`${folder}/package.json`, jsonText(manifest));
  for (const format of [ESM, SCRIPT]) {
    await Deno.writeTextFile(`${folder}/${format}/package.json`, jsonText(formatManifest(format)));
  }
  for (const paper of ["LICENSE", "README.md"]) {
    await Deno.copyFile(`${ROOT}/${paper}`, `${folder}/${paper}`);
  }

  await webTypes(folder);
  await mergeCode(folder, manifest);

  const faults = await packageFaults(folder, manifest);
  if (faults.length > 0) throw new Error(`Cannot pack what was built:\n${faults.join("\n")}`);
  let unpacked = 0;
  for (const file of await filesBelow(folder)) {
    unpacked += (await Deno.stat(`${folder}/${file}`)).size;
  }
  const tarball = await npmPack(folder);
  return {
    tarball,
    name: project.name,
    version: project.version,
    entryPoints: Object.keys(manifest.exports),
    repository: repository?.url,
    builder: source === "jsr"
      ? `dnt (${reason})`
      : `esbuild ${TOOLS.esbuild} and tsc ${TOOLS.typescript}, as dnt is on JSR and packages come ` +
        `from npm here (${reason})`,
    packed: (await Deno.stat(tarball)).size,
    unpacked,
  };
}

/** What a page pays, in its own words. */
async function bundleReport({ name, tarball }: BuiltPackage): Promise<string> {
  await using temp = await tempFolder();
  const folder = temp.path;
  await npmInstall(folder, [tarball, `esbuild@${TOOLS.esbuild}`]);
  const cases = {
    "RegistryClientV2": `export { RegistryClientV2 } from "${name}";`,
    "connect and listTags":
      `export { connect } from "${name}";\nexport { listTags } from "${name}/endpoints";`,
  };
  const parts: string[] = [];
  for (const [what, code] of Object.entries(cases)) {
    const { main, later } = await bundleSize(folder, code);
    const each = Object.entries(later).map(([name, bytes]) => `${name} ${kilobytes(bytes)}`);
    parts.push(`${what} ${kilobytes(main)} (later ${each.join(", ")})`);
  }
  return parts.join("; ");
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

async function main(): Promise<void> {
  const start = performance.now();
  const built = await buildNpm(`${ROOT}/npm`);
  if (built.repository === undefined) {
    say(
      "note: package.json names no repository, as this clone came from none that others can reach",
    );
  }
  say(`${built.name} ${built.version}, built by ${built.builder}`);
  say(
    `${kilobytes(built.packed)} packed, ${kilobytes(built.unpacked)} unpacked, ` +
      `${built.entryPoints.length} entry points, ESM and CommonJS with types`,
  );
  say(`in a browser's bundle, after gzip: ${await bundleReport(built)}`);
  const took = duration(performance.now() - start);
  say(`npm install ${built.tarball}   (built in ${took})`);
}

const HELP = `usage: task npm

Builds the npm package into npm/, packs it there, and says how to install it and what it weighs.`;

if (import.meta.main) await runProgram(HELP, main);
