import { assertEquals, assertRejects } from "@std/assert";
import { testContentStore } from "../content/test_content_store.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  ApiError,
  BadDigestError,
  ContentNotFoundError,
  InvalidContentError,
  SizeMismatchError,
} from "../errors.ts";
import { fileSystem } from "../runtime/files.ts";
import { buildManifest } from "../manifest/build.ts";
import { inFolder, names, partials } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";
import { MemoryStore } from "./memory_store.ts";

for (const durable of [false, true]) {
  testContentStore(`LayoutStore${durable ? ", durable" : ""}`, async () => {
    const folder = await Deno.makeTempDir();
    const damage = async (descriptor: Descriptor) => {
      const path = pathOf(folder, descriptor);
      const bytes = await Deno.readFile(path);
      bytes[bytes.byteLength >> 1]! ^= 1;
      await Deno.writeFile(path, bytes);
    };
    return {
      store: new LayoutStore(folder, { durable }),
      damage,
      spoil: damage,
      close: () => Deno.remove(folder, { recursive: true }),
    };
  });
}

async function describe(bytes: Bytes): Promise<Descriptor> {
  return await describeBytes(bytes, MEDIA_TYPES.octetStream);
}

function pathOf(folder: string, { digest }: Descriptor): string {
  return `${folder}/blobs/${digest.replace(":", "/")}`;
}

async function image(label: string): Promise<{ descriptor: Descriptor; bytes: Bytes }> {
  return await buildManifest({ artifactType: "text/plain", layers: [], annotations: { label } });
}

Deno.test("LayoutStore: the folder holds what the image specification says, and nothing else", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const layer = {
      mediaType: "text/plain",
      digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      size: 5,
    };
    await store.write(layer, encodeText("hello"));
    const { descriptor, bytes } = await buildManifest({
      artifactType: "text/plain",
      layers: [layer],
    });
    await store.write(descriptor, bytes);
    await store.tag(descriptor, "v1");
    await store.tag(descriptor, "v2");

    const hex = descriptor.digest.slice("sha256:".length);
    assertEquals(await Deno.readTextFile(`${folder}/oci-layout`), '{"imageLayoutVersion":"1.0.0"}');
    assertEquals(await Deno.readFile(`${folder}/blobs/sha256/${hex}`), bytes);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
    assertEquals(
      index.manifests.map((entry: { annotations: Record<string, string> }) =>
        entry.annotations["org.opencontainers.image.ref.name"]
      ),
      ["v1", "v2"],
    );
    assertEquals(await names(folder), [
      "blobs",
      "index.json",
      "oci-layout",
    ]);
    assertEquals((await names(`${folder}/blobs/sha256`)).length, 2);
    assertEquals(await partials(folder), []);
  }));

const HELLO = encodeText("hello");

/** What another program may put where a blob should be, or the folder above it. */
const TRICKS: [what: string, make: (folder: string, blob: Descriptor) => Promise<void>][] = [
  ["a link to a file with the right bytes", async (folder, blob) => {
    await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
    await Deno.writeFile(`${folder}/secret`, HELLO);
    await Deno.symlink(`${folder}/secret`, pathOf(folder, blob));
  }],
  ["a link in place of blobs/sha256", async (folder, blob) => {
    await Deno.mkdir(`${folder}/blobs`, { recursive: true });
    await Deno.mkdir(`${folder}/secret`);
    await Deno.symlink(`${folder}/secret`, `${folder}/blobs/sha256`);
    await Deno.writeFile(pathOf(folder, blob), HELLO);
  }],
  ["a link in place of blobs", async (folder, blob) => {
    await Deno.mkdir(`${folder}/secret/sha256`, { recursive: true });
    await Deno.symlink(`${folder}/secret`, `${folder}/blobs`);
    await Deno.writeFile(pathOf(folder, blob), HELLO);
  }],
  ["a folder", async (folder, blob) => {
    await Deno.mkdir(pathOf(folder, blob), { recursive: true });
  }],
];

for (const [what, make] of TRICKS) {
  Deno.test(`LayoutStore: ${what} is never read`, () =>
    inFolder(async (folder) => {
      const blob = await describe(HELLO);
      await make(folder, blob);
      const store = new LayoutStore(folder);
      await assertRejects(() => store.open(blob), ApiError);
      await assertRejects(() => store.resolve(blob.digest), ApiError);
    }));
}

Deno.test("LayoutStore: a link to a file is replaced, and not written through", () =>
  inFolder(async (folder) => {
    const blob = await describe(HELLO);
    await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
    await Deno.writeTextFile(`${folder}/precious`, "precious");
    await Deno.symlink(`${folder}/precious`, pathOf(folder, blob));
    const store = new LayoutStore(folder);
    assertEquals(await store.exists(blob), false);
    await store.write(blob, HELLO);
    assertEquals(await Deno.readTextFile(`${folder}/precious`), "precious");
    assertEquals((await Deno.lstat(pathOf(folder, blob))).isSymlink, false);
    assertEquals(await new Response(await store.open(blob)).text(), "hello");
  }));

for (const name of ["index.json", ".index-journal", ".partial"]) {
  Deno.test(`LayoutStore: a link in place of ${name} is refused`, () =>
    inFolder(async (folder) => {
      const { descriptor, bytes } = await image("one");
      const index = { schemaVersion: 2, manifests: [] };
      await Deno.mkdir(`${folder}/elsewhere`);
      await Deno.writeTextFile(`${folder}/elsewhere/file`, JSON.stringify(index));
      const target = name === ".partial" ? "elsewhere" : "elsewhere/file";
      await Deno.symlink(`${folder}/${target}`, `${folder}/${name}`);
      const store = new LayoutStore(folder);
      await assertRejects(async () => {
        await store.write(descriptor, bytes);
        await store.tag(descriptor, "v1");
      }, InvalidContentError);
      assertEquals(await names(`${folder}/elsewhere`), ["file"]);
      const text = await Deno.readTextFile(`${folder}/elsewhere/file`);
      assertEquals(JSON.parse(text), index);
    }));
}

Deno.test("LayoutStore: a blob that rots ends in an error, and not in a clean end", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const blob = await describe(HELLO);
    await store.write(blob, HELLO);
    await Deno.writeTextFile(pathOf(folder, blob), "hellO");
    const stream = await store.open(blob);
    await assertRejects(() => new Response(stream).text(), BadDigestError);
    await Deno.writeTextFile(pathOf(folder, blob), "hel");
    await assertRejects(() => store.open(blob), SizeMismatchError);
    await store.write(blob, HELLO);
    assertEquals(await new Response(await store.open(blob)).text(), "hello");
  }));

Deno.test("LayoutStore: what does not verify leaves nothing behind", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const blob = await describe(HELLO);
    for (const wrong of ["hellO", "hell", "hello!"]) {
      const body = new Blob([wrong]).stream();
      await assertRejects(() => store.write(blob, body), ApiError);
    }
    assertEquals(await partials(folder), []);
    assertEquals((await names(folder)).includes("blobs"), false);
  }));

Deno.test("LayoutStore: other programs' entries and fields stay", () =>
  inFolder(async (folder) => {
    const [one, two] = [await image("one"), await image("two")];
    const store = new LayoutStore(folder);
    await store.write(one.descriptor, one.bytes);
    await store.write(two.descriptor, two.bytes);
    const theirs = {
      ...one.descriptor,
      platform: { os: "linux", architecture: "arm64" },
      annotations: { "org.opencontainers.image.ref.name": "theirs", "com.example": "x" },
      "x-extra": [1, 2],
    };
    const index = {
      schemaVersion: 2,
      "x-other": { deep: true },
      manifests: [theirs],
      annotations: {},
    };
    await Deno.writeTextFile(`${folder}/index.json`, JSON.stringify(index));
    assertEquals((await store.resolve("theirs")).digest, one.descriptor.digest);
    await store.tag(two.descriptor, "ours");
    const after = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
    assertEquals(after["x-other"], { deep: true });
    assertEquals(after.annotations, {});
    assertEquals(after.manifests[0], theirs);
    assertEquals(after.manifests.length, 2);
  }));

Deno.test("LayoutStore: changes of several stores on one folder at once are all there", () =>
  inFolder(async (folder) => {
    await Deno.symlink(folder, `${folder}/alias`);
    const { descriptor, bytes } = await image("one");
    const stores = [folder, `${folder}/`, `${folder}/alias`, folder].map((path) =>
      new LayoutStore(path)
    );
    await stores[0]!.write(descriptor, bytes);
    const tags = Array.from({ length: 60 }, (_, index) => `v${100 + index}`);
    await Promise.all(tags.map((tag, index) => stores[index % 4]!.tag(descriptor, tag)));
    const found: string[] = [];
    for await (const tag of new LayoutStore(folder).tags()) found.push(tag);
    assertEquals(found, tags);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
    assertEquals(index.manifests.length, 60);
  }));

Deno.test("LayoutStore: a file of another process beside the store's is seen at once", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const [one, two] = [await image("one"), await image("two")];
    for (const { descriptor, bytes } of [one, two]) await store.write(descriptor, bytes);
    await store.tag(one.descriptor, "v1");
    const time = new Date(Date.now() + 60_000); // a clock that is ahead is no surer
    for (const { descriptor } of [two, one, two, one]) {
      const entry = {
        ...descriptor,
        annotations: { "org.opencontainers.image.ref.name": "v1" },
      };
      const text = JSON.stringify({ schemaVersion: 2, manifests: [entry] });
      await Deno.writeTextFile(`${folder}/index.json`, text); // in place, of the same size
      await Deno.utime(`${folder}/index.json`, time, time); // and in the same tick of the clock
      assertEquals((await store.resolve("v1")).digest, descriptor.digest);
    }
  }));

for (
  const [what, text, words = ""] of [
    ["no JSON", "{", "it is not JSON; restore it"],
    ["a list", "[]"],
    ["null", "null"],
    ["entries that are no list", '{"manifests":{}}'],
    ["two values", '{"manifests":[]}{"manifests":[]}'],
    ["a half", '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.im'],
    ["nothing, as a power cut leaves it", "", "it is empty; restore it"],
    ["zeros, as a power cut leaves it", "\0".repeat(100), "it is empty; restore it"],
  ] as [string, string, string?][]
) {
  Deno.test(`LayoutStore: an index.json of ${what}: InvalidContentError, and it stays`, () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/index.json`, text);
      const store = new LayoutStore(folder);
      const { descriptor, bytes } = await image("one");
      await store.write(descriptor, bytes);
      await assertRejects(() => store.resolve("v1"), InvalidContentError, words);
      await assertRejects(() => store.tag(descriptor, "v1"), InvalidContentError);
      assertEquals(await Deno.readTextFile(`${folder}/index.json`), text);
      // What the message says can be done.
      await Deno.remove(`${folder}/index.json`);
      await store.write(descriptor, new ReadableStream()); // it is there, and is not read
      await store.tag(descriptor, "v1");
      assertEquals((await store.resolve("v1")).digest, descriptor.digest);
    }));
}

Deno.test("LayoutStore: an index that another program is writing is read once more", () =>
  inFolder(async (folder) => {
    const { descriptor, bytes } = await image("one");
    const writer = new LayoutStore(folder);
    await writer.write(descriptor, bytes);
    await writer.tag(descriptor, "v1");
    const path = `${folder}/index.json`;
    const whole = await Deno.readFile(path);
    const system = fileSystem()!;
    const { readFile } = system;
    for (const half of [0, 40]) {
      await Deno.writeFile(path, whole.subarray(0, half));
      try {
        system.readFile = async (each) => {
          const read = await readFile(each);
          if (String(each).endsWith("index.json")) await Deno.writeFile(path, whole);
          return read;
        };
        assertEquals((await new LayoutStore(folder).resolve("v1")).digest, descriptor.digest);
      } finally {
        Object.assign(system, { readFile });
      }
    }
  }));

Deno.test("LayoutStore: mount gives the file another name", () =>
  inFolder(async (folder) => {
    const [from, to] = [new LayoutStore(`${folder}/from`), new LayoutStore(`${folder}/to`)];
    const blob = await describe(HELLO);
    assertEquals(await to.mount(blob, from), false);
    await from.write(blob, HELLO);
    assertEquals(await to.mount(blob, from), true);
    assertEquals(await to.mount(blob, from), true, "again");
    const inode = async (store: LayoutStore) => (await Deno.stat(pathOf(store.folder, blob))).ino;
    assertEquals(await inode(to), await inode(from));
    assertEquals(await new Response(await to.open(blob)).text(), "hello");
    await Deno.remove(`${folder}/from`, { recursive: true });
    assertEquals(await new Response(await to.open(blob)).text(), "hello");
  }));

Deno.test("LayoutStore: mount of another size, another store, and a link", () =>
  inFolder(async (folder) => {
    const [from, to] = [new LayoutStore(`${folder}/from`), new LayoutStore(`${folder}/to`)];
    const blob = await describe(HELLO);
    await from.write(blob, HELLO);
    await assertRejects(() => to.mount({ ...blob, size: 4 }, from), SizeMismatchError);
    const memory = new MemoryStore();
    await memory.write(blob, HELLO);
    assertEquals(await to.mount(blob, memory), false);
    await Deno.rename(pathOf(from.folder, blob), `${folder}/secret`);
    await Deno.symlink(`${folder}/secret`, pathOf(from.folder, blob));
    assertEquals(await to.mount(blob, from), false);
    assertEquals(await to.exists(blob), false);
  }));

Deno.test("LayoutStore: mount across disks copies", async () => {
  const other = await Deno.makeTempDir({ dir: "/dev/shm" }).catch(() => undefined);
  if (other === undefined) return; // no second disk here
  await inFolder(async (folder) => {
    try {
      const [from, to] = [new LayoutStore(folder), new LayoutStore(other)];
      const blob = await describe(HELLO);
      await from.write(blob, HELLO);
      assertEquals(await to.mount(blob, from), true);
      assertEquals(await new Response(await to.open(blob)).text(), "hello");
    } finally {
      await Deno.remove(other, { recursive: true });
    }
  });
});

Deno.test("LayoutStore: mount of a manifest with a subject lists it", () =>
  inFolder(async (folder) => {
    const [from, to] = [new LayoutStore(`${folder}/from`), new LayoutStore(`${folder}/to`)];
    const subject = await image("subject");
    const { descriptor, bytes } = await buildManifest({
      artifactType: "example/sbom",
      layers: [],
      subject: subject.descriptor,
    });
    await from.write(descriptor, bytes);
    assertEquals(await to.mount(descriptor, from), true);
    const found: string[] = [];
    for await (const { digest } of to.referrers(subject.descriptor)) found.push(digest);
    assertEquals(found, [descriptor.digest]);
  }));

Deno.test("LayoutStore: a folder that is not there has nothing, and reading makes none", () =>
  inFolder(async (folder) => {
    const store = new LayoutStore(`${folder}/new/one`);
    const blob = await describe(HELLO);
    assertEquals(await store.exists(blob), false);
    await assertRejects(() => store.open(blob), ContentNotFoundError);
    await assertRejects(() => store.resolve("v1"), ContentNotFoundError);
    assertEquals(await names(folder), []);
    await store.write(blob, HELLO);
    assertEquals(await store.exists(blob), true);
    await Deno.remove(`${folder}/new`, { recursive: true });
    assertEquals(await store.exists(blob), false);
    await store.write(blob, HELLO);
    assertEquals(await store.exists(blob), true, "a folder that went is made again");
  }));
