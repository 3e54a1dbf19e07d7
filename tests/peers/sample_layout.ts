/**
 * Writes a small image of two platforms as an OCI layout folder, with nothing of davit's own, so
 * that what clients push does not depend on the code under test.
 */
import { createHash } from "node:crypto";
import { LAYOUT_TAG } from "./clients.ts";

/** A descriptor as JSON has it. */
interface SampleDescriptor {
  /** The media type. */
  mediaType: string;
  /** The digest. */
  digest: string;
  /** The size in bytes. */
  size: number;
  /** Further members. */
  [member: string]: unknown;
}

/** What was written. */
export interface SampleLayout {
  /** The folder. */
  folder: string;
  /** The index over both images. */
  index: SampleDescriptor;
  /** The images. */
  manifests: SampleDescriptor[];
  /** Every blob that is not a manifest, each digest once. */
  blobs: SampleDescriptor[];
}

const PLATFORMS = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64" },
];
const OCI = "application/vnd.oci.image";

/** Writes the layout; the layers' size is in bytes, and each platform has one. */
export async function writeSampleLayout(
  folder: string,
  layerSize: number = 64 * 1024,
): Promise<SampleLayout> {
  await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
  const write = async (mediaType: string, bytes: Uint8Array): Promise<SampleDescriptor> => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    await Deno.writeFile(`${folder}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const writeJson = (mediaType: string, value: unknown) =>
    write(mediaType, new TextEncoder().encode(JSON.stringify(value)));

  const manifests: SampleDescriptor[] = [];
  const blobs: SampleDescriptor[] = [];
  for (const platform of PLATFORMS) {
    const layer = await write(
      `${OCI}.layer.v1.tar`,
      tar(`hello/${platform.architecture}`, layerSize),
    );
    const config = await writeJson(`${OCI}.config.v1+json`, {
      ...platform,
      config: {},
      rootfs: { type: "layers", diff_ids: [layer.digest] },
      history: [{ created_by: "davit tests" }],
    });
    const manifest = await writeJson(`${OCI}.manifest.v1+json`, {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config,
      layers: [layer],
    });
    blobs.push(layer, config);
    manifests.push({ ...manifest, platform });
  }
  const index = await writeJson(`${OCI}.index.v1+json`, {
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests,
  });
  const annotations = { "org.opencontainers.image.ref.name": LAYOUT_TAG };
  await Deno.writeTextFile(`${folder}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  await Deno.writeTextFile(
    `${folder}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...index, annotations }] }),
  );
  return { folder, index, manifests, blobs };
}

/** A tar (ustar) with one file of a size, filled with a pattern that its name seeds. */
export function tar(name: string, size: number): Uint8Array<ArrayBuffer> {
  const block = 512;
  const bytes = new Uint8Array(block + Math.ceil(size / block) * block + 2 * block);
  const put = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(0, name);
  put(100, `${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`);
  put(124, `${octal(size, 11)}\0${octal(0, 11)}\0${" ".repeat(8)}0`);
  put(257, "ustar\x0000");
  const sum = bytes.subarray(0, block).reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  let state = [...name].reduce((seed, char) => (seed * 31 + char.charCodeAt(0)) >>> 0, 7);
  for (let at = block; at < block + size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
