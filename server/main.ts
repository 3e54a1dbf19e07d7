/**
 * `deno task serve --port N`: an in-memory registry on loopback, until it is interrupted.
 */
import { createRegistry } from "./registry.ts";
import { serve, type ServedRegistry } from "./serve.ts";

const USAGE = `usage: deno task serve [--port N] [--hostname ADDRESS]

Serves an OCI registry from memory: what was pushed is gone when it stops.

  --port N            the port; a free one without it
  --hostname ADDRESS  the address to listen on (127.0.0.1: this machine alone)
`;

/** What the arguments ask for; `undefined` for help. */
export function parseArguments(
  args: readonly string[],
): { hostname: string; port: number } | undefined {
  const options = { hostname: "127.0.0.1", port: 0 };
  const rest = args.flatMap((arg) => arg.startsWith("--") ? splitOption(arg) : [arg]);
  while (rest.length > 0) {
    const name = rest.shift()!;
    if (name === "--help" || name === "-h") return undefined;
    const value = rest.shift();
    if (name !== "--port" && name !== "--hostname") {
      throw new TypeError(`Cannot serve: there is no option ${name}`);
    }
    if (value === undefined) throw new TypeError(`Cannot serve: ${name} needs a value`);
    if (name === "--hostname") {
      options.hostname = value;
    } else if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) {
      options.port = Number(value);
    } else {
      throw new TypeError(
        `Cannot serve: --port must be a number from 0 to 65535: current value is ${value}`,
      );
    }
  }
  return options;
}

function splitOption(arg: string): string[] {
  const equals = arg.indexOf("=");
  return equals === -1 ? [arg] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  stream.writeSync(new TextEncoder().encode(text));
}

async function main(args: readonly string[]): Promise<number> {
  let server: ServedRegistry;
  try {
    const options = parseArguments(args);
    if (options === undefined) {
      write(Deno.stdout, USAGE);
      return 0;
    }
    server = await serve(createRegistry(), options);
  } catch (error) {
    write(Deno.stderr, `${(error as Error).message}\n`);
    return 1;
  }
  write(Deno.stdout, `${server.url}\n`);
  const stop = () => void server.close();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue; // unknown there
    Deno.addSignalListener(signal, stop);
  }
  await server.finished;
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
