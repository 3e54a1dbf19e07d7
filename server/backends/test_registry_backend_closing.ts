import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { ContentNotFoundError, InternalError } from "../../errors.ts";
import type { BackendUpload } from "./backend.ts";
import {
  append,
  type Case,
  digestOfText,
  failure,
  repo,
  textOf,
} from "./test_registry_backend_samples.ts";

/** What must not be possible once an upload is a blob. */
const LATER: [what: string, run: (upload: BackendUpload) => Promise<unknown>][] = [
  ["append", (upload) => append(upload, "EVIL")],
  ["finish", async (upload) => await upload.finish(await digestOfText("EVIL"))],
];

export const closingCases: Case[] = [
  ["an upload that has become a blob takes nothing and loses nothing", async ({ backend }) => {
    const hello = await digestOfText("hello");
    const upload = await backend.createUpload(repo("app"));
    const found = (await backend.upload(repo("app"), upload.id))!;
    await append(upload, "hello");
    // Another request, or another process, has found it before.
    const again = (await backend.upload(repo("app"), upload.id))!;
    await upload.finish(hello);
    for (const each of [upload, found, again]) {
      for (const [what, run] of LATER) {
        assertInstanceOf(await failure(run(each)), ContentNotFoundError, what);
      }
      await each.cancel();
    }
    assertEquals(await backend.upload(repo("app"), upload.id), undefined);
    assertEquals(await textOf(backend, "app", hello), "hello");
  }],
  ["an upload that is being closed is found closing, and takes nothing", async ({ backend }) => {
    const hello = await digestOfText("hello");
    const upload = await backend.createUpload(repo("app"));
    await append(upload, "hello");
    let done = false;
    const finished = upload.finish(hello).then(() => done = true);
    const seen: string[] = [];
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets the backend work
      const found = await backend.upload(repo("app"), upload.id);
      if (found === undefined) break;
      if (done || found.closing !== true) continue;
      const error = await failure(append(found, "EVIL"));
      seen.push((error as Error).name);
      await found.cancel();
    }
    await finished;
    assertEquals(seen.filter((name) => name !== "ContentNotFoundError"), []);
    assertEquals(await textOf(backend, "app", hello), "hello");
  }],
  ["an upload that is being written to is not finished", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    let go!: () => void;
    const gate = new Promise<void>((resolve) => go = resolve);
    const pieces = [encodeText("hel"), encodeText("lo")];
    const appended = upload.append({
      async read() {
        if (pieces.length === 1) await gate;
        const value = pieces.shift();
        return value === undefined ? { done: true } : { done: false, value };
      },
      cancel: () => Promise.resolve(),
    }, () => {});
    await assertRejects(async () => await upload.finish(await digestOfText("hel")), InternalError);
    await assertRejects(() => append(upload, "EVIL"), InternalError);
    go();
    await appended;
    const hello = await digestOfText("hello");
    await upload.finish(hello);
    assertEquals(await textOf(backend, "app", hello), "hello");
  }],
  ["a cancelled upload takes nothing, and becomes nothing", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    await append(upload, "hello");
    const found = (await backend.upload(repo("app"), upload.id))!;
    await upload.cancel();
    for (const each of [upload, found]) {
      for (const [what, run] of LATER) {
        assertInstanceOf(await failure(run(each)), ContentNotFoundError, what);
      }
    }
    assertEquals(await backend.upload(repo("app"), upload.id), undefined);
    assertEquals(await backend.hasRepository(repo("app")), false);
  }],
];
