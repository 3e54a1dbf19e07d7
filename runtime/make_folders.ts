import { dirname } from "@std/path/dirname";
import { hasCode } from "./files.ts";

/** What makes folders. */
interface FolderMaker {
  mkdir(path: string, options?: { mode?: number }): Promise<unknown>;
  stat(path: string): Promise<{ isDirectory(): boolean }>;
}

/**
 * Makes a folder, and those above it; answers the first that it made, or nothing where all were there.
 * Node's own way (20 and 24) goes round for ever in a folder that takes none, such as `/proc`.
 */
export async function makeFolders(
  system: FolderMaker,
  path: string,
  options: { mode?: number } = {},
): Promise<string | undefined> {
  let first = path;
  try {
    await system.mkdir(path, options).catch(async (error) => {
      const above = dirname(path);
      if (!hasCode(error, "ENOENT") || above === path) throw error;
      first = await makeFolders(system, above, options) ?? path;
      await system.mkdir(path, options);
    });
    return first;
  } catch (error) {
    const stat = await system.stat(path).catch(() => undefined);
    if (stat?.isDirectory()) return first === path ? undefined : first;
    throw error;
  }
}
