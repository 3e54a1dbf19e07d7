import { UnsupportedRuntimeError } from "../errors.ts";
import { type FileSystem, fileSystem } from "../runtime/files.ts";

/**
 * The machine's files.
 *
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export function files(what: string): FileSystem {
  const system = fileSystem();
  if (system !== undefined) return system;
  throw new UnsupportedRuntimeError(`Cannot ${what}: this runtime has no files`);
}
