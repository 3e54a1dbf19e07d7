export { inFolder } from "../scripts/temp_folder.ts";

/** The names in a folder, in ASCII order. */
export async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

/** The names of what a layout has that is not whole yet; nothing where the folder for it is gone. */
export async function partials(layout: string): Promise<string[]> {
  try {
    return await names(`${layout}/.partial`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
