import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { concatBytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { digestOf } from "../content/digest_of.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { type Part, tarOf } from "../content/tar_sample_test.ts";
import { verifyingStream } from "../content/verifying_stream.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidManifestError,
  InvalidOptionError,
} from "../errors.ts";
import { buildIndex } from "../manifest/build.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { manifestOf, onStores, withFolder, writeSubject } from "./fixture_test.ts";
import { pack } from "./pack.ts";
import { unpackFiles } from "./unpack_files.ts";
import {
  artifactType,
  dir,
  file,
  folder,
  gzipped,
  hard,
  listing,
  symlink,
  TITLE,
  UNPACK,
  unpacked,
} from "./unpack_fixture_test.ts";

onStores("unpackFiles: what pack has packed, files and folders", async (store) => {
  await withFolder(async (outside) => {
    const source = `${outside}/source`;
    await Deno.mkdir(`${source}/sub/empty`, { recursive: true });
    await Deno.writeTextFile(`${source}/one.txt`, "one");
    await Deno.writeTextFile(`${source}/run.sh`, "run");
    await Deno.writeTextFile(`${source}/sub/ü`, "x".repeat(2000));
    await Deno.symlink("../one.txt", `${source}/sub/up`);
    await Deno.symlink("sub/empty", `${source}/link`);
    await Deno.chmod(`${source}/one.txt`, 0o640);
    await Deno.chmod(`${source}/run.sh`, 0o755);
    await Deno.chmod(`${source}/sub/ü`, 0o600);
    await Deno.utime(`${source}/one.txt`, 1_600_000_000, 1_600_000_000);
    const descriptor = await pack(store, {
      artifactType,
      files: [{ path: source, title: "a/dir" }, { title: "b/c.txt", body: "c" }],
      layers: [{ body: "without a title" }],
      tag: "v1",
    });
    const manifest = await manifestOf(store, descriptor);
    for (const [at, given] of [manifest, descriptor, "v1", descriptor.digest].entries()) {
      const target = `${outside}/target${at}/deeper`;
      const files = await unpackFiles(store, given, target);
      assertEquals(files.map(({ title, folder }) => [title, folder]), [
        ["a/dir", true],
        ["b/c.txt", false],
      ]);
      assertEquals(files.map(({ layer }) => layer), manifest.layers.slice(1));
      assertEquals(await listing(`${target}/a/dir`), await listing(source));
      const { mtime } = await Deno.stat(`${target}/a/dir/one.txt`);
      assertEquals(mtime!.getTime(), 1_600_000_000_000);
      assertEquals(await listing(`${target}/b`), ["c.txt 644 c"]);
      assertEquals((await listing(target)).filter((line) => line.startsWith(".")), []);
      await unpackFiles(store, given, target); // and once more over it
    }
    await pack(store, { artifactType, files: [{ path: source, title: "." }], tag: "dot" });
    await unpackFiles(store, "dot", `${outside}/dot`);
    assertEquals(await listing(`${outside}/dot`), await listing(source));
  });
});

const setuid = { name: "d/a", mode: 0o6755 };
const inD: [title: string, parts: Part[], expected: string[]][] = [
  ["an entry for no folder", [file("d/a/b")], ["d/", "d/a/", "d/a/b 644 x"]],
  ["nothing in it", [dir("d")], ["d/"]],
  ["nothing at all", [], ["d/"]],
  ["setuid, which is not taken over", [setuid], ["d/", "d/a 755 "]],
  ["a folder twice", [dir("d/a"), dir("d/a/"), file("d/a/b")], ["d/", "d/a/", "d/a/b 644 x"]],
  [
    "a link to what comes later",
    [symlink("d/a", "b"), file("d/b")],
    ["d/", "d/a → b", "d/b 644 x"],
  ],
  ["a link to nothing", [symlink("d/a", "b/c")], ["d/", "d/a → b/c"]],
  [
    "a hard link by its full name",
    [file("d/a"), hard("d/b", "d/a")],
    ["d/", "d/a 644 x", "d/b 644 x"],
  ],
  [
    "a hard link by its name in the folder",
    [file("d/a"), hard("d/b", "a")],
    ["d/", "d/a 644 x", "d/b 644 x"],
  ],
];

const tar = tarOf(file("d/a"));
const padded = await gzipped(concatBytes([tar, new Uint8Array(8192)]));
const withoutFolder = await gzipped(tarOf(dir("."), file("a"), hard("b", "a")));

const right: [title: string, layer: ReturnType<typeof folder>, expected: string[]][] = [
  ["a plain tar", folder("d", tar), ["d/", "d/a 644 x"]],
  ["a tar padded to 10,240", folder("d", padded), ["d/", "d/a 644 x"]],
  ["True for true", folder("d", await gzipped(tar), { [UNPACK]: "True" }), ["d/", "d/a 644 x"]],
  ["names without a folder", folder(".", withoutFolder), ["a 644 x", "b 644 x"]],
  ["a title in another form", folder("./d//", await gzipped(tar)), ["d/", "d/a 644 x"]],
];
for (const [title, parts, expected] of inD) {
  right.push([title, folder("d", await gzipped(tarOf(...parts))), expected]);
}

for (const [title, layer, expected] of right) {
  Deno.test(`unpackFiles: ${title}`, async () => {
    const { lines, error } = await unpacked([layer]);
    assertEquals([lines, error], [expected, undefined]);
  });
}

Deno.test("unpackFiles: annotations that do not say unpack: a file", async () => {
  for (const value of ["false", "yes", "", "TrUe"]) {
    const { lines } = await unpacked([folder("d", encodeText("x"), { [UNPACK]: value })]);
    assertEquals(lines, ["d 644 x"]);
  }
});

Deno.test("unpackFiles: what is there is replaced, links too, and not followed", async () => {
  const before = async (target: string, around: string) => {
    await Deno.writeTextFile(`${around}/precious`, "untouched");
    await Deno.symlink("../precious", `${target}/a`);
    await Deno.writeTextFile(`${target}/b`, "old");
    await Deno.mkdir(`${target}/d`);
    await Deno.writeTextFile(`${target}/d/kept`, "kept");
    await Deno.symlink("../../precious", `${target}/d/x`);
  };
  const layers = [
    { body: "new a", annotations: { [TITLE]: "a" } },
    { body: "new b", annotations: { [TITLE]: "b" } },
    folder("d", await gzipped(tarOf(file("d/x", "new x")))),
  ];
  const { lines, around, error } = await unpacked(layers, { before });
  assertEquals(error, undefined);
  assertEquals(lines, ["a 644 new a", "b 644 new b", "d/", "d/kept 644 kept", "d/x 644 new x"]);
  assertEquals(around, ["precious 644 untouched", "target/"].filter((line) => line !== "target/"));
});

Deno.test("unpackFiles: a link that was there is no folder to write into", async () => {
  const before = async (target: string, around: string) => {
    await Deno.mkdir(`${around}/elsewhere`);
    await Deno.symlink("../elsewhere", `${target}/d`);
  };
  for (
    const layer of [
      { body: "x", annotations: { [TITLE]: "d/a" } },
      folder("d", await gzipped(tarOf(file("d/a")))),
    ]
  ) {
    const { lines, around, error } = await unpacked([layer], { before });
    assertInstanceOf(error, InvalidOptionError);
    assertEquals(lines, ["d → ../elsewhere"]);
    assertEquals(around, ["elsewhere/"]);
  }
});

Deno.test("unpackFiles: the folder itself may be a link, as the caller named it", async () => {
  await withFolder(async (outside) => {
    await Deno.mkdir(`${outside}/real`);
    await Deno.symlink("real", `${outside}/link`);
    const store = new MemoryStore();
    const files = [{ title: "a", body: "x" }];
    await unpackFiles(store, await pack(store, { artifactType, files }), `${outside}/link`);
    assertEquals(await listing(`${outside}/real`), ["a 644 x"]);
  });
});

Deno.test("unpackFiles: folder and file in each other's place: InvalidOptionError, nothing moved", async () => {
  const layers = [
    { body: "x", annotations: { [TITLE]: "first" } },
    { body: "x", annotations: { [TITLE]: "a/b" } },
  ];
  const asFile = await unpacked(layers, {
    before: (target) => Deno.writeTextFile(`${target}/a`, "old"),
  });
  assertInstanceOf(asFile.error, InvalidOptionError);
  assertEquals(asFile.lines, ["a 644 old"]);
  const asFolder = await unpacked(layers, {
    before: (target) => Deno.mkdir(`${target}/a/b`, { recursive: true }),
  });
  assertInstanceOf(asFolder.error, InvalidOptionError);
  assertEquals(asFolder.lines, ["a/", "a/b/"]);
});

Deno.test("unpackFiles: images, indexes and what is none: InvalidManifestError", async () => {
  await withFolder(async (outside) => {
    const store = new MemoryStore();
    const image = await writeSubject(store);
    const index = await buildIndex({ manifests: [image] });
    await store.write(index.descriptor, index.bytes);
    const layered = await pack(store, {
      config: { body: "{}", mediaType: "application/vnd.oci.image.config.v1+json" },
      layers: [{ body: "x", mediaType: "application/vnd.oci.image.layer.v1.tar" }],
    });
    const target = `${outside}/target`;
    for (const manifest of [image, index.descriptor, index.manifest, layered]) {
      await assertRejects(() => unpackFiles(store, manifest, target), InvalidManifestError);
    }
    assertEquals(await listing(outside), []);
  });
});

Deno.test("unpackFiles: what oras calls a layer is a file all the same, whatever the config", async () => {
  const { lines } = await withFolder(async (target) => {
    const store = new MemoryStore();
    const descriptor = await pack(store, {
      config: { body: "{}", mediaType: "application/vnd.oci.image.config.v1+json" },
      files: [{ title: "a", body: "x" }],
    });
    await unpackFiles(store, descriptor, target);
    return { lines: await listing(target) };
  });
  assertEquals(lines, ["a 644 x"]);
});

Deno.test("unpackFiles: a blob that is missing, or was changed: its error, nothing is left", async () => {
  await withFolder(async (outside) => {
    const store = new MemoryStore();
    const files = [{ title: "a", body: "x" }, { title: "b", body: "y" }];
    const descriptor = await pack(store, { artifactType, files });
    const manifest = await manifestOf(store, descriptor);
    const gone = manifest.layers[1]!;
    await store.delete(gone);
    const target = `${outside}/target`;
    await assertRejects(() => unpackFiles(store, manifest, target), ContentNotFoundError);
    assertEquals(await listing(outside), ["target/"]);
    const changed = Object.assign(Object.create(null), {
      open: async (layer: Descriptor) => {
        if (layer.digest !== gone.digest) return await store.open(layer);
        const reader = pieceReader(new Blob(["z"]).stream());
        return await verifyingStream(reader, { digest: await digestOf(encodeText("y")), size: 1 });
      },
    });
    await assertRejects(() => unpackFiles(changed, manifest, target), BadDigestError);
    assertEquals(await listing(outside), ["target/"]);
  });
});

Deno.test("unpackFiles: an aborted signal ends it with its reason, and nothing is left", async () => {
  const reason = new Error("enough");
  await withFolder(async (outside) => {
    const store = new MemoryStore();
    const files = [{ title: "a", body: "x" }];
    const manifest = await manifestOf(store, await pack(store, { artifactType, files }));
    const target = `${outside}/target`;
    const options = { signal: AbortSignal.abort(reason) };
    assertEquals(await assertRejects(() => unpackFiles(store, manifest, target, options)), reason);
    assertEquals((await listing(outside)).filter((line) => line !== "target/"), []);
  });
});
