import { packTar } from "modern-tar";
import {
  buildImageConfig,
  buildIndex,
  buildManifest,
  type Bytes,
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
} from "../../mod.ts";
import { ROOT } from "../npm_package/project.ts";
import { projectFiles } from "../project_files.ts";
import { randomBytes } from "../random_bytes.ts";

/** A layer: what is pushed, and the digest of the tar inside it. */
interface Layer {
  /** The layer, compressed. */
  bytes: Bytes;
  descriptor: Descriptor;
  /** The digest of the tar before compression. */
  diffId: string;
}

/** An image for one platform. */
interface Image {
  /** What it runs on, as `os/architecture`. */
  platform: string;
  config: Bytes;
  configDescriptor: Descriptor;
  /** The layers, the shared one first. */
  layers: Layer[];
  manifest: Bytes;
  /** The manifest's descriptor, with its platform. */
  descriptor: Descriptor;
}

export interface MultiPlatformImage {
  /** The layer that all platforms share. */
  base: Layer;
  images: Image[];
  index: Bytes;
  descriptor: Descriptor;
}

const ARCHITECTURES = ["amd64", "arm64"];
const DATA_BYTES = 6 * 1024 * 1024;

/** Makes an image of this project's own files, and data that differs from platform to platform. */
export async function makeImage(): Promise<MultiPlatformImage> {
  const base = await makeLayer([
    ...await ownFiles(),
    { name: "usr/share/davit/data.bin", data: randomBytes(DATA_BYTES) },
  ]);
  const images = await Promise.all(ARCHITECTURES.map((each) => makePlatform(base, each)));
  const { bytes, descriptor } = await buildIndex({
    manifests: images.map((image) => image.descriptor),
  });
  return { base, images, index: bytes, descriptor };
}

async function makePlatform(base: Layer, architecture: string): Promise<Image> {
  const own = await makeLayer([
    { name: "etc/platform", data: new TextEncoder().encode(`linux/${architecture}\n`) },
    { name: `usr/lib/${architecture}/data.bin`, data: randomBytes(DATA_BYTES / 2) },
  ]);
  const layers = [base, own];
  const config = await buildImageConfig({
    architecture,
    os: "linux",
    config: { Cmd: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
  });
  const { bytes, descriptor } = await buildManifest({
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
  });
  return {
    platform: `linux/${architecture}`,
    config: config.bytes,
    configDescriptor: config.descriptor,
    layers,
    manifest: bytes,
    descriptor: { ...descriptor, platform: { os: "linux", architecture } },
  };
}

interface File {
  name: string;
  data: Uint8Array;
}

async function makeLayer(files: File[]): Promise<Layer> {
  const tar = await packTar(files.map(({ name, data }) => ({
    header: { name, size: data.byteLength, mode: 0o644, mtime: new Date(0) },
    body: data,
  })));
  const zipped = new Blob([tar as Bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(zipped).arrayBuffer());
  return {
    bytes,
    descriptor: {
      mediaType: MEDIA_TYPES.ociLayerGzip,
      digest: await digestOf(bytes),
      size: bytes.byteLength,
    },
    diffId: await digestOf(tar),
  };
}

/** The project's own files, as they stand in the checkout. */
async function ownFiles(): Promise<File[]> {
  return await Promise.all((await projectFiles(ROOT)).map(async (path) => ({
    name: `usr/src/davit/${path}`,
    data: await Deno.readFile(`${ROOT}/${path}`),
  })));
}
