import { assertEquals } from "@std/assert";
import { acquireFileLock } from "../runtime/file_lock.ts";
import { processOwner } from "../runtime/process_owner.ts";
import { inFolder, partials } from "./folder_fixture_test.ts";
import { LayoutFiles } from "./layout_files.ts";
import { withLayoutLock } from "./layout_lock.ts";

const DEAD = processOwner().replace(/-[0-9]+$/, "-1");
const ELSEWHERE = "elsewhere-1-1";
const MINUTE_MS = 60_000;

const layout = (folder: string) => new LayoutFiles(folder, { durable: false });

async function put(folder: string, name: string, text: string, age: number): Promise<void> {
  await Deno.mkdir(`${folder}/.partial`, { recursive: true });
  await Deno.writeTextFile(`${folder}/.partial/${name}`, text);
  const time = new Date(Date.now() - age);
  await Deno.utime(`${folder}/.partial/${name}`, time, time);
}

Deno.test("withLayoutLock: one after the other, whatever each of them throws", () =>
  inFolder(async (folder) => {
    let [inside, most, runs] = [0, 0, 0];
    const one = async (fails: boolean) => {
      most = Math.max(most, ++inside);
      await Deno.stat(folder);
      inside--;
      runs++;
      if (fails) throw new Error("failed");
    };
    const all = Array.from(
      { length: 20 },
      (_, at) =>
        withLayoutLock(layout(folder), () => one(at % 3 === 0)).catch(({ message }) => message),
    );
    assertEquals((await Promise.all(all)).filter((each) => each === "failed").length, 7);
    assertEquals([most, runs], [1, 20]);
    assertEquals(await partials(folder), []);
  }));

/** Locks that were left, by what is in them and how old they are, and whether they still count. */
const LEFT: [what: string, text: string, age: number, removing?: [text: string, age: number]][] = [
  ["of a process that has ended", DEAD, 0],
  ["of another machine, that nobody has touched for a minute", ELSEWHERE, MINUTE_MS],
  ["that a process was killed in making", "", MINUTE_MS],
  ["that a process was killed in removing", DEAD, MINUTE_MS, [DEAD, 0]],
  ["that nobody can write into, removed elsewhere", "", MINUTE_MS, [ELSEWHERE, MINUTE_MS]],
];

for (const [what, text, age, removing] of LEFT) {
  Deno.test(`withLayoutLock: a lock ${what} stops nobody`, () =>
    inFolder(async (folder) => {
      await put(folder, "lock", text, age);
      if (removing !== undefined) await put(folder, `lock~${text}`, ...removing);
      let [inside, most] = [0, 0];
      const one = () =>
        withLayoutLock(layout(folder), async () => {
          most = Math.max(most, ++inside);
          await Deno.stat(folder);
          inside--;
        });
      await Promise.all(Array.from({ length: 8 }, one));
      assertEquals(most, 1);
      assertEquals(await partials(folder), []);
    }));
}

for (
  const [what, text] of [
    ["of a process that runs", processOwner()],
    ["of another machine", ELSEWHERE],
    ["that is being made", ""],
  ]
) {
  Deno.test(`withLayoutLock: a lock ${what} is waited for`, () =>
    inFolder(async (folder) => {
      await put(folder, "lock", text!, 0);
      let ran = false;
      const waiting = withLayoutLock(layout(folder), () => {
        ran = true;
        return Promise.resolve();
      });
      await new Promise((resolve) => setTimeout(resolve, 60));
      assertEquals(ran, false);
      await Deno.remove(`${folder}/.partial/lock`);
      await waiting;
      assertEquals(ran, true);
    }));
}

Deno.test("a lock of another machine whose time lies ahead is left once nobody touches it for long", () =>
  inFolder(async (folder) => {
    await put(folder, "lock", ELSEWHERE, -60 * MINUTE_MS);
    const path = `${folder}/.partial/lock`;
    let number = 0;
    const release = await acquireFileLock({
      path,
      temporary: () => `${folder}/.partial/${number++}`,
      stale: 50,
      patience: 60_000,
      late: () => new Error("it is held"),
    });
    assertEquals(await Deno.readTextFile(path), processOwner());
    release();
    assertEquals(await partials(folder), []);
  }));
