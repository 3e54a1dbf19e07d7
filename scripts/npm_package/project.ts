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
const COMMAND = "./cli";

export const COMMAND_NAME = "davit";

/** The part of `deno.json` that the npm package is made of. */
export interface Project {
  name: string;
  version: string;
  /** Its license, by SPDX's name. */
  license: string;
  /** What it exports, but for the command. */
  entryPoints: EntryPoint[];
  imports: Record<string, string>;
}

export async function readProject(root: string = ROOT): Promise<Project> {
  const { exports, ...project } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  const { [COMMAND]: _command, ...modules } = exports as Record<string, string>;
  const entryPoints = Object.entries(modules)
    .map(([name, path]) => ({ name, file: path.replace(/^\.\//, "") }));
  return { ...project, entryPoints };
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
