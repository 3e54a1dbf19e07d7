/** Content that no other test has, and images made of it. */
import { Buffer } from "node:buffer";
import { assertEquals, fail } from "@std/assert";
import {
  buildIndex,
  buildManifest,
  type BuiltManifest,
  type Bytes,
  type Descriptor,
  EMPTY_CONFIG_BYTES,
  type ImageIndex,
  type ImageManifest,
  type RegistryClientV2,
} from "../../mod.ts";

/** A digest that nothing has. */
export const NOWHERE = `sha256:${"0123456789abcdef".repeat(4)}`;

/** A prime: no piece, chunk or buffer on the way repeats with it. */
const BLOCK_BYTES = 65_521;

/** Random bytes; those of a few kilobytes or more differ at every offset that anybody cuts at. */
export function randomBytes(size: number): Bytes {
  const bytes = new Uint8Array(size);
  const block = crypto.getRandomValues(new Uint8Array(Math.min(size, BLOCK_BYTES)));
  for (let at = 0; at < size; at += BLOCK_BYTES) bytes.set(block.subarray(0, size - at), at);
  return bytes;
}

/** A text as bytes. */
export function text(words: string): Bytes {
  return new TextEncoder().encode(words);
}

/** Fails when bytes differ, and says where: `assertEquals` takes its time over many bytes. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.byteLength, expected.byteLength, "other length");
  // Bytes one by one take longer than most of what is tested.
  if (Buffer.compare(actual, expected) === 0) return;
  fail(`byte ${expected.findIndex((byte, at) => byte !== actual[at])} differs`);
}

/** A stream that can be read once. */
export function streamOf(bytes: Bytes): ReadableStream<Bytes> {
  return new Blob([bytes]).stream();
}

/** Pushes a small artifact that is equal to no other: its blobs, and not its manifest. */
export async function newArtifact(
  client: RegistryClientV2,
  options: {
    artifactType?: string;
    subject?: Descriptor;
    annotations?: Record<string, string>;
    digestAlgorithm?: "sha256" | "sha512";
  } = {},
): Promise<BuiltManifest<ImageManifest>> {
  await client.putBlob(EMPTY_CONFIG_BYTES);
  const layer = await client.putBlob(randomBytes(100), { mediaType: "text/plain" });
  const { mediaType, digest, size } = layer;
  return await buildManifest({
    artifactType: "application/vnd.example.note",
    layers: [{ mediaType, digest, size }],
    ...options,
  });
}

/** An artifact that has been pushed: under a tag, or its digest alone. */
export async function pushArtifact(
  client: RegistryClientV2,
  { tag, ...options }: Parameters<typeof newArtifact>[1] & { tag?: string } = {},
): Promise<Descriptor> {
  const { bytes, descriptor } = await newArtifact(client, options);
  await client.putManifest({ manifestData: bytes, ref: tag ?? descriptor.digest });
  return descriptor;
}

/** The platforms of {@linkcode pushImage}. */
export const PLATFORMS = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64", variant: "v8" },
];

/** An image of two platforms. */
interface SampleImage {
  /** The index. */
  index: BuiltManifest<ImageIndex>;
  /** The images, one for each of {@linkcode PLATFORMS}. */
  images: BuiltManifest<ImageManifest>[];
  /** All blobs, each once. */
  blobs: Descriptor[];
}

/** Pushes an image of two platforms under a tag, with a layer that both share. */
export async function pushImage(client: RegistryClientV2, tag: string): Promise<SampleImage> {
  const LAYER = "application/vnd.oci.image.layer.v1.tar";
  const shared = await client.putBlob(randomBytes(70_000), { mediaType: LAYER });
  const blobs = [shared];
  const images = [];
  for (const platform of PLATFORMS) {
    const layer = await client.putBlob(randomBytes(200_000), { mediaType: LAYER });
    const config = await client.putBlob(
      text(JSON.stringify({
        ...platform,
        config: {},
        rootfs: { type: "layers", diff_ids: [shared.digest, layer.digest] },
      })),
      { mediaType: "application/vnd.oci.image.config.v1+json" },
    );
    const image = await buildManifest({ config, layers: [shared, layer] });
    await client.putManifest({ manifestData: image.bytes, ref: image.descriptor.digest });
    blobs.push(layer, config);
    images.push(image);
  }
  const index = await buildIndex({
    manifests: images.map(({ descriptor: { mediaType, digest, size } }, at) => ({
      mediaType,
      digest,
      size,
      platform: PLATFORMS[at]!,
    })),
  });
  await client.putManifest({ manifestData: index.bytes, ref: tag });
  return { index, images, blobs };
}
