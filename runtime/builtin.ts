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

/**
 * A built-in `node:` module, or `undefined` where there is none. Asked for when it is needed and
 * never imported, so that a browser or a worker can load this package.
 */
export function builtin<T>(name: string): T | undefined {
  return globals.process?.getBuiltinModule?.(`node:${name}`) as T | undefined;
}

/** Which runtime this is. An unknown runtime counts as a browser: it has `fetch`. */
export function runtimeName(): RuntimeName {
  if (globals.Deno?.version !== undefined) return "deno";
  if (globals.Bun !== undefined) return "bun";
  if (globals.navigator?.userAgent === "Cloudflare-Workers") return "workerd";
  if (globals.process?.versions?.node !== undefined) return "node";
  return "browser";
}
