/** Every kind of store to every other and back, byte for byte; and what breaks in between. */
import { assert, assertEquals } from "@std/assert";
import type { ContentStore } from "../content/store.ts";
import type { CopyEvent } from "../events.ts";
import { createArchive } from "../stores/create_archive.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { openArchive } from "../stores/open_archive.ts";
import { copy } from "./copy.ts";
import {
  bytesOf,
  missing,
  repository,
  withFolder,
  writeBlob,
  writeEverything,
  writeImage,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

const KINDS: [string, (folder: string) => ContentStore][] = [
  ["a registry", () => repository().store],
  ["a layout", (folder) => new LayoutStore(`${folder}/${crypto.randomUUID()}`)],
  ["memory", () => new MemoryStore()],
];

Deno.test("every kind of store to every other one and back, byte for byte", async (t) => {
  const origin = new MemoryStore();
  const { attached, index } = await writeEverything(origin);
  await writeBlob(origin, 2_500_000).then((layer) =>
    writeImage(origin, { tag: "large", extraLayers: [layer] })
  );
  const all = await reachable(origin, ["v1", "large"]);
  for (const [from, makeFrom] of KINDS) {
    for (const [to, makeTo] of KINDS) {
      await t.step(`${from} to ${to} and back`, async () => {
        await withFolder(async (folder) => {
          const chain = [origin, makeFrom(folder), makeTo(folder), makeFrom(folder)];
          for (const [at, target] of chain.slice(1).entries()) {
            const source = chain[at]!;
            const result = await copy(source, "v1", target, "v1");
            assertEquals(result.attached.length, attached.length, `hop ${at}`);
            await copy(source, "large", target, "large");
          }
          const last = chain.at(-1)!;
          assertEquals((await last.resolve("v1")).digest, index.digest);
          assertEquals(await missing(last, all.values()), []);
          assertEquals(
            [...(await reachable(last, ["v1", "large"])).keys()].sort(),
            [
              ...all.keys(),
            ].sort(),
          );
        });
      });
    }
  }
});

Deno.test("every kind of store to an archive and back, byte for byte", async (t) => {
  const origin = new MemoryStore();
  const { attached, index } = await writeEverything(origin);
  const all = await reachable(origin, ["v1"]);
  for (const [kind, make] of KINDS) {
    await t.step(kind, async () => {
      await withFolder(async (folder) => {
        const [before, after] = [make(folder), make(folder)];
        await copy(origin, "v1", before, "v1");
        const path = `${folder}/archive.tar`;
        const made = await createArchive(path, { format: "oci" });
        const into = await copy(before, "v1", made, "v1");
        await made.close();
        const archive = await openArchive(path);
        const out = await copy(archive, "v1", after, "v1");
        await archive.close();
        const counts = [into, out].map((result) => result.attached.length);
        assertEquals(counts, [attached.length, attached.length]);
        assertEquals((await after.resolve("v1")).digest, index.digest);
        assertEquals(await missing(after, all.values()), []);
        assertEquals([...(await reachable(after, ["v1"])).keys()].sort(), [...all.keys()].sort());
      });
    });
  }
});

Deno.test("two copies into one layout at once", async () => {
  await withFolder(async (folder) => {
    const [one, other] = [repository().store, repository().store];
    const shared = bytesOf(3_000_000, 77);
    for (const store of [one, other]) {
      const layer = await store.client.putBlob(shared).then((each) => ({ ...each }));
      await writeImage(store, { tag: "v1", layers: [1_500_000], extraLayers: [layer] });
    }
    await Promise.all([
      copy(one, "v1", new LayoutStore(folder), "one"),
      copy(other, "v1", new LayoutStore(folder), "other"),
      copy(one, "v1", new LayoutStore(folder), "again"),
    ]);
    const layout = new LayoutStore(folder);
    assertEquals(await Array.fromAsync(layout.tags()), ["again", "one", "other"]);
    const needed = await reachable(layout, ["one", "other", "again"]);
    assertEquals(await missing(layout, needed.values()), []);
  });
});

Deno.test("what an earlier copy left is gone on with; what is wrong in it is copied anew", async () => {
  await withFolder(async (folder) => {
    const source = repository();
    const layer = await writeBlob(source.store, 4_000_000);
    await writeImage(source.store, { tag: "v1", extraLayers: [layer] });
    const bytes = new Uint8Array(
      await new Response(await source.store.open(layer)).arrayBuffer(),
    );
    const cases = [
      ["right", bytes, 3_000_000],
      ["wrong", bytes.map((byte) => byte ^ 1), 3_000_000],
      ["whole", bytes, 4_000_000],
    ] as const;
    for (const [name, part, there] of cases) {
      const target = new LayoutStore(`${folder}/${name}`);
      const partial = await target.begin(layer);
      await partial.write(part.slice(0, there), 0);
      await partial.close();
      const events: CopyEvent[] = [];
      const seen = source.requests.length;
      const result = await copy(source.store, "v1", target, "v1", {
        onEvent: (event) => void events.push(event),
      });
      assertEquals(await missing(target, [layer]), []);
      const starts = events.flatMap((event) =>
        event.type === "copy-start" && event.descriptor.digest === layer.digest
          ? [event.offset]
          : []
      );
      const retries = events.filter(({ type }) => type === "copy-retry").length;
      const pulls = source.requests.slice(seen).filter(({ method, path }) =>
        method === "GET" && path.includes(layer.digest)
      );
      const ranges = pulls.map(({ headers }) => headers.range?.slice(0, 14));
      if (name === "wrong") assertEquals([starts, retries], [[there, 0], 1]);
      else assertEquals([starts, retries], [[there], 0]);
      if (name === "whole") assertEquals(ranges, []);
      if (name === "right") {
        assertEquals(ranges, ["bytes=3000000-"]);
        assert(result.bytes < 1_100_000, `${result.bytes} bytes`);
      }
    }
  });
});

Deno.test("verify: here hashes on the way, and bytes are told", async () => {
  const [source, target] = [repository(), repository()];
  const layer = await writeBlob(source.store, 300_000);
  await writeImage(source.store, { tag: "v1", extraLayers: [layer] });
  const { copied } = await copy(source.store, "v1", target.store, "v1", {
    verify: "here",
    onEvent: () => {},
  });
  assertEquals(copied.length, 4);
  assertEquals(await missing(target.store, [layer]), []);
});
