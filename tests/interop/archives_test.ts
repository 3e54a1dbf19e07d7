/**
 * Archives that skopeo, crane, regctl and oras write, read by davit; those that davit writes, read by
 * them: the same bytes, the same digests where the format keeps them, the same configuration always.
 */
import { assert, assertEquals } from "@std/assert";
import { gunzipSync, gzipSync } from "node:zlib";
import { sha256 } from "../bytes.ts";
import {
  buildImageConfig,
  buildManifest,
  type ContentSource,
  type Descriptor,
  type ImageManifest,
  parseManifest,
  RegistryClientV2,
  RegistryStore,
} from "../../mod.ts";
import { type ArchiveFormat, createArchive, MemoryStore, openArchive } from "../../stores/mod.ts";
import { createRegistry, serve } from "../../server/mod.ts";
import { withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { tar } from "../peers/sample_layout.ts";

const NAME = "example/app";

/** An image with a gzip layer, a plain one, and where wanted the first one again. */
interface Sample {
  store: MemoryStore;
  manifest: Descriptor;
  config: Descriptor;
  diffIds: string[];
}

async function sample(repeated: boolean): Promise<Sample> {
  const store = new MemoryStore();
  const put = async (mediaType: string, bytes: Uint8Array) => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
    await store.write(descriptor, bytes);
    return descriptor;
  };
  const [one, two] = [tar("one", 100_000), tar("two", 300_000)];
  const first = await put("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(one));
  const second = await put("application/vnd.oci.image.layer.v1.tar", two);
  const layers = repeated ? [first, second, first] : [first, second];
  const diffIds = layers.map((layer) => sha256(layer === first ? one : two));
  const built = await buildImageConfig({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/one"] },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map((_, at) => ({ created_by: `layer ${at}` })),
  });
  const config = await put(built.descriptor.mediaType, built.bytes);
  const { descriptor, bytes } = await buildManifest({ config, layers });
  await store.write(descriptor, bytes);
  return { store, manifest: descriptor, config, diffIds };
}

async function read(source: ContentSource, descriptor: Descriptor): Promise<Uint8Array> {
  return new Uint8Array(await new Response(await source.open(descriptor)).arrayBuffer());
}

async function imageOf(source: ContentSource, manifest: Descriptor): Promise<ImageManifest> {
  return parseManifest(await read(source, manifest)).manifest as ImageManifest;
}

/** Reads every byte of an image; its configuration and layers are those of the sample. */
async function assertImage(
  source: ContentSource,
  manifest: Descriptor,
  { config, diffIds, store }: Sample,
): Promise<void> {
  const image = await imageOf(source, manifest);
  assertEquals(image.config.digest, config.digest);
  assertEquals(await read(source, image.config), await read(store, config));
  const unpacked: string[] = [];
  for (const layer of image.layers) {
    const bytes = await read(source, layer);
    unpacked.push(sha256(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes));
  }
  assertEquals(unpacked, diffIds);
}

/** Writes a sample to an archive, children first, under a tag and a full name. */
async function writeArchive(
  { store, manifest }: Sample,
  path: string,
  format: ArchiveFormat,
): Promise<void> {
  const archive = await createArchive(path, { format });
  const { config, layers } = await imageOf(store, manifest);
  // All at once: each waits for its turn.
  await Promise.all(
    [config, ...layers].map((each) =>
      archive.write(each, { size: each.size, open: (offset = 0) => store.open(each, { offset }) })
    ),
  );
  await archive.write(manifest, await read(store, manifest));
  await archive.tag(manifest, format === "oci" ? "1.0" : `${NAME}:1.0`);
  await archive.close();
}

const regctl = (host: string) => ["--host", `reg=${host},tls=disabled`];
const SKOPEO = ["--insecure-policy", "copy", "--quiet"];

/** How a client makes an archive of `host/example/app:1.0`, and whether that keeps the digest. */
type Save = [
  client: "crane" | "oras" | "regctl" | "skopeo",
  what: string,
  args: (host: string, path: string) => string[],
  keeps: boolean,
];

const image = (host: string) => `${host}/${NAME}:1.0`;
const fromRegistry = (host: string) => ["--src-tls-verify=false", `docker://${image(host)}`];

const SAVES: Save[] = [
  [
    "skopeo",
    "docker-archive",
    (host, path) => [...SKOPEO, ...fromRegistry(host), `docker-archive:${path}:${NAME}:1.0`],
    false,
  ],
  [
    "skopeo",
    "oci-archive",
    (host, path) => [
      ...[...SKOPEO, "--preserve-digests", "--dest-oci-accept-uncompressed-layers"],
      ...[...fromRegistry(host), `oci-archive:${path}:1.0`],
    ],
    true,
  ],
  ["crane", "tarball", (host, path) => ["pull", "--insecure", image(host), path], false],
  [
    "crane",
    "legacy tarball",
    (host, path) => ["pull", "--insecure", "--format=legacy", image(host), path],
    false,
  ],
  [
    "regctl",
    "export",
    (host, path) => [...regctl(host), "image", "export", image(host), path],
    true,
  ],
  [
    "regctl",
    "export, compressed",
    (host, path) => [...regctl(host), "image", "export", "--compress", image(host), path],
    true,
  ],
  [
    "oras",
    "backup",
    (host, path) => ["backup", "--plain-http", "--output", path, image(host)],
    true,
  ],
];

/** How a client pushes an archive of davit's, and whether the digest that it has there is kept. */
type Load = [
  client: "crane" | "oras" | "regctl" | "skopeo",
  format: ArchiveFormat,
  args: (host: string, path: string) => string[],
];

const LOADS: Load[] = [
  [
    "skopeo",
    "oci",
    (host, path) => [
      ...[...SKOPEO, "--preserve-digests", "--dest-tls-verify=false"],
      ...[`oci-archive:${path}:1.0`, `docker://${image(host)}`],
    ],
  ],
  [
    "oras",
    "oci",
    (host, path) => [
      ...["copy", "--no-tty", "--from-oci-layout", `${path}:1.0`],
      ...["--to-plain-http", image(host)],
    ],
  ],
  [
    "regctl",
    "oci",
    (host, path) => [...regctl(host), "image", "import", image(host), path],
  ],
  [
    "skopeo",
    "docker",
    (host, path) => [
      ...[...SKOPEO, "--dest-tls-verify=false"],
      ...[`docker-archive:${path}:${NAME}:1.0`, `docker://${image(host)}`],
    ],
  ],
  ["crane", "docker", (host, path) => ["push", "--insecure", path, image(host)]],
  [
    "regctl",
    "docker",
    (host, path) => [...regctl(host), "image", "import", image(host), path],
  ],
];

/** A registry with a sample in it, or an empty one. */
async function withRegistry(
  wanted: Sample | undefined,
  run: (host: string, store: RegistryStore) => Promise<void>,
): Promise<void> {
  const server = await serve(createRegistry());
  try {
    const { host } = new URL(server.url);
    const store = new RegistryStore(new RegistryClientV2({ name: `http://${host}/${NAME}` }));
    if (wanted !== undefined) {
      const { config, layers } = await imageOf(wanted.store, wanted.manifest);
      for (const each of [config, ...layers, wanted.manifest]) {
        await store.write(each, await read(wanted.store, each));
      }
      await store.tag(wanted.manifest, "1.0");
    }
    await run(host, store);
  } finally {
    await server.close();
  }
}

for (const [name, what, args, keeps] of SAVES) {
  Deno.test({
    ...requirePeers(name),
    name: `openArchive: ${what} that ${name} writes`,
    fn: async (t) => {
      for (const repeated of [false, true]) {
        const wanted = await sample(repeated);
        await t.step(
          repeated ? "a layer twice" : "two layers",
          () =>
            withRegistry(wanted, (host) =>
              withClient(name, { host }, async (client) => {
                const path = `${client.home}/image.tar`;
                await client.succeed(args(host, path));
                const archive = await openArchive(path);
                const manifest = await archive.resolve("");
                await assertImage(archive, manifest, wanted);
                assertEquals(archive.madeManifests.has(manifest.digest), !keeps);
                if (keeps) assertEquals(manifest.digest, wanted.manifest.digest);
                for await (const tag of archive.tags()) {
                  assertEquals((await archive.resolve(tag)).digest, manifest.digest);
                }
                await archive.close();
              })),
        );
      }
    },
  });
}

for (const [name, format, args] of LOADS) {
  Deno.test({
    ...requirePeers(name),
    name: `createArchive: ${format}, read by ${name}`,
    fn: async (t) => {
      // regctl looks for a repeated layer of a docker-archive twice, and does not find it again.
      const kinds = name === "regctl" && format === "docker" ? [false] : [false, true];
      for (const repeated of kinds) {
        const wanted = await sample(repeated);
        await t.step(
          repeated ? "a layer twice" : "two layers",
          () =>
            withRegistry(undefined, (host, store) =>
              withClient(name, { host }, async (client) => {
                const path = `${client.home}/image.tar`;
                await writeArchive(wanted, path, format);
                await client.succeed(args(host, path));
                const manifest = await store.resolve("1.0");
                if (format === "oci") assertEquals(manifest.digest, wanted.manifest.digest);
                await assertImage(store, manifest, wanted);
                assert(await store.exists(manifest));
              })),
        );
      }
    },
  });
}
