/**
 * The embedded registry and olareg, started the same way, under the same commands of the clients
 * that everybody uses: the same exit codes, digests, listings and files.
 */
import { assertEquals } from "@std/assert";
import { createRegistry, serve } from "../../server/mod.ts";
import { CLIENTS, type Target, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { CREDENTIALS, type RegistryAuth, startRegistry } from "../peers/registries.ts";
import { COMMANDS } from "./commands.ts";
import { runCommand, runSession } from "./session.ts";

const AUTHS: [auth: RegistryAuth, name: string][] = [
  ["none", "open"],
  ["basic", "Basic"],
  ["bearer", "Bearer"],
];

async function startEmbedded(auth: RegistryAuth): Promise<Target & { stop(): Promise<void> }> {
  const users = { [CREDENTIALS.username]: CREDENTIALS.password };
  const registry = createRegistry({
    onError: (error) => {
      throw error;
    },
    ...(auth === "basic" && { auth: { basic: { users } } }),
    ...(auth === "bearer" && { auth: { bearer: { users } } }),
  });
  const server = await serve(registry);
  return {
    host: new URL(server.url).host,
    ...(auth !== "none" && { credentials: CREDENTIALS }),
    stop: () => server.close(),
  };
}

for (const [auth, name] of AUTHS) {
  for (const client of CLIENTS) {
    Deno.test({
      ...requirePeers("olareg", client),
      name: `${client} finds in the embedded registry what it finds in olareg: ${name}`,
      fn: async () => {
        const [embedded, olareg] = await Promise.all([
          startEmbedded(auth),
          startRegistry("olareg", { auth }),
        ]);
        try {
          const [ours, theirs] = await Promise.all([
            runSession(client, embedded),
            runSession(client, olareg),
          ]);
          for (const [at, { line, code }] of COMMANDS[client].entries()) {
            const [our, their] = [ours.done[at]!, theirs.done[at]!];
            assertEquals(our.code, code, `${line}: ${our.stderr}`);
            assertEquals(their.code, code, `olareg, ${line}: ${their.stderr}`);
            assertEquals(our.said, their.said, line);
          }
          assertEquals(ours.files, theirs.files);
        } finally {
          await Promise.all([embedded.stop(), olareg.stop()]);
        }
      },
    });
  }
}

for (const [auth, name] of AUTHS.slice(1)) {
  Deno.test({
    ...requirePeers("olareg", ...CLIENTS),
    name: `clients without a password are refused as by olareg: ${name}`,
    fn: async () => {
      const [embedded, olareg] = await Promise.all([
        startEmbedded(auth),
        startRegistry("olareg", { auth }),
      ]);
      try {
        for (const client of CLIENTS) {
          for (const { host } of [embedded, olareg]) {
            await withClient(client, { host }, async (it) => {
              for (const { line } of COMMANDS[client].slice(0, 2)) {
                const { code } = await runCommand(it, line, { host });
                assertEquals(code, 1, `${client} ${line}`);
              }
            });
          }
        }
      } finally {
        await Promise.all([embedded.stop(), olareg.stop()]);
      }
    },
  });
}
