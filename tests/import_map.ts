/** How a program of a user finds the package, and what it needs. */
import { stdSource } from "../scripts/deno.ts";

const ROOT = new URL("../", import.meta.url);

/** An import map as a user's project has one: the package by its name, and what it needs. */
export async function importMap(): Promise<string> {
  const config: { exports: Record<string, string>; imports: Record<string, string>; name: string } =
    JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { source } = await stdSource();
  const base = source === "npm" ? new URL("scripts/npm_std/", ROOT) : ROOT;
  const own: Record<string, string> = source === "npm"
    ? JSON.parse(await Deno.readTextFile(new URL("import_map.json", base))).imports
    : config.imports;
  const absolute = (path: string) => path.startsWith("./") ? new URL(path, base).href : path;
  const entries = Object.entries(config.exports).map(([entry, path]) => [
    config.name + entry.slice(1),
    new URL(path, ROOT).href,
  ]);
  const needed = Object.entries(own).map(([name, path]) => [name, absolute(path)]);
  return JSON.stringify({ imports: Object.fromEntries([...needed, ...entries]) });
}
