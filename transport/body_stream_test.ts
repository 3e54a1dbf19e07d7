import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { Piece, PieceReader } from "../content/piece_reader.ts";
import { bodyStream } from "./body_stream.ts";

/** A reader of the steps given, and what was asked of it and of the clock. */
function scripted(...steps: (string | Error | Promise<Piece>)[]) {
  const log: string[] = [];
  const views: (Bytes | undefined)[] = [];
  const reader: PieceReader = {
    async read(view) {
      log.push("read");
      views.push(view);
      const step = steps.shift();
      if (step instanceof Error) throw step;
      if (step instanceof Promise) return await step;
      return step === undefined ? { done: true } : { done: false, value: encodeText(step) };
    },
    cancel(reason) {
      log.push(`cancel ${reason}`);
      return Promise.resolve();
    },
  };
  const clock = {
    waitFor: (side: string) => void log.push(`wait for ${side}`),
    sent: (bytes: number) => void log.push(`sent ${bytes}`),
  };
  return { reader, clock, log, views };
}

async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

Deno.test("bodyStream reads a piece when one is asked for, and tells whose turn it is", async () => {
  const { reader, clock, log } = scripted("ab", "c");
  const { stream, finished } = bodyStream(reader, clock);
  await turns();
  assertEquals(log.splice(0), []);
  const pieces = stream.getReader();
  assertEquals(new TextDecoder().decode((await pieces.read()).value), "ab");
  await turns();
  assertEquals(log.splice(0), ["wait for source", "read", "wait for server"]);
  assertEquals(new TextDecoder().decode((await pieces.read()).value), "c");
  assertEquals(finished(), false);
  assertEquals((await pieces.read()).done, true);
  assertEquals(finished(), true);
  assertEquals(log.slice(-3), ["wait for source", "read", "sent 3"]);
});

Deno.test("bodyStream offers the same memory until it is taken", async () => {
  const taken = Promise.withResolvers<Piece>();
  const { reader, clock, views } = scripted("ab", taken.promise, "d");
  const pieces = bodyStream(reader, clock).stream.getReader();
  await pieces.read();
  const second = pieces.read();
  await turns();
  const buffer = views[1]!.buffer.transfer();
  taken.resolve({ done: false, value: new Uint8Array(buffer, 0, 1) });
  await second;
  await pieces.read();
  assertStrictEquals(views[0], views[1]);
  assertEquals(views[2]!.byteLength, buffer.byteLength);
});

Deno.test("bodyStream keeps the source's error, and lets go of the source", async () => {
  const error = new RangeError("the disk is gone");
  const { reader, clock, log } = scripted("ab", error);
  const { stream, failure } = bodyStream(reader, clock);
  const pieces = stream.getReader();
  await pieces.read();
  assertEquals(failure(), undefined);
  assertStrictEquals(await assertRejects(() => pieces.read()), error);
  assertStrictEquals(failure()?.error, error);
  assertEquals(log.at(-1), "cancel RangeError: the disk is gone");
});

Deno.test("bodyStream hands `cancel` on", async () => {
  const { reader, clock, log } = scripted("ab");
  await bodyStream(reader, clock).stream.cancel("enough");
  assertEquals(log, ["cancel enough"]);
});

for (const step of ["ab", new Error("cancelled"), undefined]) {
  Deno.test(`bodyStream that is stopped gives nothing, not even ${step ?? "an end"}`, async () => {
    const late = Promise.withResolvers<Piece>();
    const { reader, clock, log } = scripted(late.promise);
    const { stream, stop, drop, finished, failure } = bodyStream(reader, clock);
    let answered = false;
    const reading = stream.getReader().read();
    reading.then(() => answered = true, () => answered = true);
    await turns();
    stop();
    if (step instanceof Error) late.reject(step);
    else late.resolve(step ? { done: false, value: encodeText(step) } : { done: true });
    await turns(20);
    assertEquals([answered, finished(), failure()], [false, false, undefined]);
    assertEquals(log.at(-1), "cancel undefined");
    drop();
    await assertRejects(() => reading, Error, "the rest of the body is not wanted");
  });
}
