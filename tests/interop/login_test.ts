/**
 * What davit's `login` writes, the clients that everybody uses read; and what their logins write,
 * davit's `dockerCredentials` reads.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { dockerCredentials, dockerCredentialsSync, login, logout } from "../../auth/mod.ts";
import { RegistryClientV2 } from "../../mod.ts";
import { createRegistry, serve } from "../../server/mod.ts";
import { type Client, type ClientName, CLIENTS, openClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";

const YOU = { username: "you", password: "pä:ss word" };

interface World {
  client: Client;
  /** The registry, which lets nobody in but {@linkcode YOU}. */
  host: string;
  environment: Record<string, string>;
}

async function withWorld(name: ClientName, run: (world: World) => Promise<void>): Promise<void> {
  const server = await serve(createRegistry({
    auth: {
      basic: { users: { [YOU.username]: { password: YOU.password, actions: ["pull", "push"] } } },
    },
  }));
  const { host } = new URL(server.url);
  const client = await openClient(name);
  const { home } = client;
  const environment: Record<string, string> = {
    HOME: home,
    DOCKER_CONFIG: `${home}/.docker`,
    XDG_RUNTIME_DIR: home,
    // As each client is run; only skopeo heeds it before Docker's file.
    REGISTRY_AUTH_FILE: `${home}/auth.json`,
  };
  try {
    const pushed = new RegistryClientV2({
      name: `http://${host}/app`,
      scopes: ["pull", "push"],
      credentials: YOU,
    });
    const config = await pushed.putBlob(new TextEncoder().encode("{}"));
    await pushed.putManifest({
      ref: "v1",
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      manifestData: new TextEncoder().encode(JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: { ...config, mediaType: "application/vnd.oci.empty.v1+json" },
        layers: [],
      })),
    });
    await run({ client, host, environment });
  } finally {
    await client.close();
    await server.close();
  }
}

for (const name of CLIENTS) {
  Deno.test({
    ...requirePeers(name),
    name: `${name} reads what login wrote, and no more after logout`,
    fn: () =>
      withWorld(name, async ({ client, host, environment }) => {
        const options = {
          environment,
          ...(name === "skopeo" && { config: environment.REGISTRY_AUTH_FILE }),
        };
        await assertRejects(() => client.tags({ host }, "app"), Error);
        await login(host, YOU, options);
        assertEquals(await client.tags({ host }, "app"), ["v1"]);
        await logout(host, options);
        await assertRejects(() => client.tags({ host }, "app"), Error);
      }),
  });

  if (name === "regctl") continue; // it keeps logins in a file of its own, as nobody else does

  Deno.test({
    ...requirePeers(name),
    name: `dockerCredentials reads what ${name}'s login wrote`,
    fn: () =>
      withWorld(name, async ({ client, host, environment }) => {
        await client.login({ host, credentials: YOU });
        const options = { environment };
        assertEquals(await dockerCredentials(options)({ host }), YOU);
        assertEquals(dockerCredentialsSync(options)({ host }), YOU);
        const credentials = dockerCredentials(options);
        const app = new RegistryClientV2({ name: `http://${host}/app`, credentials });
        assertEquals((await app.listTags()).tags, ["v1"]);
      }),
  });
}
