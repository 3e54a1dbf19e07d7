import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { NetworkError } from "../errors.ts";
import { Incoming } from "./fake_incoming_test.ts";
import { request } from "./fake_send_test.ts";
import { nodeBodyReader } from "./node_body_reader.ts";

function start(init: Parameters<typeof request>[0] = {}) {
  const incoming = new Incoming();
  let ended = 0;
  const reader = nodeBodyReader(incoming, request(init), () => ended++);
  return { incoming, reader, ended: () => ended };
}

function text(bytes: Bytes | undefined): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("nodeBodyReader: nothing is received before it is asked for", async () => {
  const { incoming, reader } = start();
  assertEquals(incoming.paused, true);
  const reading = reader.read();
  assertEquals(incoming.paused, false);
  incoming.emit("data", encodeText("abc"));
  assertEquals(text((await reading).value), "abc");
});

Deno.test("nodeBodyReader: a view is filled from all the pieces there are", async () => {
  const { incoming, reader } = start();
  const view = new Uint8Array(new ArrayBuffer(20), 4, 10);
  const reading = reader.read(view);
  for (const piece of ["ab", "cde", "", "f"]) incoming.emit("data", encodeText(piece));
  const { done, value } = await reading;
  assertEquals([done, text(value)], [false, "abcdef"]);
  assertEquals([value!.byteOffset, value!.buffer.byteLength, view.byteLength], [4, 20, 0]);
});

Deno.test("nodeBodyReader: without a view the pieces are given as they are", async () => {
  const { incoming, reader } = start();
  const reading = reader.read();
  const piece = encodeText("abc");
  incoming.emit("data", piece);
  incoming.emit("data", new Uint8Array(0));
  incoming.emit("data", encodeText("de"));
  const { value } = await reading;
  assertStrictEquals(value!.buffer, piece.buffer);
  assertEquals(text(value), "abc");
  assertEquals(text((await reader.read()).value), "de");
});

for (const [kilobytes, atOnce] of [[16, false], [64, true]] as const) {
  Deno.test(`nodeBodyReader: a borrowed piece of ${kilobytes} KiB is ${atOnce ? "given at once" : "waited with for more"}`, async () => {
    // What a connection of davit's own hands out: the bytes are gone after each event.
    const incoming = Object.assign(new Incoming(), { borrowed: true });
    const reader = nodeBodyReader(incoming, request(), () => {});
    let given = false;
    const reading = reader.read().then((piece) => {
      given = true;
      return piece;
    });
    incoming.emit("data", new Uint8Array(kilobytes * 1024).fill(1));
    for (let tick = 0; tick < 10; tick++) await undefined;
    assertEquals(given, atOnce);
    assertEquals((await reading).value, new Uint8Array(kilobytes * 1024).fill(1));
  });
}

Deno.test("nodeBodyReader: a piece larger than the view is read in parts, by views or as it is", async () => {
  const { incoming, reader } = start();
  const reading = reader.read(new Uint8Array(4));
  incoming.emit("data", encodeText("abcdefghij"));
  incoming.emit("data", encodeText("kl"));
  const seen = [text((await reading).value)];
  seen.push(text((await reader.read(new Uint8Array(3))).value));
  seen.push(text((await reader.read()).value));
  seen.push(text((await reader.read(new Uint8Array(3))).value));
  assertEquals(seen, ["abcd", "efg", "hij", "kl"]);
});

Deno.test("nodeBodyReader: a copied piece is freed, unless other bytes live in its memory", async () => {
  const { incoming, reader } = start();
  const alone = encodeText("abc");
  const pool = encodeText("xdefx");
  const reading = reader.read(new Uint8Array(100));
  incoming.emit("data", alone);
  incoming.emit("data", pool.subarray(1, 4));
  assertEquals(text((await reading).value), "abcdef");
  assertEquals([alone.byteLength, text(pool)], [0, "xdefx"]);
});

Deno.test("nodeBodyReader: no more than a mebibyte waits for a reader", async () => {
  const { incoming, reader } = start();
  const reading = reader.read();
  let pieces = 0;
  while (!incoming.paused) {
    incoming.emit("data", new Uint8Array(64 * 1024));
    pieces++;
  }
  assertEquals(pieces, 16);
  await reading;
  while (--pieces > 0) {
    await reader.read();
    assertEquals(incoming.paused, true);
  }
  const next = reader.read();
  assertEquals(incoming.paused, false);
  await reader.cancel();
  assertEquals(await next, { done: true });
});

Deno.test("nodeBodyReader: what came before the connection broke is read, then the error", async () => {
  const { incoming, reader } = start();
  const reading = reader.read(new Uint8Array(2));
  incoming.emit("data", encodeText("abc"));
  incoming.emit("error", new Error("reset"));
  assertEquals(text((await reading).value), "ab");
  assertEquals(text((await reader.read()).value), "c");
  for (let again = 0; again < 2; again++) {
    await assertRejects(() => reader.read(), NetworkError, "reset");
  }
});

Deno.test("nodeBodyReader: an abort drops what is there, and ends a read", async () => {
  for (const waits of [false, true]) {
    const abort = new AbortController();
    const { incoming, reader, ended } = start({ signal: abort.signal });
    const first = reader.read(new Uint8Array(1));
    incoming.emit("data", encodeText(waits ? "a" : "ab"));
    await first;
    const second = waits ? reader.read() : undefined;
    abort.abort("enough");
    assertEquals(await (second ?? reader.read()).catch((reason) => reason), "enough");
    assertEquals([incoming.destroyed, ended()], [true, 1]);
  }
});

Deno.test("nodeBodyReader: no error is made for a body that went well", async () => {
  const { incoming, reader } = (() => {
    const incoming = new Incoming();
    const refusing = {
      ...request(),
      get what(): string {
        throw new Error("an error's message was made");
      },
    };
    return { incoming, reader: nodeBodyReader(incoming, refusing, () => {}) };
  })();
  const reading = reader.read();
  incoming.complete = true;
  incoming.emit("data", encodeText("abc"));
  incoming.emit("end");
  incoming.emit("close");
  assertEquals(text((await reading).value), "abc");
  assertEquals(await reader.read(), { done: true });
});
