import { assertEquals, assertRejects } from "@std/assert";
import { openBody } from "../content/body.ts";
import { readAll } from "../content/piece_reader.ts";
import { UploadError } from "../errors.ts";
import { ChunkFeed } from "./chunk_feed.ts";
import { sample } from "./fake_registry_test.ts";
import { pieces, reopenable } from "./fake_uploads_test.ts";

const BYTES = sample(100);
const BODIES: Record<string, () => ReturnType<typeof openBody>> = {
  "a stream": () => openBody(pieces(BYTES, 7)),
  "a stream of one piece": () => openBody(pieces(BYTES, 100)),
  "what opens": () => openBody(reopenable(BYTES).body),
};

/** A chunk: its bytes, and whether it is the last. */
const chunk = (start: number, end: number) => ({
  data: BYTES.slice(start, end),
  last: end === BYTES.length,
});

for (const [kind, body] of Object.entries(BODIES)) {
  for (const size of [1, 7, 33, 50, 99, 100, 101]) {
    Deno.test(`ChunkFeed: ${kind}, in chunks of ${size}`, async () => {
      const feed = new ChunkFeed(body());
      for (let offset = 0; offset < 100; offset += size) {
        assertEquals(await feed.at(offset, size), chunk(offset, Math.min(100, offset + size)));
      }
    });
  }

  Deno.test(`ChunkFeed: ${kind}: a chunk again, a part of it, and smaller or larger ones`, async () => {
    const feed = new ChunkFeed(body());
    await feed.at(0, 30);
    const asked: [number, number][] = [[30, 20], [30, 20], [35, 20], [50, 3], [50, 40], [60, 40]];
    for (const [offset, size] of asked) {
      assertEquals(await feed.at(offset, size), chunk(offset, offset + size));
    }
  });
}

Deno.test("ChunkFeed: no bytes are one chunk, the last", async () => {
  const empty = { data: sample(0), last: true };
  assertEquals(await new ChunkFeed(openBody(pieces(sample(0)))).at(0, 10), empty);
  assertEquals(await new ChunkFeed(openBody(reopenable(BYTES).body)).at(100, 10), empty);
});

Deno.test("ChunkFeed: a stream's bytes are at hand from the chunk on, from the first one until the third", async () => {
  const feed = new ChunkFeed(openBody(pieces(BYTES, 7)));
  const held = () => [0, 20, 40].map((offset) => feed.holds(offset));
  assertEquals(held(), [false, false, false]);
  await feed.at(0, 20);
  await feed.at(20, 20);
  assertEquals(held(), [true, true, true]);
  assertEquals(await feed.at(0, 20), chunk(0, 20));
  await feed.at(20, 20);
  await feed.at(40, 20);
  assertEquals(held(), [false, false, true]);
  await assertRejects(
    () => feed.at(20, 20),
    UploadError,
    "Cannot go on with the upload at byte 20: those bytes of the stream are gone",
  );
});

Deno.test("ChunkFeed: what opens is opened again for bytes that are not at hand", async () => {
  const { body, opened } = reopenable(BYTES);
  const feed = new ChunkFeed(openBody(body));
  await feed.at(0, 20);
  await feed.at(20, 20);
  assertEquals([feed.holds(0), opened], [false, [0]]);
  assertEquals(await feed.at(10, 20), chunk(10, 30));
  assertEquals(await feed.at(90, 20), chunk(90, 100));
  assertEquals(await feed.at(5, 20), chunk(5, 25));
  assertEquals(opened, [0, 10, 5]);
});

for (const size of [20, 100, 200]) {
  Deno.test(`ChunkFeed: the whole of a stream after its first chunks of ${size}, once`, async () => {
    const feed = new ChunkFeed(openBody(pieces(BYTES, 7), 100));
    await feed.at(0, size);
    await feed.at(Math.min(100, size), size);
    const rest = feed.rest();
    assertEquals([rest.size, rest.reopenable], [100, false]);
    const reader = await rest.open();
    assertEquals(await readAll(reader, { name: "", bytes: 100, what: "" }), BYTES);
    assertEquals(feed.holds(0), false);
  });
}
