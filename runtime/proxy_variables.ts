import { runtimeName } from "./builtin.ts";

/** The variables that name proxies; programs write them in either case. */
const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/** Set where a web server runs the program: its `HTTP_PROXY` may then be a visitor's header. */
const CGI = "REQUEST_METHOD";

interface Globals {
  Deno?: {
    env: { get(name: string): string | undefined };
    permissions: { querySync(asked: { name: "env"; variable: string }): { state: string } };
  };
  process?: { env?: Record<string, string | undefined> };
}

/**
 * The environment's words about proxies, those that are not empty; `undefined` where the program may
 * not read them. No permission is asked for.
 */
export function proxyVariables(): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const name of [...NAMES.flatMap((name) => [name, name.toLowerCase()]), CGI]) {
    const value = read(name);
    if (value === undefined) return undefined;
    if (value !== "") found[name] = value;
  }
  return found;
}

/** A variable, empty where it is not set; `undefined` where it may not be read. */
function read(name: string): string | undefined {
  const globals = globalThis as unknown as Globals;
  if (runtimeName() !== "deno") return globals.process?.env?.[name] ?? "";
  const { env, permissions } = globals.Deno!;
  const { state } = permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? env.get(name) ?? "" : undefined;
}
