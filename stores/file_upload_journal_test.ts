import { assertEquals } from "@std/assert";
import { fileUploadJournal } from "./file_upload_journal.ts";
import { inFolder, names } from "./folder_fixture_test.ts";

const KEY = {
  registry: "https://registry.example:5000",
  repository: "team/app",
  digest: `sha256:${"a".repeat(64)}`,
};
const OTHERS = [
  { ...KEY, registry: "https://other.example" },
  { ...KEY, repository: "team/other" },
  { ...KEY, digest: `sha256:${"b".repeat(64)}` },
];
const LOCATION = "https://registry.example:5000/v2/team/app/blobs/uploads/1?_state=secret";
const DAY_MS = 24 * 60 * 60 * 1_000;

const record = (more: { bytes?: number; time?: number } = {}) => ({
  ...{ ...KEY, location: LOCATION, bytes: 1024, time: Date.now() },
  ...more,
});

Deno.test("fileUploadJournal: what is kept is found by another one, until it is forgotten", () =>
  inFolder(async (folder) => {
    const journal = () => fileUploadJournal(`${folder}/uploads`);
    assertEquals(await journal().find(KEY), undefined);
    const [first, second] = [record(), record({ bytes: 4096 })];
    await journal().keep(first);
    assertEquals(await journal().find(KEY), first);
    await journal().keep(second);
    assertEquals(await journal().find(KEY), second);
    for (const other of OTHERS) assertEquals(await journal().find(other), undefined);
    for (const other of OTHERS) await journal().forget(other);
    assertEquals(await journal().find(KEY), second);
    await journal().forget(KEY);
    await journal().forget(KEY);
    assertEquals(await journal().find(KEY), undefined);
    assertEquals(await names(`${folder}/uploads`), []);
  }));

Deno.test("fileUploadJournal: only the user can read it, and no name shows what it is for", () =>
  inFolder(async (folder) => {
    await fileUploadJournal(`${folder}/uploads`).keep(record());
    const [name] = await names(`${folder}/uploads`);
    assertEquals(/^[0-9a-f]{64}\.json$/.test(name!), true);
    if (Deno.build.os === "windows") return;
    assertEquals((await Deno.stat(`${folder}/uploads`)).mode! & 0o777, 0o700);
    assertEquals((await Deno.stat(`${folder}/uploads/${name}`)).mode! & 0o777, 0o600);
  }));

Deno.test("fileUploadJournal: what expired is not found, and goes with the next one", () =>
  inFolder(async (folder) => {
    const old = Date.now() - 8 * DAY_MS;
    const other = { ...record({ time: old }), ...OTHERS[0] };
    await fileUploadJournal(folder).keep(other);
    const [name] = await names(folder);
    await Deno.utime(`${folder}/${name}`, new Date(old), new Date(old));
    await Deno.writeTextFile(`${folder}/theirs`, "x");
    await Deno.utime(`${folder}/theirs`, new Date(old), new Date(old));
    assertEquals(await fileUploadJournal(folder).find(other), undefined);
    assertEquals(await fileUploadJournal(folder, { expiry: 9 * DAY_MS }).find(other), other);
    await fileUploadJournal(folder).keep(record());
    const left = await names(folder);
    assertEquals(left.includes(name!), false);
    assertEquals(left.includes("theirs"), true);
  }));

for (
  const [what, text] of [
    ["cut", '{"registry":"https://registry.exam'],
    ["of another upload", JSON.stringify({ ...record(), repository: "else" })],
    ["without a location", JSON.stringify({ ...record(), location: undefined })],
    ["with a negative count", JSON.stringify(record({ bytes: -1 }))],
    ["null", "null"],
  ] as const
) {
  Deno.test(`fileUploadJournal: a file that is ${what} is none`, () =>
    inFolder(async (folder) => {
      const journal = fileUploadJournal(folder);
      await journal.keep(record());
      await Deno.writeTextFile(`${folder}/${(await names(folder))[0]}`, text);
      assertEquals(await journal.find(KEY), undefined);
    }));
}

Deno.test("fileUploadJournal: a disk that fails keeps nothing, and nothing else fails", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const journal = fileUploadJournal(`${folder}/file/uploads`);
    await journal.keep(record());
    assertEquals(await journal.find(KEY), undefined);
    await journal.forget(KEY);
    assertEquals(await names(folder), ["file"]);
  }));
