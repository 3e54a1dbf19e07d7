/** Stores for the tests of this room, and graphs of content to copy. */
import { assertInstanceOf } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor, Platform } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentSource, ContentStore } from "../content/store.ts";
import { buildIndex, buildManifest } from "../manifest/build.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import type { ObservedRequest } from "../server/observation.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { createTestRegistry, type TestRegistryOptions } from "../testing/test_registry.ts";

/** A folder that is removed afterwards. */
export async function withFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  await using folder = await tempFolder();
  return await run(await Deno.realPath(folder.path));
}

/** A repository of a registry in memory, and what was asked of it. */
export interface TestRepository {
  store: RegistryStore;
  requests: ObservedRequest[];
  /** The requests since the last call, as `PUT manifests`. */
  asked(): string[];
  /** A request that no client makes. */
  raw(path: string, init: RequestInit): Promise<Response>;
  /** Another repository of the same registry. */
  other(name: string): RegistryStore;
}

/** A repository of a registry in memory. */
export function repository(options: TestRegistryOptions = {}, name = "app"): TestRepository {
  const registry = createTestRegistry(options);
  const client = new RegistryClientV2({
    name: `registry.test/${name}`,
    fetch: registry.fetch,
    retry: { maxAttempts: 3, minDelay: 1, maxDelay: 2 },
  });
  let seen = 0;
  return {
    store: new RegistryStore(client),
    requests: registry.requests,
    asked() {
      const since = registry.requests.slice(seen);
      seen = registry.requests.length;
      return since.map(({ method, path }) =>
        `${method} ${/\/(blobs\/uploads|blobs|manifests|referrers|tags)\//.exec(path)?.[1] ?? path}`
      );
    },
    raw: (path: string, init: RequestInit) => registry.fetch(`https://registry.test${path}`, init),
    other: (other) => new RegistryStore(client.withRepo(other)),
  };
}

/** How often something was asked. */
export function count(asked: readonly string[], what: RegExp): number {
  return asked.filter((each) => what.test(each)).length;
}

/** Bytes that differ for each seed, and at every offset. */
export function bytesOf(size: number, seed: number): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(seed + at, 2_654_435_761) ^ at;
  return new Uint8Array(words.buffer, 0, size);
}

let made = 0;

/** Content that no other call makes. */
export async function writeBlob(
  store: ContentStore,
  size: number,
  mediaType: string = MEDIA_TYPES.ociLayerGzip,
): Promise<Descriptor> {
  const bytes = bytesOf(size, ++made * 7_919);
  const descriptor = await describeBytes(bytes, mediaType);
  await store.write(descriptor, bytes);
  return descriptor;
}

/** Options of {@linkcode writeImage}. */
export interface ImageOptions {
  layers?: number[];
  subject?: Descriptor;
  artifactType?: string;
  extraLayers?: Descriptor[];
  tag?: string;
}

/** An image that equals no other. */
export async function writeImage(
  store: ContentStore,
  { layers = [1_000], extraLayers = [], tag, ...rest }: ImageOptions = {},
): Promise<Descriptor> {
  const bytes = encodeText(JSON.stringify({ made: ++made, rootfs: { type: "layers" } }));
  const config = await describeBytes(bytes, MEDIA_TYPES.ociConfig);
  await store.write(config, bytes);
  const written: Descriptor[] = [];
  for (const size of layers) written.push(await writeBlob(store, size));
  const built = await buildManifest({ config, layers: [...written, ...extraLayers], ...rest });
  const { digest, size } = built.descriptor;
  const descriptor = { mediaType: built.descriptor.mediaType, digest, size };
  await store.write(descriptor, built.bytes);
  if (tag !== undefined) await store.tag(descriptor, tag);
  return descriptor;
}

/** An artifact that is attached to something. */
export function writeNote(store: ContentStore, subject: Descriptor): Promise<Descriptor> {
  return writeImage(store, { subject, artifactType: "application/vnd.example.note", layers: [10] });
}

/** An index over manifests; `platforms` are theirs. */
export async function writeIndex(
  store: ContentStore,
  manifests: readonly Descriptor[],
  { tag, platforms = [] }: { tag?: string; platforms?: (Platform | undefined)[] } = {},
): Promise<Descriptor> {
  const built = await buildIndex({
    manifests: manifests.map((each, at) => ({
      ...each,
      ...(platforms[at] && { platform: platforms[at]! }),
    })),
  });
  const { mediaType, digest, size } = built.descriptor;
  await store.write({ mediaType, digest, size }, built.bytes);
  if (tag !== undefined) await store.tag({ mediaType, digest, size }, tag);
  return { mediaType, digest, size };
}

export const LINUX_AMD64: Platform = { os: "linux", architecture: "amd64" };
export const LINUX_ARM64: Platform = { os: "linux", architecture: "arm64", variant: "v8" };
export const LINUX_ARM: Platform = { os: "linux", architecture: "arm", variant: "v6" };

/** An index with everything that a copy has to find. */
export interface Everything {
  index: Descriptor;
  images: Descriptor[];
  attestation: Descriptor;
  /** What is attached: to the index, to an image, to what is attached, and behind tags. */
  attached: Descriptor[];
  tags: string[];
}

/** Writes an index of three platforms with everything attached that tools attach. */
export async function writeEverything(store: ContentStore, tag = "v1"): Promise<Everything> {
  const shared = await writeBlob(store, 5_000);
  const images: Descriptor[] = [];
  for (let at = 0; at < 3; at++) {
    images.push(await writeImage(store, { extraLayers: [shared] }));
  }
  const attestation = await writeImage(store, { layers: [100] });
  const about = {
    ...attestation,
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": images[0]!.digest,
    },
  };
  const unknown = { os: "unknown", architecture: "unknown" };
  const platforms = [LINUX_AMD64, LINUX_ARM64, LINUX_ARM, unknown];
  const index = await writeIndex(store, [...images, about], { tag, platforms });
  const onIndex = await writeNote(store, index);
  const onNote = await writeNote(store, onIndex);
  const onImage = await writeNote(store, images[1]!);
  const signature = await writeImage(store, { layers: [20] });
  const sbom = await writeImage(store, { layers: [30] });
  const onSignature = await writeNote(store, signature);
  const tags = [`${fallbackTag(index.digest)}.sig`, `${fallbackTag(images[0]!.digest)}.sbom`];
  await store.tag(signature, tags[0]!);
  await store.tag(sbom, tags[1]!);
  const attached = [onIndex, onNote, onImage, signature, sbom, onSignature];
  return { index, images, attestation, attached, tags };
}

/** Everything that a store has of a graph, as `digest: first bytes`; what is missing is named. */
export async function missing(
  store: ContentSource,
  descriptors: Iterable<Descriptor>,
): Promise<string[]> {
  const gone: string[] = [];
  for (const each of descriptors) {
    const bytes = await new Response(await store.open(each).catch(() => null)).arrayBuffer();
    if (await digestOf(new Uint8Array(bytes)) !== each.digest) gone.push(each.digest);
  }
  return gone;
}

/** The digests, sorted. */
export function digestsOf(descriptors: Iterable<Pick<Descriptor, "digest">>): string[] {
  return [...descriptors].map(({ digest }) => digest).sort();
}

/** A store with other methods in the place of some of its own. */
export function altered<S extends ContentSource>(store: S, changes: Partial<ContentStore>): S {
  return new Proxy(store, {
    get(target, name) {
      if (name in changes) return changes[name as keyof ContentStore];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A store that cannot mount, so that what moves is seen. */
export class PlainStore extends MemoryStore {
  override mount(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

/** A promise's error, which must be of a class. */
export async function failure<T extends Error>(
  promise: Promise<unknown>,
  // deno-lint-ignore no-explicit-any
  type: abstract new (...args: any[]) => T,
): Promise<T> {
  const error = await promise.then(() => undefined, (error) => error);
  assertInstanceOf(error, type);
  return error;
}
