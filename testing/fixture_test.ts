/** What the tests of this room share with the server's: its wires, to a registry for tests. */
import * as server from "../server/fixture_test.ts";
import { createTestRegistry, type TestRegistryOptions } from "./test_registry.ts";

export {
  digest,
  EMPTY_DIGEST,
  streamOf,
  UNKNOWN_DIGEST,
  type Wire,
} from "../server/fixture_test.ts";

/** A registry for tests without a socket. */
export function memoryWire(options: TestRegistryOptions = {}): server.Wire {
  return server.memoryWire({ ...options, create: createTestRegistry });
}

/** Registers a case four times: in memory and on the disk, each by `fetch` and over a socket. */
export function specTest(
  title: string,
  run: (wire: server.Wire) => Promise<void>,
  options: TestRegistryOptions & { memoryOnly?: boolean } = {},
): void {
  server.specTest(title, run, { ...options, create: createTestRegistry });
}
