import { assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { type PieceReader, pieceReader } from "../../content/piece_reader.ts";
import { streamOf, TestClock } from "../fixture_test.ts";
import { Deadlines } from "./deadlines.ts";
import { BrokenBody, StalledBody, watchedBody } from "./watched_body.ts";

function watch(body: PieceReader) {
  const clock = new TestClock();
  const deadlines = new Deadlines(clock.now, clock.later);
  return { clock, body: watchedBody(body, { stallTimeout: 100, now: clock.now, deadlines }) };
}

Deno.test("watchedBody: pieces pass, and the end", async () => {
  const { body } = watch(pieceReader(streamOf(["hel", "lo"])));
  assertEquals((await body.read()).value, encodeText("hel"));
  assertEquals((await body.read()).value, encodeText("lo"));
  assertEquals((await body.read()).done, true);
});

Deno.test("watchedBody: a read without bytes for long is a StalledBody, and lets go", async () => {
  let cancelled: unknown;
  const endless = {
    read: () => new Promise<never>(() => {}),
    cancel: (reason?: unknown) => (cancelled = reason, Promise.resolve()),
  };
  const { body, clock } = watch(endless);
  const read = assertRejects(() => body.read(), StalledBody, "nothing came for 100 ms");
  await clock.pass(100);
  await read;
  assertEquals(cancelled instanceof StalledBody, true);
});

Deno.test("watchedBody: every read has the whole time, and between reads none passes", async () => {
  const waiting: (() => void)[] = [];
  const slow: PieceReader = {
    read: () =>
      new Promise((resolve) =>
        waiting.push(() => resolve({ done: false, value: encodeText("x") }))
      ),
    cancel: () => Promise.resolve(),
  };
  const { body, clock } = watch(slow);
  for (let count = 0; count < 5; count++) {
    const read = body.read();
    await clock.pass(99);
    waiting.shift()!();
    assertEquals((await read).done, false);
    await clock.pass(1_000);
  }
});

Deno.test("watchedBody: one that breaks is a BrokenBody, with the reason", async () => {
  const { body } = watch(pieceReader(streamOf(["x"], new TypeError("reset"))));
  await body.read();
  const error = await assertRejects(() => body.read(), BrokenBody);
  assertEquals((error.cause as Error).message, "reset");
  assertEquals(error instanceof StalledBody, false);
});

Deno.test("watchedBody: a body that is let go of is not late", async () => {
  const { body, clock } = watch(pieceReader(streamOf([])));
  await body.cancel();
  await clock.pass(1_000);
  assertEquals(clock.waiting, 0);
});
