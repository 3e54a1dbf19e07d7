import { assertEquals, assertRejects } from "@std/assert";
import { bytesStream } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { FileCursor } from "../runtime/files.ts";
import { countReads, fileStream, servedStream } from "./file_stream.ts";

/** A file in memory that counts how often it is read and closed; a second close fails, as on Deno. */
class TextFile implements FileCursor {
  reads = 0;
  closes = 0;
  readonly #left: string[];

  constructor(...pieces: string[]) {
    this.#left = pieces;
  }

  read(view: Uint8Array): Promise<number> {
    this.reads++;
    const piece = encodeText(this.#left.shift() ?? "").subarray(0, view.byteLength);
    view.set(piece);
    return Promise.resolve(piece.byteLength);
  }

  write(): Promise<void> {
    return Promise.reject(new Error("it is read only"));
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return ++this.closes > 1 ? Promise.reject(new Error("closed before")) : Promise.resolve();
  }
}

const CASES: [length: number | undefined, text: string, reads: number][] = [
  [undefined, "hello", 3], // the last one finds the end
  [100, "hello", 3],
  [5, "hello", 2],
  [4, "hell", 2],
  [2, "he", 1],
  [0, "", 0],
];

for (const [length, text, reads] of CASES) {
  for (const mode of ["default", "byob"] as const) {
    Deno.test(`fileStream: ${length} bytes of two pieces, ${mode} reader`, async () => {
      const file = new TextFile("he", "llo");
      const stream = fileStream(file, length);
      let seen = "";
      if (mode === "default") {
        seen = await new Response(stream).text();
      } else {
        const reader = stream.getReader({ mode });
        for (;;) {
          const { done, value } = await reader.read(new Uint8Array(64));
          if (done) break;
          seen += new TextDecoder().decode(value);
        }
      }
      assertEquals([seen, file.reads, file.closes], [text, reads, 1]);
    });
  }
}

Deno.test("fileStream: cancelled early, or at the last byte: closed once", async () => {
  for (const count of [0, 1, 2]) {
    const file = new TextFile("he", "llo");
    const reader = fileStream(file, 5).getReader();
    for (let read = 0; read < count; read++) await reader.read();
    await reader.cancel();
    assertEquals(file.closes, 1, `after ${count}`);
  }
});

Deno.test("fileStream: a file that fails is closed, and the stream fails", async () => {
  const file = new TextFile("he");
  file.read = () => Promise.reject(new Error("the disk is gone"));
  await assertRejects(() => new Response(fileStream(file)).text(), Error, "the disk is gone");
  assertEquals(file.closes, 1);
});

Deno.test("countReads: a file's stream tells what is read of it, another one says no", async () => {
  const stream = fileStream(new TextFile("he", "llo"));
  let sum = 0;
  assertEquals(countReads(stream, (count) => sum += count), true);
  assertEquals(sum, 0);
  await stream.getReader().read();
  assertEquals(sum, 2);
  assertEquals(countReads(bytesStream(encodeText("x")), () => {}), false);
});

for (const [length, text, reads] of CASES) {
  Deno.test(`servedStream: ${length} bytes of two pieces`, async () => {
    const file = new TextFile("he", "llo");
    const stream = fileStream(file, length);
    let sum = 0;
    countReads(stream, (count) => sum += count);
    assertEquals(await new Response(servedStream(stream)).text(), text);
    assertEquals([file.reads, file.closes, sum], [reads, 1, text.length]);
  });
}

Deno.test("servedStream: memory is given back when two more pieces have been asked for", async () => {
  const file = new TextFile("0", "1", "2", "3", "4");
  const reader = servedStream(fileStream(file, 5))!.getReader();
  const pieces: Uint8Array[] = [];
  const held: number[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    held.push(pieces.filter(({ byteLength }) => byteLength > 0).length);
  }
  assertEquals(held, [1, 2, 3, 3, 3]);
});

Deno.test("servedStream: of no file's stream, one that is read, or one that was served: none", async () => {
  assertEquals(servedStream(bytesStream(encodeText("x"))), undefined);
  const read = fileStream(new TextFile("x"));
  const reader = read.getReader();
  assertEquals(servedStream(read), undefined);
  await reader.cancel();
  const served = fileStream(new TextFile("x"));
  await servedStream(served)!.cancel();
  assertEquals(servedStream(served), undefined);
});

Deno.test("servedStream: cancelled, or a file that fails: closed once", async () => {
  const file = new TextFile("he", "llo");
  await servedStream(fileStream(file))!.cancel();
  assertEquals(file.closes, 1);
  const broken = new TextFile("he");
  broken.read = () => Promise.reject(new Error("the disk is gone"));
  const stream = servedStream(fileStream(broken))!;
  await assertRejects(() => new Response(stream).text(), Error, "the disk is gone");
  assertEquals(broken.closes, 1);
});
