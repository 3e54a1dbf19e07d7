/** Stores and folders for the tests of this room, and what they hold. */
import type { Descriptor } from "../content/descriptor.ts";
import type { ContentStore } from "../content/store.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { gunzip } from "../content/gzip.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { readTar } from "../content/tar_reader.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";
import { inFolder as withFolder } from "../scripts/temp_folder.ts";
import { createRegistry } from "../server/registry.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { buildManifest } from "../manifest/build.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import type { ImageManifest } from "../manifest/types.ts";

export { withFolder };

let repositories = 0;
const { fetch } = createRegistry();

/** Registers a test for a repository, a layout folder and memory. */
export function onStores(title: string, run: (store: ContentStore) => Promise<void>): void {
  Deno.test(`${title}: in memory`, () => run(new MemoryStore()));
  Deno.test(
    `${title}: in a layout folder`,
    () => withFolder((folder) => run(new LayoutStore(`${folder}/layout`))),
  );
  Deno.test(`${title}: in a repository`, () => {
    const name = `http://localhost:5000/artifact/case-${++repositories}`;
    return run(new RegistryStore(new RegistryClientV2({ name, fetch })));
  });
}

/** Content, whole. */
export async function bytesOf(store: ContentStore, descriptor: Descriptor): Promise<Bytes> {
  return new Uint8Array(await new Response(await store.open(descriptor)).arrayBuffer());
}

/** Content as text. */
export async function textOf(store: ContentStore, descriptor: Descriptor): Promise<string> {
  return new TextDecoder().decode(await bytesOf(store, descriptor));
}

/** A manifest that was packed. */
export async function manifestOf(
  store: ContentStore,
  descriptor: Descriptor,
): Promise<ImageManifest> {
  const bytes = await bytesOf(store, descriptor);
  return parseManifest(bytes, { descriptor }).manifest as ImageManifest;
}

/** What is in a gzipped tar: "file 644 dir/one 4". */
export async function tarLines(store: ContentStore, layer: Descriptor): Promise<string[]> {
  const limits = { maxEntries: 1000, maxBytes: 1e8, maxRatio: 2000 };
  const reader = gunzip(pieceReader(await store.open(layer)), limits);
  const lines: string[] = [];
  for await (const { name, type, mode, size, mtime, target } of readTar(reader, limits)) {
    lines.push([type, mode.toString(8), name, size, mtime, target].join(" ").trim());
  }
  return lines;
}

/** Something to attach to, in the store. */
export async function writeSubject(store: ContentStore, label = "subject"): Promise<Descriptor> {
  const bytes = encodeText(JSON.stringify({ architecture: "amd64", os: "linux", label }));
  const config = await describeBytes(bytes, "application/vnd.oci.image.config.v1+json");
  await store.write(config, bytes);
  const built = await buildManifest({ config, layers: [] });
  await store.write(built.descriptor, built.bytes);
  return built.descriptor;
}
