/** The clients that everybody uses, against every registry that the server can imitate. */
import { assertEquals } from "@std/assert";
import { serve } from "../../server/mod.ts";
import { createTestRegistry } from "../../testing/mod.ts";
import { CLIENTS, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { writeSampleLayout } from "../peers/sample_layout.ts";
import { PRESETS } from "./hosts.ts";

for (const [preset, { user, password = "secret", login = "bearer" }] of PRESETS) {
  Deno.test({
    ...requirePeers(...CLIENTS),
    name: `preset ${preset}: crane, oras, regctl and skopeo push to it and pull from it`,
    fn: async () => {
      const users = { [user]: password };
      const errors: unknown[] = [];
      const registry = createTestRegistry({
        preset,
        auth: login === "basic" ? { basic: { users } } : { bearer: { users } },
        onError: (error) => errors.push(error),
      });
      const server = await serve(registry, { grace: 0 });
      const folder = await Deno.makeTempDir();
      try {
        const sample = await writeSampleLayout(`${folder}/sample`);
        const target = {
          host: `${server.hostname}:${server.port}`,
          credentials: { username: user, password },
        };
        await Promise.all(CLIENTS.map((name) =>
          withClient(name, target, async (client) => {
            const reference = `team/${name}:v1`;
            await client.push(target, sample.folder, reference);
            await client.pull(target, reference, `${folder}/${name}`);
            for (const { digest } of [sample.index, ...sample.manifests, ...sample.blobs]) {
              const path = `blobs/${digest.replace(":", "/")}`;
              const pulled = await Deno.readFile(`${folder}/${name}/${path}`);
              assertEquals(pulled, await Deno.readFile(`${sample.folder}/${path}`), name);
            }
          })
        ));
        assertEquals(errors, []);
      } finally {
        await server.close();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
