import { assertEquals } from "@std/assert";
import { bytesStream, openBody } from "../content/body.ts";
import { EMPTY } from "../content/bytes.ts";
import { readerStream } from "../content/piece_reader.ts";
import type { ContentStore } from "../content/store.ts";
import type { CopyEvent } from "../events.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { CopyEvents } from "./copy_events.ts";
import { altered, bytesOf } from "./fixture_test.ts";
import { TransferBlob } from "./transfer_blob.ts";

Deno.test("a large blob passes through here where somebody listens, and is handed over elsewhere", async () => {
  const now = performance.now;
  let clock = 0;
  performance.now = () => clock += 1_000; // long between any two pieces
  try {
    const MIB = 1024 * 1024;
    const PIECE = MIB / 4;
    for (
      const [size, listens] of [[16 * MIB, true], [17 * MIB, false], [17 * MIB, true]] as const
    ) {
      const passes = size > 16 * MIB && listens;
      let left = size / PIECE;
      const source = altered<ContentStore>(new MemoryStore(), {
        open: () =>
          Promise.resolve(readerStream({
            read: () =>
              Promise.resolve(
                left-- > 0 ? { done: false, value: bytesOf(PIECE, 1) } : { done: true },
              ),
            cancel: () => Promise.resolve(),
            native: { size, keepsLength: true, take: () => bytesStream(EMPTY), moved: () => {} },
          })),
      });
      const target = altered<ContentStore>(new MemoryStore(), {
        begin: undefined!,
        async write(_descriptor, body) {
          const reader = await openBody(body).open();
          assertEquals(reader.native === undefined, passes);
          if (reader.native !== undefined) return reader.native.moved();
          while (!(await reader.read()).done);
        },
      });
      const told: number[] = [];
      const tell = (event: CopyEvent) => event.type === "copy-progress" && told.push(event.bytes);
      const transfer = new TransferBlob(
        source,
        target,
        new CopyEvents(listens ? tell : undefined),
        {},
        new AbortController().signal,
      );
      const digest = `sha256:${"0".repeat(64)}`;
      assertEquals(await transfer.run({ mediaType: "a/b", digest, size }), size);
      assertEquals(told.at(-1), listens ? size : undefined);
      assertEquals(told.length > 60, passes);
    }
  } finally {
    performance.now = now;
  }
});
