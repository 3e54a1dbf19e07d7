import { resolve } from "@std/path/resolve";
import { UnsupportedRuntimeError } from "../errors.ts";

/**
 * A path from the root, of one from the current folder.
 *
 * @throws {UnsupportedRuntimeError} When there is no current folder, as in workers that have files.
 */
export function absolutePath(path: string): string {
  try {
    return resolve(path);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new UnsupportedRuntimeError(
      `Cannot use the path ${path}: this runtime has no current folder to begin at`,
      { cause },
    );
  }
}
