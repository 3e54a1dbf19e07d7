/** What `deno.json` says of the package. */

/** The project's folder as a URL, with a slash at its end. */
export const ROOT_URL: string = new URL("../../", import.meta.url).href;

/** The project's folder as a path, without a slash at its end. */
export const ROOT: string = decodeURIComponent(new URL(ROOT_URL).pathname).replace(/\/$/, "");

/** An export of the package. */
export interface EntryPoint {
  /** The name under which it is imported: `"."`, `"./endpoints"`. */
  name: string;
  /** Its file, from the project's folder: `"stores/mod.ts"`. */
  file: string;
}

/** The export that is a program: in the package it is no entry point, but a command. */
export const COMMAND = "./cli";

export const COMMAND_NAME = "davit";

/** The part of `deno.json` that the npm package is made of. */
export interface Project {
  name: string;
  version: string;
  /** Its license, by SPDX's name. */
  license: string;
  /** The exports whose files are there. */
  entryPoints: EntryPoint[];
  /** The names of the exports whose files are not there yet. */
  missing: string[];
  imports: Record<string, string>;
}

export async function readProject(root: string = ROOT): Promise<Project> {
  const { name, version, license, exports, imports } = JSON.parse(
    await Deno.readTextFile(`${root}/deno.json`),
  ) as Omit<Project, "entryPoints" | "missing"> & { exports: Record<string, string> };
  const project: Project = { name, version, license, imports, entryPoints: [], missing: [] };
  for (const [entry, path] of Object.entries(exports)) {
    if (entry === COMMAND) continue;
    const file = path.replace(/^\.\//, "");
    if (await Deno.stat(`${root}/${file}`).then(() => true, () => false)) {
      project.entryPoints.push({ name: entry, file });
    } else project.missing.push(entry);
  }
  return project;
}

/**
 * The range of versions of an npm package that the import map names.
 *
 * @throws {Error} When the map does not name the package.
 */
export function npmRange(imports: Record<string, string>, name: string): string {
  for (const target of Object.values(imports)) {
    const [, found, range] = /^npm:\/?((?:@[^/]+\/)?[^@/]+)@([^/]+)/.exec(target) ?? [];
    if (found === name && range !== undefined) return range;
  }
  throw new Error(`Cannot find ${name} in deno.json: its imports do not name it`);
}
