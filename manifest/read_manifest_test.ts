import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { ContentNotFoundError, InvalidManifestError, LimitError } from "../errors.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { buildIndex, buildManifest } from "./build.ts";
import { readManifest } from "./read_manifest.ts";

const PLATFORM = { os: "linux", architecture: "arm64" };

/** An image for a platform behind some indexes, and the descriptor of the outermost. */
async function behind(indexes: number): Promise<{ store: MemoryStore; root: Descriptor }> {
  const store = new MemoryStore();
  let built: Awaited<ReturnType<typeof buildManifest | typeof buildIndex>> = await buildManifest({
    artifactType: "text/plain",
    layers: [],
  });
  await store.write(built.descriptor, built.bytes);
  for (let i = 0; i < indexes; i++) {
    const { digest, mediaType, size } = built.descriptor;
    built = await buildIndex({ manifests: [{ mediaType, digest, size, platform: PLATFORM }] });
    await store.write(built.descriptor, built.bytes);
  }
  return { store, root: built.descriptor };
}

for (const indexes of [0, 1, 2, 16]) {
  Deno.test(`readManifest follows ${indexes} indexes to the image for a platform`, async () => {
    const { store, root } = await behind(indexes);
    const { manifest, descriptor } = await readManifest(store, root, { platform: "linux/arm64" });
    assert("config" in manifest);
    assertEquals(descriptor.platform, indexes === 0 ? undefined : PLATFORM);
    assert("config" in (await readManifest(store, descriptor)).manifest);
  });
}

Deno.test("readManifest without a platform reads the index itself", async () => {
  const { store, root } = await behind(1);
  const { manifest, descriptor } = await readManifest(store, root);
  assert("manifests" in manifest);
  assertEquals(descriptor, root);
});

Deno.test("readManifest: over 16 indexes, or none for the platform", async () => {
  const { store, root } = await behind(17);
  const message = "over 16 indexes are in one another";
  await assertRejects(
    () => readManifest(store, root, { platform: "linux/arm64" }),
    LimitError,
    message,
  );
  await assertRejects(
    () => readManifest(store, root, { platform: "linux/s390x" }),
    ContentNotFoundError,
    `Cannot find linux/s390x in the index ${root.digest}: it has linux/arm64`,
  );
});

for (const [text, why] of [["{", "it is not JSON"], ['{"schemaVersion": 2}', "it has neither"]]) {
  Deno.test(`readManifest says which manifest cannot be read: ${text}`, async () => {
    const store = new MemoryStore();
    const bytes = encodeText(text!);
    const descriptor = await describeBytes(bytes, MEDIA_TYPES.ociManifest);
    await store.write(descriptor, bytes);
    await assertRejects(
      () => readManifest(store, descriptor),
      InvalidManifestError,
      `Cannot read the manifest ${descriptor.digest}: ${why}`,
    );
  });
}
