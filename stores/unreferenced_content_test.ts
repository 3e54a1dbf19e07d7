import { assertEquals, assertRejects } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { ContentNotFoundError, InvalidContentError, InvalidReferenceError } from "../errors.ts";
import { buildIndex, buildManifest } from "../manifest/build.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { inFolder, names } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";

type Put = (name: string, more?: { subject?: Descriptor }) => Promise<Descriptor>;

interface World {
  store: LayoutStore;
  /** Writes an image with a layer of its own, and its configuration. */
  image: Put;
  index(name: string, ...manifests: Descriptor[]): Promise<Descriptor>;
  write(bytes: Bytes, mediaType?: string): Promise<Descriptor>;
  /** The names of what is there still. */
  left(): Promise<string[]>;
}

/** Lets a test write images by name, and see which of them are left. */
function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const known = new Map<string, string>();
    const write = async (bytes: Bytes, mediaType: string = MEDIA_TYPES.octetStream) => {
      const descriptor = await describeBytes(bytes, mediaType);
      await store.write(descriptor, bytes);
      return descriptor;
    };
    await run({
      store,
      write,
      async image(name, more) {
        const layer = await write(encodeText(`layer of ${name}`));
        const config = await write(encodeText("{}"), MEDIA_TYPES.ociEmpty);
        const { descriptor, bytes } = await buildManifest({
          artifactType: "text/plain",
          layers: [layer],
          annotations: { name },
          ...more,
        });
        await store.write(descriptor, bytes);
        known.set(descriptor.digest, name).set(layer.digest, `${name}'s layer`);
        known.set(config.digest, "config");
        return descriptor;
      },
      async index(name, ...manifests) {
        const { descriptor, bytes } = await buildIndex({ manifests, annotations: { name } });
        await store.write(descriptor, bytes);
        known.set(descriptor.digest, name);
        return descriptor;
      },
      async left() {
        const found: string[] = [];
        for (const hex of await names(`${folder}/blobs/sha256`)) {
          found.push(known.get(`sha256:${hex}`) ?? hex);
        }
        return found.sort();
      },
    });
  });
}

/** What is written, and what is left once nothing that leads nowhere is there. */
const CASES: [what: string, act: (world: World) => Promise<void>, left: string[]][] = [
  ["a tag's image stays, and one that has none goes", async ({ store, image }) => {
    await store.tag(await image("a"), "v1");
    await image("b");
  }, ["a", "a's layer", "config"]],
  ["an image goes when its last tag is taken away", async ({ store, image }) => {
    const a = await image("a");
    await store.tag(a, "v1");
    await store.tag(a, "v2");
    await store.tag(await image("b"), "v3");
    await store.untag("v1");
    await store.untag("v3");
  }, ["a", "a's layer", "config"]],
  ["an image goes when its tag moves", async ({ store, image }) => {
    await store.tag(await image("a"), "v1");
    await store.tag(await image("b"), "v1");
  }, ["b", "b's layer", "config"]],
  ["what an index leads to stays, at any depth", async ({ store, image, index }) => {
    const inner = await index("inner", await image("a"));
    await store.tag(await index("outer", inner), "v1");
  }, ["a", "a's layer", "config", "inner", "outer"]],
  ["a child without its index goes, or stays by its own tag", async (world) => {
    const { store, image, index } = world;
    const [a, b] = [await image("a"), await image("b")];
    await store.tag(await index("both", a, b), "v1");
    await store.tag(b, "b");
    await store.untag("v1");
  }, ["b", "b's layer", "config"]],
  ["what is attached stays, and what is attached to that", async ({ store, image }) => {
    const subject = await image("a");
    await store.tag(subject, "v1");
    await image("of the sbom", { subject: await image("sbom", { subject }) });
  }, [
    ...["a", "a's layer", "config", "of the sbom", "of the sbom's layer"],
    ...["sbom", "sbom's layer"],
  ]],
  ["what is attached goes with its subject", async ({ store, image }) => {
    const subject = await image("a");
    await store.tag(subject, "v1");
    await image("of the sbom", { subject: await image("sbom", { subject }) });
    await store.untag("v1");
  }, []],
  ["what is attached stays by a tag of its own", async ({ store, image }) => {
    const subject = await image("a");
    await store.tag(await image("sbom", { subject }), "sbom");
  }, ["config", "sbom", "sbom's layer"]],
  ["what is attached to what was never here stays", async ({ image }) => {
    const digest = `sha256:${"0".repeat(64)}`;
    await image("sbom", { subject: { mediaType: MEDIA_TYPES.ociManifest, digest, size: 1 } });
  }, ["config", "sbom", "sbom's layer"]],
  ["an index under the fallback tag, and signatures by their tags", async (world) => {
    const { store, image, index } = world;
    for (const name of ["a", "b"]) {
      const subject = await image(name);
      const list = await index(`${name}'s list`, await image(`${name}'s sbom`, { subject }));
      const tag = fallbackTag(subject.digest);
      await store.tag(list, tag);
      await store.tag(await image(`${name}'s signature`), `${tag}.sig`);
      await store.tag(subject, name);
    }
    await store.untag("b");
  }, [
    ...["a", "a's layer", "a's list", "a's sbom", "a's sbom's layer"],
    ...["a's signature", "a's signature's layer", "config"],
  ]],
  ["an index with a child that is not here", async ({ store, image, index }) => {
    const missing = await image("a");
    await store.tag(await index("index", missing, await image("b")), "v1");
    await store.delete(missing);
  }, ["b", "b's layer", "config", "index"]],
];

for (const [what, act, left] of CASES) {
  Deno.test(`removeUnreferenced: ${what}`, () =>
    inWorld(async (world) => {
      const { store } = world;
      await act(world);
      const before = await world.left();
      const planned = await store.removeUnreferenced({ dryRun: true });
      assertEquals(await world.left(), before, "a dry run removes nothing");
      const removed = await store.removeUnreferenced();
      assertEquals(removed, planned);
      assertEquals(await world.left(), left);
      assertEquals(removed.length, before.length - left.length);
      assertEquals(await store.removeUnreferenced(), []);
      const index = JSON.parse(await Deno.readTextFile(`${store.folder}/index.json`));
      for (const { digest } of index.manifests) await store.resolve(digest);
      assertEquals(await names(store.folder), ["blobs", "index.json", "oci-layout"]);
    }));
}

Deno.test("removeUnreferenced: an entry of another program stays, with what it leads to", () =>
  inWorld(async ({ store, image, left, write }) => {
    await store.tag(await image("a"), "v1");
    const layer = await write(encodeText("theirs"));
    const text = JSON.stringify({ blobs: [layer], mediaType: "application/vnd.example.manifest" });
    const theirs = await write(encodeText(text), "application/vnd.example.manifest");
    const path = `${store.folder}/index.json`;
    const index = JSON.parse(await Deno.readTextFile(path));
    index.manifests.push(theirs);
    await Deno.writeTextFile(path, JSON.stringify(index));
    await write(encodeText("nobody's"));
    assertEquals((await store.removeUnreferenced()).length, 1);
    assertEquals((await left()).length, 5);
    assertEquals(await store.exists(layer), true);
  }));

Deno.test("removeUnreferenced: files that are no blobs stay, and parts of blobs", () =>
  inWorld(async ({ store, image, write }) => {
    await store.tag(await image("a"), "v1");
    await write(encodeText("nobody's"));
    const { folder } = store;
    await Deno.mkdir(`${folder}/ingest`);
    await Deno.mkdir(`${folder}/blobs/tmp`);
    const strange = ["ingest/x", ".DS_Store", "blobs/x", "blobs/tmp/x", "blobs/sha256/.x"];
    for (const name of strange) await Deno.writeTextFile(`${folder}/${name}`, "x");
    const held = { mediaType: "a/b", digest: await digestOf(encodeText("hello")), size: 5 };
    const partial = await store.begin(held);
    await partial.write(encodeText("hel"), 0);
    assertEquals((await store.removeUnreferenced()).length, 1);
    for (const name of strange) assertEquals(await Deno.readTextFile(`${folder}/${name}`), "x");
    await partial.write(encodeText("lo"), 3);
    await partial.commit();
    assertEquals(await store.exists(held), true);
  }));

Deno.test("removeUnreferenced: what is younger than minAge stays", () =>
  inWorld(async ({ store, image, write }) => {
    await store.tag(await image("a"), "v1");
    const [young, old] = [await write(encodeText("young")), await write(encodeText("old"))];
    const time = new Date(Date.now() - 60_000);
    await Deno.utime(`${store.folder}/blobs/${old.digest.replace(":", "/")}`, time, time);
    const removed = await store.removeUnreferenced({ minAge: 30_000 });
    assertEquals(removed.map(({ digest }) => digest), [old.digest]);
    assertEquals(await store.exists(young), true);
  }));

Deno.test("removeUnreferenced: what cannot be read leads to something unknown, so nothing goes", async (t) => {
  const spoil: [what: string, act: (world: World, path: string) => Promise<unknown>][] = [
    ["a damaged manifest", (_, path) => Deno.writeTextFile(path, "{}")],
    ["a manifest that an entry names and that is gone", (_, path) => Deno.remove(path)],
    ["an entry that is no descriptor", async ({ store }) => {
      const path = `${store.folder}/index.json`;
      const index = JSON.parse(await Deno.readTextFile(path));
      index.manifests.push({ mediaType: "a/b" });
      await Deno.writeTextFile(path, JSON.stringify(index));
    }],
    ["half an index", ({ store }) => Deno.writeTextFile(`${store.folder}/index.json`, "{")],
    ["no index", ({ store }) => Deno.remove(`${store.folder}/index.json`)],
  ];
  for (const [what, act] of spoil) {
    await t.step(what, () =>
      inWorld(async (world) => {
        const { store, image, write } = world;
        const a = await image("a");
        await store.tag(a, "v1");
        const nobodys = await write(encodeText("nobody's"));
        await act(world, `${store.folder}/blobs/${a.digest.replace(":", "/")}`);
        await assertRejects(() => store.removeUnreferenced(), InvalidContentError);
        assertEquals(await store.exists(nobodys), true);
      }));
  }
});

Deno.test("removeUnreferenced: an entry whose manifest is gone can be taken out", () =>
  inWorld(async ({ store, image }) => {
    const [a, b] = [await image("a"), await image("b")];
    await store.tag(a, "v1");
    await store.tag(b, "v2");
    for (const { digest } of [a, b]) {
      await Deno.remove(`${store.folder}/blobs/${digest.replace(":", "/")}`);
    }
    await store.untag("v1");
    await assertRejects(() => store.removeUnreferenced(), InvalidContentError, b.digest);
    await store.delete(b);
    const left = (await store.removeUnreferenced()).map(({ digest }) => digest);
    assertEquals(left.length > 0 && !left.includes(a.digest), true);
    assertEquals(await store.removeUnreferenced(), []);
  }));

Deno.test("removeUnreferenced: a folder that is not there has nothing, and none is made", () =>
  inFolder(async (folder) => {
    assertEquals(await new LayoutStore(`${folder}/none`).removeUnreferenced(), []);
    assertEquals(await names(folder), []);
  }));

Deno.test("untag: a tag that is not there, a digest, and a name that two have", () =>
  inWorld(async ({ store, image }) => {
    const [a, b] = [await image("a"), await image("b")];
    await store.tag(a, "v1");
    for (const reference of ["v2", a.digest, ""]) {
      await assertRejects(() => store.untag(reference), ContentNotFoundError);
    }
    await store.untag("v1");
    await assertRejects(() => store.resolve("v1"), ContentNotFoundError);
    assertEquals((await store.resolve(a.digest)).digest, a.digest, "it can still be read");
    const named = (entry: Descriptor, name: string) => ({
      ...entry,
      annotations: { "org.opencontainers.image.ref.name": name },
    });
    const manifests = [named(a, "example.com/one:v1"), named(b, "example.com/two:v1")];
    await Deno.writeTextFile(
      `${store.folder}/index.json`,
      JSON.stringify({ schemaVersion: 2, manifests }),
    );
    await assertRejects(() => store.untag("v1"), InvalidReferenceError);
    await store.untag("example.com/one:v1");
    assertEquals((await store.resolve("v1")).digest, b.digest);
  }));
