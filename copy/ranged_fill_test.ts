import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import type { ContentSource, OpenOptions, PartialBlob } from "../content/store.ts";
import { DownloadError, RateLimitedError } from "../errors.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { Connections } from "./connections.ts";
import { bytesOf } from "./fixture_test.ts";
import { RangedFill } from "./ranged_fill.ts";

const MIB = 1024 * 1024;
const PIECE = 512 * 1024;
const content = bytesOf(64 * MIB, 1);
const descriptor = await describeBytes(content, "application/octet-stream");

/** A source on a clock of its own: each connection, or all of them together, has a pace. */
class PacedSource implements ContentSource {
  now = 0;
  opened: OpenOptions[] = [];
  open_ = 0;
  most = 0;
  served = 0;
  ranges: boolean | undefined = undefined;
  readonly #options: PacedOptions;

  constructor(options: PacedOptions) {
    this.#options = options;
  }

  resolve = () => Promise.reject(new Error("not asked"));
  exists = () => Promise.resolve(true);

  open(_: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    const { ranges = true, refuse = () => undefined } = this.#options;
    const at = this.opened.push(options) - 1;
    const error = refuse(at, this);
    if (error !== undefined) return Promise.reject(error);
    const { offset = 0, length = Infinity } = options;
    if (options.length !== undefined) this.ranges = ranges;
    let from = offset;
    const end = Math.min(offset + length, content.byteLength);
    this.most = Math.max(this.most, ++this.open_);
    let open = true;
    const close = () => {
      if (open) this.open_--;
      open = false;
    };
    return Promise.resolve(
      new ReadableStream({
        pull: (controller) => {
          if (from >= end) {
            close();
            return controller.close();
          }
          const piece = content.slice(from, Math.min(from + PIECE, end));
          from += piece.byteLength;
          this.served += piece.byteLength;
          const { each = Infinity, all = Infinity } = this.#options;
          this.now += piece.byteLength / Math.min(each * this.open_, all);
          controller.enqueue(piece);
        },
        cancel: close,
      }, { highWaterMark: 0 }),
    );
  }
}

interface PacedOptions {
  /** Bytes a millisecond of one connection. */
  each?: number;
  /** And of all together. */
  all?: number;
  ranges?: boolean;
  refuse?: (at: number, source: PacedSource) => Error | undefined;
}

async function fill(options: PacedOptions, connections = new Connections(), already = 0) {
  const source = new PacedSource(options);
  const target = new MemoryStore();
  const retries: string[] = [];
  const partial: PartialBlob = await target.begin(descriptor);
  if (already > 0) {
    await partial.write(content.slice(0, already), 0);
    await partial.close();
  }
  const held = already > 0 ? await target.begin(descriptor) : partial;
  const filled = new RangedFill(source, descriptor, held, {
    connections,
    signal: new AbortController().signal,
    onBytes: () => {},
    onRetry: (_, reason) => void retries.push(reason),
    now: () => source.now,
  }).run();
  const done = filled.then(async () => {
    await held.commit();
    assertEquals(await target.exists(descriptor), true);
  });
  return { source, retries, done, connections, target };
}

/** What every connection that a part needed has asked for. */
function parts({ opened }: PacedSource): OpenOptions[] {
  return opened.filter(({ length }) => length !== undefined);
}

Deno.test("one slow connection becomes several: up to eight parts of 8 MiB", async () => {
  const { source, done, connections } = await fill({ each: 10_000 });
  await done;
  assert(source.most > 4 && source.most <= 9, `${source.most} at once`);
  assert(parts(source).every(({ length }) => length! <= 8 * MIB));
  assertEquals(source.open_, 0);
  assertEquals(connections.take(30), 20, "all were given back");
});

Deno.test("one connection stays alone", async (t) => {
  const cases: [string, PacedOptions, number, (connections: Connections) => void][] = [
    ["where it is fast", { each: 500_000 }, 0, () => {}],
    ["where the source was found to ignore ranges", { each: 20_000, ranges: false }, 1, () => {}],
    ["where less than 32 MiB is left", { each: 20_000 }, 0, () => {}],
    [
      "where a second one is refused",
      { each: 20_000, refuse: (at) => at > 0 ? tooMany() : undefined },
      1,
      () => {},
    ],
    [
      "where a second one breaks",
      { each: 20_000, refuse: (at) => at > 0 ? new TypeError("no") : undefined },
      1,
      () => {},
    ],
    ["where several were found useless", { each: 20_000 }, 0, (each) => each.useless = true],
    ["where no more connections are to be had", { each: 20_000 }, 0, (each) => each.take(20)],
    ["where all blobs together are fast", { each: 20_000 }, 0, (each) => {
      each.came(0, 0);
      each.came(1e9, 100);
      each.came(1, 260);
      each.came = () => {};
    }],
  ];
  for (const [name, options, asked, prepare] of cases) {
    await t.step(name, async () => {
      const connections = new Connections();
      prepare(connections);
      const already = name.includes("less than") ? 33 * MIB : 0;
      const { source, done } = await fill(options, connections, already);
      await done;
      assertEquals(parts(source).length, asked);
      assertEquals(source.open_, 0);
      if (already > 0) assertEquals(source.opened[0]!.offset, already);
    });
  }
});

Deno.test("what came in several parts and was interrupted: what is missing is asked for, and no more", async () => {
  const sources = [{ each: 10_000 }, { each: 10_000 }].map((options) => new PacedSource(options));
  const target = new MemoryStore();
  for (const [at, source] of sources.entries()) {
    const partial = await target.begin(descriptor);
    const told: number[] = [];
    const filled = new RangedFill(source, descriptor, partial, {
      connections: new Connections(),
      signal: new AbortController().signal,
      onBytes(bytes) {
        told.push(bytes);
        if (at === 0 && bytes > 40 * MIB) throw new Error("enough");
      },
      onRetry: () => {},
      now: () => source.now,
    }).run();
    if (at === 0) await assertRejects(() => filled, Error, "enough");
    else {
      await filled;
      await partial.commit();
      assert(told[0]! > 40 * MIB, `${told[0]}`);
    }
    assertEquals(told.at(-1) === descriptor.size, at === 1);
    await partial.close();
  }
  const [first, second] = sources as [PacedSource, PacedSource];
  assert(first.most > 1, "there were several parts");
  // Of each connection a piece that was on its way.
  const lost = first.served + second.served - descriptor.size;
  assert(lost <= 2 * first.most * PIECE, `${lost} bytes came twice`);
  assertEquals(await target.exists(descriptor), true);
});

Deno.test("gaps of a source that ignores ranges are read with what is behind them", async () => {
  const source = new PacedSource({ ranges: false });
  const target = new MemoryStore();
  const before = await target.begin(descriptor);
  await before.write(content.slice(0, MIB), 0);
  await before.write(content.slice(2 * MIB, 3 * MIB), 2 * MIB);
  const partial = await target.begin(descriptor);
  await new RangedFill(source, descriptor, partial, {
    connections: new Connections(),
    signal: new AbortController().signal,
    onBytes: () => {},
    onRetry: () => {},
    now: () => source.now,
  }).run();
  await partial.commit();
  assertEquals(source.opened.map(({ offset, length }) => [offset, length]), [
    [MIB, MIB],
    [MIB, undefined],
  ]);
  assertEquals(source.open_, 0);
});

Deno.test("several that are no faster are given up, for this blob and the next ones", async () => {
  const { source, done, connections } = await fill({ each: 20_000, all: 20_000 });
  await done;
  assertEquals(connections.useless, true);
  assert(source.most <= 5);
  // What was left came in one go again.
  assert(
    source.opened.some(({ offset, length }) =>
      offset! > 0 && (length ?? descriptor.size - offset!) > 8 * MIB
    ),
  );
});

function tooMany(): Error {
  const response = Response.json({}, { status: 429 });
  return new RateLimitedError(response as never, [], "Cannot pull: 429");
}

Deno.test("429 halves the parts at once, and the part is asked for again", async () => {
  const { source, done, retries } = await fill({
    each: 10_000,
    refuse(at, source) {
      if (at !== 3) return undefined;
      source.most = 0;
      return tooMany();
    },
  });
  await done;
  // Four were, one of them failed; two go on.
  assert(source.most <= 3, `${source.most} at once afterwards`);
  assertEquals(retries.length, 1);
  assert(retries[0]!.includes("429"));
  const offsets = parts(source).map(({ offset }) => offset);
  assertEquals(offsets.length - new Set(offsets).size, 1, "one was asked for twice");
  assertEquals(source.open_, 0);
});

Deno.test("as many failures as there are parts are no end while parts come", async () => {
  const { source, done, retries } = await fill({
    each: 10_000,
    // After the lead and the first part, two of three break.
    refuse: (at) => at < 2 || at % 3 === 0 ? undefined : new DownloadError("it ended"),
  });
  await done;
  assert(retries.length > 4, `${retries.length} were asked for again`);
  assertEquals(source.open_, 0);
});

Deno.test("a part that never comes, or cannot, fails the blob, and nothing stays open", async (t) => {
  for (
    const [name, error] of [
      ["never", new DownloadError("it ended")],
      ["cannot", new TypeError("no such thing")],
    ] as const
  ) {
    await t.step(name, async () => {
      const { source, done } = await fill({
        each: 20_000,
        refuse: (at) => at > 2 ? error : undefined,
      });
      await assertRejects(() => done, Error, error.message);
      assertEquals(source.open_, 0);
    });
  }
});
