/** What the tests of docker_registry_client's contract share: a registry, an image, a wire. */
import {
  buildImageConfig,
  buildIndex,
  buildManifest,
  type Bytes,
  type Descriptor,
  MEDIA_TYPES,
  RegistryClientV2,
} from "@davit/registry-client";
import type { RegistryClientOpts } from "@davit/registry-client/types";
import { createRegistry, type Registry, type RegistryOptions } from "@davit/registry-client/server";
import { sha256, utf8 } from "../bytes.ts";

export { sha256, utf8 } from "../bytes.ts";

/** The repository that the tests work in. */
export const NAME = "localhost:5000/app";

/** No content has this digest. */
export const UNKNOWN = `sha256:${"0123456789abcdef".repeat(4)}`;

/** An error's class, as assertions take it. */
// deno-lint-ignore no-explicit-any
export type ErrorClass = abstract new (...args: any[]) => Error;

/** A registry in memory, and a client of a repository in it. */
interface Pair {
  registry: Registry;
  client: RegistryClientV2;
  /** The requests so far, as "GET /v2/ 200"; they are forgotten. */
  taken(): string[];
}

/** A registry in memory, and a client of a repository in it. */
export function pair(
  registryOptions: RegistryOptions = {},
  options: Partial<RegistryClientOpts> = {},
): Pair {
  const registry = createRegistry({
    onError: (error) => {
      throw error;
    },
    ...registryOptions,
  });
  const name = options.repo === undefined ? { name: NAME } : {};
  const client = new RegistryClientV2({ ...name, fetch: registry.fetch, ...options });
  const taken = () =>
    registry.requests.splice(0).map(({ method, path, status }) => `${method} ${path} ${status}`);
  return { registry, client, taken };
}

/** An image of one layer: what is pushed, and what leads to it. */
interface SampleImage {
  layer: Bytes;
  config: Bytes;
  manifest: Bytes;
  descriptor: Descriptor;
  layerDescriptor: Descriptor;
}

/** Makes an image of one layer, whose bytes are the text. */
export async function sampleImage(text: string, architecture = "amd64"): Promise<SampleImage> {
  const layer = utf8(text);
  const built = await buildImageConfig({
    architecture,
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
  });
  const layerDescriptor = {
    mediaType: MEDIA_TYPES.ociLayer,
    digest: await sha256(layer),
    size: layer.byteLength,
  };
  const { bytes, descriptor } = await buildManifest({
    config: built.descriptor,
    layers: [layerDescriptor],
  });
  return {
    layer,
    config: built.bytes,
    manifest: bytes,
    descriptor: { ...descriptor, platform: { os: "linux", architecture } },
    layerDescriptor,
  };
}

/** Pushes an image under a tag. */
export async function pushImage(
  client: RegistryClientV2,
  ref: string,
  text = "a layer",
): Promise<SampleImage> {
  const image = await sampleImage(text);
  await client.putBlob(image.layer);
  await client.putBlob(image.config);
  await client.putManifest({ manifestData: image.manifest, ref });
  return image;
}

/** Pushes an index over linux/amd64 and linux/arm64 under a tag. */
export async function pushIndex(
  client: RegistryClientV2,
  ref: string,
): Promise<{ index: Bytes; digest: string; images: SampleImage[] }> {
  const images: SampleImage[] = [];
  for (const architecture of ["amd64", "arm64"]) {
    const image = await sampleImage(`the layer for ${architecture}`, architecture);
    await client.putBlob(image.layer);
    await client.putBlob(image.config);
    await client.putManifest({ manifestData: image.manifest, ref: image.descriptor.digest });
    images.push(image);
  }
  const { bytes, descriptor } = await buildIndex({
    manifests: images.map((image) => image.descriptor),
  });
  await client.putManifest({ manifestData: bytes, ref });
  return { index: bytes, digest: descriptor.digest, images };
}

/** A hand-written registry: a function from a request to a response, and what it was asked. */
interface Wire {
  fetch: typeof globalThis.fetch;
  /** The requests, in their order. */
  seen: Request[];
  /** The requests so far, as "GET https://host/path". */
  lines(): string[];
}

/** A wire whose other end is a function. */
export function wire(
  handle: (request: Request, url: URL) => Response | Promise<Response>,
): Wire {
  const seen: Request[] = [];
  return {
    seen,
    lines: () => seen.map(({ method, url }) => `${method} ${url}`),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      seen.push(request);
      return await handle(request, new URL(request.url));
    },
  };
}
