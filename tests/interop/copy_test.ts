/**
 * What davit copies between real registries, with everything attached, is what regctl copies when it is
 * told to bring it all; and the others read it.
 */
import { assert, assertEquals } from "@std/assert";
import { type Descriptor, fallbackTag, RegistryClientV2, RegistryStore } from "../../mod.ts";
import { copy, copyTags, reachable } from "../../copy/mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { memoryFolder } from "../endpoints/memory_folder.ts";
import { pushArtifact, pushImage } from "../endpoints/samples.ts";
import { withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { type Registry, type RegistryKind, startRegistry } from "../peers/registries.ts";

const WAYS: [from: RegistryKind, to: RegistryKind][] = [
  ["olareg", "distribution"],
  ["distribution", "docker-registry"],
  ["docker-registry", "olareg"],
];

/** What a registry keeps the list of referrers under, where it has no API. */
const FALLBACK = /^sha256-[0-9a-f]{64}$/;

function storeAt({ origin }: Registry, name: string): RegistryStore {
  return new RegistryStore(new RegistryClientV2({ name: `${origin}/${name}` }));
}

function regctlCopy(...registries: Registry[]): string[] {
  const hosts = registries.flatMap(({ host }) => ["--host", `reg=${host},tls=disabled`]);
  return [...hosts, "image", "copy", "--referrers", "--digest-tags"];
}

/** An image of two platforms, signed, attested and described by davit, oras and regctl. */
async function pushSigned(source: Registry): Promise<{ store: RegistryStore; count: number }> {
  const store = storeAt(source, "copy/app");
  const { client } = store;
  const { index, images } = await pushImage(client, "v1");
  const subject = index.descriptor;
  const note = await pushArtifact(client, { subject });
  await pushArtifact(client, { subject: note });
  await pushArtifact(client, { subject: images[1]!.descriptor });
  const named = (of: Descriptor, suffix: string) =>
    pushArtifact(client, { tag: `${fallbackTag(of.digest)}.${suffix}` });
  await named(subject, "sig");
  await named(subject, "att");
  await named(images[0]!.descriptor, "sbom");
  const image = `${source.host}/copy/app:v1`;
  await withClient("regctl", source, (regctl) =>
    regctl.succeed([
      ...["--host", `reg=${source.host},tls=disabled`, "artifact", "put"],
      ...["--artifact-type", "application/vnd.regctl.note", "--subject", image],
      ...["--file-media-type", "text/plain"],
    ], { stdin: "by regctl" }));
  return { store, count: 7 };
}

/** The tags of a repository, with what they name; not those that are lists. */
async function tagsOf(store: RegistryStore): Promise<Record<string, string>> {
  const tags: Record<string, string> = {};
  for await (const tag of store.tags()) {
    if (!FALLBACK.test(tag)) tags[tag] = (await store.resolve(tag)).digest;
  }
  return tags;
}

async function digests(store: RegistryStore | LayoutStore, tag: string): Promise<string[]> {
  return [...(await reachable(store, [tag])).keys()].sort();
}

for (const [from, to] of WAYS) {
  Deno.test({
    ...requirePeers(from, to, "regctl", "oras", "crane", "skopeo"),
    name: `a signed image from ${from} to ${to}: davit copies what regctl does`,
    fn: async (t) => {
      const [source, target] = await Promise.all(
        [from, to].map((kind) => startRegistry(kind, memoryFolder())),
      ) as [Registry, Registry];
      const folder = await Deno.makeTempDir({ prefix: "davit_copied_" });
      try {
        const { store, count } = await pushSigned(source);
        const all = await digests(store, "v1");
        const byDavit = storeAt(target, "copy/davit");
        await t.step("between the registries", async () => {
          const { attached } = await copy(store, "v1", byDavit, "v1");
          assertEquals(attached.length, count);
          await withClient("regctl", target, (regctl) => {
            const names = ["copy/app", "copy/regctl"].map((name, at) =>
              `${[source, target][at]!.host}/${name}:v1`
            );
            return regctl.succeed([...regctlCopy(source, target), ...names]);
          });
          const byRegctl = storeAt(target, "copy/regctl");
          assertEquals(await tagsOf(byDavit), await tagsOf(byRegctl));
          assertEquals(await digests(byDavit, "v1"), all);
          assertEquals(await digests(byRegctl, "v1"), all);
          assertEquals((await copy(byRegctl, "v1", byDavit, "v1")).bytes, 0);
        });
        await t.step("oras, crane and skopeo read the copy", async () => {
          const { digest } = await byDavit.resolve("v1");
          for (const name of ["oras", "crane", "skopeo"] as const) {
            await withClient(name, target, async (client) => {
              assertEquals(await client.digest(target, "copy/davit:v1"), digest);
              await client.pull(target, "copy/davit:v1", `${folder}/${name}`);
            });
          }
        });
        await t.step("into a layout, and from there with regctl", async () => {
          const layout = new LayoutStore(`${folder}/by_davit`);
          await copy(store, "v1", layout, "v1");
          assertEquals(await digests(layout, "v1"), all);
          await withClient("regctl", target, (regctl) =>
            regctl.succeed([
              ...regctlCopy(target),
              `ocidir://${layout.folder}:v1`,
              `${target.host}/copy/again:v1`,
            ]));
          const again = storeAt(target, "copy/again");
          assertEquals((await again.resolve("v1")).digest, (await store.resolve("v1")).digest);
        });
        await t.step("from a layout that regctl wrote", async () => {
          const path = `${folder}/by_regctl`;
          await withClient("regctl", source, (regctl) =>
            regctl.succeed([
              ...regctlCopy(source),
              `${source.host}/copy/app:v1`,
              `ocidir://${path}:v1`,
            ]));
          const back = storeAt(target, "copy/back");
          const { attached } = await copy(new LayoutStore(path), "v1", back, "v1");
          assertEquals(attached.length, count);
          assertEquals(await digests(back, "v1"), all);
        });
        await t.step("all tags, with what is attached to each", async () => {
          await pushImage(store.client, "v2");
          const many = storeAt(target, "copy/many");
          const { tags } = await copyTags(store, many);
          assertEquals(tags.map(({ tag }) => tag).sort(), ["v1", "v2"]);
          assertEquals(await tagsOf(many), await tagsOf(store));
          assert((await digests(many, "v2")).length > 5);
        });
      } finally {
        await source.stop();
        await target.stop();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
