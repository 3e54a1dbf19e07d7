import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { unpackTar } from "modern-tar";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { gzip } from "../content/gzip.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentStore } from "../content/store.ts";
import { testContentStore } from "../content/test_content_store.ts";
import {
  ApiError,
  BadDigestError,
  ContentNotFoundError,
  InvalidArchiveError,
  InvalidContentError,
  InvalidOptionError,
  LimitError,
  UploadError,
} from "../errors.ts";
import { buildIndex, buildManifest } from "../manifest/build.ts";
import { processOwner } from "../runtime/process_owner.ts";
import { archiveBytes } from "./archive_bytes.ts";
import { openContent } from "./archive_content.ts";
import { ArchiveIndex } from "./archive_index.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "./archive_limits.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { createArchive } from "./create_archive.ts";
import { inFolder, names } from "./folder_fixture_test.ts";
import { openArchive } from "./open_archive.ts";

const FORMATS = ["oci", "docker"] as const;

async function indexOf(input: string | Blob): Promise<ArchiveIndex> {
  const bytes = await archiveBytes(input, DEFAULT_ARCHIVE_LIMITS);
  return await ArchiveIndex.read(bytes, DEFAULT_ARCHIVE_LIMITS);
}

/** Where content is in a tar that is not ended yet. */
async function entryOf(index: ArchiveIndex, digest: string) {
  const hex = digest.split(":")[1]!;
  const name = [...index.names()].find((name) => name.includes(hex));
  return await Promise.resolve(index.find(name!)!);
}

for (const format of FORMATS) {
  testContentStore(`createArchive, ${format}`, async () => {
    const folder = await Deno.makeTempDir();
    const store = await createArchive(`${folder}/image.tar`, { format });
    return {
      store,
      async damage({ digest }) {
        const path = `${folder}/${(await names(folder))[0]}`;
        const { offset } = await entryOf(await indexOf(path), digest);
        const bytes = await Deno.readFile(path);
        bytes[offset + 1000]! ^= 1;
        const file = await Deno.open(path, { write: true });
        await file.write(bytes);
        file.close();
      },
      async close() {
        await store.abort();
        await Deno.remove(folder, { recursive: true });
      },
    };
  });
}

/** A store whose content is read from what its stream has got so far. */
function readBack(store: ArchiveStore, got: Bytes[]): ContentStore {
  return {
    resolve: (reference, options) => store.resolve(reference, options),
    exists: (descriptor, options) => store.exists(descriptor, options),
    write: (descriptor, body, options) => store.write(descriptor, body, options),
    tag: (descriptor, reference, options) => store.tag(descriptor, reference, options),
    tags: (options) => store.tags(options),
    ...(store.referrers && { referrers: (...args) => store.referrers!(...args) }),
    async open(descriptor, options = {}) {
      try {
        return await store.open(descriptor, options);
      } catch (error) {
        if (!(error instanceof ContentNotFoundError) || !await store.exists(descriptor)) {
          throw error;
        }
        const index = await indexOf(new Blob(got));
        const entry = await entryOf(index, descriptor.digest);
        const open = (start: number, length: number) => index.open(entry, start, length);
        return await openContent({ size: entry.size, open }, descriptor, options);
      }
    },
  };
}

for (const format of FORMATS) {
  testContentStore(`createArchive to a stream, ${format}`, async () => {
    const got: Bytes[] = [];
    const output = new WritableStream<Bytes>({ write: (piece) => void got.push(piece) });
    const store = await createArchive(output, { format });
    return { store: readBack(store, got), close: () => store.abort() };
  });
}

/** An image of layers, which need not be what its configuration says. */
async function image(layers: Bytes[], diffIds?: string[]) {
  const descriptors = await Promise.all(
    layers.map((layer) => describeBytes(layer, MEDIA_TYPES.ociLayer)),
  );
  const rootfs = { type: "layers", diff_ids: diffIds ?? descriptors.map(({ digest }) => digest) };
  const configBytes = encodeText(JSON.stringify({ architecture: "amd64", os: "linux", rootfs }));
  const config = await describeBytes(configBytes, MEDIA_TYPES.ociConfig);
  const { descriptor, bytes } = await buildManifest({ config, layers: descriptors });
  return {
    manifest: descriptor,
    parts: [
      ...descriptors.map((each, at) => [each, layers[at]!] as const),
      [config, configBytes] as const,
      [descriptor, bytes] as const,
    ],
  };
}

async function gzipped(bytes: Bytes): Promise<Bytes> {
  const pieces = await Array.fromAsync(gzip((async function* () {
    yield bytes;
  })()));
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

const LAYER = encodeText("a layer, which is no tar, and nobody minds".repeat(100));

Deno.test("createArchive: the file has its name with close alone, and abort leaves nothing", () =>
  inFolder(async (folder) => {
    const path = `${folder}/image.tar`;
    await Deno.writeTextFile(path, "what was there before");
    for (const format of FORMATS) {
      const { manifest, parts } = await image([LAYER]);
      for (const ending of ["abort", "close"] as const) {
        const store = await createArchive(path, { format });
        for (const [descriptor, bytes] of parts) await store.write(descriptor, bytes);
        await store.tag(manifest, "example/app:1.0");
        const before = await Deno.readFile(path);
        await store[ending]();
        assertEquals(await names(folder), ["image.tar"]);
        const isSame = await digestOf(before) === await digestOf(await Deno.readFile(path));
        assertEquals(isSame, ending === "abort");
        await store.abort(); // after the end it does nothing
        assertEquals(await names(folder), ["image.tar"]);
        await assertRejects(() => store.write(manifest, LAYER), InvalidOptionError, "it is");
      }
    }
  }));

Deno.test("createArchive: what a process left that was killed goes, and nothing else", () =>
  inFolder(async (folder) => {
    const [machine] = processOwner().split("-");
    const random = crypto.randomUUID();
    const kept = [
      `.image.tar.${processOwner()}.${random}`, // of a process that runs
      `.image.tar.elsewhere-1-1.${random}`,
      `.other.tar.${machine}-4194303-1.${random}`, // no process has the number: Linux ends below it
      ".image.tar.swp",
    ];
    const left = `.image.tar.${machine}-4194303-1.${random}`;
    for (const name of [...kept, left]) await Deno.writeTextFile(`${folder}/${name}`, "");
    const store = await createArchive(`${folder}/image.tar`, { format: "oci" });
    await store.close();
    assertEquals(await names(folder), [...kept, "image.tar"].sort());
  }));

Deno.test("createArchive: the same content gives the same file, whatever failed between", () =>
  inFolder(async (folder) => {
    for (const format of FORMATS) {
      const digests = new Set<string>();
      for (const fails of [false, true]) {
        const path = `${folder}/${format}-${fails}.tar`;
        const store = await createArchive(path, { format });
        const { manifest, parts } = await image([LAYER]);
        for (const [descriptor, bytes] of parts) {
          if (fails) {
            const wrong = { ...descriptor, digest: `sha256:${"0".repeat(64)}` };
            await assertRejects(() => store.write(wrong, bytes), BadDigestError);
            if (format === "docker") {
              const cut = (await gzipped(LAYER)).slice(0, -9) as Bytes;
              const layer = await describeBytes(cut, MEDIA_TYPES.ociLayerGzip);
              await assertRejects(() => store.write(layer, cut), InvalidArchiveError);
            }
          }
          await store.write(descriptor, bytes);
        }
        await store.tag(manifest, "example/app:1.0");
        if (fails) await failAtTheEnd(store, format);
        await store.close();
        digests.add(await digestOf(await Deno.readFile(path)));
      }
      assertEquals(digests.size, 1);
    }
  }));

/** What a docker-archive has already, other bytes than a digest says, packed or not. */
async function failAtTheEnd(store: ArchiveStore, format: string): Promise<void> {
  const large = new Uint8Array(100_000) as Bytes;
  const digest = `sha256:${"1".repeat(64)}`;
  for (const bytes of [large, await gzipped(large)]) {
    const layer = { ...await describeBytes(bytes, MEDIA_TYPES.ociLayerGzip), digest };
    await assertRejects(() => store.write(layer, bytes), BadDigestError);
    assertEquals(await store.exists(layer), false);
  }
  if (format === "oci") return;
  const packed = await gzipped(LAYER);
  await store.write(await describeBytes(packed, MEDIA_TYPES.ociLayerGzip), packed);
}

Deno.test("createArchive, oci: index.json lists what nothing else leads to, and what is attached", () =>
  inFolder(async (folder) => {
    const path = `${folder}/image.tar`;
    const store = await createArchive(path, { format: "oci" });
    const put = async ({ descriptor, bytes }: { descriptor: Descriptor; bytes: Bytes }) => {
      await store.write(descriptor, bytes);
      return descriptor;
    };
    const artifact = (label: string, subject?: Descriptor) =>
      buildManifest({
        artifactType: "text/plain",
        layers: [],
        annotations: { label },
        ...(subject && { subject }),
      });
    const child = await put(await artifact("child"));
    const sibling = await put(await artifact("sibling", child));
    const index = await put(await buildIndex({ manifests: [child, sibling] }));
    const tagged = await put(await artifact("tagged"));
    await store.tag(tagged, "1.0");
    await store.close();
    const entry = (await unpackTar(await Deno.readFile(path))).find(({ header }) =>
      header.name === "index.json"
    );
    assertEquals(
      JSON.parse(new TextDecoder().decode(entry!.data)).manifests
        .map(({ digest }: Descriptor) => digest),
      [tagged, sibling, index].map(({ digest }) => digest),
    );
    const archive = await openArchive(path);
    const found = await Array.fromAsync(archive.referrers(child));
    assertEquals(found.map(({ digest }) => digest), [sibling.digest]);
  }));

Deno.test("createArchive: what is in the tar, as another reader sees it", () =>
  inFolder(async (folder) => {
    const path = `${folder}/image.tar`;
    const contents: Record<string, string[]> = {};
    for (const format of FORMATS) {
      const store = await createArchive(path, { format });
      const { manifest, parts } = await image([LAYER]);
      for (const [descriptor, bytes] of parts) await store.write(descriptor, bytes);
      for (const name of ["docker.io/library/app:1.0", "ghcr.io/a/b:2", "latest"]) {
        await store.tag(manifest, name);
      }
      await store.close();
      const entries = await unpackTar(await Deno.readFile(path));
      contents[format] = entries.map(({ header }) => header.name);
      const text = (name: string) =>
        JSON.parse(
          new TextDecoder().decode(entries.find(({ header }) => header.name === name)!.data),
        );
      const [layer, config] = parts.map(([{ digest }]) => digest.slice(7));
      if (format === "docker") {
        assertEquals(text("manifest.json"), [{
          Config: `${config}.json`,
          RepoTags: ["app:1.0", "ghcr.io/a/b:2"],
          Layers: [`${layer}.tar`],
        }]);
      } else {
        assertEquals(text("oci-layout"), { imageLayoutVersion: "1.0.0" });
        assertEquals(
          text("index.json").manifests.map((each: Descriptor) => each.annotations),
          ["docker.io/library/app:1.0", "ghcr.io/a/b:2", "latest"].map((name) => ({
            ...(name !== "latest" && { "io.containerd.image.name": name }),
            "org.opencontainers.image.ref.name": name,
          })),
        );
      }
      const archive = await openArchive(path);
      assertEquals((await archive.resolve("app:1.0")).size > 0, true);
      assertEquals(
        (await archive.resolve("ghcr.io/a/b:2")).digest,
        (await archive.resolve("")).digest,
      );
      const [digest] = parts.map(([each]) => each.digest);
      assert(await archive.exists({ mediaType: "", digest: digest!, size: LAYER.byteLength }));
    }
    assertEquals(contents.docker!.at(-1), "manifest.json");
    assertEquals(contents.oci!.slice(-2), ["index.json", "oci-layout"]);
  }));

Deno.test("createArchive: writes wait for their turn; a signal ends the waiting at once", () =>
  inFolder(async (folder) => {
    const store = await createArchive(`${folder}/image.tar`, { format: "oci" });
    const first = await describeBytes(LAYER, MEDIA_TYPES.ociLayer);
    let go = () => {};
    const gate = new Promise<void>((resolve) => go = resolve);
    const slow = new ReadableStream<Bytes>({
      async pull(controller) {
        await gate;
        controller.enqueue(LAYER.slice());
        controller.close();
      },
    }, { highWaterMark: 0 });
    const written = store.write(first, slow);
    const other = encodeText("other");
    const second = await describeBytes(other, MEDIA_TYPES.ociLayer);
    const controller = new AbortController();
    const waiting = store.write(second, other, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    assertStrictEquals(await waiting.catch((error) => error), reason);
    const third = store.write(second, other);
    assertEquals(await store.exists(second), false);
    go();
    await Promise.all([written, third]);
    assertEquals(await store.exists(second), true);
    await store.abort();
  }));

Deno.test("createArchive to a stream: large content that fails breaks it, small content does not", async () => {
  let aborted: unknown;
  const output = new WritableStream<Bytes>({ abort: (reason) => void (aborted = reason) });
  const store = await createArchive(output, { format: "oci" });
  const large = new Uint8Array(2 * 1024 * 1024) as Bytes;
  const wrong = {
    ...await describeBytes(large, MEDIA_TYPES.ociLayer),
    digest: `sha256:${"0".repeat(64)}`,
  };
  const small = await describeBytes(LAYER, MEDIA_TYPES.ociLayer);
  await assertRejects(() => store.write({ ...wrong, size: small.size }, LAYER), BadDigestError);
  await store.write(small, LAYER);
  await assertRejects(() => store.open(small), ContentNotFoundError, "has gone out");
  const missing = { size: large.byteLength, open: () => Promise.reject(new Error("gone")) };
  await assertRejects(() => store.write(wrong, missing), UploadError); // before its header
  const { parts: [config, manifest] } = await image([]);
  await store.write(...config!);
  await assertRejects(() => store.write(wrong, large), BadDigestError);
  await assertRejects(() => store.write(...manifest!), UploadError, "a part of it");
  await assertRejects(() => store.close(), UploadError, "failed when a part of it had gone out");
  assertInstanceOf(aborted, UploadError);
});

/** Images that a docker-archive cannot hold, and what `tag` says. */
const REFUSED: [
  what: string,
  make: () => ReturnType<typeof image>,
  error: string,
  leave?: number,
][] = [
  [
    "other layers than its DiffIDs",
    () => image([LAYER], [`sha256:${"0".repeat(64)}`]),
    "unpacks to",
  ],
  [
    "fewer layers than DiffIDs",
    () => image([], [`sha256:${"0".repeat(64)}`]),
    "0 layers, .* 1 diff",
  ],
  ["a layer that is not there", () => image([LAYER]), "has no such content", 0],
  ["no configuration", () => image([LAYER]), "has no such content", 1],
];

for (const [what, make, message, leave] of REFUSED) {
  Deno.test(`createArchive, docker: an image with ${what} is refused`, () =>
    inFolder(async (folder) => {
      for (const tags of [true, false]) {
        const store = await createArchive(`${folder}/image.tar`, { format: "docker" });
        const { manifest, parts } = await make();
        for (const [at, [descriptor, bytes]] of parts.entries()) {
          if (at !== leave) await store.write(descriptor, bytes);
        }
        const error = await assertRejects(
          () => tags ? store.tag(manifest, "app:1") : store.close(),
          ApiError,
        );
        assert(new RegExp(message).test(error.message), error.message);
        await store.abort();
        assertEquals(await names(folder), []);
      }
    }));
}

Deno.test("createArchive, docker: a layer is unpacked once, however it comes", () =>
  inFolder(async (folder) => {
    const path = `${folder}/image.tar`;
    const store = await createArchive(path, { format: "docker" });
    const packed = await gzipped(LAYER);
    const double = new Uint8Array(
      await new Blob([packed, await gzipped(new Uint8Array(0))]).arrayBuffer(),
    );
    const { manifest, parts } = await image([LAYER]);
    for (const bytes of [packed, double]) {
      const layer = await describeBytes(bytes, MEDIA_TYPES.ociLayer); // whatever its type says
      await store.write(layer, bytes);
      assert(await store.exists(layer));
      await assertRejects(() => store.open(layer), ContentNotFoundError, "unpacked");
    }
    for (const [descriptor, bytes] of parts) await store.write(descriptor, bytes);
    await store.tag(manifest, "only-a-tag");
    await store.close();
    const entries = (await unpackTar(await Deno.readFile(path))).map(({ header }) => header.name);
    assertEquals(entries.length, 3);
    const archive = await openArchive(path);
    assertEquals(await Array.fromAsync(archive.tags()), []);
    assertEquals((await archive.resolve("@0")).digest, (await archive.resolve("")).digest);
  }));

Deno.test("createArchive, docker: a layer that comes to more than the limits", () =>
  inFolder(async (folder) => {
    const bomb = await gzipped(new Uint8Array(20_000_000) as Bytes);
    const layer = await describeBytes(bomb, MEDIA_TYPES.ociLayerGzip);
    for (const limits of [undefined, { maxBytes: 1_000_000, maxRatio: 2_000 }]) {
      const store = await createArchive(`${folder}/image.tar`, {
        format: "docker",
        ...(limits && { limits }),
      });
      await assertRejects(() => store.write(layer, bomb), LimitError);
      assertEquals(await store.exists(layer), false);
      await store.abort();
    }
    const limits = { maxRatio: 2_000 };
    const store = await createArchive(`${folder}/image.tar`, { format: "docker", limits });
    await store.write(layer, bomb);
    await store.abort();
  }));

Deno.test("createArchive, docker: without an image there is nothing to end", () =>
  inFolder(async (folder) => {
    const store = await createArchive(`${folder}/image.tar`, { format: "docker" });
    await assertRejects(() => store.close(), InvalidContentError, "no image");
    assertEquals(await names(folder), []);
  }));

Deno.test("createArchive: another format, and a folder that is not there", () =>
  inFolder(async (folder) => {
    // deno-lint-ignore no-explicit-any
    const bad = { format: "zip" } as any;
    await assertRejects(() => createArchive("x.tar", bad), InvalidOptionError, "zip");
    const nowhere = `${folder}/nowhere/x.tar`;
    await assertRejects(() => createArchive(nowhere, { format: "oci" }), Error);
  }));
