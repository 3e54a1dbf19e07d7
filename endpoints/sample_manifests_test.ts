/** Manifests for the tests of endpoints, and the answers that carry them. */
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { Digest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";

/** A manifest with its bytes and digests. */
export interface Sample {
  json: Record<string, unknown>;
  bytes: Bytes;
  digest: Digest;
  sha512: Digest;
  mediaType: string;
  descriptor: Descriptor;
}

/** A manifest of the JSON given, to the byte. */
export async function sampleOf(json: Record<string, unknown>, mediaType: string): Promise<Sample> {
  const bytes = encodeText(JSON.stringify(json, null, 1));
  const digest = await digestOf(bytes);
  return {
    json,
    bytes,
    digest,
    sha512: await digestOf(bytes, "sha512"),
    mediaType,
    descriptor: { mediaType, digest, size: bytes.byteLength },
  };
}

/** A descriptor of nothing in particular. */
export function descriptor(mediaType: string, fill: string): Descriptor {
  return { mediaType, digest: `sha256:${fill.repeat(64)}`, size: 10 };
}

const image = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociManifest,
  config: descriptor(MEDIA_TYPES.ociConfig, "c"),
  layers: [descriptor(MEDIA_TYPES.ociLayerGzip, "a")],
};

/** An image. */
export const IMAGE: Sample = await sampleOf(image, MEDIA_TYPES.ociManifest);

/** Another image. */
export const OTHER_IMAGE: Sample = await sampleOf(
  { ...image, annotations: { other: "yes" } },
  MEDIA_TYPES.ociManifest,
);

/** Docker's image. */
export const DOCKER_IMAGE: Sample = await sampleOf(
  { ...image, mediaType: MEDIA_TYPES.dockerManifest },
  MEDIA_TYPES.dockerManifest,
);

/** An index over {@linkcode IMAGE} for linux/amd64. */
export const INDEX: Sample = await sampleOf({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociIndex,
  manifests: [{ ...IMAGE.descriptor, platform: { os: "linux", architecture: "amd64" } }],
}, MEDIA_TYPES.ociIndex);

/** An artifact that is attached to a subject. */
export async function artifactOf(subject: Descriptor, name: string): Promise<Sample> {
  return await sampleOf({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: `application/${name}`,
    config: descriptor(MEDIA_TYPES.ociEmpty, "e"),
    layers: [],
    subject,
    annotations: { name },
  }, MEDIA_TYPES.ociManifest);
}

/** What a registry answers to a GET or HEAD of a manifest. */
export function manifestAnswer(
  { bytes, digest, mediaType }: Sample,
  headers: Record<string, string | undefined> = {},
  head = false,
): Response {
  const all = Object.entries({
    "content-type": mediaType,
    "content-length": String(bytes.byteLength),
    "docker-content-digest": digest as string | undefined,
    ...headers,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = new Response(head ? null : bytes.slice(), { headers: all });
  if ("content-type" in headers && headers["content-type"] === undefined) {
    response.headers.delete("content-type");
  }
  return response;
}
