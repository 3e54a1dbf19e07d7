/**
 * Archives made and read by the installed package, in whichever runtime runs this: to a path and to a
 * stream, from a path, a Blob, a stream and a compressed one. Throws at the first thing wrong.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { buildManifest } from "@davit/registry-client";
import { createArchive, openArchive } from "@davit/registry-client/stores";

const LAYER = "application/vnd.oci.image.layer.v1.tar";

function describe(mediaType, bytes) {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}

/** Two megabytes that are no more than a frame of zstd says in forty bytes: eleven blocks of zeros. */
const zeros = new Uint8Array(2 * 1024 * 1024);
const zstd = new Uint8Array([
  ...[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58],
  ...Array.from({ length: 16 }, (_, at) => [2 | (at === 15 ? 1 : 0), 0, 0x10, 0]).flat(),
]);
const plain = new Uint8Array(3_000_001).map((_, at) => (at * 31 + (at >> 13)) & 255);
const gzip = new Uint8Array(zlib.gzipSync(plain));

/** Node before 22.15 has no zstd. */
const hasZstd = zlib.createZstdDecompress !== undefined;
const layers = [gzip, plain, hasZstd ? zstd : gzip, gzip];
const unpacked = [plain, plain, hasZstd ? zeros : plain, plain].map((bytes) =>
  describe("", bytes).digest
);
const configBytes = new TextEncoder().encode(
  JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { diff_ids: unpacked } }),
);
const config = describe("application/vnd.oci.image.config.v1+json", configBytes);
const parts = layers.map((bytes) => describe(LAYER, bytes));
const { descriptor, bytes } = await buildManifest({ config, layers: parts });

async function read(archive, part) {
  return new Uint8Array(await new Response(await archive.open(part)).arrayBuffer());
}

const folder = await mkdtemp(join(tmpdir(), "davit-archives-"));
let reads = 0;
for (const format of ["oci", "docker"]) {
  for (const how of ["path", "stream"]) {
    const path = join(folder, `${format}-${how}.tar`);
    const file = how === "stream" ? await open(path, "w") : undefined;
    const output = file === undefined ? path : new WritableStream({
      write: async (piece) => void (await file.write(piece)),
      close: () => file.close(),
    });
    const store = await createArchive(output, { format });
    await Promise.all([
      ...layers.map((layer, at) => store.write(parts[at], new Blob([layer]).stream())),
      store.write(config, configBytes),
    ]);
    await store.write(descriptor, bytes);
    await store.tag(descriptor, "example/app:1.0");
    await store.close();

    const tar = await readFile(path);
    const inputs = [
      path,
      new Blob([tar]),
      new Blob([tar]).stream(),
      new Blob([zlib.gzipSync(tar)]),
    ];
    if (hasZstd) inputs.push(new Blob([zlib.zstdCompressSync(tar), zlib.zstdCompressSync("")]));
    for (const input of inputs) {
      const archive = await openArchive(input);
      const manifest = await archive.resolve("docker.io/example/app:1.0");
      const found = JSON.parse(new TextDecoder().decode(await read(archive, manifest)));
      assert.equal(found.config.digest, config.digest);
      const contents = await Promise.all(found.layers.map((layer) => read(archive, layer)));
      assert.deepEqual(
        contents.map((content) => describe("", content).digest),
        format === "docker" ? unpacked : parts.map(({ digest }) => digest),
      );
      await archive.close();
      reads += contents.length;
    }
    const broken = [zlib.gzipSync(tar).subarray(0, -2000), zstd, zstd.subarray(0, -3)];
    for (const [at, bytes] of broken.entries()) {
      const code = at === 0 || hasZstd ? "INVALID_ARCHIVE" : "UNSUPPORTED_RUNTIME";
      await assert.rejects(() => openArchive(new Blob([bytes])), { code });
    }
  }
}
assert.equal((await readdir(folder)).length, 4);
await rm(folder, { recursive: true });
console.log(`${reads} reads`);
