import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import type { CopyEvent } from "../mod.ts";
import { FakeOutput } from "./fake_io_test.ts";
import { formatBytes, formatTime } from "./format.ts";
import { Progress, type Ticker } from "./progress.ts";

const ESCAPE = "\x1b";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

function blob(at: number, size = 10_000_000) {
  return { mediaType: LAYER, digest: `sha256:${String(at).padStart(2, "0").repeat(32)}`, size };
}

/** Time that a test moves on. */
class FakeTicker implements Ticker {
  time = 0;
  #run: (() => void) | undefined;

  now(): number {
    return this.time;
  }

  every(_: number, run: () => void): () => void {
    this.#run = run;
    return () => void (this.#run = undefined);
  }

  tick(milliseconds: number): void {
    this.time += milliseconds;
    this.#run?.();
  }

  get running(): boolean {
    return this.#run !== undefined;
  }
}

/** What a terminal shows of what was written to it, lines broken at its width as terminals do. */
function screen(text: string, columns: number): string[] {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  for (const [piece, up] of text.replaceAll(ESCAPE, "§").matchAll(/§\[(\d*)[AKJ]|[^]/g)) {
    const [, command] = /^§.*([AKJ])$/.exec(piece) ?? [];
    if (command === "A") row -= Number(up);
    else if (command === "K") lines[row] = lines[row]!.slice(0, column);
    else if (command === "J") lines.splice(row, Infinity, lines[row]!.slice(0, column));
    else if (piece === "\r") column = 0;
    else {
      if (piece === "\n" || column === columns) {
        lines[++row] ??= "";
        column = 0;
        if (piece === "\n") continue;
      }
      const line = lines[row]!.padEnd(column);
      lines[row] = line.slice(0, column) + piece + line.slice(column + 1);
      column++;
    }
    assert(row >= 0, "the cursor leaves the screen");
  }
  return lines.map((line) => line.trimEnd());
}

/** A copy of three blobs in the middle: one done, one a third, one handed over whole. */
function halfway(out: FakeOutput, ticker: FakeTicker): Progress {
  const progress = new Progress(out, ticker);
  const events: CopyEvent[] = [
    { type: "copy-total", descriptors: 12, bytes: 40_000_000, final: true },
    { type: "copy-done", descriptor: blob(9, 5_000_000), how: "skipped" },
    { type: "copy-start", descriptor: blob(1), offset: 0 },
    { type: "copy-start", descriptor: blob(2), offset: 1_000_000 },
    { type: "copy-start", descriptor: blob(3), offset: 0 },
  ];
  for (const event of events) progress.onEvent(event);
  ticker.tick(2_000);
  progress.onEvent({ type: "copy-done", descriptor: blob(1), how: "copied" });
  progress.onEvent({ type: "copy-progress", descriptor: blob(2), bytes: 3_333_333 });
  ticker.tick(100);
  return progress;
}

Deno.test("progress: 80 columns", () => {
  const out = new FakeOutput(80);
  halfway(out, new FakeTicker());
  assertEquals(screen(out.text, 80), [
    "goes on  sha256:020202020202  layer     from 1.0 MB",
    "copied   sha256:010101010101  layer      10.0 MB  in 2.0 s",
    "sha256:020202020202 layer    [======>              ]  33% 3.3 MB of 10.0 MB",
    "sha256:030303030303 layer    [                     ]      10.0 MB  2.1 s",
    "whole 2/12 5.9 MB/s          [=========>           ]  45% 18.3 MB of 40.0 MB",
    "",
  ]);
});

Deno.test("progress: 200 columns, with whole digests and the time that is left", () => {
  const out = new FakeOutput(200);
  halfway(out, new FakeTicker());
  const lines = screen(out.text, 200);
  assertStringIncludes(lines[2]!, `${blob(2).digest} layer    [================>`);
  assertEquals(lines[2]!.indexOf("["), lines[4]!.indexOf("["));
  assert(lines[4]!.endsWith("45% 18.3 MB of 40.0 MB   3.7 s left"), lines[4]);
});

Deno.test("progress: 40 columns, and of every line how much of it came", () => {
  const out = new FakeOutput(40);
  halfway(out, new FakeTicker());
  assertEquals(screen(out.text, 40).slice(-4), [
    "020202020202  33% 3.3 MB of 10.0 MB",
    "030303030303      10.0 MB  2.1 s",
    "whole 2/12    45% 18.3 MB of 40.0 MB",
    "",
  ]);
});

Deno.test("progress: no time is told that hardly anything speaks for", () => {
  const out = new FakeOutput(120);
  const ticker = new FakeTicker();
  const progress = new Progress(out, ticker);
  const total = { descriptors: 2, bytes: 10_000_900, final: true };
  progress.onEvent({ type: "copy-total", ...total });
  progress.onEvent({ type: "copy-start", descriptor: blob(1, 900), offset: 0 });
  progress.onEvent({ type: "copy-start", descriptor: blob(2), offset: 0 });
  ticker.tick(1_000);
  progress.onEvent({ type: "copy-done", descriptor: blob(1, 900), how: "copied" });
  ticker.tick(100);
  assert(!out.text.includes("left"), out.text);
  progress.onEvent({ type: "copy-progress", descriptor: blob(2), bytes: 5_000_000 });
  ticker.tick(100);
  assertStringIncludes(out.text, "1.2 s left");
});

Deno.test("progress: every width holds each line, from 20 to 220 columns", () => {
  for (let columns = 20; columns <= 220; columns += 10) {
    const out = new FakeOutput(columns);
    const ticker = new FakeTicker();
    halfway(out, ticker);
    const shown = screen(out.text, columns);
    ticker.tick(100);
    assertEquals(screen(out.text, columns).length, shown.length, `${columns}: it stays in place`);
  }
});

Deno.test("progress: nothing flickers: each drawing is one write, which clears line by line", () => {
  const out = new FakeOutput(80);
  const ticker = new FakeTicker();
  halfway(out, ticker);
  const before = out.pieces.length;
  ticker.tick(100);
  assertEquals(out.pieces.length, before + 1);
  const last = out.pieces.at(-1)!;
  assert(
    last.indexOf(`${ESCAPE}[J`) === last.length - 3 && !last.includes(`${ESCAPE}[2J`),
    "the screen is cleared behind what is written, at its end",
  );
});

Deno.test("progress: a terminal that becomes narrower, and wider again", () => {
  const out = new FakeOutput(80);
  const ticker = new FakeTicker();
  halfway(out, ticker);
  const before = out.text.length;
  out.width = 40;
  ticker.tick(100);
  // The three lines took two rows each when the terminal broke them: all six are gone over.
  assert(out.text.slice(before).startsWith("\x1b[6A\r"), JSON.stringify(out.text.slice(before)));
  out.width = 80;
  ticker.tick(100);
  assertStringIncludes(out.text.slice(before), "whole 2/12");
});

Deno.test("progress: a low terminal shows as many blobs as it has room for, and the whole", () => {
  const out = new FakeOutput(80);
  out.height = 8;
  const ticker = new FakeTicker();
  const progress = new Progress(out, ticker);
  for (let at = 0; at < 20; at++) {
    progress.onEvent({ type: "copy-start", descriptor: blob(at), offset: 0 });
  }
  ticker.tick(100);
  const lines = screen(out.text, 80);
  assertLessOrEqual(lines.length, 8);
  assertEquals(lines.at(-3), "and 16 more");
  assertStringIncludes(lines.at(-2)!, "whole 0/0");
});

Deno.test("progress: the end takes the bars away, and what was said stays", () => {
  const out = new FakeOutput(80);
  const ticker = new FakeTicker();
  const progress = halfway(out, ticker);
  progress.say("ghcr.io warns:  \x1b[2Jgo away");
  progress.end();
  assertEquals(screen(out.text, 80), [
    "goes on  sha256:020202020202  layer     from 1.0 MB",
    "copied   sha256:010101010101  layer      10.0 MB  in 2.0 s",
    "ghcr.io warns:   [2Jgo away",
    "",
  ]);
  assertEquals(ticker.running, false);
});

Deno.test("progress: in a log, a line for each blob that moved and one now and then", () => {
  const out = new FakeOutput();
  const ticker = new FakeTicker();
  const progress = halfway(out, ticker);
  progress.onEvent({
    type: "copy-retry",
    descriptor: blob(2),
    attempt: 1,
    reason: "it broke\nin the middle",
  });
  progress.onEvent({ type: "copy-tag", reference: "v1", descriptor: blob(7) });
  progress.end();
  assertEquals(out.text.split("\n"), [
    "goes on  sha256:020202020202  layer     from 1.0 MB",
    "1 of 12 done, 6.0 MB of 40.0 MB",
    "copied   sha256:010101010101  layer      10.0 MB  in 2.0 s",
    "2 of 12 done, 18.3 MB of 40.0 MB",
    "again    sha256:020202020202  layer     after try 1: it broke in the middle",
    "tagged   sha256:070707070707  v1",
    "",
  ]);
  assert(!out.text.includes(ESCAPE));
});

Deno.test("formatBytes and formatTime: as people read them", () => {
  const bytes: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [8_388_608, "8.4 MB"],
    [3_400_000_000, "3.4 GB"],
    [5_000_000_000_000, "5.0 TB"],
  ];
  for (const [count, text] of bytes) assertEquals(formatBytes(count), text);
  const times: [number, string][] = [
    [40, "0.0 s"],
    [59_949, "59.9 s"],
    [59_950, "1 min 00 s"],
    [185_000, "3 min 05 s"],
    [3_720_000, "1 h 02 min"],
  ];
  for (const [time, text] of times) assertEquals(formatTime(time), text);
});
