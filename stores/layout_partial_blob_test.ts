import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { BadDigestError, InvalidOptionError, SizeMismatchError, StorageError } from "../errors.ts";
import { processOwner } from "../runtime/process_owner.ts";
import { inFolder, partials } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";

const MIB = 1024 * 1024;
const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

interface World {
  folder: string;
  content: Bytes;
  descriptor: Descriptor;
  /** The name that a part of the content has. */
  part: string;
}

function inWorld(size: number, run: (world: World) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const words = new Uint32Array(Math.ceil(size / 4));
    for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761;
    const content = new Uint8Array(words.buffer, 0, size).slice();
    const digest = await digestOf(content);
    await run({
      folder,
      content,
      descriptor: { mediaType: MEDIA_TYPES.octetStream, digest, size },
      part: `${folder}/.partial/${digest.replace(":", "-")}`,
    });
  });
}

async function assertWhole(world: World): Promise<void> {
  const stream = await new LayoutStore(world.folder).open(world.descriptor);
  assertEquals(await digestOf(await new Response(stream).bytes()), world.descriptor.digest);
  assertEquals(await partials(world.folder), []);
}

/** A new store, as another process would have. */
function begin({ folder, descriptor }: World) {
  return new LayoutStore(folder).begin(descriptor);
}

Deno.test("begin: what a process that ended has left is gone on with", () =>
  inWorld(3 * MIB, async (world) => {
    await Deno.mkdir(`${world.folder}/.partial`);
    await Deno.writeFile(world.part, world.content.subarray(0, 2 * MIB + 5));
    const partial = await begin(world);
    assertEquals(partial.offset, 2 * MIB + 5);
    await partial.write(world.content.slice(partial.offset), partial.offset);
    await partial.commit();
    await partial.close();
    await assertWhole(world);
  }));

Deno.test("begin: a part that was damaged is found at the commit, and forgotten", () =>
  inWorld(MIB, async (world) => {
    await Deno.mkdir(`${world.folder}/.partial`);
    await Deno.writeFile(world.part, new Uint8Array(1000));
    const partial = await begin(world);
    await partial.write(world.content.slice(1000), 1000);
    await assertRejects(() => partial.commit(), BadDigestError);
    await partial.close();
    assertEquals(await partials(world.folder), []);
    const again = await begin(world);
    assertEquals(again.offset, 0);
    await again.write(world.content, 0);
    await again.commit();
    await assertWhole(world);
  }));

Deno.test("begin: a part that is longer than the content is cut", () =>
  inWorld(1000, async (world) => {
    await Deno.mkdir(`${world.folder}/.partial`);
    await Deno.writeFile(world.part, new Uint8Array([...world.content, 1, 2, 3]));
    const partial = await begin(world);
    assertEquals(partial.offset, 1000);
    await partial.commit();
    await assertWhole(world);
  }));

Deno.test("begin: a part that is a link is not followed", () =>
  inWorld(1000, async (world) => {
    await Deno.mkdir(`${world.folder}/.partial`);
    await Deno.writeTextFile(`${world.folder}/precious`, "precious");
    await Deno.symlink(`${world.folder}/precious`, world.part);
    const partial = await begin(world);
    assertEquals(partial.offset, 0);
    await partial.write(world.content, 0);
    await partial.commit();
    assertEquals(await Deno.readTextFile(`${world.folder}/precious`), "precious");
    await assertWhole(world);
  }));

Deno.test("begin: ranges in any order; after a crash, all that was written down", () =>
  inWorld(50 * MIB, async (world) => {
    const { content } = world;
    const partial = await begin(world);
    const write = (from: number, to: number) =>
      partial.write(content.slice(from * MIB, to * MIB), from * MIB);
    await write(0, 2);
    await write(40, 50); // behind a gap
    await write(2, 20);
    await Promise.all([write(25, 30), write(30, 35)]);

    // What a crash would leave: the file of a process that is gone, and the note beside it.
    const gone = processOwner().replace(/-[0-9]+$/, "-1");
    const copy: World = { ...world, folder: `${world.folder}/copy` };
    copy.part = world.part.replace(world.folder, copy.folder);
    await Deno.mkdir(`${copy.folder}/.partial`, { recursive: true });
    for (const name of await partials(world.folder)) {
      const left = name.replace(processOwner(), gone);
      await Deno.copyFile(`${world.folder}/.partial/${name}`, `${copy.folder}/.partial/${left}`);
    }
    const note = (await partials(copy.folder)).find((name) => name.endsWith(".prefix"))!;
    const noted = await Deno.readTextFile(`${copy.folder}/.partial/${note}`);
    await Deno.writeTextFile(`${copy.folder}/.partial/${note}`, `${noted}${20 * MIB} ${25 * MIB}-`);
    const resumed = await begin(copy);
    const behind = [[25 * MIB, 35 * MIB], [40 * MIB, 50 * MIB]];
    assertEquals([resumed.offset, resumed.behind], [20 * MIB, behind], noted);
    await resumed.write(content.slice(20 * MIB, 25 * MIB), 20 * MIB);
    await resumed.close();
    const again = await begin(copy);
    assertEquals([again.offset, again.behind], [35 * MIB, [[40 * MIB, 50 * MIB]]]);
    await again.write(content.slice(35 * MIB, 40 * MIB), 35 * MIB);
    await again.commit();
    await assertWhole(copy);

    await Promise.all([write(35, 40), write(20, 25)]);
    await partial.commit();
    await partial.close();
    await assertWhole(world);
  }));

Deno.test("begin: after a close with a gap, what is behind it too", () =>
  inWorld(1000, async (world) => {
    const { content } = world;
    const partial = await begin(world);
    assertEquals([partial.offset, partial.behind], [0, []]);
    await partial.write(content.slice(500), 500);
    await partial.write(content.slice(100, 200), 100);
    await assertRejects(() => partial.commit(), SizeMismatchError);
    await partial.close();
    const again = await begin(world);
    assertEquals([again.offset, again.behind], [0, [[100, 200], [500, 1000]]]);
    await again.write(content.slice(0, 150), 0);
    await again.write(content.slice(200, 500), 200);
    await again.commit();
    await assertWhole(world);
  }));

Deno.test("begin: a note that says what cannot be, or was never written whole", async (t) => {
  const notes: [note: string, offset: number, behind: [number, number][]][] = [
    ["", 800, []],
    ["300 5", 800, []],
    ["300 500-600\n", 300, [[500, 600]]],
    ["200\n300 500-600 700-800\n300 500-7", 300, [[500, 600], [700, 800]]],
    ["300 200-400\n", 300, []],
    ["300 500-600 550-700\n", 300, [[500, 600]]],
    ["300 500-900\n", 300, []],
    ["2000\n", 800, []],
    ["rubbish\n", 0, []],
  ];
  for (const [note, offset, behind] of notes) {
    await t.step(JSON.stringify(note), () =>
      inWorld(1000, async (world) => {
        const { content } = world;
        const first = await begin(world);
        await first.write(content.slice(0, 800), 0);
        await first.close();
        await Deno.writeTextFile(`${world.part}.prefix`, note);
        const partial = await begin(world);
        assertEquals([partial.offset, partial.behind], [offset, behind]);
        await partial.write(content, 0);
        await partial.commit();
        await assertWhole(world);
      }));
  }
});

/** The disk fails when a file is cut: at a close, or when a part is gone on with. */
async function withFailingCuts(run: () => Promise<void>): Promise<void> {
  const { open } = Deno;
  let files = 0;
  Deno.open = async (...args) => {
    const file = await open(...args);
    const close = file.close.bind(file);
    files++;
    return Object.assign(file, {
      truncate: () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })),
      close: () => (files--, close()),
    });
  };
  try {
    await run();
  } finally {
    Deno.open = open;
  }
  assertEquals(files, 0, "every file was closed");
}

Deno.test("begin: a disk that fails at the close: told, with its file closed, and no gap counts", () =>
  inWorld(1000, async (world) => {
    const { content } = world;
    await withFailingCuts(async () => {
      const partial = await begin(world);
      await partial.write(content.slice(0, 300), 0);
      await partial.write(content.slice(500), 500);
      const error = await assertRejects(() => partial.close(), StorageError, "the disk has failed");
      assert(error.path?.startsWith(`${world.folder}/.partial/`));
      await partial.close();
      // Nor does it count when going on fails in the same way.
      await assertRejects(() => begin(world), StorageError, "the disk has failed");
    });
    const again = await begin(world);
    assertEquals(again.offset, 300);
    await again.write(content.slice(again.offset), again.offset);
    await again.commit();
    await assertWhole(world);
  }));

Deno.test("begin: bytes that come twice, and overlap", () =>
  inWorld(1000, async (world) => {
    const { content } = world;
    const partial = await begin(world);
    for (const [from, to] of [[0, 400], [0, 400], [300, 600], [900, 1000], [550, 950], [0, 1]]) {
      await partial.write(content.slice(from, to), from!);
    }
    await partial.commit();
    await assertWhole(world);
  }));

Deno.test("begin: two at once do not get into each other's way", () =>
  inWorld(1000, async (world) => {
    const { content } = world;
    const first = await begin(world);
    await first.write(content.slice(0, 500), 0);
    const second = await begin(world);
    assertEquals(second.offset, 0, "the first one's part is taken");
    await second.write(content.map((byte) => byte ^ 1), 0);
    await first.write(content.slice(500), 500);
    await first.commit();
    await assertRejects(() => second.commit(), BadDigestError);
    await Promise.all([first.close(), second.close()]);
    await assertWhole(world);
  }));

Deno.test("begin: of the parts that several leave the longest is gone on with", () =>
  inWorld(1000, async (world) => {
    const { content, folder } = world;
    const gapped = [await begin(world), await begin(world)];
    await gapped[0]!.write(content.slice(0, 300), 0);
    await gapped[1]!.write(content.slice(600), 600);
    for (const hold of gapped) await hold.close();
    const most = await begin(world);
    assertEquals([most.offset, most.behind], [0, [[600, 1000]]]);
    await most.write(content, 0);
    await most.commit();
    await new LayoutStore(folder).delete(world.descriptor);
    for (const lengths of [[10, 500], [500, 10], [0, 10]]) {
      const holds = [await begin(world), await begin(world)];
      for (const [at, hold] of holds.entries()) {
        await hold.write(content.slice(hold.offset, lengths[at]), hold.offset);
      }
      for (const hold of holds) await hold.close();
      assertEquals((await partials(folder)).length, 1);
      const next = await begin(world);
      assertEquals(next.offset, Math.max(...lengths));
      await next.write(content.slice(0, 1000), 0);
      await next.commit();
      await assertWhole(world);
      await new LayoutStore(folder).delete(world.descriptor);
    }
  }));

Deno.test("begin: a write after the commit, or at no place, is refused", () =>
  inWorld(10, async (world) => {
    const partial = await begin(world);
    for (const offset of [-1, 0.5, NaN]) {
      await assertRejects(() => partial.write(world.content, offset), InvalidOptionError);
    }
    await assertRejects(() => partial.write(world.content, 1), SizeMismatchError);
    await partial.write(world.content, 0);
    await partial.commit();
    await assertRejects(() => partial.write(world.content, 0), InvalidOptionError);
    await partial.close();
    await partial.close();
    await assertWhole(world);
  }));

Deno.test("begin: of what is whole already: the whole, and it stays", () =>
  inWorld(10, async (world) => {
    await new LayoutStore(world.folder).write(world.descriptor, world.content);
    const partial = await begin(world);
    assertEquals(partial.offset, 10);
    await partial.write(new Uint8Array(10), 0);
    await partial.commit();
    await partial.close();
    await assertWhole(world);
  }));

Deno.test("begin: what has expired is removed by the next writer", () =>
  inWorld(1000, async (world) => {
    await Deno.mkdir(`${world.folder}/.partial`);
    const old = new Date(Date.now() - WEEK_MS - 60_000);
    const recent = new Date(Date.now() - WEEK_MS + 60_000);
    for (const [name, time] of [["old", old], ["recent", recent]] as [string, Date][]) {
      await Deno.writeTextFile(`${world.folder}/.partial/${name}`, "x");
      await Deno.utime(`${world.folder}/.partial/${name}`, time, time);
    }
    await new LayoutStore(world.folder).write(world.descriptor, world.content);
    assertEquals(await partials(world.folder), ["recent"]);
    const store = new LayoutStore(world.folder, { partialExpiry: 1000 });
    await (await store.begin(world.descriptor)).close();
    assertEquals(await partials(world.folder), []);
  }));

/** Parts that this process cannot go on with, such as another user's. */
const USELESS: [what: string, leave: (world: World) => Promise<unknown>, denied?: RegExp][] = [
  ["that is a folder", ({ part }) => Deno.mkdir(`${part}/x`, { recursive: true })],
  ["whose note is a folder", async ({ content, part }) => {
    await Deno.mkdir(`${part}.prefix`, { recursive: true });
    await Deno.writeFile(part, content.subarray(0, 500));
  }],
  ["that may not be opened", async ({ content, folder, part }) => {
    await Deno.mkdir(`${folder}/.partial`);
    await Deno.writeFile(part, content.subarray(0, 500));
  }, /sha256-/],
];

for (const [what, leave, denied] of USELESS) {
  Deno.test(`begin: a part ${what} stops nobody`, () =>
    inWorld(1000, async (world) => {
      await leave(world);
      const { open } = Deno;
      try {
        Deno.open = async (path, options) => {
          if (denied?.test(String(path)) && options?.createNew !== true) {
            throw new Deno.errors.PermissionDenied("it is another user's");
          }
          return await open(path, options);
        };
        const partial = await begin(world);
        assertEquals(partial.offset, 0);
        await partial.write(world.content, 0);
        Deno.open = open;
        await partial.commit();
        await partial.close();
      } finally {
        Deno.open = open;
      }
      const stream = await new LayoutStore(world.folder).open(world.descriptor);
      assertEquals(await new Response(stream).bytes(), world.content);
    }));
}

Deno.test("begin: a part of what came whole in another way goes with the next write", () =>
  inWorld(1000, async (world) => {
    const partial = await new LayoutStore(world.folder).begin(world.descriptor);
    await partial.write(world.content.subarray(0, 500), 0);
    await partial.close();
    assertEquals((await partials(world.folder)).length, 1);
    await new LayoutStore(world.folder).write(world.descriptor, world.content);
    const other = encodeText("other");
    await new LayoutStore(world.folder).write(await describeBytes(other, "a/b"), other);
    assertEquals(await partials(world.folder), []);
  }));

Deno.test("write: bytes that the disk did not take are written again, and hashed once", () =>
  inWorld(2 * MIB, async (world) => {
    const { open } = Deno;
    let fails = true;
    Deno.open = async (...args) => {
      const file = await open(...args);
      const { write } = file;
      return Object.assign(file, {
        async write(bytes: Uint8Array) {
          if (!fails) return await write.call(file, bytes);
          fails = false;
          await write.call(file, bytes.subarray(0, 1000));
          throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
        },
      });
    };
    try {
      const partial = await begin(world);
      await assertRejects(() => partial.write(world.content.slice(0, MIB), 0), StorageError);
      await partial.write(world.content.slice(0, MIB), 0);
      await partial.write(world.content.slice(MIB), MIB);
      await partial.commit();
    } finally {
      Deno.open = open;
    }
    await assertWhole(world);
  }));
