import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ContentNotFoundError,
  InvalidOptionError,
  InvalidReferenceError,
  UnsafePathError,
} from "../errors.ts";
import { bytesStream } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { digestOf } from "../content/digest_of.ts";
import { EMPTY_CONFIG } from "../manifest/build.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { describe } from "./describe.ts";
import {
  bytesOf,
  manifestOf,
  onStores,
  tarLines,
  textOf,
  withFolder,
  writeSubject,
} from "./fixture_test.ts";
import { pack, type PackOptions } from "./pack.ts";

const TYPE = "application/vnd.example.thing.v1";
const CREATED = "2026-11-30T12:00:00Z";
const TITLE = "org.opencontainers.image.title";

/** A folder with all that oras packs: files with their modes, links, empty folders, other names. */
async function makeFolder(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/sub/empty`, { recursive: true });
  await Deno.writeTextFile(`${folder}/one.txt`, "one\n", { mode: 0o644 });
  await Deno.writeTextFile(`${folder}/run.sh`, "#!/bin/sh\n", { mode: 0o755 });
  await Deno.writeTextFile(`${folder}/sub/ü.txt`, "two\n", { mode: 0o600 });
  await Deno.writeTextFile(`${folder}/Z`, "");
  await Deno.symlink("one.txt", `${folder}/link`);
  await Deno.symlink("../one.txt", `${folder}/sub/up`);
  for (const path of ["one.txt", "run.sh", "sub/ü.txt", "Z"]) {
    await Deno.utime(`${folder}/${path}`, 1_767_323_045.6, 1_767_323_045.6);
  }
  await Deno.chmod(`${folder}/one.txt`, 0o644);
  await Deno.chmod(`${folder}/Z`, 0o4755);
}

onStores("pack: a file, with the specification's manifest", async (store) => {
  const descriptor = await pack(store, {
    artifactType: TYPE,
    files: [{ title: "a/b.txt", body: "hello", mediaType: "text/plain" }],
    annotations: { "org.example.by": "me" },
    created: CREATED,
    tag: "v1",
  });
  const hello = await digestOf(encodeText("hello"));
  assertEquals(await manifestOf(store, descriptor), {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: TYPE,
    config: EMPTY_CONFIG as Descriptor,
    layers: [{
      mediaType: "text/plain",
      digest: hello,
      size: 5,
      annotations: { [TITLE]: "a/b.txt" },
    }],
    annotations: { "org.example.by": "me", "org.opencontainers.image.created": CREATED },
  });
  assertEquals(await textOf(store, EMPTY_CONFIG), "{}");
  assertEquals((await store.resolve("v1")).digest, descriptor.digest);
  assertEquals(descriptor.artifactType, TYPE);
});

onStores("pack: attached to a subject, with a config and layers of every kind", async (store) => {
  const subject = await writeSubject(store);
  const there = await digestOf(encodeText("there"));
  const layer = { mediaType: "text/plain", digest: there, size: 5 };
  await store.write(layer, encodeText("there"));
  const descriptor = await pack(store, {
    config: { body: '{"a":1}', mediaType: "application/vnd.example.config.v1+json" },
    layers: [
      { ...layer, annotations: { a: "b" } },
      { body: encodeText("bytes") },
      { body: new Blob(["blob"]), mediaType: "text/css", annotations: { c: "d" } },
      { body: { open: (offset = 0) => bytesStream(encodeText("opened").subarray(offset)) } },
    ],
    files: [{ title: "f", body: "" }],
    subject: { ...subject, annotations: { not: "kept" } },
  });
  const { config, layers, subject: named, artifactType } = await manifestOf(store, descriptor);
  assertEquals(artifactType, undefined);
  assertEquals(config.mediaType, "application/vnd.example.config.v1+json");
  assertEquals(await textOf(store, config), '{"a":1}');
  const { mediaType, digest, size } = subject;
  assertEquals(named, { mediaType, digest, size });
  assertEquals(layers.map(({ mediaType }) => mediaType), [
    "text/plain",
    "application/octet-stream",
    "text/css",
    "application/octet-stream",
    "application/vnd.oci.image.layer.v1.tar",
  ]);
  const texts = await Promise.all(layers.map((each) => textOf(store, each)));
  assertEquals(texts, ["there", "bytes", "blob", "opened", ""]);
  const listed = await Array.fromAsync(store.referrers!(subject));
  assertEquals(listed.map(({ digest }) => digest), [descriptor.digest]);
});

onStores("pack: no content: the empty layer", async (store) => {
  const descriptor = await pack(store, { artifactType: TYPE });
  const { layers, annotations } = await manifestOf(store, descriptor);
  assertEquals(layers, [EMPTY_CONFIG as Descriptor]);
  const created = annotations!["org.opencontainers.image.created"]!;
  assert(Math.abs(Date.parse(created) - Date.now()) < 60_000, created);
});

onStores("pack: a folder, in the order and with the names that oras gives", async (store) => {
  await withFolder(async (folder) => {
    await makeFolder(folder);
    const { digest } = await pack(store, {
      artifactType: TYPE,
      files: [{ path: folder, title: "dir" }],
      created: CREATED,
    });
    const { layers: [layer] } = await manifestOf(store, await store.resolve(digest));
    assertEquals(layer!.mediaType, "application/vnd.oci.image.layer.v1.tar+gzip");
    const { "io.deis.oras.content.digest": tarDigest, ...annotations } = layer!.annotations!;
    assertEquals(annotations, { "io.deis.oras.content.unpack": "true", [TITLE]: "dir" });
    const time = Date.parse(CREATED) / 1000;
    assertEquals(await tarLines(store, layer!), [
      `directory 700 dir 0 ${time}`,
      `file 4755 dir/Z 0 ${time}`,
      `symlink 777 dir/link 0 ${time} one.txt`,
      `file 644 dir/one.txt 4 ${time}`,
      `file 755 dir/run.sh 10 ${time}`,
      `directory 755 dir/sub 0 ${time}`,
      `directory 755 dir/sub/empty 0 ${time}`,
      `symlink 777 dir/sub/up 0 ${time} ../one.txt`,
      `file 600 dir/sub/ü.txt 4 ${time}`,
    ]);
    const gz = new Blob([await bytesOf(store, layer!)]).stream();
    const tar = new Uint8Array(
      await new Response(gz.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
    );
    assertEquals(await digestOf(tar), tarDigest);
    assertEquals(tar.subarray(-1024).every((byte) => byte === 0), true);
    assert(tar.subarray(-1536, -1024).some((byte) => byte !== 0), "two blocks of zeros, no more");
  });
});

Deno.test("pack: a folder has the files' own times where none is given, to the next second", async () => {
  await withFolder(async (folder) => {
    await makeFolder(folder);
    const store = new MemoryStore();
    const descriptor = await pack(store, {
      artifactType: TYPE,
      files: [{ path: folder, title: "." }],
    });
    const { layers: [layer] } = await manifestOf(store, descriptor);
    const lines = await tarLines(store, layer!);
    assertEquals(lines[1], "file 4755 Z 0 1767323046");
    assertEquals(lines[0]!.startsWith("directory 700 . 0 "), true);
  });
});

/** Node and Bun make the same: the folder and the digest are those of tests/package/smoke.mjs. */
Deno.test("pack: with `created` the same content has the same digest, in every runtime", async () => {
  for (let round = 0; round < 2; round++) {
    await withFolder(async (folder) => {
      const dir = `${folder}/dir`;
      await Deno.mkdir(`${dir}/sub`, { recursive: true });
      await Deno.writeTextFile(`${dir}/lines.txt`, "0123456789abcdef\n".repeat(10_000));
      const sample = Uint8Array.from({ length: 200_000 }, (_, at) => (at * 31 + (at >> 13)) & 255);
      await Deno.writeFile(`${dir}/sub/sample`, sample);
      for (const path of ["", "sub", "sub/sample"]) await Deno.chmod(`${dir}/${path}`, 0o755);
      await Deno.chmod(`${dir}/lines.txt`, 0o644);
      await Deno.utime(`${dir}/lines.txt`, round, round);
      const { digest } = await pack(new MemoryStore(), {
        artifactType: TYPE,
        files: [{ path: dir, title: "dir" }],
        created: new Date(CREATED),
      });
      assertEquals(
        digest,
        "sha256:11d2028c1b5a0a553e664143cab7c66dcc119ab71a445dc41837453283e01a19",
      );
    });
  }
});

Deno.test("pack: titles of paths: as given, or the last part where that is not safe", async () => {
  await withFolder(async (folder) => {
    const store = new MemoryStore();
    await Deno.mkdir(`${folder}/some`);
    await Deno.writeTextFile(`${folder}/some/a.txt`, "a");
    const titles = async (files: string[]) => {
      const { layers } = await manifestOf(store, await pack(store, { artifactType: TYPE, files }));
      return layers.map(({ annotations }) => annotations![TITLE]);
    };
    assertEquals(await titles([`${folder}/some/a.txt`, `${folder}/some`]), ["a.txt", "some"]);
    assertEquals(await titles(["LICENSE", "./artifact/mod.ts"]), ["LICENSE", "artifact/mod.ts"]);
    assertEquals(await titles(["artifact/../LICENSE"]), ["LICENSE"]);
  });
});

Deno.test("pack: what is there is not sent again", async () => {
  const store = new MemoryStore();
  const written: string[] = [];
  const watched = Object.assign(Object.create(store), {
    write: (descriptor: Descriptor, ...rest: [never]) => {
      written.push(descriptor.mediaType);
      return store.write(descriptor, ...rest);
    },
    exists: (descriptor: Descriptor) => store.exists(descriptor),
  });
  const files = [{ title: "a", body: "same" }, { title: "b", body: "same" }];
  await pack(watched, { artifactType: TYPE, files, created: CREATED });
  assertEquals(written, [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
  ]);
  await pack(watched, { artifactType: TYPE, files, created: CREATED });
  assertEquals(written.length, 4);
});

Deno.test("pack: annotations of 1 MB, not ASCII, with line separators", async () => {
  const store = new MemoryStore();
  const annotations = { "ключ": "é\u2028\u2029\n\0\u{1f600}", long: "x".repeat(1_000_000) };
  const descriptor = await pack(store, { artifactType: TYPE, annotations, created: CREATED });
  const { annotations: read } = await manifestOf(store, descriptor);
  assertEquals(read!["ключ"], annotations["ключ"]);
  assertEquals(read!.long, annotations.long);
});

// deno-lint-ignore no-explicit-any
type Failure = new (...args: any[]) => Error;
const file = { title: "a", body: "a" };

/** Each with an artifact type, where the options name none. */
const refused: [title: string, options: Record<string, unknown>, message: string][] = [
  ["no type and no config", { artifactType: undefined, files: [file] }, "artifactType"],
  ["a type that is none", { artifactType: "no type" }, "a media type"],
  ["an empty type", { artifactType: "" }, "artifactType"],
  ["an annotation that is no text", { annotations: { a: 1 } }, "annotations"],
  ["a subject that is none", { subject: { digest: "x" } }, "subject"],
  ["a time that is none", { created: "yesterday" }, "created"],
  ["a time in another form", { created: "Nov 30, 2026" }, "RFC 3339"],
  ["an invalid Date", { created: new Date(NaN) }, "created"],
  ["a layer that is none", { layers: [{ size: 1 }] }, "layers[0]"],
  ["a config that is none", { config: 3 }, "config"],
  [
    "the empty config without a type",
    { artifactType: undefined, config: EMPTY_CONFIG },
    "artifactType",
  ],
  ["one title twice", { files: [file, { title: "./a", body: "b" }] }, '"a"'],
  ["a body without a title", { files: [{ body: "a" }] }, "title"],
  ["neither path nor body", { files: [{ title: "a" }] }, "either"],
  ["path and body", { files: [{ ...file, path: "LICENSE" }] }, "either"],
  ["a file called .", { files: [{ path: "LICENSE", title: "." }] }, "'.'"],
  ["a body called .", { files: [{ title: "./", body: "" }] }, "'.'"],
  ["a stream", { files: [{ title: "a", body: new Blob(["a"]).stream() }] }, "stream"],
  ["a body that is none", { files: [{ title: "a", body: 3 }] }, "body"],
  ["a device", { files: ["/dev/null"] }, "no file or folder"],
];

const unsafe: [title: string, name: string, message: string][] = [
  ["a title with ..", "../a", "leads out"],
  ["an absolute title", "/a", "absolute"],
  ["a title with a drive", "C:a", "drive"],
  ["a title with a backslash", "a\\b", "backslash"],
  ["a title with NUL", "a\0", "NUL"],
];

function assertRefused(options: object, error: Failure, message?: string): Promise<Error> {
  const store = new MemoryStore();
  store.write = () => Promise.reject(new Error("written"));
  const all = { artifactType: TYPE, ...options } as PackOptions;
  return assertRejects(() => pack(store, all), error, message);
}

for (const [title, options, message] of refused) {
  Deno.test(`pack: ${title}: InvalidOptionError, and nothing was written`, async () => {
    await assertRefused(options, InvalidOptionError, message);
  });
}

for (const [title, name, message] of unsafe) {
  Deno.test(`pack: ${title}: UnsafePathError, and nothing was written`, async () => {
    await assertRefused({ files: [{ title: name, body: "" }] }, UnsafePathError, message);
  });
}

Deno.test("pack: a file that is not there: ENOENT, and nothing was written", async () => {
  const error = await assertRefused({ files: ["/nowhere/x"] }, Error);
  assertEquals((error as { code?: string }).code, "ENOENT");
});

Deno.test("pack: a descriptor of what is not there: ContentNotFoundError", async () => {
  const layer = { mediaType: "text/plain", digest: `sha256:${"0".repeat(64)}`, size: 1 };
  const options = { artifactType: TYPE, layers: [layer] };
  await assertRejects(() => pack(new MemoryStore(), options), ContentNotFoundError, "no content");
});

Deno.test("pack: a tag that is none: InvalidReferenceError", async () => {
  const options = { artifactType: TYPE, tag: "no tag" };
  await assertRejects(() => pack(new MemoryStore(), options), InvalidReferenceError);
});

Deno.test("pack: links that lead out of the folder: UnsafePathError", async () => {
  for (const target of ["../x", "/etc/passwd", "sub/../../x"]) {
    await withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/dir`);
      await Deno.symlink(target, `${folder}/dir/link`);
      const options = { artifactType: TYPE, files: [{ path: `${folder}/dir`, title: "a/b" }] };
      await assertRejects(() => pack(new MemoryStore(), options), UnsafePathError, "link");
    });
  }
});

Deno.test("pack: a pipe in a folder: InvalidOptionError", async () => {
  await withFolder(async (folder) => {
    const made = await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
    assert(made.success);
    const options = { artifactType: TYPE, files: [{ path: folder, title: "a" }] };
    await assertRejects(() => pack(new MemoryStore(), options), InvalidOptionError, "no file");
  });
});

Deno.test("pack: an aborted signal ends it with its reason", async () => {
  const reason = new Error("enough");
  const options = { artifactType: TYPE, files: [file], signal: AbortSignal.abort(reason) };
  assertEquals(await assertRejects(() => pack(new MemoryStore(), options)), reason);
});

Deno.test("pack: a folder that is opened at an offset goes on from there", async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a`, crypto.getRandomValues(new Uint8Array(60_000)));
    await Deno.writeFile(`${folder}/b`, new Uint8Array(200_000));
    const { packFolder } = await import("./pack_folder.ts");
    const { localFiles } = await import("./local_files.ts");
    const { body } = await packFolder(localFiles("test"), folder, { title: "x" });
    const whole = new Uint8Array(await new Response(await body.open()).arrayBuffer());
    assertEquals(whole.byteLength, body.size);
    for (const offset of [1, 50_000, whole.byteLength - 1, whole.byteLength]) {
      const rest = new Uint8Array(await new Response(await body.open(offset)).arrayBuffer());
      assertEquals(rest, whole.slice(offset));
    }
  });
});

Deno.test("pack: what it makes is what describe says it is", async () => {
  const store = new MemoryStore();
  const types: [string, string][] = [
    ["application/spdx+json", "spdx"],
    ["application/vnd.cyclonedx+json", "cyclonedx"],
    ["application/vnd.in-toto+json", "in-toto"],
    ["application/vnd.dev.sigstore.bundle.v0.3+json", "sigstore-bundle"],
    [TYPE, "artifact"],
  ];
  for (const [artifactType, kind] of types) {
    const manifest = await manifestOf(store, await pack(store, { artifactType, files: [file] }));
    const { kind: said, files } = describe(manifest);
    assertEquals([said, files], [kind, true]);
  }
});
