/**
 * Archives as tools and accidents leave them: `testdata/archives.tar.zst` has small ones of every kind,
 * `testdata/archives.json` says what must come out of each.
 */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { decompressed } from "../content/compression.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { digestOf } from "../content/digest_of.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import { readAll } from "../content/piece_reader.ts";
import { readTar } from "../content/tar_reader.ts";
import { readerOf } from "../content/tar_sample_test.ts";
import { ApiError, BadDigestError, InvalidReferenceError } from "../errors.ts";
import { childrenOf, subjectOf } from "../manifest/children.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { isImage } from "../manifest/types.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "./archive_limits.ts";
import type { ArchiveFormat, ArchiveSource } from "./archive_source.ts";
import { createArchive } from "./create_archive.ts";
import { openArchive } from "./open_archive.ts";

interface Expected {
  kind: "da" | "oci" | "both";
  ref?: string;
  tag?: string;
  fullname?: string;
  noref?: string;
  refs?: Record<string, string>;
  plat?: Record<string, string>;
  config?: string;
  diff?: string[];
  manifest?: string;
  children?: string[];
  attached?: string[];
  layers?: string[];
  error?: string;
  either?: boolean;
}

/** What the error says of each that must be refused. */
const ERRORS: Record<string, RegExp> = {
  "da-layer-link/symlink-dangling.tar": /layer\.tar" is a link to "\.\.\/gone\/layer\.tar".*not in/,
  "da-layer-link/symlink-loop.tar": /layer\.tar" is a link to .* leads back/,
  "da-names/dotdot.tar": /leads out of its folder/,
  "da-compressed/gz-cut.tar.gz": /cut or damaged/,
  "da-ends/cut-in-layer.tar": /bytes before the end of "4c600f2.*\/layer\.tar"/,
  "da-ends/zeros.tar": /neither manifest\.json nor index\.json/,
  "da-headers/claims-1-tib.tar": /with "9267a02.*\.tar" it has more bytes than maxBytes/,
  "da-broken/layer-missing.tar": /layer "ffad61f[0-9a-f]*\.tar" is not in the archive/,
  "da-broken/fewer-layers-than-diffids.tar": /1 layer, .* 2 diff_ids/,
  "da-broken/v1-only-no-manifest-json.tar": /no manifest\.json: Docker before 1\.10/,
  "oci-index/child-missing.tar": /sha256:478e1b3dd95/,
  "oci-broken/blob-missing.tar": /sha256:21b71e6dcec/,
  "oci-broken/blob-altered.tar": /sha256:[0-9a-f]{64}: the \d+ bytes that arrived have the digest/,
  "oci-broken/manifest-size-wrong.tar": /has 553 bytes, and the descriptor says/,
  "oci-broken/index-cut-in-half.tar": /index\.json.*not JSON/,
  "oci-broken/no-index.tar": /no index\.json/,
  "oci-broken/layout-version-2.tar": /layout version is "2/,
  "oci-broken/blob-is-symlink-out.tar": /is a link to .* not in the archive/,
  "oci-broken/layers-and-manifests.tar": /both manifests and (?:layers|config)/,
};

const data = new URL("testdata/", import.meta.url);
const expected: Record<string, Expected> = JSON.parse(
  await Deno.readTextFile(new URL("archives.json", data)),
);

async function readArchives(): Promise<Map<string, Bytes>> {
  const packed = await Deno.readFile(new URL("archives.tar.zst", data));
  const { reader } = await decompressed(readerOf(packed, 1000), DEFAULT_ARCHIVE_LIMITS);
  const found = new Map<string, Bytes>();
  for await (const { name, type, content } of readTar(reader, DEFAULT_ARCHIVE_LIMITS)) {
    if (type !== "file") continue;
    const pieces = await Array.fromAsync(content);
    found.set(name.replace(/^data\//, ""), concatBytes(pieces));
  }
  return found;
}

async function read(source: ArchiveSource, descriptor: Descriptor): Promise<Bytes> {
  return new Uint8Array(await new Response(await source.open(descriptor)).arrayBuffer());
}

/** Everything that a reference leads to, read and so verified. */
async function walk(
  source: ArchiveSource,
  root: Descriptor,
): Promise<Map<string, { descriptor: Descriptor; bytes: Bytes }>> {
  const found = new Map<string, { descriptor: Descriptor; bytes: Bytes }>();
  const queue = [root];
  for (let descriptor; (descriptor = queue.shift()) !== undefined;) {
    if (found.has(descriptor.digest)) continue;
    const bytes = await read(source, descriptor);
    found.set(descriptor.digest, { descriptor, bytes });
    if (!isManifestMediaType(descriptor.mediaType)) continue;
    queue.push(...childrenOf(parseManifest(bytes, { descriptor }).manifest));
  }
  return found;
}

/** The digest of an image's configuration, those of its layers, and of what they unpack to. */
async function facts(
  source: ArchiveSource,
  root: Descriptor,
): Promise<{ config: string; diff: string[]; layers: string[] }> {
  const all = await walk(source, root);
  const { manifest } = parseManifest(all.get(root.digest)!.bytes);
  assert(isImage(manifest));
  const layers = manifest.layers.map(({ digest }) => digest);
  const diff = await Promise.all(layers.map(async (digest) => {
    const { reader } = await decompressed(
      readerOf(all.get(digest)!.bytes),
      DEFAULT_ARCHIVE_LIMITS,
    );
    return await digestOf(await readAll(reader, { name: "", bytes: 1e9, what: "it" }));
  }));
  return { config: manifest.config.digest, diff, layers };
}

async function check(source: ArchiveSource, reference: string, want: Expected): Promise<void> {
  const root = await source.resolve(reference);
  if (want.diff !== undefined || (want.config !== undefined && want.manifest === undefined)) {
    const { config, diff, layers } = await facts(source, root);
    assertEquals(config, want.config);
    if (want.diff !== undefined) assertEquals(diff, want.diff);
    if (want.layers !== undefined) assertEquals(layers, want.layers);
  }
  const all = await walk(source, root);
  for (const child of want.children ?? []) assert(all.has(child), child);
  if (source.madeManifests.has(root.digest)) return;
  if (want.manifest !== undefined) assertEquals(root.digest, want.manifest);
}

/** Each of them as a file, a Blob and a stream; what is compressed is spooled each time. */
async function inEveryWay(
  bytes: Bytes,
  format: ArchiveFormat | undefined,
  run: (source: ArchiveSource) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    for (const input of [path, new Blob([bytes]), new Blob([bytes]).stream()]) {
      const source = await openArchive(input, format && { format });
      try {
        await run(source);
      } finally {
        await source.close();
      }
    }
  } finally {
    await Deno.remove(path);
  }
}

const archives = await readArchives();

Deno.test("the data has an archive for every expectation", () => {
  assertEquals([...archives.keys()].sort(), Object.keys(expected).sort());
});

for (const [name, want] of Object.entries(expected)) {
  const bytes = archives.get(name)!;
  const reference = want.ref ?? want.tag ?? "";
  const right = async () => {
    await inEveryWay(bytes, undefined, async (source) => {
      assertEquals(source.format, want.kind === "oci" ? "oci" : "docker");
      const isOne = want.refs === undefined && want.plat === undefined;
      if (isOne || want.manifest !== undefined || want.error !== undefined) {
        await check(source, reference, want);
      }
      if (want.noref === undefined && want.plat === undefined && want.refs === undefined) {
        await check(source, "", want);
      }
    });
  };
  if (want.error === undefined) {
    Deno.test(`${name} is read`, right);
  } else if (want.either) {
    Deno.test(`${name} is read right, or refused`, async () => {
      await right().catch((error) => assertInstanceOf(error, ApiError));
    });
  } else {
    Deno.test(`${name} is refused: ${want.error}`, async () => {
      const error = await assertRejects(right, ApiError);
      assert(ERRORS[name]!.test(error.message), error.message);
    });
  }
}

async function opened(name: string, format?: ArchiveFormat): Promise<ArchiveSource> {
  return await openArchive(new Blob([archives.get(name)!]), format && { format });
}

Deno.test("altered content is a BadDigestError", async () => {
  const source = await opened("oci-broken/blob-altered.tar");
  await assertRejects(async () => walk(source, await source.resolve("1.0")), BadDigestError);
});

Deno.test("several images: each by its name, in any form, and none without a name", async () => {
  const name = "da-several/two.tar";
  const source = await opened(name);
  for (const [reference, config] of Object.entries(expected[name]!.refs!)) {
    assertEquals((await facts(source, await source.resolve(reference))).config, config);
  }
  const [app] = Object.keys(expected[name]!.refs!);
  const { digest } = await source.resolve(app!);
  for (const form of [`docker.io/${app}`, `index.docker.io/${app}`, "1.0", digest]) {
    assertEquals((await source.resolve(form)).digest, digest, form);
  }
  const error = await assertRejects(() => source.resolve(""), InvalidReferenceError);
  const names = Object.keys(expected[name]!.refs!).sort();
  for (const each of names) assert(error.message.includes(each), error.message);
  assertEquals(await Array.fromAsync(source.tags()), names);
});

Deno.test("a layout's tags, full names and digests; several without a name list them", async () => {
  const source = await opened("oci-tags/containerd-names.tar");
  const { digest } = await source.resolve("1.0");
  for (const form of ["docker.io/example/app:1.0", "example/app:1.0", digest, ""]) {
    assertEquals((await source.resolve(form)).digest, digest, form);
  }
  const several = await opened("oci-tags/two-tags-and-one-untagged.tar");
  const untagged = "sha256:bc5bff34c68424efab16da798b7e6a0f04995104a5e1759da75683560cfda6f6";
  assertEquals((await several.resolve(untagged)).digest, untagged);
  assertEquals((await several.resolve("latest")).digest, (await several.resolve("1.0")).digest);
  const error = await assertRejects(() => several.resolve(""), InvalidReferenceError);
  for (const each of ["1.0", untagged]) assert(error.message.includes(each), error.message);
});

Deno.test("one tag for two platforms: the platform chooses, else both are listed", async () => {
  const name = "oci-tags/same-tag-two-platforms.tar";
  const source = await opened(name);
  for (const [platform, digest] of Object.entries(expected[name]!.plat!)) {
    assertEquals((await source.resolve("1.0", { platform })).digest, digest);
  }
  const error = await assertRejects(() => source.resolve("1.0"), InvalidReferenceError);
  assert(error.message.includes("linux/arm64"), error.message);
});

Deno.test("what is attached in a layout is listed by its subject, to any depth", async () => {
  const name = "oci-attached/oras-style.tar";
  const source = await opened(name);
  const found: string[] = [];
  const visit = async (subject: Descriptor): Promise<void> => {
    for await (const referrer of source.referrers(subject)) {
      found.push(referrer.digest);
      assertEquals(subjectOf(parseManifest(await read(source, referrer)).manifest), {
        mediaType: subject.mediaType,
        digest: subject.digest,
        size: subject.size,
      });
      await visit(referrer);
    }
  };
  await visit(await source.resolve(""));
  assertEquals(found.sort(), [...expected[name]!.attached!].sort());
});

Deno.test("Docker 25: manifest.json counts; the layout's manifest where it has the same files", async () => {
  const good = await opened("da-docker25/good.tar");
  assertEquals((await good.resolve("")).digest, expected["da-docker25/good.tar"]!.manifest);
  assertEquals(good.madeManifests.size, 0);
  const name = "da-docker25-no-layers/layers-null.tar";
  const broken = await opened(name);
  const { digest } = await broken.resolve("");
  assert(broken.madeManifests.has(digest));
  assertEquals((await (await opened(name, "oci")).resolve("1.0")).digest, expected[name]!.manifest);
});

Deno.test("a manifest that is made is always the same", async () => {
  const digests = new Set<string>();
  for (
    const name of ["da-old-save/good.tar", "da-names/dot-slash.tar", "da-ends/no-end-blocks.tar"]
  ) {
    const source = await opened(name);
    digests.add((await source.resolve("")).digest);
    assertEquals(source.madeManifests.size, 1);
  }
  assertEquals([...digests], [
    "sha256:463fe9e7965180233a73fe813340693cc163170cfd9e7cf5860960df15f30e1a",
  ]);
});

/** Everything that a source has under a name, in a new archive, as copies do it: children first. */
async function copied(
  source: ArchiveSource,
  reference: string,
  format: ArchiveFormat,
): Promise<Bytes> {
  const path = await Deno.makeTempFile();
  try {
    const target = await createArchive(path, { format });
    try {
      const root = await source.resolve(reference);
      for (const { descriptor, bytes } of [...(await walk(source, root)).values()].reverse()) {
        await target.write(descriptor, bytes);
      }
      await target.tag(root, "example/app:1.0");
      await target.close();
    } catch (error) {
      await target.abort(error);
      throw error;
    }
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

for (const [name, want] of Object.entries(expected)) {
  if (want.error !== undefined || want.diff === undefined) continue;
  Deno.test(`${name} copied to a docker-archive: the same configuration and layers`, async () => {
    const from = await opened(name);
    const made = await copied(from, want.ref ?? want.tag ?? "", "docker");
    await from.close();
    const source = await openArchive(new Blob([made]));
    const { config, diff, layers } = await facts(source, await source.resolve("example/app:1.0"));
    assertEquals({ config, diff }, { config: want.config!, diff: want.diff! });
    assertEquals(layers, want.diff); // none is compressed
    assertEquals(await Array.fromAsync(source.tags()), ["example/app:1.0"]);
    // Copied once more it is the same file.
    assertEquals(await copied(source, "", "docker"), made);
  });
}

for (const name of ["oci-index/two-platforms.tar", "oci-index/docker-media-types.tar"]) {
  Deno.test(`${name} copied to an OCI archive: the same bytes`, async () => {
    const from = await opened(name);
    const source = await openArchive(new Blob([await copied(from, "1.0", "oci")]));
    const [before, after] = await Promise.all(
      [[from, "1.0"] as const, [source, "example/app:1.0"] as const].map(
        async ([store, reference]) =>
          [...(await walk(store, await store.resolve(reference))).entries()]
            .map(([digest, { bytes }]) => [digest, bytes]),
      ),
    );
    assertEquals(after, before);
    assertEquals((await source.resolve("1.0")).digest, expected[name]!.manifest);
  });
}

for (
  const [name, what] of [
    ["oci-attached/helm-chart.tar", "an artifact"],
    ["oci-index/two-platforms.tar", "an index"],
  ]
) {
  Deno.test(`${name} copied to a docker-archive: refused, as it is ${what}`, async () => {
    const source = await opened(name!);
    const error = await assertRejects(() => copied(source, "", "docker"), ApiError);
    assert(error.message.includes(what!), error.message);
  });
}
