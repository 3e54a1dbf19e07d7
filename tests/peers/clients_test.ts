import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CLIENTS, LAYOUT_TAG, openClient, withClient } from "./clients.ts";
import { requirePeers } from "./locate.ts";
import { registryCases, startRegistry } from "./registries.ts";
import { writeSampleLayout } from "./sample_layout.ts";

for (const { kind, auth, name } of registryCases()) {
  Deno.test({
    ...requirePeers(kind, ...CLIENTS),
    name: `clients push and pull: ${name}`,
    fn: async (t) => {
      const registry = await startRegistry(kind, { auth });
      const folder = await Deno.makeTempDir({ prefix: "davit_clients_" });
      try {
        const sample = await writeSampleLayout(`${folder}/sample`);
        const kept = [sample.index, ...sample.manifests, ...sample.blobs];
        for (const client of CLIENTS) {
          await t.step(client, () =>
            withClient(client, registry, async (it) => {
              const pulled = `${folder}/${client}`;
              await it.push(registry, sample.folder, `made/by-${client}:one`);
              assertEquals(await it.digest(registry, `made/by-${client}:one`), sample.index.digest);
              assertEquals(await it.tags(registry, `made/by-${client}`), ["one"]);
              await it.pull(registry, `made/by-${client}:one`, pulled);
              for (const { digest } of kept) {
                const file = `blobs/${digest.replace(":", "/")}`;
                assertEquals(
                  await Deno.readFile(`${pulled}/${file}`),
                  await Deno.readFile(`${sample.folder}/${file}`),
                );
              }
            }));
        }
      } finally {
        await registry.stop();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test({
  ...requirePeers("distribution", ...CLIENTS),
  name: "clients without credentials are refused",
  fn: async (t) => {
    const registry = await startRegistry("distribution", { auth: "basic" });
    const { host } = registry;
    try {
      for (const client of CLIENTS) {
        await t.step(client, () =>
          withClient(client, { host }, async (it) => {
            const args = { crane: ["ls"], oras: ["repo", "tags", "--plain-http"] };
            const regctl = ["--host", `reg=${host},tls=disabled`, "tag", "ls"];
            const skopeo = ["list-tags", "--tls-verify=false"];
            const words = { ...args, regctl, skopeo }[client];
            const place = client === "skopeo" ? `docker://${host}/some/name` : `${host}/some/name`;
            const { code, stderr } = await it.run([...words, place]);
            assertEquals(code === 0, false);
            assertMatch(stderr, /unauthorized|authentication required|basic credential not found/i);
          }));
      }
    } finally {
      await registry.stop();
    }
  },
});

Deno.test({
  ...requirePeers("crane"),
  name: "a client sees nothing of this machine's settings, and its home is removed",
  fn: async () => {
    const client = await openClient("crane");
    const config = { auths: { "example.test": { auth: btoa("me:secret") } } };
    await Deno.writeTextFile(`${client.home}/.docker/config.json`, JSON.stringify(config));
    const asked = await client.run(["auth", "get", "example.test"]);
    assertStringIncludes(asked.stdout, '"secret"');
    const other = await openClient("crane");
    assertEquals(
      (await other.run(["auth", "get", "example.test"])).stdout.includes("secret"),
      false,
    );
    await client.close();
    await other.close();
    const gone = await Deno.stat(client.home).then(() => false, () => true);
    assertEquals(gone, true);
    assertEquals(LAYOUT_TAG, "latest");
  },
});
