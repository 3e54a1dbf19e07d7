import { statfsSync } from "node:fs";

const PLACE = "/dev/shm";

/** Many times what all tests that run side by side store. */
const ENOUGH_BYTES = 1024 * 1024 * 1024;

/**
 * A folder in memory, where the machine has one with room in it: registries wait for the disk after
 * every blob, and a test asks for hundreds.
 */
export function memoryFolder(): { folder?: string } {
  try {
    const { bavail, bsize } = statfsSync(PLACE);
    return bavail * bsize > ENOUGH_BYTES ? { folder: PLACE } : {};
  } catch {
    return {};
  }
}
