/**
 * What a process does with a layout folder, on any runtime: `layout_program <verb> <folder> <name>`.
 *
 * - `copy`: writes some images with a layer in common, tags each of them, and prints `done`
 * - `hold`: writes the first half of {@linkcode HELD}, prints `held`, and waits
 * - `tag`: tags one image after the other without end; it prints `tagged` after the first
 */
import {
  buildManifest,
  type Bytes,
  type Descriptor,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
} from "../../mod.ts";
import { LayoutStore } from "../../stores/mod.ts";

/** How many images `copy` writes. */
export const COPIED = 12;

/** The layer that every process writes. */
export const SHARED = pattern(3_000_000, 7);

/** What `hold` writes half of. */
export const HELD = pattern(2_000_000, 11);

/** Bytes that are not all alike. */
function pattern(length: number, factor: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * factor) >> 5;
  return bytes;
}

/** The descriptor of a layer. */
export async function layerOf(bytes: Bytes): Promise<Descriptor> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const mediaType = "application/vnd.oci.image.layer.v1.tar";
  return { mediaType, digest: `sha256:${hex}`, size: bytes.byteLength };
}

async function writeImage(store: LayoutStore, name: string): Promise<Descriptor> {
  const shared = await layerOf(SHARED);
  const partial = await store.begin(shared);
  for (let at = partial.offset; at < shared.size; at += 500_000) {
    await partial.write(SHARED.slice(at, at + 500_000), at);
  }
  await partial.commit();
  await partial.close();
  const own = new TextEncoder().encode(`the layer of ${name}`);
  const layer = await layerOf(own);
  await store.write(layer, own);
  const layers = [shared, layer];
  const { descriptor, bytes } = await buildManifest({ artifactType: "text/plain", layers });
  await store.write(EMPTY_CONFIG, EMPTY_CONFIG_BYTES);
  await store.write(descriptor, bytes);
  return descriptor;
}

async function main(verb: string, folder: string, name: string): Promise<void> {
  const store = new LayoutStore(folder);
  if (verb === "copy") {
    for (let n = 0; n < COPIED; n++) {
      const tag = `${name}-${n}`;
      await store.tag(await writeImage(store, tag), tag);
    }
    console.log("done");
  } else if (verb === "hold") {
    const partial = await store.begin(await layerOf(HELD));
    await partial.write(HELD.slice(0, HELD.byteLength / 2), 0);
    console.log("held");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  } else {
    const image = await writeImage(store, name);
    for (let n = 0;; n++) {
      await store.tag(image, `${name}-${n}`);
      if (n === 0) console.log("tagged");
    }
  }
}

const { argv } = (globalThis as unknown as { process: { argv: string[] } }).process;
const [verb, folder, name = ""] = argv.slice(2);
if (verb !== undefined && folder !== undefined && /^(copy|hold|tag)$/.test(verb)) {
  await main(verb, folder, name);
}
