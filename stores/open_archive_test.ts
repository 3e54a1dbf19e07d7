import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Bytes, concatBytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { gzip } from "../content/gzip.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { type Part, tarOf } from "../content/tar_sample_test.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidArchiveError,
  InvalidContentError,
  InvalidOptionError,
  InvalidReferenceError,
  LimitError,
} from "../errors.ts";
import type { ArchiveInput } from "./archive_bytes.ts";
import type { ArchiveSource } from "./archive_source.ts";
import { inFolder } from "./folder_fixture_test.ts";
import { openArchive, type OpenArchiveOptions } from "./open_archive.ts";
import { openFile } from "./open_file.ts";
import { SharedFile } from "./shared_file.ts";

function blobOf(...parts: Part[]): Blob {
  return new Blob([tarOf(...parts)]);
}

function json(name: string, value: unknown): Part {
  return { name, content: JSON.stringify(value) };
}

async function gzipped(text: string): Promise<Bytes> {
  return concatBytes(
    await Array.fromAsync(gzip((async function* () {
      yield encodeText(text);
    })())),
  );
}

const LAYER = "a layer, of which it does not matter what is in it";
const DIFF_ID = await digestOf(encodeText(LAYER));

const CONFIG = json("config.json", { rootfs: { diff_ids: [DIFF_ID] } });

function dockerManifest(...layers: string[]): Part {
  return json("manifest.json", [{ Config: "config.json", Layers: layers }]);
}

/** The text of the only layer of the only image. */
async function layerOf(source: ArchiveSource): Promise<string> {
  const manifest = await new Response(await source.open(await source.resolve(""))).json();
  return await new Response(await source.open(manifest.layers[0])).text();
}

const file: Part = { name: "shared/layer.tar", content: LAYER };

const links: [what: string, ...entries: Part[]][] = [
  ["a symbolic link beside it", { name: "shared/a", flag: "2", target: "layer.tar" }],
  ["a symbolic link over ..", { name: "x/y/a", flag: "2", target: "../../shared/layer.tar" }],
  ["a symbolic link from the top", { name: "x/a", flag: "2", target: "shared/layer.tar" }],
  ["a symbolic link with more .. than there are folders", {
    name: "a",
    flag: "2",
    target: "../../shared/layer.tar",
  }],
  ["an absolute symbolic link", { name: "x/a", flag: "2", target: "/shared/layer.tar" }],
  ["a hard link", { name: "x/a", flag: "1", target: "./shared/layer.tar" }],
  ["a hard link as a symbolic one", { name: "shared/a", flag: "1", target: "layer.tar" }],
  [
    "a link to a link to a link",
    { name: "a", flag: "2", target: "x/b" },
    { name: "x/b", flag: "2", target: "../c" },
    { name: "c", flag: "1", target: "shared/layer.tar" },
  ],
];

for (const [what, ...entries] of links) {
  Deno.test(`openArchive: a layer that is ${what}`, async () => {
    const { name } = entries[0] as { name: string };
    for (const parts of [[file, ...entries], [...entries, file]]) {
      const source = await openArchive(blobOf(dockerManifest(name), CONFIG, ...parts));
      assertEquals(await layerOf(source), LAYER);
    }
  });
}

// deno-lint-ignore no-explicit-any
type Failure = new (...args: any[]) => Error;
const good = [dockerManifest("shared/layer.tar"), CONFIG, file];

const refused: [
  what: string,
  parts: Part[],
  error: Failure,
  message: string,
  options?: OpenArchiveOptions,
][] = [
  ["nothing", [], InvalidArchiveError, "neither manifest.json nor index.json"],
  [
    "a file system",
    [{ name: "bin/sh" }, { name: "etc/passwd" }],
    InvalidArchiveError,
    "docker export",
  ],
  [
    "an OCI layout in a folder of the tar",
    [{ name: "image", flag: "5" }, { ...json("index.json", {}), name: "image/index.json" }],
    InvalidArchiveError,
    "pack what is in that folder",
  ],
  [
    "the same as an OCI layout",
    [{ ...json("index.json", {}), name: "image/index.json" }],
    InvalidArchiveError,
    "pack what is in that folder",
    { format: "oci" },
  ],
  ["an OCI layout as docker", [json("index.json", {})], InvalidArchiveError, "is an OCI layout", {
    format: "docker",
  }],
  ["docker as an OCI layout", good, InvalidArchiveError, "no index.json", { format: "oci" }],
  ["no list as manifest.json", [json("manifest.json", {})], InvalidArchiveError, "not a list"],
  ["an empty manifest.json", [json("manifest.json", [])], InvalidArchiveError, "no images"],
  ["null as an image", [json("manifest.json", [null])], InvalidArchiveError, "no Config"],
  [
    "layers that are no texts",
    [json("manifest.json", [{ Config: "a", Layers: [1] }])],
    InvalidArchiveError,
    "Layers",
  ],
  [
    "names that are no texts",
    [json("manifest.json", [{ Config: "a", RepoTags: "a" }])],
    InvalidArchiveError,
    "RepoTags",
  ],
  [
    "two manifest.json glued",
    [{ name: "manifest.json", content: "[{}][{}]" }],
    InvalidArchiveError,
    "not JSON",
  ],
  ["no configuration", [dockerManifest("a")], InvalidArchiveError, '"config.json" is not in'],
  ["a layer above the top", [dockerManifest("../x"), CONFIG], Error, "leads out"],
  [
    "a layer that is a folder",
    [dockerManifest("x"), CONFIG, { name: "x", flag: "5" }],
    InvalidArchiveError,
    '"x" is not in',
  ],
  [
    "a configuration that is no object",
    [dockerManifest(), { name: "config.json", content: "[]" }],
    InvalidArchiveError,
    "not an object",
  ],
  [
    "DiffIDs that are none",
    [dockerManifest(), json("config.json", { rootfs: { diff_ids: ["x"] } })],
    InvalidArchiveError,
    "diff_ids",
  ],
  [
    "a layer with another DiffID",
    [dockerManifest("x"), CONFIG, { name: "x", content: "y" }],
    BadDigestError,
    DIFF_ID,
  ],
  ...["blobs/sha256/?", "?.json", "sha256:?"].map((pattern) => {
    const name = pattern.replace("?", "0".repeat(64));
    return [
      `a configuration that is not what its name says, ${pattern}`,
      [json("manifest.json", [{ Config: name, Layers: [] }]), { name, content: "{}" }],
      BadDigestError,
      "bytes have the digest",
    ] as [string, Part[], typeof BadDigestError, string];
  }),
  [
    "one name with different content",
    [file, { name: "./shared//layer.tar", content: "x" }],
    InvalidArchiveError,
    "twice",
  ],
  [
    "one name with different content of one size",
    [file, { name: "shared/layer.tar", content: LAYER.replace("a", "b") }],
    InvalidArchiveError,
    "twice",
  ],
  [
    "a name as a file and a link",
    [file, { name: "shared/layer.tar", flag: "2", target: "x" }],
    InvalidArchiveError,
    "twice",
  ],
  [
    "33 links",
    [
      dockerManifest("l0"),
      CONFIG,
      ...Array.from(
        { length: 33 },
        (_, at): Part => ({ name: `l${at}`, flag: "2", target: `l${at + 1}` }),
      ),
      { name: "l33", content: LAYER },
    ],
    InvalidArchiveError,
    "leads back",
  ],
  ["more entries than the limit", good, LimitError, "maxEntries", { limits: { maxEntries: 2 } }],
  ["more bytes than the limit", good, LimitError, "maxBytes", { limits: { maxBytes: 60 } }],
  ["a large manifest.json", good, LimitError, "indexBytes", { limits: { indexBytes: 10 } }],
  ["a large configuration", good, LimitError, "manifestBytes", { limits: { manifestBytes: 10 } }],
  [
    "an index.json that is an image",
    [json("index.json", {
      schemaVersion: 2,
      config: { mediaType: "a/b", digest: DIFF_ID, size: 1 },
      layers: [],
    })],
    InvalidArchiveError,
    "no index",
  ],
];

for (const [what, parts, error, message, options] of refused) {
  Deno.test(`openArchive: ${what}: ${error.name}`, async () => {
    await assertRejects(
      async () => await layerOf(await openArchive(blobOf(...parts), options)),
      error,
      message,
    );
  });
}

Deno.test("openArchive: compressed layers are checked when the image is resolved", async () => {
  const packed = await gzipped(LAYER);
  const entry = (bytes: Bytes): Part[] => [
    dockerManifest("a.tar"),
    CONFIG,
    concatBytes([headerOf("a.tar", bytes.byteLength), bytes, padding(bytes)]),
  ];
  const source = await openArchive(blobOf(...entry(packed)));
  const manifest = await new Response(await source.open(await source.resolve(""))).json();
  assertEquals(manifest.layers, [
    await describeBytes(packed, "application/vnd.oci.image.layer.v1.tar+gzip"),
  ]);
  const wrong = await openArchive(blobOf(...entry(await gzipped("other"))));
  await assertRejects(() => wrong.resolve(""), BadDigestError, '"a.tar"');
  const cut = await openArchive(blobOf(...entry(packed.slice(0, -9) as Bytes)));
  await assertRejects(() => cut.resolve(""), InvalidArchiveError, 'layer "a.tar"');
});

function headerOf(name: string, size: number): Bytes {
  return tarOf({ name, size }).slice(0, 512) as Bytes;
}

function padding({ byteLength }: Bytes): Bytes {
  return new Uint8Array((512 - byteLength % 512) % 512);
}

Deno.test("openArchive: every kind of input, read by several at once", () =>
  inFolder(async (folder) => {
    const layers = ["one", "two", "three"].map((word) => `${word} `.repeat(400_000));
    const ids = await Promise.all(layers.map((layer) => digestOf(encodeText(layer))));
    const tar = tarOf(
      json("manifest.json", [{ Config: "config.json", Layers: ["one", "two", "three"] }]),
      json("config.json", { rootfs: { diff_ids: ids } }),
      ...["one", "two", "three"].map((name, at): Part => ({ name, content: layers[at]! })),
    );
    const path = `${folder}/image.tar`;
    await Deno.writeFile(path, tar);
    const inputs: [what: string, input: ArchiveInput][] = [
      ["a path", path],
      ["a file", await openFile(path)],
      ["a Blob", new Blob([tar])],
      ["a stream", new Blob([tar]).stream()],
      ["a compressed Blob", new Blob([await gzippedBytes(tar)])],
    ];
    for (const [what, input] of inputs) {
      const source = await openArchive(input);
      const parts = ids.map((digest, at): Descriptor => ({
        mediaType: "",
        digest,
        size: layers[at]!.length,
      }));
      const readers = await Promise.all(
        [...parts, ...parts].map(async (each) => (await source.open(each)).getReader()),
      );
      const found = readers.map(() => "");
      for (let left = readers.length; left > 0;) {
        left = readers.length;
        for (const [at, reader] of readers.entries()) {
          const { done, value } = await reader.read();
          if (done) left--;
          else found[at] += new TextDecoder().decode(value);
        }
      }
      assertEquals(
        found.map((text) => text === layers[found.indexOf(text) % 3]),
        Array(6).fill(true),
        what,
      );
      const tail = await source.open(parts[1]!, { offset: 1_599_990, length: 4 });
      assertEquals(await new Response(tail).text(), layers[1]!.slice(1_599_990, 1_599_994));
      await source.close();
    }
  }));

async function gzippedBytes(bytes: Bytes): Promise<Bytes> {
  return concatBytes(
    await Array.fromAsync(gzip((async function* () {
      yield bytes;
    })())),
  );
}

Deno.test("openArchive: what cannot be opened", () =>
  inFolder(async (folder) => {
    const missing = `${folder}/none.tar`;
    await assertRejects(() => openArchive(missing), ContentNotFoundError, missing);
    const broken = `${folder}/broken.tar`;
    await Deno.writeFile(broken, tarOf({ name: "a" }).subarray(0, 300));
    await assertRejects(() => openArchive(broken), InvalidArchiveError, `${broken}: Cannot read`);
    await assertRejects(() => openArchive(folder), InvalidOptionError, "not a file");
    // deno-lint-ignore no-explicit-any
    const anything = openArchive as (...args: any[]) => Promise<unknown>;
    await assertRejects(() => anything(12), InvalidOptionError, "it must be a path");
    await assertRejects(() => anything(missing, { format: "zip" }), InvalidOptionError, "zip");
  }));

Deno.test("openArchive: an abort, and a stream that fails", async () => {
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const error = await openArchive(blobOf(...good), { signal }).catch((error) => error);
  assertStrictEquals(error, reason);

  const controller = new AbortController();
  const endless = new ReadableStream<Bytes>({
    pull(stream) {
      stream.enqueue(new Uint8Array(100) as Bytes);
      controller.abort(reason);
      return new Promise(() => {});
    },
  });
  const opening = openArchive(endless, { signal: controller.signal });
  assertStrictEquals(await opening.catch((error) => error), reason);

  const broken = new ReadableStream<Bytes>({ pull: (stream) => stream.error(reason) });
  assertStrictEquals(await openArchive(broken).catch((error) => error), reason);
});

Deno.test("openArchive: a stream without an end stops at the limit", async () => {
  const endless = new ReadableStream<Bytes>({
    pull: (stream) => stream.enqueue(new Uint8Array(1000) as Bytes),
  });
  const limits = { maxBytes: 1_000_000 };
  await assertRejects(() => openArchive(endless, { limits }), LimitError, "maxBytes");
});

Deno.test("openArchive: a manifest of a layout that is not what its digest says", async () => {
  const bytes = encodeText(JSON.stringify({ schemaVersion: 2, manifests: [] }));
  const digest = await digestOf(bytes);
  const layout = (content: string) =>
    blobOf(
      json("index.json", {
        schemaVersion: 2,
        manifests: [{
          mediaType: "application/vnd.oci.image.index.v1+json",
          digest,
          size: bytes.byteLength,
        }],
      }),
      { name: `blobs/${digest.replace(":", "/")}`, content },
    );
  const text = new TextDecoder().decode(bytes);
  assertEquals((await (await openArchive(layout(text))).resolve("")).digest, digest);
  for (const reference of ["", digest]) {
    const altered = await openArchive(layout(text.replace("[]", "{}")));
    await assertRejects(() => altered.resolve(reference), BadDigestError, digest);
  }
});

Deno.test("a temporary file has no name, and cannot be read once it is removed", async () => {
  const file = await SharedFile.temporary("test");
  await file.cursor(3).write(encodeText("hello"));
  await assertRejects(() => Deno.stat(file.path), Deno.errors.NotFound);
  const view = new Uint8Array(8);
  assertEquals(await file.cursor(0).read(view), 8);
  assertEquals([...view.subarray(0, 4)], [0, 0, 0, 104]);
  await file.remove();
  await file.remove();
  await assertRejects(() => file.cursor(0).read(view), Error, file.path);
});

Deno.test("openArchive: what Docker calls an image without a name is none", async () => {
  const RepoTags = ["<none>:<none>", "", "app:1"];
  for (const names of [RepoTags, RepoTags.slice(0, 2)]) {
    const manifest = json("manifest.json", [{ Config: "a", Layers: [], RepoTags: names }]);
    const archive = await openArchive(new Blob([tarOf(manifest, { name: "a", content: "{}" })]));
    assertEquals(await Array.fromAsync(archive.tags()), names.slice(2));
    assertEquals((await archive.resolve("")).mediaType, MEDIA_TYPES.ociManifest);
    await archive.close();
  }
});

Deno.test("openArchive: of several images without names each has a number", async () => {
  const source = await openArchive(blobOf(
    json("manifest.json", [{ Config: "a" }, { Config: "b" }]),
    { name: "a", content: "{}" },
    { name: "b", content: "{ }" },
  ));
  const error = await assertRejects(() => source.resolve(""), InvalidReferenceError);
  assert(error.message.endsWith("@0, @1"), error.message);
  const [one, two] = [await source.resolve("@0"), await source.resolve("@1")];
  assert(one.digest !== two.digest);
  assertEquals((await source.resolve(two.digest)).digest, two.digest);
  await assertRejects(() => source.resolve("app:1"), ContentNotFoundError, "it has @0, @1");
});

Deno.test("openArchive: odd entries of index.json keep nothing else from being read", async () => {
  const manifest = encodeText(JSON.stringify({ schemaVersion: 2, manifests: [] }));
  const digest = await digestOf(manifest);
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const size = manifest.byteLength;
  const tag = (name: string) => ({ annotations: { "org.opencontainers.image.ref.name": name } });
  const source = await openArchive(blobOf(
    json("index.json", {
      manifests: [
        null,
        { mediaType, digest: "sha256:short", size, ...tag("broken") },
        { digest, size, ...tag("untyped") },
        { mediaType, digest, size, ...tag("1.0") },
      ],
    }),
    { name: `blobs/${digest.replace(":", "/")}`, content: new TextDecoder().decode(manifest) },
  ));
  assertEquals(await Array.fromAsync(source.tags()), ["1.0", "untyped"]);
  for (const reference of ["", "1.0", "untyped", digest]) {
    assertEquals(await source.resolve(reference), { mediaType, digest, size });
  }
  await assertRejects(() => source.resolve("broken"), InvalidContentError, "entry 1");
});

Deno.test("openArchive: a tar in xz and its like is told as that", async () => {
  for (
    const [name, head] of [
      ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
      ["compress (.Z)", [0x1f, 0x9d, 0x90, 0x2e, 0, 0]],
      ["cpio", [...encodeText("070701")]],
      ["lz4", [0x04, 0x22, 0x4d, 0x18, 0x64, 0x40]],
      ["lzip", [...encodeText("LZIP"), 1, 0]],
      ["lzma", [0x5d, 0, 0, 0x80, 0, 0]],
      ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
      ["bzip2", [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41]],
      ["zip", [0x50, 0x4b, 0x03, 0x04, 0, 0]],
    ] as const
  ) {
    const blob = new Blob([new Uint8Array([...head, ...new Uint8Array(1000)])]);
    for (const input of [blob, blob.stream()]) {
      await assertRejects(() => openArchive(input), InvalidArchiveError, `it is ${name};`);
    }
  }
});

Deno.test("openArchive: an empty file, and what was compressed twice, are told as that", async () => {
  const gzipped = async (bytes: BlobPart) =>
    await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip")))
      .blob();
  const twice = await gzipped(await gzipped("x".repeat(1000)));
  for (const input of [twice, twice.stream()]) {
    await assertRejects(() => openArchive(input), InvalidArchiveError, "unpacks to is gzip again");
  }
  for (const input of [new Blob([]), new Blob([]).stream(), await gzipped("")]) {
    await assertRejects(() => openArchive(input), InvalidArchiveError, "archive: it is empty");
  }
});
