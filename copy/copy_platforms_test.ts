import { assert, assertEquals, assertRejects } from "@std/assert";
import { CopyError, InvalidOptionError, SparseIndexRefusedError } from "../errors.ts";
import { buildIndex } from "../manifest/build.ts";
import { readManifest } from "../manifest/read_manifest.ts";
import type { ImageIndex } from "../manifest/types.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { copy } from "./copy.ts";
import { copyTags } from "./copy_tags.ts";
import {
  count,
  digestsOf,
  failure,
  LINUX_AMD64,
  LINUX_ARM,
  LINUX_ARM64,
  missing,
  repository,
  withFolder,
  writeEverything,
  writeImage,
  writeIndex,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

/** As `docker save` of a containerd store leaves it. */
Deno.test("platforms: an attestation that is gone is left out, and keeps no image from coming", async () => {
  const source = new MemoryStore();
  const { index, images, attestation } = await writeEverything(source);
  await source.delete(attestation);
  for (
    const [platforms, sparse, kept] of [
      ["linux/amd64", false, undefined],
      [["linux/amd64", "linux/arm64"], false, [images[0]!, images[1]!]],
      [["linux/amd64", "linux/arm64", "linux/arm"], false, images],
      ["linux/amd64", true, [...images, attestation]],
    ] as const
  ) {
    const target = new MemoryStore();
    const left: string[] = [];
    const result = await copy(source, "v1", target, "v1", {
      platforms,
      sparse,
      onEvent: (event) => {
        if (event.type === "copy-done" && event.how === "left-out") {
          left.push(event.descriptor.digest);
        }
      },
    });
    assert(left.includes(attestation.digest));
    assertEquals(digestsOf(result.leftOut).sort(), left.sort());
    assert(result.attached.every(({ descriptor }) => descriptor.digest !== attestation.digest));
    assertEquals(await missing(target, [images[0]!]), []);
    assertEquals(result.signaturesApply, kept === undefined || sparse);
    if (kept === undefined) {
      assertEquals(result.target.digest, images[0]!.digest);
      continue;
    }
    const { manifest } = await readManifest(target, result.target);
    assertEquals(digestsOf((manifest as ImageIndex).manifests), digestsOf([...kept]));
  }
  // Whoever wants the whole index is told that it is not whole.
  const error = await failure(copy(source, "v1", new MemoryStore(), "v1"), CopyError);
  assertEquals([error.side, error.descriptor?.digest], ["source", attestation.digest]);
  assert(index.digest !== error.descriptor?.digest);
});

Deno.test("platforms", async (t) => {
  const source = new MemoryStore();
  const { index, images, attestation } = await writeEverything(source);

  await t.step("one is the image itself, with its attestation and what is attached", async () => {
    const target = new MemoryStore();
    const result = await copy(source, "v1", target, "v1", { platforms: "linux/amd64" });
    assertEquals(result.target.digest, images[0]!.digest);
    assertEquals([result.source.digest, result.signaturesApply], [index.digest, true]);
    assertEquals((await target.resolve("v1")).digest, images[0]!.digest);
    assertEquals(await missing(target, [attestation]), []);
    assertEquals((await missing(target, [index, images[1]!, images[2]!])).length, 3);
    assert(result.attached.some(({ tag }) => tag?.endsWith(".sbom")));
  });
  await t.step("a compatible variant is taken", async () => {
    const result = await copy(source, "v1", new MemoryStore(), "v1", { platforms: "linux/arm/v7" });
    assertEquals(result.target.digest, images[2]!.digest);
  });
  await t.step("several make a new index", async () => {
    const target = new MemoryStore();
    const platforms = ["linux/amd64", "linux/arm64"];
    const result = await copy(source, "v1", target, "v1", { platforms });
    assert(result.target.digest !== index.digest);
    assertEquals(result.signaturesApply, false);
    assertEquals(digestsOf(result.leftOut), [images[2]!.digest]);
    const { manifest } = await readManifest(target, await target.resolve("v1"));
    const kept = (manifest as ImageIndex).manifests;
    assertEquals(
      kept.map(({ digest }) => digest),
      [images[0]!, images[1]!, attestation].map((each) => each.digest),
    );
    assertEquals(kept.slice(0, 2).map(({ platform }) => platform), [LINUX_AMD64, LINUX_ARM64]);
    assertEquals(await missing(target, (await reachable(target, ["v1"])).values()), []);
    const again = await copy(source, "v1", target, "v1", { platforms });
    assertEquals([again.bytes, again.target.digest], [0, result.target.digest]);
  });
  await t.step("all of them are the index as it is", async () => {
    const platforms = ["linux/amd64", "linux/arm64", "linux/arm"];
    // A registry takes an index after its manifests alone.
    for (const target of [new MemoryStore(), repository().store]) {
      const result = await copy(source, "v1", target, "v1", { platforms });
      assertEquals([result.target.digest, result.signaturesApply], [index.digest, true]);
    }
  });
  await t.step("sparse keeps the index", async () => {
    const target = new MemoryStore();
    const platforms = ["linux/amd64"];
    const result = await copy(source, "v1", target, "v1", { platforms, sparse: true });
    assertEquals([result.target.digest, result.signaturesApply], [index.digest, true]);
    assertEquals(digestsOf(result.leftOut), digestsOf([images[1]!, images[2]!]));
    assertEquals(await missing(target, [index, images[0]!, attestation]), []);
  });
  await t.step("a target that wants the whole index says so before anything moves", async () => {
    const target = repository();
    const options = { platforms: ["linux/amd64"], sparse: true };
    const error = await failure(
      copy(source, "v1", target.store, "v1", options),
      SparseIndexRefusedError,
    );
    assertEquals(error.descriptor.digest, index.digest);
    assertEquals(count(target.asked(), /^(POST|PATCH|PUT blobs)/), 0);
  });
  await t.step("an image that several entries name, each for a platform", async () => {
    const store = new MemoryStore();
    const [both, other] = [await writeImage(store), await writeImage(store)];
    const platforms = [LINUX_AMD64, LINUX_ARM64, LINUX_ARM, LINUX_AMD64];
    await writeIndex(store, [both, both, other, both], { tag: "v1", platforms });
    const run = (platforms: string | string[]) =>
      copy(store, "v1", new MemoryStore(), "v1", { platforms });
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      const { target, signaturesApply } = await run(platform);
      assertEquals([target.digest, signaturesApply], [both.digest, true], platform);
    }
    const target = new MemoryStore();
    await copy(store, "v1", target, "v1", { platforms: ["linux/arm64", "linux/arm/v6"] });
    const { manifest } = await readManifest(target, await target.resolve("v1"));
    assertEquals(
      (manifest as ImageIndex).manifests.map(({ digest, platform }) => [digest, platform]),
      [
        [both.digest, LINUX_ARM64],
        [other.digest, LINUX_ARM],
      ],
    );
  });
  await t.step("one that is not there: typed, with the side", async () => {
    const error = await failure(
      copy(source, "v1", new MemoryStore(), "v1", { platforms: "linux/s390x" }),
      CopyError,
    );
    assertEquals([error.side, error.descriptor?.digest], ["source", index.digest]);
    assert(error.message.includes("linux/arm64"), error.message);
  });
  await t.step("what is no index is copied as it is", async () => {
    const { digest } = images[0]!;
    const result = await copy(source, digest, new MemoryStore(), [], { platforms: "linux/arm64" });
    assertEquals(result.target.digest, digest);
  });
  await t.step("of several images with one name the one for the platform is copied", async () => {
    await withFolder(async (folder) => {
      const layout = new LayoutStore(folder);
      for (const image of images) await copy(source, image.digest, layout, [], { attached: false });
      const annotations = { "org.opencontainers.image.ref.name": "v1" };
      const manifests = [LINUX_AMD64, LINUX_ARM64].map((platform, at) => ({
        ...{ ...images[at]!, platform, annotations },
      }));
      const index = JSON.stringify({ schemaVersion: 2, manifests });
      await Deno.writeTextFile(`${folder}/index.json`, index);
      for (const [at, platform] of ["linux/amd64", "linux/arm64"].entries()) {
        const [one, all] = [new MemoryStore(), new MemoryStore()];
        await copy(layout, "v1", one, "v1", { platforms: [platform] });
        await copyTags(layout, all, { platforms: platform });
        for (const target of [one, all]) {
          assertEquals((await target.resolve("v1")).digest, images[at]!.digest);
        }
      }
      for (const platforms of [["linux/amd64", "linux/arm64"], "all"]) {
        await failure(copy(layout, "v1", new MemoryStore(), "v1", { platforms }), CopyError);
      }
    });
  });
});

Deno.test("platforms behind indexes in indexes", async (t) => {
  const source = new MemoryStore();
  const { index, images } = await writeEverything(source);
  let outer = index;
  for (const level of ["1", "2", "3"]) {
    const { descriptor, bytes } = await buildIndex({ manifests: [outer], annotations: { level } });
    await source.write(descriptor, bytes);
    outer = descriptor;
  }
  const run = (platforms: string[], maxDepth = 100) =>
    copy(source, outer.digest, new MemoryStore(), "v1", { platforms, maxDepth });

  await t.step("one is the image itself", async () => {
    const { source: root, target } = await run(["linux/amd64"]);
    assertEquals([root.digest, target.digest], [outer.digest, images[0]!.digest]);
  });
  await t.step("all of the innermost index are that index", async () => {
    const { target, signaturesApply } = await run(["linux/amd64", "linux/arm64", "linux/arm"]);
    assertEquals([target.digest, signaturesApply], [index.digest, true]);
  });
  await t.step("several make a new index", async () => {
    const { target, signaturesApply, leftOut } = await run(["linux/amd64", "linux/arm64"]);
    assert(target.digest !== index.digest && !signaturesApply);
    assertEquals(digestsOf(leftOut), [images[2]!.digest]);
  });
  await t.step("no deeper than the limit", async () => {
    const { message } = await failure(run(["linux/amd64"], 2), CopyError);
    assert(message.includes("maxDepth"), message);
  });
  await t.step("none at all is no choice", async () => {
    await assertRejects(() => run([]), InvalidOptionError, "'platforms' must name one");
  });
});
