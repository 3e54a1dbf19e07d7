/** A part of a blob is as long as was asked, however the registry cuts its answers. */
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { digestOf } from "../content/digest_of.ts";
import { DownloadError, InvalidContentError, SizeMismatchError } from "../errors.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";

const SIZE = 1000;
const CONTENT = new Uint8Array(SIZE).map((_, at) => at * 7);
const DIGEST = await digestOf(CONTENT);
const BLOB = { mediaType: "text/plain", digest: DIGEST, size: SIZE };

/** Answers the bytes from `first` to `last`, which were asked for, in its own way. */
type Answer = (first: number, last: number) => Response;

function part(first: number, last: number, says = `bytes ${first}-${last}/${SIZE}`): Response {
  const headers = { "content-range": says };
  return new Response(CONTENT.slice(first, last + 1), { status: 206, headers });
}

function storeOver(answer: Answer) {
  const ranges: (string | null)[] = [];
  const resumes: number[] = [];
  const fetch = (input: Request | URL | string, init?: RequestInit) => {
    const range = new Request(input, init).headers.get("range");
    ranges.push(range);
    const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
    if (match === null) return Promise.resolve(new Response(CONTENT));
    const last = match[2] === "" ? SIZE - 1 : Number(match[2]);
    return Promise.resolve(answer(Number(match[1]), Math.min(last, SIZE - 1)));
  };
  const client = new RegistryClientV2({
    name: "http://registry.test/app",
    fetch,
    retry: { maxAttempts: 3, minDelay: 0, maxDelay: 0 },
    onEvent: (event) => void (event.type === "resume" && resumes.push(event.offset)),
  });
  return { client, store: new RegistryStore(client), ranges, resumes };
}

const cut = (bytes: number): Answer => (first, last) =>
  part(first, Math.min(first + bytes - 1, last));

interface Case {
  name: string;
  answer: Answer;
  /** From where, how much. */
  asked: { offset?: number; length?: number };
  /** The ranges that were asked for. */
  ranges: string[];
  /** How many bytes come. */
  bytes: number;
}

const whole: Case[] = [
  {
    name: "as it was asked",
    answer: part,
    asked: { offset: 10, length: 20 },
    ranges: ["10-29"],
    bytes: 20,
  },
  {
    name: "in parts that end early",
    answer: cut(200),
    asked: { offset: 100, length: 500 },
    ranges: ["100-599", "300-599", "500-599"],
    bytes: 500,
  },
  {
    name: "in parts that end early, to the end",
    answer: cut(400),
    asked: { offset: 100 },
    ranges: ["100-", "500-999", "900-999"],
    bytes: 900,
  },
  {
    name: "in many small parts, without a try for each",
    answer: cut(20),
    asked: { length: 200 },
    ranges: Array.from({ length: 10 }, (_, at) => `${at * 20}-199`),
    bytes: 200,
  },
  {
    name: "in a body that is longer than its Content-Range",
    answer: (first, last) =>
      part(first, last, `bytes ${first}-${Math.min(first + 99, last)}/${SIZE}`),
    asked: { length: 300 },
    ranges: ["0-299", "100-299", "200-299"],
    bytes: 300,
  },
  {
    name: "whose total is not said",
    answer: (first, last) =>
      part(first, Math.min(first + 99, last), `bytes ${first}-${Math.min(first + 99, last)}/*`),
    asked: { offset: 5, length: 150 },
    ranges: ["5-154", "105-154"],
    bytes: 150,
  },
  {
    name: "by a 200 after a part that ended early",
    answer: (first) => first === 0 ? part(0, 99) : new Response(CONTENT),
    asked: { length: 300 },
    ranges: ["0-299", "100-299"],
    bytes: 300,
  },
  {
    name: "past the end, up to the end",
    answer: cut(60),
    asked: { offset: 900, length: 500 },
    ranges: ["900-1399", "960-999"],
    bytes: 100,
  },
];
for (const { name, answer, asked, ranges, bytes } of whole) {
  Deno.test(`a part of a blob, ${name}: whole`, async () => {
    const { offset = 0 } = asked;
    const expected = CONTENT.slice(offset, offset + bytes);
    const world = storeOver(answer);
    const { stream, ranged } = await world.client.getBlob(DIGEST, { range: asked });
    assertEquals(new Uint8Array(await new Response(stream).arrayBuffer()), expected);
    assertEquals(world.ranges, ranges.map((range) => `bytes=${range}`));
    assertEquals([ranged, world.resumes], [true, []]);

    const stored = await world.store.open(BLOB, asked);
    assertEquals(new Uint8Array(await new Response(stored).arrayBuffer()), expected);
    assertEquals(world.store.ranges, true);
  });
}

// deno-lint-ignore no-explicit-any -- each has parameters of its own
type ErrorClass = new (...args: any[]) => Error;

const refused: [name: string, answer: Answer, error: ErrorClass, cause?: ErrorClass][] = [
  [
    "that claims another start",
    (first, last) => part(first, last, `bytes ${first + 1}-${last}/${SIZE}`),
    InvalidContentError,
  ],
  [
    "without a Content-Range",
    (first, last) => part(first, last, "items 1-2/3"),
    InvalidContentError,
  ],
  [
    "that ends before it begins",
    (first) => part(first, first, `bytes ${first}-${first - 1}/${SIZE}`),
    InvalidContentError,
  ],
  [
    "whose rest claims another start",
    (first) => first === 0 ? part(0, 99) : part(0, 99),
    DownloadError,
    InvalidContentError,
  ],
  [
    "of another size than the descriptor's",
    (first, last) => part(first, last, `bytes ${first}-${last}/999`),
    SizeMismatchError,
  ],
  ["that brings a byte for each try", cut(1), DownloadError],
];
for (const [name, answer, errorClass, cause] of refused) {
  Deno.test(`a part of a blob ${name}: ${errorClass.name}`, async () => {
    const world = storeOver(answer);
    const reading = async () => {
      const stream = await world.store.open(BLOB, { length: 300 });
      await new Response(stream).arrayBuffer();
    };
    const error = await assertRejects(reading, errorClass);
    if (cause !== undefined) assertInstanceOf(error.cause, cause);
    assertEquals(world.ranges.length <= 4, true, String(world.ranges));
  });
}

Deno.test("a whole blob that brings a byte for each try runs out of tries", async () => {
  let asked = 0;
  const fetch = (input: Request | URL | string, init?: RequestInit) => {
    const range = new Request(input, init).headers.get("range");
    const first = Number(/=(\d+)/.exec(range ?? "=0")![1]);
    asked++;
    let sent = false;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (sent) return controller.error(new Error("reset"));
        controller.enqueue(CONTENT.slice(first, first + 1));
        sent = true;
      },
    });
    const headers = { "content-range": `bytes ${first}-${SIZE - 1}/${SIZE}` };
    return Promise.resolve(new Response(body, range ? { status: 206, headers } : {}));
  };
  const client = new RegistryClientV2({
    name: "http://registry.test/app",
    fetch,
    retry: { maxAttempts: 3, minDelay: 0, maxDelay: 0 },
  });
  const blob = await client.getBlob(DIGEST, { size: SIZE });
  await assertRejects(() => blob.bytes(), DownloadError);
  assertEquals(asked, 3);
});

Deno.test("RegistryStore.ranges: unknown, then as the last part showed", async () => {
  const { store } = storeOver((first, last) =>
    first === 1 ? new Response(CONTENT) : part(first, last)
  );
  assertEquals(store.ranges, undefined);
  await (await store.open(BLOB)).cancel();
  assertEquals(store.ranges, undefined);
  await (await store.open(BLOB, { offset: 2 })).cancel();
  assertEquals(store.ranges, true);
  await (await store.open(BLOB, { offset: 1 })).cancel();
  assertEquals(store.ranges, false);
});
