import { UnsupportedRuntimeError } from "../errors.ts";

/** The names of the runtimes that davit treats differently. */
export type RuntimeName = "browser" | "bun" | "deno" | "node" | "workerd";

interface Globals {
  Bun?: unknown;
  Deno?: { version?: unknown };
  navigator?: { userAgent?: string };
  process?: {
    getBuiltinModule?(name: string): unknown;
    versions?: { node?: string };
  };
}

const globals = globalThis as unknown as Globals;

/** Versions of Node whose `require` takes no ES modules, which some dependencies are. */
const OLD_NODE = /^(?:1?\d|20\.(?:\d|1[0-8])|21\.\d+|22\.(?:\d|1[01]))\./;

/**
 * What workerd has by name: its `node:http` goes over its `fetch`, which takes no certificates and
 * verifies every one, and its servers know no limits.
 */
const NOT_OF_WORKERD = /^https?$/;

/**
 * A built-in `node:` module, or `undefined` where there is none. Asked for when it is needed and
 * never imported, so that a browser or a worker can load this package.
 *
 * @throws {UnsupportedRuntimeError} When this is a Node that is too old.
 */
export function builtin<T>(name: string): T | undefined {
  const { process } = globals;
  const runtime = runtimeName();
  if (runtime === "node") checkNode(process?.versions?.node ?? "");
  if (runtime === "workerd" && NOT_OF_WORKERD.test(name)) return undefined;
  return process?.getBuiltinModule?.(`node:${name}`) as T | undefined;
}

/**
 * Checks a version of Node.
 *
 * @throws {UnsupportedRuntimeError} When it is too old.
 */
export function checkNode(version: string): void {
  if (!OLD_NODE.test(version)) return;
  throw new UnsupportedRuntimeError(
    `Cannot run on Node ${version}: 20.19, 22.12 or a later one is needed`,
  );
}

/** Which runtime this is. An unknown runtime counts as a browser: it has `fetch`. */
export function runtimeName(): RuntimeName {
  if (globals.Deno?.version !== undefined) return "deno";
  if (globals.Bun !== undefined) return "bun";
  if (globals.navigator?.userAgent === "Cloudflare-Workers") return "workerd";
  if (globals.process?.versions?.node !== undefined) return "node";
  return "browser";
}
