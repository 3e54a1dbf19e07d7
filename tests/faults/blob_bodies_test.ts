/** Blobs whose bytes are not the ones asked for, or do not come: an error, and nothing kept. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type Bytes, type ErrorCode, RegistryStore, TimeoutError } from "@davit/registry-client";
import { LayoutStore, MemoryStore, saveFile } from "@davit/registry-client/stores";
import { tempFolder } from "../../scripts/temp_folder.ts";
import {
  bodyOf,
  type Ending,
  type Fault,
  faultTest,
  namesIn,
  ORIGIN,
  runFault,
  sha256,
  utf8,
  World,
} from "./world.ts";

const CONTENT: Bytes = utf8("0123456789".repeat(1_000));
const DIGEST = await sha256(CONTENT);
const OTHER: Bytes = utf8("9876543210".repeat(1_000));
const SIZE = CONTENT.byteLength;
const HALF = CONTENT.slice(0, SIZE / 2);

/** A registry whose blob is this answer, whatever is asked. */
function blob(answer: (request: Request, nth: number) => Response): Fault {
  let count = 0;
  return (request, url) =>
    request.method === "GET" && url.pathname.includes("/blobs/")
      ? answer(request, count++)
      : undefined;
}

function response(pieces: Bytes[], ending: Ending = "ends", length?: number): Response {
  const headers = new Headers(length === undefined ? {} : { "content-length": String(length) });
  return new Response(bodyOf(pieces, ending), { headers });
}

interface BadBlob {
  name: string;
  answer: (request: Request, nth: number) => Response;
  code: ErrorCode;
  is?: Record<string, unknown>;
}

/** The 206 that a range request wants, with another body than it says. */
function part(request: Request, pieces: Bytes[], ending: Ending = "ends", shift = 0): Response {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")![1]) + shift;
  return new Response(bodyOf(pieces, ending), {
    status: 206,
    headers: { "content-range": `bytes ${from}-${SIZE - 1}/${SIZE}` },
  });
}

const badBlobs: BadBlob[] = [
  {
    name: "other bytes",
    answer: () => response([OTHER]),
    code: "BAD_DIGEST",
    is: { expected: DIGEST, actual: await sha256(OTHER) },
  },
  {
    name: "other bytes of the right length",
    answer: () => response([OTHER], "ends", SIZE),
    code: "BAD_DIGEST",
    is: { expected: DIGEST, retryable: false },
  },
  { name: "one bit more", answer: () => response([CONTENT, utf8("x")]), code: "BAD_DIGEST" },
  {
    name: "a body longer than its Content-Length",
    answer: () => response([CONTENT, utf8("x")], "ends", SIZE),
    code: "SIZE_MISMATCH",
    is: { expected: SIZE, actual: SIZE + 1 },
  },
  { name: "a body without an end", answer: () => endless(SIZE), code: "SIZE_MISMATCH" },
  { name: "a short body", answer: () => response([HALF]), code: "BAD_DIGEST" },
  { name: "no bytes", answer: () => new Response(null), code: "BAD_DIGEST" },
  {
    name: "a short body with its own Content-Length",
    answer: () => response([HALF], "ends", HALF.byteLength),
    code: "BAD_DIGEST",
  },
  {
    name: "a body that always ends before its Content-Length",
    answer: () => response([HALF], "ends", SIZE),
    code: "DOWNLOAD_FAILED",
    is: { retryable: true },
  },
  {
    name: "a body that always breaks",
    answer: () => response([HALF], "breaks", SIZE),
    code: "DOWNLOAD_FAILED",
  },
  {
    name: "a body that always breaks, of unknown length",
    answer: () => response([HALF], "breaks"),
    code: "DOWNLOAD_FAILED",
  },
  {
    name: "a body that always stalls",
    answer: () => response([HALF], "stalls", SIZE),
    code: "DOWNLOAD_FAILED",
  },
  {
    name: "a body that stalls before its first byte",
    answer: () => response([], "stalls", SIZE),
    code: "DOWNLOAD_FAILED",
  },
  {
    name: "a body that breaks, and is gone then",
    answer: (_request, nth) =>
      nth === 0 ? response([HALF], "breaks", SIZE) : new Response("", { status: 404 }),
    code: "NOT_FOUND",
  },
  {
    name: "a body that breaks, and goes on with other bytes",
    answer: (request, nth) =>
      nth === 0 ? response([HALF], "breaks", SIZE) : part(request, [OTHER.slice(SIZE / 2)]),
    code: "BAD_DIGEST",
  },
  {
    name: "a body that breaks, and goes on from elsewhere",
    answer: (request, nth) =>
      nth === 0 ? response([HALF], "breaks", SIZE) : part(request, [HALF], "ends", 1),
    code: "DOWNLOAD_FAILED",
  },
  {
    name: "a body that breaks, and goes on with more than is left",
    answer: (request, nth) =>
      nth === 0
        ? response([HALF], "breaks", SIZE)
        : part(request, [CONTENT.slice(SIZE / 2), utf8("x")]),
    code: "SIZE_MISMATCH",
  },
];

/** A body that gives bytes for ever. */
function endless(size: number): Response {
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-length": String(size) } });
}

for (const { name, answer, code, is } of badBlobs) {
  const impatient = name.includes("stalls");
  faultTest(`end-2 getBlob: ${name}`, {
    impatient,
    fault: blob(answer),
    call: async ({ client }) => await (await client.getBlob(DIGEST)).bytes(),
    code,
    ...(is && { is }),
  });

  Deno.test(`end-2 createBlobReadStream, piece by piece: ${name}: ${code}`, async () => {
    let ended = false;
    await runFault({
      impatient,
      fault: blob(answer),
      call: async ({ client }) => {
        const { stream } = await client.createBlobReadStream({ digest: DIGEST });
        for await (const _piece of stream);
        ended = true;
      },
      code,
    });
    assertEquals(ended, false, "the stream had a clean end");
  });

  Deno.test(`saveFile, LayoutStore, MemoryStore: ${name}: nothing is kept`, async () => {
    await using temp = await tempFolder();
    const folder = temp.path;
    const world = new World({ impatient, fault: blob(answer) });
    await world.caught(async () => {
      const { stream } = await world.client.getBlob(DIGEST);
      await saveFile(`${folder}/blob`, stream);
    });
    assertEquals(await namesIn(folder), []);

    const descriptor = { mediaType: "application/octet-stream", digest: DIGEST, size: SIZE };
    for (const store of [new LayoutStore(`${folder}/layout`), new MemoryStore()]) {
      const faulty = new World({ impatient, fault: blob(answer) });
      await faulty.caught(async () => {
        const source = new RegistryStore(faulty.client);
        await store.write(descriptor, await source.open(descriptor));
      });
      assertEquals(await store.exists(descriptor), false);
      faulty.assertSecretsKept();
    }
    assertEquals(await files(`${folder}/layout`), []);
  });
}

/** The files below a folder, but for those that every layout has. */
async function files(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (!isFile) found.push(...await files(`${folder}/${name}`));
      else if (name !== "oci-layout" && name !== "index.json") found.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

const sizes: [name: string, size: number, answer: () => Response][] = [
  ["smaller than its Content-Length", SIZE - 1, () => response([CONTENT], "ends", SIZE)],
  ["larger than its Content-Length", SIZE + 1, () => response([CONTENT], "ends", SIZE)],
  ["smaller than its body", SIZE - 1, () => response([CONTENT])],
];

for (const [name, size, answer] of sizes) {
  faultTest(`end-2 getBlob: the size that was asked for is ${name}`, {
    fault: blob(answer),
    call: async ({ client }) => await (await client.getBlob(DIGEST, { size })).bytes(),
    code: "SIZE_MISMATCH",
    is: { expected: size },
  });
}

const recoveries: [name: string, first: () => Response][] = [
  ["breaks", () => response([HALF], "breaks", SIZE)],
  ["breaks, of unknown length", () => response([HALF], "breaks")],
  ["ends early", () => response([HALF], "ends", SIZE)],
  ["stalls", () => response([HALF], "stalls", SIZE)],
];
const continuations: [name: string, rest: (request: Request) => Response][] = [
  ["with a part", (request) => part(request, [CONTENT.slice(SIZE / 2)])],
  ["with all of it again", () => response([CONTENT], "ends", SIZE)],
];

for (const [first, answer] of recoveries) {
  for (const [then, rest] of continuations) {
    Deno.test(`end-2 getBlob: a body that ${first} and goes on ${then} is whole`, async () => {
      const world = new World({
        impatient: first === "stalls",
        fault: blob((request, nth) => nth === 0 ? answer() : rest(request)),
      });
      assertEquals(await (await world.client.getBlob(DIGEST)).bytes(), CONTENT);
      const [resume, ...more] = world.told("resume");
      const end = first.endsWith("of unknown length") ? "" : SIZE - 1;
      assertEquals([resume?.offset, resume?.digest, more.length], [SIZE / 2, DIGEST, 0]);
      assertEquals(world.seen.at(-1)!.headers.get("range"), `bytes=${SIZE / 2}-${end}`);
      world.assertSecretsKept();
    });
  }
}

Deno.test("end-2 getBlob: a stall is told as its cause, with the time limit", async () => {
  const world = await runFault({
    fault: blob(() => response([HALF], "stalls", SIZE)),
    call: async ({ client }) => await (await client.getBlob(DIGEST)).bytes(),
    code: "DOWNLOAD_FAILED",
    client: { limits: { stallTimeout: 60 }, retry: { maxAttempts: 2, minDelay: 0 } },
  });
  const { cause } = world.errors[0] as Error;
  assertInstanceOf(cause, TimeoutError);
  assert(cause.message.includes("60 ms"), cause.message);
});

const badParts: [name: string, answer: () => Response, code: ErrorCode][] = [
  ["206 without Content-Range", () => new Response("x", { status: 206 }), "INVALID_CONTENT"],
  [
    "206 of another range",
    () => new Response("x", { status: 206, headers: { "content-range": "bytes 0-9/10000" } }),
    "INVALID_CONTENT",
  ],
  ["416", () => new Response("", { status: 416 }), "REGISTRY_RESPONSE"],
];

for (const [name, answer, code] of badParts) {
  faultTest(`end-2 getBlob with a range: ${name}`, {
    fault: blob(answer),
    call: async ({ client }) =>
      await (await client.getBlob(DIGEST, { range: { offset: 10, length: 10 } })).bytes(),
    code,
  });
}

Deno.test("end-2 getBlob with a range: a registry that sends everything gives the range", async () => {
  const world = new World({ fault: blob(() => response([CONTENT])) });
  const blobPart = await world.client.getBlob(DIGEST, { range: { offset: 3, length: 4 } });
  assertEquals(await blobPart.text(), "3456");
  assertEquals(blobPart.verified, false);
});

Deno.test("end-2: a sha512 digest is verified by sha512, whatever the header says", async () => {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", CONTENT));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "docker-content-digest": DIGEST };
  const world = new World({ fault: blob(() => new Response(CONTENT, { headers })) });
  assertEquals(await (await world.client.getBlob(`sha512:${hex}`)).bytes(), CONTENT);
  await runFault({
    fault: blob(() => new Response(OTHER, { headers: { "docker-content-digest": DIGEST } })),
    call: async ({ client }) => await (await client.getBlob(`sha512:${hex}`)).bytes(),
    code: "BAD_DIGEST",
    is: { expected: `sha512:${hex}` },
  });
});

Deno.test("a pull that is given up in the middle lets go of the connection", async () => {
  let cancelled = 0;
  const body = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
      cancel: () => void cancelled++,
    }, { highWaterMark: 0 });
  const world = new World({ fault: blob(() => new Response(body())) });
  const { stream } = await world.client.getBlob(DIGEST);
  for await (const _piece of stream) break;
  assertEquals(cancelled, 1);
  const reader = (await world.client.getBlob(DIGEST)).stream.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(cancelled, 2);
});

Deno.test("RegistryStore.open: a blob that is missing is not found, and nothing else", async () => {
  const world = new World({ fault: blob(() => new Response("", { status: 404 })) });
  const store = new RegistryStore(world.client);
  const descriptor = { mediaType: "application/octet-stream", digest: DIGEST, size: SIZE };
  const error = await assertRejects(() => store.open(descriptor)) as Error & { code: string };
  assertEquals(error.code, "CONTENT_NOT_FOUND");
  assertEquals(new URL(world.seen.at(-1)!.url).origin, ORIGIN);
});
