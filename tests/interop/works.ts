/**
 * What travels between davit and other clients: images and artifacts of every shape, in memory, so
 * that whatever arrives anywhere can be compared with what was sent, byte for byte.
 */
import { assert, assertEquals } from "@std/assert";
import {
  buildIndex,
  buildManifest,
  type BuildManifestOptions,
  type Bytes,
  childrenOf,
  type ContentStore,
  type Descriptor,
  digestOf,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
  isDigest,
  parseManifest,
} from "../../mod.ts";
import { assertBytes, randomBytes, text } from "../endpoints/samples.ts";
import { LAYOUT_TAG } from "../peers/clients.ts";
import { tar } from "../peers/sample_layout.ts";

/** Some content with its descriptor. */
interface Content {
  /** Its descriptor. */
  descriptor: Descriptor;
  /** The content. */
  bytes: Bytes;
}

/** Something that travels. */
interface Work {
  /** Its name, which is a repository's last part too. */
  name: string;
  /** The manifest that stands for all of it. */
  root: Descriptor;
  /** Everything, what is pointed to before what points to it; the root is the last. */
  contents: Content[];
  /** What the root is attached to: oras wants it to be in the same place. */
  subject: Content[];
}

const LAYER = "application/vnd.oci.image.layer.v1.tar";
const CONFIG = "application/vnd.oci.image.config.v1+json";

/** The least that registries must take, and the most that skopeo and oras read. */
const MANIFEST_BYTES = 4 * 1024 * 1024;

async function content(mediaType: string, bytes: Bytes): Promise<Content> {
  const digest = await digestOf(bytes);
  return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
}

async function imageOf(
  architecture: string,
  layers: Content[],
  extra: Partial<BuildManifestOptions> = {},
): Promise<Content[]> {
  const config = await content(
    CONFIG,
    text(JSON.stringify({
      ...{ architecture, os: "linux", config: { Cmd: ["/hello"] } },
      rootfs: { type: "layers", diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
      history: layers.map(() => ({ created_by: "davit tests" })),
    })),
  );
  const { descriptor, bytes } = await buildManifest({
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...extra,
  });
  return [...layers, config, { descriptor, bytes }];
}

async function artifact(
  artifactType: string,
  layers: Content[],
  extra: Partial<BuildManifestOptions> = {},
): Promise<Content[]> {
  const { descriptor, bytes } = await buildManifest({
    artifactType,
    layers: layers.map(({ descriptor }) => descriptor),
    ...extra,
  });
  return [...layers, { descriptor: EMPTY_CONFIG, bytes: EMPTY_CONFIG_BYTES }, {
    descriptor,
    bytes,
  }];
}

function work(name: string, contents: Content[], subject: Content[] = []): Work {
  const once = new Map(contents.map((each) => [each.descriptor.digest, each]));
  return { name, root: contents.at(-1)!.descriptor, contents: [...once.values()], subject };
}

/** One of each shape. */
export async function makeWorks(): Promise<Work[]> {
  const shared = await content(LAYER, tar("etc/shared", 100_000));
  const nothing = await content(LAYER, text(""));
  const own = await content(LAYER, tar("bin/hello", 1_500_000));
  const image = await imageOf("amd64", [shared, own]);
  const other = await imageOf("arm64", [shared, await content(LAYER, tar("bin/hello64", 200_000))]);
  const index = await buildIndex({
    manifests: [image, other].map((contents, at) => {
      const { mediaType, digest, size } = contents.at(-1)!.descriptor;
      const architecture = ["amd64", "arm64"][at]!;
      return { mediaType, digest, size, platform: { architecture, os: "linux" } };
    }),
    annotations: { "org.opencontainers.image.title": "both" },
  });
  const { mediaType, digest, size } = image.at(-1)!.descriptor;
  const note = await content("text/plain", text("a note\n"));
  const NOTE = "application/vnd.example.note";

  const build = (pad: number) =>
    imageOf("amd64", [shared], { annotations: { pad: "x".repeat(pad) } });
  const rest = MANIFEST_BYTES - (await build(0)).at(-1)!.bytes.byteLength;
  const large = await build(rest);
  assertEquals(large.at(-1)!.bytes.byteLength, MANIFEST_BYTES);

  return [
    work("image", image),
    work("index", [...image, ...other, index]),
    work("artifact", await artifact(NOTE, [note, await content("text/plain", randomBytes(10))])),
    work("attached", await artifact(NOTE, [note], { subject: { mediaType, digest, size } }), image),
    work("zero-bytes", await imageOf("amd64", [shared, nothing])),
    work("zero-bytes-artifact", await artifact(NOTE, [nothing])),
    work("large-manifest", large),
  ];
}

/** Writes a work to a store, under {@linkcode LAYOUT_TAG}. */
export async function writeWork(
  store: ContentStore,
  { root, contents, subject }: Work,
): Promise<void> {
  for (const { descriptor, bytes } of [...subject, ...contents]) {
    await store.write(descriptor, bytes);
  }
  await store.tag(root, LAYOUT_TAG);
}

/**
 * Copies what a tag or digest names, and all that it is made of; answers its descriptor. What a tag
 * named has {@linkcode LAYOUT_TAG} afterwards.
 */
export async function pullInto(
  layout: ContentStore,
  source: ContentStore,
  reference: string = LAYOUT_TAG,
): Promise<Descriptor> {
  const copy = async (descriptor: Descriptor): Promise<void> => {
    const isManifest = /manifest|index/.test(descriptor.mediaType);
    if (isManifest) {
      const bytes = new Uint8Array(
        await new Response(await source.open(descriptor)).arrayBuffer(),
      );
      const { manifest } = parseManifest(bytes, { mediaType: descriptor.mediaType });
      for (const child of childrenOf(manifest)) await copy(child);
      await layout.write(descriptor, bytes);
    } else {
      await layout.write(descriptor, { open: (offset) => source.open(descriptor, { offset }) });
    }
  };
  const root = await source.resolve(reference);
  await copy(root);
  if (!isDigest(reference)) await layout.tag(root, LAYOUT_TAG);
  return root;
}

/** Fails unless a layout folder holds a work: its index names the root, its files are the bytes. */
export async function assertHolds(folder: string, { root, contents }: Work): Promise<void> {
  const { manifests } = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
  const entry = manifests.find(({ digest }: Descriptor) => digest === root.digest);
  assert(entry !== undefined, `${folder}/index.json does not name ${root.digest}`);
  assertEquals([entry.mediaType, entry.size], [root.mediaType, root.size]);
  for (const { descriptor, bytes } of contents) {
    const file = `${folder}/blobs/${descriptor.digest.replace(":", "/")}`;
    assertBytes(await Deno.readFile(file), bytes);
  }
}
