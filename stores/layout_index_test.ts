import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Descriptor } from "../content/descriptor.ts";
import { LayoutFiles } from "./layout_files.ts";
import { LayoutIndex } from "./layout_index.ts";

interface World {
  folder: string;
  files: LayoutFiles;
  index: LayoutIndex;
}

async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const files = new LayoutFiles(folder, { durable: false });
  const index = await LayoutIndex.of(files);
  try {
    await run({ folder, files, index });
  } finally {
    await index.flush(files);
    await Deno.remove(folder, { recursive: true });
  }
}

function descriptor(number: number): Descriptor {
  const digest = `sha256:${number.toString(16).padStart(64, "0")}`;
  return { mediaType: "application/x", digest, size: number };
}

async function tag({ files, index }: World, name: string, number: number): Promise<void> {
  await index.change(files, () => ({
    changes: [{ tag: name, descriptor: descriptor(number) }],
    result: undefined,
  }), { journal: true });
}

/** The tags in the file, as another program reads them. */
async function tagsInFile({ folder }: World): Promise<string[]> {
  const { manifests } = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
  return manifests.map((entry: Descriptor) =>
    entry.annotations?.["org.opencontainers.image.ref.name"]
  );
}

/** An index of 300 tags: long enough for a journal. */
async function fill({ files, index }: World): Promise<void> {
  await index.change(files, () => ({
    changes: Array.from({ length: 300 }, (_, number) => ({
      tag: `v${number}`,
      descriptor: descriptor(number),
    })),
    result: undefined,
  }));
}

/** What a new process finds in a copy of the folder. */
async function copyOf(world: World): Promise<World> {
  const folder = `${world.folder}/copy${crypto.randomUUID()}`;
  await Deno.mkdir(folder);
  for await (const { name, isFile } of Deno.readDir(world.folder)) {
    if (isFile) await Deno.copyFile(`${world.folder}/${name}`, `${folder}/${name}`);
  }
  const files = new LayoutFiles(folder, { durable: false });
  return { folder, files, index: await LayoutIndex.of(files) };
}

const JOURNAL = ".index-journal";

async function there(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("LayoutIndex: where oci-layout is, blobs/ is too, at whatever moment a process ends", () =>
  inWorld(async (world) => {
    const { replace } = world.files;
    world.files.replace = async (name, pieces) => {
      if (name === "oci-layout") assert(await there(`${world.folder}/blobs/sha256`));
      await replace.call(world.files, name, pieces);
    };
    await tag(world, "v1", 1);
    assert(await there(`${world.folder}/oci-layout`));
  }));

Deno.test("LayoutIndex: a short index is written at once, and has no journal", () =>
  inWorld(async (world) => {
    for (let number = 0; number < 20; number++) {
      await tag(world, `v${number}`, number);
      assertEquals((await tagsInFile(world)).length, number + 1);
    }
    assertEquals(await there(`${world.folder}/${JOURNAL}`), false);
  }));

Deno.test("LayoutIndex: changes of a long index stand in a journal first, then in the file", () =>
  inWorld(async (world) => {
    await fill(world);
    await tag(world, "new", 1000);
    await tag(world, "v0", 1001);
    assertEquals((await tagsInFile(world)).includes("new"), false);
    assertEquals((await world.index.read(world.files)).tagged("new")?.size, 1000);

    const copy = await copyOf(world); // as after a crash
    const entries = await copy.index.read(copy.files);
    assertEquals([entries.tagged("new")?.size, entries.tagged("v0")?.size], [1000, 1001]);
    assertEquals(entries.listed(descriptor(0).digest)?.annotations, undefined);

    await world.index.flush(world.files);
    assertEquals((await tagsInFile(world)).includes("new"), true);
    assertEquals(await there(`${world.folder}/${JOURNAL}`), false);
  }));

Deno.test("LayoutIndex: the file follows by itself", () =>
  inWorld(async (world) => {
    await fill(world);
    await tag(world, "new", 1000);
    const end = Date.now() + 30_000;
    while (!(await tagsInFile(world)).includes("new")) {
      assert(Date.now() < end, "the journal is not merged");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }));

Deno.test("LayoutIndex: a change that asks for no journal writes what stands there too", () =>
  inWorld(async (world) => {
    await fill(world);
    await tag(world, "new", 1000);
    await world.index.change(world.files, () => ({
      changes: [{ untag: "v1" }],
      result: undefined,
    }));
    const tags = await tagsInFile(world);
    assertEquals([tags.includes("new"), tags.includes("v1")], [true, false]);
    assertEquals(await there(`${world.folder}/${JOURNAL}`), false);
  }));

const DAMAGE: [what: string, damage: (text: string) => string, survives: boolean][] = [
  ["a last line that was cut", (text) => `${text}\n[{"tag":"torn","descri`, true],
  ["a line that was cut before others", (text) => `\n[{"untag":"v5"\n${text}`, true],
  ["a line that is no list of changes", (text) => `${text}{"tag":"x"}\n[{"tag":"x"}]\n[7]`, true],
  ["a last line without its end", (text) => text.trimEnd(), true],
  ["nothing in it", () => "", false],
];

for (const [what, damage, survives] of DAMAGE) {
  Deno.test(`LayoutIndex: a journal with ${what}`, () =>
    inWorld(async (world) => {
      await fill(world);
      await tag(world, "new", 1000);
      const copy = await copyOf(world);
      const path = `${copy.folder}/${JOURNAL}`;
      await Deno.writeTextFile(path, damage(await Deno.readTextFile(path)));
      const entries = await copy.index.read(copy.files);
      assertEquals(entries.tagged("new") !== undefined, survives);
      assertEquals([entries.tagged("torn"), entries.tagged("x")], [undefined, undefined]);
      assertEquals(entries.tagged("v5")?.size, 5);

      await tag(copy, "later", 1001); // it does not run into what was cut
      const next = await copyOf(copy);
      const after = await next.index.read(next.files);
      assertEquals(after.tagged("later")?.size, 1001);
      assertEquals(after.tagged("new") !== undefined, survives);
      await copy.index.flush(copy.files);
    }));
}

Deno.test("LayoutIndex: another program's change and the journal's are both there", () =>
  inWorld(async (world) => {
    await fill(world);
    await tag(world, "ours", 1000);
    const index = JSON.parse(await Deno.readTextFile(`${world.folder}/index.json`));
    index.manifests.push({
      ...descriptor(2000),
      annotations: { "org.opencontainers.image.ref.name": "theirs" },
    });
    index.theirs = true;
    await Deno.writeTextFile(`${world.folder}/index.json`, JSON.stringify(index));
    const entries = await world.index.read(world.files);
    assertEquals([entries.tagged("ours")?.size, entries.tagged("theirs")?.size], [1000, 2000]);
    await world.index.flush(world.files);
    const tags = await tagsInFile(world);
    assertEquals([tags.includes("ours"), tags.includes("theirs")], [true, true]);
    assertEquals(JSON.parse(await Deno.readTextFile(`${world.folder}/index.json`)).theirs, true);
  }));

Deno.test("LayoutIndex: a failure to write is thrown, and nothing of it is remembered", () =>
  inWorld(async (world) => {
    await tag(world, "v1", 1);
    const { replace } = world.files;
    world.files.replace = () => Promise.reject(new Error("the disk is full"));
    await assertRejects(() => tag(world, "v2", 2), Error, "the disk is full");
    world.files.replace = replace;
    assertEquals((await world.index.read(world.files)).tags(), ["v1"]);
    await tag(world, "v3", 3);
    assertEquals(await tagsInFile(world), ["v1", "v3"]);
  }));

Deno.test("LayoutIndex: one decision that fails spoils no other", () =>
  inWorld(async (world) => {
    const { files, index } = world;
    const bad = index.change(files, () => {
      throw new Error("no");
    });
    const results = await Promise.allSettled([tag(world, "v1", 1), bad, tag(world, "v2", 2)]);
    assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    assertEquals(await tagsInFile(world), ["v1", "v2"]);
  }));

Deno.test("LayoutIndex: changes that wait are written together", () =>
  inWorld(async (world) => {
    let writes = 0;
    const { replace } = world.files;
    world.files.replace = (...args) => {
      if (args[0] === "index.json") writes++;
      return replace.apply(world.files, args);
    };
    await Promise.all(Array.from({ length: 50 }, (_, number) => tag(world, `v${number}`, number)));
    assert(writes <= 2, `${writes} writes`);
    assertEquals((await tagsInFile(world)).length, 50);
  }));

Deno.test("LayoutIndex: 3,000 tags one after the other, written each in the same time", () =>
  inWorld(async (world) => {
    let written = 0;
    let longest = 0;
    const { replace, append } = world.files;
    world.files.replace = (name, parts) => {
      const all = [...parts];
      for (const { length } of all) {
        written += length;
        longest = Math.max(longest, length);
      }
      return replace.call(world.files, name, all);
    };
    world.files.append = (name, position, text) => {
      written += text.length;
      return append.call(world.files, name, position, text);
    };
    for (let number = 0; number < 3_000; number++) await tag(world, `v${number}`, number);
    await world.index.flush(world.files);
    const { size } = await Deno.stat(`${world.folder}/index.json`);
    assertEquals((await tagsInFile(world)).length, 3_000);
    // All of it for each tag would be 1,500 times its size.
    assert(written < 150 * size, `${written} bytes written for an index of ${size}`);
    // The text of a long index is never in memory as a whole.
    assert(longest < size / 2, `${longest} bytes at once of an index of ${size}`);
  }));
