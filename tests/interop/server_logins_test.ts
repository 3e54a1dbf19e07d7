/**
 * The clients that everybody uses log in at the embedded server, by Basic with an htpasswd hash and by
 * Bearer: they push and pull where they may, and nowhere else.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { hash } from "bcryptjs";
import { createRegistry, type RegistryAuth, serve } from "../../server/mod.ts";
import { CLIENTS, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { writeSampleLayout } from "../peers/sample_layout.ts";

const PASSWORD = "pä:ss word";

/** The least that bcrypt allows. */
const COST = 4;

const rights = {
  users: {
    admin: { actions: ["pull", "push", "delete"] },
    reader: { actions: ["pull"] },
    stranger: { repositories: ["elsewhere"] },
  },
  htpasswd: (await Promise.all(
    ["admin", "reader", "stranger"].map(async (name) => `${name}:${await hash(PASSWORD, COST)}`),
  )).join("\n"),
  anonymous: { actions: ["pull"], repositories: ["public"] },
} as const;

const WAYS: Record<string, RegistryAuth> = {
  Basic: { basic: rights },
  Bearer: { bearer: rights },
};

for (const name of CLIENTS) {
  for (const [way, auth] of Object.entries(WAYS)) {
    Deno.test({
      ...requirePeers(name),
      name: `${name} logs in at the embedded server by ${way}`,
      fn: async () => {
        const registry = createRegistry({
          auth,
          onError: (error) => {
            throw error;
          },
        });
        const server = await serve(registry);
        const folder = await Deno.makeTempDir({ prefix: "davit_logins_" });
        const { host } = new URL(server.url);
        const as = (username: string) => ({ host, credentials: { username, password: PASSWORD } });
        const { index } = await writeSampleLayout(`${folder}/sample`);
        try {
          await withClient(name, as("admin"), async (client) => {
            for (const repository of ["public", "private"]) {
              await client.push(as("admin"), `${folder}/sample`, `${repository}:latest`);
              assertEquals(await client.digest(as("admin"), `${repository}:latest`), index.digest);
              assertEquals(await client.tags(as("admin"), repository), ["latest"]);
            }
          });
          await withClient(name, as("reader"), async (client) => {
            await client.pull(as("reader"), "private:latest", `${folder}/pulled`);
            await assertRejects(
              () => client.push(as("reader"), `${folder}/sample`, "private:other"),
              Error,
            );
            assertEquals(await client.tags(as("reader"), "private"), ["latest"]);
          });
          await withClient(name, as("stranger"), async (client) => {
            await client.push(as("stranger"), `${folder}/sample`, "elsewhere:latest");
            await assertRejects(() => client.digest(as("stranger"), "private:latest"), Error);
            await assertRejects(() => client.tags(as("stranger"), "private"), Error);
          });
          await withClient(name, { host }, async (client) => {
            assertEquals(await client.digest({ host }, "public:latest"), index.digest);
            await assertRejects(() => client.digest({ host }, "private:latest"), Error);
          });
          const wrong = { host, credentials: { username: "admin", password: `${PASSWORD}!` } };
          // crane's login asks nobody: what comes after it is refused.
          await assertRejects(() =>
            withClient(name, wrong, (client) => client.digest(wrong, "private:latest"))
          );
        } finally {
          await server.close();
          await Deno.remove(folder, { recursive: true });
        }
      },
    });
  }
}
