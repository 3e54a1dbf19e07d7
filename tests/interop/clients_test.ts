/**
 * davit and the clients that everybody uses, over a registry with the referrers API and one without:
 * what one of them pushes the others pull, byte for byte.
 */
import { assertEquals } from "@std/assert";
import { RegistryClientV2, RegistryStore } from "../../mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { memoryFolder } from "../endpoints/memory_folder.ts";
import { CLIENTS, LAYOUT_TAG, withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { type RegistryKind, startRegistry } from "../peers/registries.ts";
import { writeSampleLayout } from "../peers/sample_layout.ts";
import { assertHolds, makeWorks, pullInto, writeWork } from "./works.ts";

const KINDS: RegistryKind[] = ["olareg", "distribution"];

for (const kind of KINDS) {
  for (const name of CLIENTS) {
    Deno.test({
      ...requirePeers(kind, name),
      name: `davit and ${name} over ${kind}`,
      fn: async (t) => {
        const registry = await startRegistry(kind, memoryFolder());
        const folder = await Deno.makeTempDir({ prefix: "davit_interop_" });
        const repository = (path: string) =>
          new RegistryStore(new RegistryClientV2({ name: `${registry.origin}/${path}` }));
        try {
          await withClient(name, registry, async (client) => {
            for (const work of await makeWorks()) {
              const reference = (by: string) => `by-${by}/${work.name}:${LAYOUT_TAG}`;
              const own = `${folder}/${work.name}`;

              await t.step(`davit pushes, ${name} pulls: ${work.name}`, async () => {
                await writeWork(repository(`by-davit/${work.name}`), work);
                // skopeo copies artifacts, and does not look at them.
                if (name !== "skopeo" || work.root.artifactType === undefined) {
                  assertEquals(await client.digest(registry, reference("davit")), work.root.digest);
                }
                await client.pull(registry, reference("davit"), `${own}-pulled`);
                await assertHolds(`${own}-pulled`, work);
              });
              await t.step(`${name} wrote a layout, davit changes it: ${work.name}`, async () => {
                const layout = new LayoutStore(`${own}-pulled`);
                const root = await layout.resolve("");
                assertEquals(root.digest, work.root.digest);
                await pullInto(new LayoutStore(`${own}-read`), layout, "");
                await assertHolds(`${own}-read`, work);
                await layout.tag(root, LAYOUT_TAG);
                assertEquals(await layout.removeUnreferenced(), []);
                await client.push(registry, layout.folder, `changed/${work.name}:${LAYOUT_TAG}`);
                const store = repository(`changed/${work.name}`);
                assertEquals((await store.resolve(LAYOUT_TAG)).digest, work.root.digest);
              });
              await t.step(`davit writes a layout, ${name} pushes it: ${work.name}`, async () => {
                const layout = new LayoutStore(`${own}-layout`);
                await writeWork(layout, work);
                await client.push(registry, layout.folder, reference(name));
              });
              await t.step(`${name} pushed, davit pulls: ${work.name}`, async () => {
                const layout = new LayoutStore(`${own}-back`);
                const root = await pullInto(layout, repository(`by-${name}/${work.name}`));
                assertEquals(root.digest, work.root.digest);
                await assertHolds(layout.folder, work);
              });
            }
            await t.step(`${name} pushes a layout that is not davit's, davit pulls`, async () => {
              const sample = await writeSampleLayout(`${folder}/sample`);
              await client.push(registry, sample.folder, `sample:${LAYOUT_TAG}`);
              const layout = new LayoutStore(`${folder}/sample-back`);
              const root = await pullInto(layout, repository("sample"));
              assertEquals(root.digest, sample.index.digest);
              for (const { digest } of [sample.index, ...sample.manifests, ...sample.blobs]) {
                const file = `blobs/${digest.replace(":", "/")}`;
                assertEquals(
                  await Deno.readFile(`${layout.folder}/${file}`),
                  await Deno.readFile(`${sample.folder}/${file}`),
                );
              }
            });
          });
        } finally {
          await registry.stop();
          await Deno.remove(folder, { recursive: true });
        }
      },
    });
  }
}
