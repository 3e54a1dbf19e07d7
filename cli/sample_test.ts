import { attach } from "../artifact/mod.ts";
import {
  buildImageConfig,
  buildIndex,
  buildManifest,
  type ContentStore,
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
} from "../mod.ts";

/** An image for three platforms with an SBOM attached, under a tag; answers the index. */
export async function pushSample(store: ContentStore, tag: string): Promise<Descriptor> {
  const manifests: Descriptor[] = [];
  for (const architecture of ["amd64", "arm64", "s390x"]) {
    const bytes = new TextEncoder().encode(`the layer for ${architecture}`);
    const layer = {
      mediaType: MEDIA_TYPES.ociLayerGzip,
      digest: await digestOf(bytes),
      size: bytes.byteLength,
    };
    await store.write(layer, bytes);
    const rootfs = { type: "layers" as const, diff_ids: [layer.digest] };
    const config = await buildImageConfig({ architecture, os: "linux", rootfs });
    await store.write(config.descriptor, config.bytes);
    const image = await buildManifest({ config: config.descriptor, layers: [layer] });
    await store.write(image.descriptor, image.bytes);
    manifests.push({ ...image.descriptor, platform: { os: "linux", architecture } });
  }
  const index = await buildIndex({ manifests });
  await store.write(index.descriptor, index.bytes);
  await store.tag(index.descriptor, tag);
  await attach(store, index.descriptor, {
    artifactType: "application/vnd.cyclonedx+json",
    files: [{ title: "sbom.json", body: "{}", mediaType: "application/vnd.cyclonedx+json" }],
  });
  return index.descriptor;
}

/** A referrer that has a tag too, as cosign names signatures. */
export async function pushSignature(store: ContentStore, subject: Descriptor): Promise<Descriptor> {
  const signature = await attach(store, subject, {
    artifactType: "application/vnd.example.signature",
    layers: [],
  });
  await store.tag(signature, `${subject.digest.replace(":", "-")}.sig`);
  return signature;
}
