import { builtin, runtimeName } from "./builtin.ts";

/** The part of `node:dns` that davit uses. */
interface Dns {
  promises: {
    lookup(hostname: string, options: { all: true }): Promise<{ address: string }[]>;
  };
}

/** Runtimes that ask the same resolver here as when they connect: the machine's, hosts file and all. */
const ASKS_THE_MACHINE = ["bun", "deno", "node"];

/**
 * The addresses that a name has now, as a connection would find them; `undefined` where the runtime
 * does not tell: browsers and workers.
 *
 * It throws what the runtime throws, when the name has no addresses or the program no permission.
 */
export async function hostAddresses(hostname: string): Promise<string[] | undefined> {
  const dns = ASKS_THE_MACHINE.includes(runtimeName()) ? builtin<Dns>("dns") : undefined;
  const found = await dns?.promises.lookup(hostname, { all: true });
  return found?.map(({ address }) => address);
}
