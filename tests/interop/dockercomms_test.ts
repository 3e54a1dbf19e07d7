/**
 * A message of DockerComms in gzip and zstd chunks, a receipt and a bundle attached to it, over a
 * registry with the referrers API and one without: read again by davit, `oras discover` and
 * `regctl artifact tree`.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { packTar, unpackTar } from "modern-tar";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { type Bytes, type Descriptor, digestOf, parseManifest } from "../../mod.ts";
import {
  ArtifactTypeBundle,
  ArtifactTypeReceipt,
  Client,
  MediaTypeBundleConfig,
  MediaTypeChunkGzip,
  MediaTypeChunkZstd,
  newBundleManifest,
  newMessageManifest,
  newReceiptManifest,
} from "../../integrations/dockercomms/mod.ts";
import { assertBytes, randomBytes, text } from "../endpoints/samples.ts";
import { memoryFolder } from "../endpoints/memory_folder.ts";
import { withClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import { type RegistryKind, startRegistry } from "../peers/registries.ts";

const KINDS: RegistryKind[] = ["olareg", "distribution"];

async function descriptorOf(bytes: Bytes, mediaType: string): Promise<Descriptor> {
  return { mediaType, digest: await digestOf(bytes), size: bytes.byteLength };
}

for (const kind of KINDS) {
  Deno.test({
    ...requirePeers(kind, "oras", "regctl"),
    name: `DockerComms over ${kind}: a message in chunks, a receipt and a bundle attached to it`,
    fn: async (t) => {
      const registry = await startRegistry(kind, memoryFolder());
      const { host } = registry;
      try {
        const client = new Client(`${host}/you/inbox`);
        const files = [randomBytes(100_000), randomBytes(50_000)];
        const tars = await Promise.all(files.map(async (body, at) => {
          const header = { name: `part-${at}`, size: body.byteLength };
          return new Uint8Array(await packTar([{ header, body }]));
        }));
        const chunks: [Bytes, string][] = [
          [new Uint8Array(gzipSync(tars[0]!)), MediaTypeChunkGzip],
          [new Uint8Array(zstdCompressSync(tars[1]!)), MediaTypeChunkZstd],
        ];
        let message: Descriptor;
        const attached: Record<string, string> = {};

        await t.step("sent", async () => {
          await client.ensureEmptyConfig();
          const layers = [];
          for (const [bytes, mediaType] of chunks) {
            const layer = await descriptorOf(bytes, mediaType);
            assertEquals(await client.exists(layer), false);
            await client.pushBlob(layer, new Blob([bytes]).stream());
            assertEquals(await client.exists(layer), true);
            layers.push(layer);
          }
          const { bytes, descriptor } = await newMessageManifest({ to: "you" }, layers).build();
          await client.pushManifest(descriptor, bytes, "message");
          message = descriptor;
        });
        await t.step("received: every chunk unpacks to what was sent", async () => {
          const { descriptor, bytes } = await client.fetchManifest("message");
          assertEquals(descriptor, message);
          const { layers } = parseManifest(bytes).manifest as { layers: Descriptor[] };
          for (const [at, layer] of layers.entries()) {
            const stream = await client.fetchBlob(layer);
            const packed = new Uint8Array(await new Response(stream).arrayBuffer());
            const gzip = layer.mediaType === MediaTypeChunkGzip;
            const tar = new Uint8Array(gzip ? gunzipSync(packed) : zstdDecompressSync(packed));
            const [entry] = await unpackTar(tar);
            assertEquals(entry!.header.name, `part-${at}`);
            assertBytes(entry!.data!, files[at]!);
          }
        });
        await t.step("a receipt and a bundle are attached", async () => {
          const receipt = newReceiptManifest({ by: "you" });
          receipt.subject = message;
          const content = text('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}');
          const layer = await descriptorOf(content, MediaTypeBundleConfig);
          await client.pushBlob(layer, content);
          const bundle = newBundleManifest(message, { by: "you" }, layer);
          for (const [name, builder] of Object.entries({ receipt, bundle })) {
            const { bytes, descriptor } = await builder.build();
            await client.pushManifest(descriptor, bytes, name);
            attached[descriptor.digest] = builder.artifactType;
          }
          assertEquals(await client.referrersSupported(message), kind === "olareg");
          for (const type of [ArtifactTypeReceipt, ArtifactTypeBundle]) {
            const found = await Array.fromAsync(client.referrers(message, { artifactType: type }));
            assertEquals(found.map(({ digest }) => attached[digest]), [type]);
          }
          assertEquals(
            await Array.fromAsync(client.tags()),
            [
              ...["bundle", "message", "receipt"],
              ...(kind === "olareg" ? [] : [message.digest.replace(":", "-")]),
            ].sort(),
          );
        });
        await t.step("oras discover lists both by their types", async () => {
          await withClient("oras", registry, async (oras) => {
            const args = [
              "discover",
              "--plain-http",
              "--format",
              "json",
              `${host}/you/inbox:message`,
            ];
            const { referrers } = JSON.parse(await oras.succeed(args)) as {
              referrers: Descriptor[];
            };
            const found = referrers.map(({ digest, artifactType }) => [digest, artifactType]);
            assertEquals(Object.fromEntries(found), attached);
          });
        });
        await t.step("regctl artifact tree shows both by their types", async () => {
          await withClient("regctl", registry, async (regctl) => {
            const here = ["--host", `reg=${host},tls=disabled`, "artifact", "tree"];
            const tree = await regctl.succeed([...here, `${host}/you/inbox:message`]);
            for (const [digest, type] of Object.entries(attached)) {
              const line = tree.split("\n").find((each) => each.includes(digest));
              assertNotEquals(line, undefined, tree);
              assertEquals(line!.includes(type), true, tree);
            }
          });
        });
        await t.step("a tag is moved", async () => {
          await client.tag(message, "receipt");
          assertEquals(await client.resolve("receipt"), message);
        });
      } finally {
        await registry.stop();
      }
    },
  });
}
