/**
 * The contract of {@linkcode RegistryBackend} as test cases: every backend of this package, and every
 * one of your own, is run through the same ones.
 *
 * @module
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { bytesStream } from "../../content/body.ts";
import { type Bytes, concatBytes, encodeText } from "../../content/bytes.ts";
import { digestOf } from "../../content/digest_of.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { closingCases } from "./test_registry_backend_closing.ts";
import { listCases, manifestCases, restartCases } from "./test_registry_backend_manifests.ts";
import {
  append,
  bytesOf,
  type Case,
  digestOfText,
  failing,
  failure,
  ownPieces,
  pattern,
  pushBlob,
  readBlob,
  repo,
  tag,
  textOf,
} from "./test_registry_backend_samples.ts";
import type { RegistryBackendUnderTest } from "./test_registry_backend_samples.ts";

/** More than the buffers on the way hold, and not a multiple of their sizes. */
const LARGE_BYTES = 6 * 1024 * 1024 + 12_345;

/** Long enough for a backend that writes beside the reading to have written. */
const SETTLE_MS = 5;

/** Registers a case for every rule of the contract; `make` is called once for each. */
export function testRegistryBackend(
  name: string,
  make: () => Promise<RegistryBackendUnderTest>,
): void {
  const all = [
    ...blobCases,
    ...uploadCases,
    ...closingCases,
    ...manifestCases,
    ...listCases,
    ...restartCases,
  ];
  for (const [title, run] of all) {
    Deno.test(`${name}: ${title}`, async () => {
      const test = await make();
      try {
        await run(test);
      } finally {
        await test.close?.();
      }
    });
  }
}

const blobCases: Case[] = [
  ["nothing is there at first", async ({ backend }) => {
    const hello = await digestOfText("hello");
    assertEquals(await backend.hasRepository(repo("app")), false);
    assertEquals(await backend.repositories({ limit: 10 }), { items: [], more: false });
    assertEquals(await backend.blob(repo("app"), hello), undefined);
    assertEquals(await backend.blobRepositories(hello), []);
    assertEquals(await backend.manifest(repo("app"), tag("latest")), undefined);
    assertEquals(await backend.manifest(repo("app"), hello), undefined);
    assertEquals(await backend.tags(repo("app"), { limit: 10 }), { items: [], more: false });
    assertEquals(await backend.referrers(repo("app"), hello), []);
    assertEquals(await backend.deleteBlob(repo("app"), hello), false);
    assertEquals(await backend.deleteManifest(repo("app"), hello), false);
    assertEquals(await backend.deleteTag(repo("app"), tag("latest")), false);
    assertEquals(await backend.linkBlob(repo("other"), hello, repo("app")), false);
    assertEquals(await backend.hasRepository(repo("app")), false, "asking makes none");
    assertEquals(await backend.hasRepository(repo("other")), false, "asking makes none");
  }],
  ["a blob comes back, whole and in parts", async ({ backend }) => {
    const digits = await pushBlob(backend, "app", "0123456789");
    const blob = (await backend.blob(repo("app"), digits))!;
    assertEquals(blob.size, 10);
    const parts: [offset: number, length: number, text: string][] = [
      [0, 10, "0123456789"],
      [3, 4, "3456"],
      [9, 1, "9"],
      [8, 2, "89"],
      [4, 0, ""],
    ];
    for (const [offset, length, text] of parts) {
      const stream = await blob.open(offset, length);
      assertEquals(await new Response(stream).text(), text, `${offset}, ${length}`);
    }
  }],
  ["a blob of no bytes", async ({ backend }) => {
    const nothing = await pushBlob(backend, "app", "");
    const blob = (await backend.blob(repo("app"), nothing))!;
    assertEquals(blob.size, 0);
    assertEquals(await new Response(await blob.open(0, 0)).text(), "");
  }],
  ["a large blob, for two readers at once, and one who stops early", async ({ backend }) => {
    const content = pattern(LARGE_BYTES);
    const digest = await pushBlob(backend, "app", content);
    const blob = (await backend.blob(repo("app"), digest))!;
    const stopped = (await blob.open(0, blob.size)).getReader();
    await stopped.read();
    const [one, two] = await Promise.all([readBlob(backend, "app", digest), tail(blob.size)]);
    await stopped.cancel();
    assertEquals(await digestOf(one), digest);
    assertEquals(await digestOf(two), await digestOf(content.subarray(1_000_000)));

    async function tail(size: number): Promise<Bytes> {
      return await bytesOf(await blob.open(1_000_000, size - 1_000_000));
    }
  }],
  ["a blob under a sha512 digest", async ({ backend }) => {
    const digest = await digestOf(encodeText("hello"), "sha512");
    const upload = await backend.createUpload(repo("app"));
    await append(upload, "hello");
    await upload.finish(digest);
    assertEquals(await textOf(backend, "app", digest), "hello");
    assertEquals(await backend.blob(repo("app"), await digestOfText("hello")), undefined);
  }],
  ["a blob is in the repositories that it was given to", async ({ backend }) => {
    const hello = await pushBlob(backend, "app", "hello");
    await pushBlob(backend, "other", "other");
    assertEquals(await backend.blob(repo("other"), hello), undefined);
    assertEquals(await backend.blobRepositories(hello), ["app"]);
    assertEquals(await backend.linkBlob(repo("new/one"), hello, repo("other")), false);
    assertEquals(await backend.hasRepository(repo("new/one")), false);
    assertEquals(await backend.linkBlob(repo("new/one"), hello, repo("app")), true);
    assertEquals(await backend.hasRepository(repo("new/one")), true);
    assertEquals(await backend.linkBlob(repo("new/one"), hello, repo("app")), true, "again");
    assertEquals(await backend.linkBlob(repo("app"), hello, repo("app")), true, "to itself");
    assertEquals((await backend.blobRepositories(hello)).sort(), ["app", "new/one"]);
    assertEquals(await textOf(backend, "new/one", hello), "hello");
  }],
  ["a deleted blob is gone from its repository alone", async ({ backend }) => {
    const hello = await pushBlob(backend, "app", "hello");
    await pushBlob(backend, "pushed", "hello");
    await backend.linkBlob(repo("linked"), hello, repo("app"));
    assertEquals(await backend.deleteBlob(repo("app"), hello), true);
    assertEquals(await backend.deleteBlob(repo("app"), hello), false);
    assertEquals(await backend.blob(repo("app"), hello), undefined);
    assertEquals(await textOf(backend, "linked", hello), "hello");
    assertEquals(await textOf(backend, "pushed", hello), "hello");
    assertEquals((await backend.blobRepositories(hello)).sort(), ["linked", "pushed"]);
    assertEquals(await backend.hasRepository(repo("app")), true, "it had something");
    assertEquals(await pushBlob(backend, "app", "hello"), hello);
    assertEquals(await textOf(backend, "app", hello), "hello");
  }],
  ["blobs that are pushed and deleted by many at once", async ({ backend }) => {
    const kept = await pushBlob(backend, "app", "kept");
    await Promise.all(Array.from({ length: 20 }, async (_, index) => {
      const digest = await pushBlob(backend, "app", `blob ${index % 5}`);
      await backend.linkBlob(repo(`copy${index % 3}`), kept, repo("app"));
      if (index % 4 === 0) await backend.deleteBlob(repo("app"), digest);
    }));
    assertEquals(await textOf(backend, "app", kept), "kept");
    for (let index = 0; index < 3; index++) {
      assertEquals(await textOf(backend, `copy${index}`, kept), "kept");
    }
  }],
];

const uploadCases: Case[] = [
  ["an upload is no repository and no blob before it is finished", async ({ backend }) => {
    const hello = await digestOfText("hello");
    const upload = await backend.createUpload(repo("app"));
    assertEquals(upload.size, 0);
    await append(upload, "hello");
    assertEquals(upload.size, 5);
    assertEquals(await backend.hasRepository(repo("app")), false);
    assertEquals(await backend.blob(repo("app"), hello), undefined);
    await upload.finish(hello);
    assertEquals(await backend.hasRepository(repo("app")), true);
    assertEquals(await textOf(backend, "app", hello), "hello");
    assertEquals(await backend.upload(repo("app"), upload.id), undefined);
  }],
  ["an upload grows at its end, and can be read", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    for (const [text, size] of [["he", 2], ["", 2], ["llo", 5]] as [string, number][]) {
      assertEquals(await append(upload, text), true);
      assertEquals(upload.size, size);
    }
    assertEquals(await new Response(await upload.open()).text(), "hello");
    assertEquals(await new Response(await upload.open()).text(), "hello");
    await append(upload, " world");
    const digest = await digestOfText("hello world");
    await upload.finish(digest);
    assertEquals(await textOf(backend, "app", digest), "hello world");
  }],
  ["an upload reports every piece that it keeps", async ({ backend }) => {
    const content = pattern(LARGE_BYTES);
    for (const reader of [() => pieceReader(bytesStream(content)), () => ownPieces(content)]) {
      const upload = await backend.createUpload(repo("app"));
      const pieces: Bytes[] = [];
      const ended = await upload.append(reader(), (piece) => void pieces.push(piece.slice()));
      assertEquals(ended, true);
      assertEquals(await digestOf(concatBytes(pieces)), await digestOf(content));
      assertEquals(await digestOf(await bytesOf(await upload.open())), await digestOf(content));
      await upload.cancel();
    }
  }],
  ["an upload is read while it grows, where it can be", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    if (upload.read === undefined) return;
    const left = ["he", "llo"].map(encodeText);
    const seen: string[] = [];
    const grown = upload.append({
      async read() {
        // How much of what came is there already is the backend's affair; what it says is there, is.
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
        const { size } = upload;
        seen.push(size === 0 ? "" : await new Response(await upload.read!(0, size)).text());
        const value = left.shift();
        return value === undefined ? { done: true } : { done: false, value };
      },
      cancel: () => Promise.resolve(),
    }, () => {});
    assertEquals(await grown, true);
    assertEquals(seen.map((text) => "hello".startsWith(text)), [true, true, true]);
    assertEquals(await new Response(await upload.read(1, 3)).text(), "ell");
    await upload.cancel();
  }],
  ["an upload takes no more than it should", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    assertEquals(await append(upload, "hello", 3), false);
    assertEquals(upload.size, 3);
    assertEquals(await append(upload, "lo", 2), true);
    assertEquals(await append(upload, "", 0), true);
    assertEquals(await append(upload, "!", 0), false);
    assertEquals(await new Response(await upload.open()).text(), "hello");
    await upload.cancel();
  }],
  [
    "a reader that fails: what it reported is there, and the upload goes on",
    async ({ backend }) => {
      const upload = await backend.createUpload(repo("app"));
      await append(upload, "0");
      let reported = "";
      const broken = failing(["12", "345"], new Error("the line is cut"));
      const error = await failure(
        upload.append(broken, (piece) => reported += new TextDecoder().decode(piece)),
      );
      assertEquals((error as Error).message, "the line is cut");
      assertEquals([reported, upload.size], ["12345", 6]);
      assertEquals(await new Response(await upload.open()).text(), "012345");
      await append(upload, "6789");
      const digest = await digestOfText("0123456789");
      await upload.finish(digest);
      assertEquals(await textOf(backend, "app", digest), "0123456789");
    },
  ],
  ["an upload is found by its repository and name alone", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    await append(upload, "hel");
    const found = (await backend.upload(repo("app"), upload.id))!;
    assertEquals([found.id, found.size], [upload.id, 3]);
    const other = await backend.createUpload(repo("app"));
    assertNotEquals(other.id, upload.id);
    for (const name of ["other", "app/more", "ap"]) {
      assertEquals(await backend.upload(repo(name), upload.id), undefined, name);
    }
    const bad = ["", ".", "..", "../app", `${upload.id}/`, "x".repeat(5_000), "%2e%2e", "a\0b"];
    for (const id of [...bad, `../app/${upload.id}`, crypto.randomUUID()]) {
      assertEquals(await backend.upload(repo("app"), id), undefined, JSON.stringify(id));
    }
  }],
  ["a cancelled upload is gone", async ({ backend }) => {
    const upload = await backend.createUpload(repo("app"));
    await append(upload, "hello");
    await upload.cancel();
    assertEquals(await backend.upload(repo("app"), upload.id), undefined);
    assertEquals(await backend.hasRepository(repo("app")), false);
  }],
  ["two uploads of one blob at once", async ({ backend }) => {
    const content = pattern(2_500_000);
    const digest = await digestOf(content);
    const uploads = await Promise.all(
      ["app", "app", "other"].map((name) => backend.createUpload(repo(name))),
    );
    const readers = uploads.map(() => pieceReader(bytesStream(content)));
    await Promise.all(uploads.map((upload, index) => upload.append(readers[index]!, () => {})));
    await Promise.all(uploads.map((upload) => upload.finish(digest)));
    for (const name of ["app", "other"]) {
      assertEquals(await digestOf(await readBlob(backend, name, digest)), digest);
    }
  }],
];

export type { RegistryBackendUnderTest };
