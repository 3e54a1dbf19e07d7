import { buildManifest, digestOf, type RegistryClientV2, RegistryStore } from "../mod.ts";
import { createArchive, LayoutStore, MemoryStore, openArchive } from "../stores/mod.ts";

/** A store of each kind: empty ones, those of tars in memory, the registry's over a client. */
export async function everyStore(client: RegistryClientV2): Promise<[name: string, object][]> {
  return [
    ["MemoryStore", new MemoryStore()],
    ["LayoutStore", new LayoutStore("/nowhere")],
    ["RegistryStore", new RegistryStore(client)],
    [
      "an OCI archive that is written",
      await createArchive(new WritableStream(), { format: "oci" }),
    ],
    [
      "a docker-archive that is written",
      await createArchive(new WritableStream(), { format: "docker" }),
    ],
    ["an OCI archive that is read", await openArchive(await tar("oci"))],
    ["a docker-archive that is read", await openArchive(await tar("docker"))],
  ];
}

/** A tar with an image of no layers. */
async function tar(format: "oci" | "docker"): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const output = new WritableStream({ write: (piece) => void pieces.push(piece.slice()) });
  const store = await createArchive(output, { format });
  const config = new TextEncoder().encode('{"rootfs":{"type":"layers","diff_ids":[]}}');
  const described = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: await digestOf(config),
    size: config.byteLength,
  };
  await store.write(described, config);
  const { descriptor, bytes } = await buildManifest({ config: described, layers: [] });
  await store.write(descriptor, bytes);
  await store.tag(descriptor, "example.com/app:v1");
  await store.close();
  return new Blob(pieces);
}
