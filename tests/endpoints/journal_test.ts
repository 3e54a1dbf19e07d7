/**
 * A push that goes on in another process: from what the registry has of it, where it kept that;
 * otherwise from the start. Processes are killed in the middle of a request, and between two.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/from-file-url";
import {
  digestOf,
  RegistryClientV2,
  RegistryStore,
  type UploadJournal,
  type UploadKey,
  type UploadRecord,
} from "@davit/registry-client";
import { createRegistry, serve } from "@davit/registry-client/server";
import { denoArguments, stdSource } from "../../scripts/deno.ts";
import { startChild } from "../peers/child.ts";
import { requirePeers } from "../peers/locate.ts";
import { startRegistry } from "../peers/registries.ts";

const CHUNK = 100_000;
const SIZE = 10 * CHUNK;
const BYTES = new Uint8Array(SIZE).map((_, at) => at * 17 + (at >> 9));
const BLOB = { mediaType: "application/octet-stream", digest: await digestOf(BYTES), size: SIZE };
const START_LIMIT_MS = 120_000;

/** A journal in memory that counts. */
class Journal implements UploadJournal {
  readonly records = new Map<string, UploadRecord>();
  kept = 0;

  find(key: UploadKey) {
    return Promise.resolve(this.records.get(key.digest));
  }
  keep(record: UploadRecord) {
    this.kept++;
    this.records.set(record.digest, record);
    return Promise.resolve();
  }
  forget(key: UploadKey) {
    this.records.delete(key.digest);
    return Promise.resolve();
  }
}

/** A body that is counted, and fails or waits where it is told to. */
function body(options: { failsAt?: number; opens?: number[] } = {}) {
  const { failsAt = Infinity, opens = [] } = options;
  return {
    size: SIZE,
    open(offset = 0) {
      opens.push(offset);
      let at = offset;
      return new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (at >= failsAt) return controller.error(new Error("the disk is gone"));
          if (at >= SIZE) return controller.close();
          controller.enqueue(BYTES.slice(at, at += 10_000));
        },
      }, { highWaterMark: 0 });
    },
  };
}

interface Scene {
  client(journal: UploadJournal, repository?: string): RegistryClientV2;
  sent: string[];
  resumes: number[];
  answer: (request: Request) => Promise<Response | undefined>;
}

function scene(): Scene {
  const registry = createRegistry();
  const it: Scene = {
    sent: [],
    resumes: [],
    answer: () => Promise.resolve(undefined),
    client: (journal, repository = "app") =>
      new RegistryClientV2({
        name: `http://registry.test/${repository}`,
        fetch: async (input, init) => {
          const request = new Request(input, init);
          it.sent.push(request.method);
          return await it.answer(request) ?? await registry.fetch(request);
        },
        retry: { maxAttempts: 2, minDelay: 0, maxDelay: 0 },
        journal,
        onEvent: (event) => void (event.type === "resume" && it.resumes.push(event.offset)),
      }),
  };
  return it;
}

/** A push that ends after some chunks, as in a process that died there. */
async function interrupted({ client }: Scene, journal: Journal, chunks: number): Promise<void> {
  const failing = body({ failsAt: chunks * CHUNK + 20_000 });
  await client(journal).putBlob(failing, { digest: BLOB.digest, chunkSize: CHUNK })
    .then(() => assert(false), () => {});
}

Deno.test("journal: a push goes on from the session's Range, and is forgotten once it is closed", async () => {
  for (const verify of ["here", "target"] as const) {
    const world = scene();
    const journal = new Journal();
    await interrupted(world, journal, 3);
    const record = journal.records.get(BLOB.digest)!;
    assertEquals([record.registry, record.repository], ["http://registry.test", "app"]);
    assertEquals([record.bytes, URL.canParse(record.location)], [3 * CHUNK, true]);
    world.sent.length = world.resumes.length = 0;
    const opens: number[] = [];
    await new RegistryStore(world.client(journal)).write(BLOB, body({ opens }), { verify });
    assertEquals(world.resumes, [3 * CHUNK]);
    assertEquals(world.sent, ["HEAD", "GET", "PUT"]);
    // The start is read again where it is hashed here.
    assertEquals(opens, verify === "here" ? [0, 3 * CHUNK] : [3 * CHUNK]);
    assertEquals(journal.records.size, 0);
    const { stream } = await world.client(journal).getBlob(BLOB.digest);
    assertEquals(new Uint8Array(await new Response(stream).arrayBuffer()), BYTES);
  }
});

Deno.test("journal: the upload that a refused mount has started is written down, and gone on with", async () => {
  const world = scene();
  const journal = new Journal();
  const from = new RegistryStore(world.client(new Journal(), "other"));
  // The registry does not have it there: it answers an upload instead.
  const store = new RegistryStore(world.client(journal));
  const failing = body({ failsAt: SIZE / 2 });
  const push = async (source: ReturnType<typeof body>) => {
    assertEquals(await store.mount(BLOB, from), false);
    await store.write(BLOB, source, { absent: true });
  };
  await push(failing).then(() => assert(false), () => {});
  assertEquals([world.sent, journal.records.size], [["POST", "PUT"], 1]);
  world.sent.length = 0;
  await push(body());
  assertEquals([world.sent, journal.records.size], [["POST", "GET", "PUT"], 0]);
  const { stream } = await store.client.getBlob(BLOB.digest);
  assertEquals(new Uint8Array(await new Response(stream).arrayBuffer()), BYTES);
});

Deno.test("journal: what has landed all the same is forgotten when it is found, or mounted", async () => {
  const world = scene();
  const [inClient, inStore] = [new Journal(), new Journal()];
  for (const repository of ["app", "other"]) {
    const client = world.client(inClient, repository);
    const store = new RegistryStore(client, { journal: inStore });
    const record = { registry: client.origin, repository, digest: BLOB.digest };
    const left = { ...record, location: `${client.origin}/gone`, bytes: 0, time: Date.now() };
    const from = new RegistryStore(world.client(new Journal()));
    if (repository === "app") await from.write(BLOB, BYTES);
    for (
      const [journal, each] of [[inClient, new RegistryStore(client)], [inStore, store]] as const
    ) {
      await journal.keep(left);
      const found = repository === "app" ? each.exists(BLOB) : each.mount(BLOB, from);
      assertEquals([await found, journal.records.size], [true, 0], repository);
    }
    assertEquals(await store.exists({ ...BLOB, digest: await digestOf(BYTES.slice(1)) }), false);
  }
});

Deno.test("journal: an option of RegistryStore, and of one push", async () => {
  const world = scene();
  const [inClient, inStore, inCall] = [new Journal(), new Journal(), new Journal()];
  const store = new RegistryStore(world.client(inClient), { journal: inStore });
  await store.write(BLOB, body());
  assertEquals([inClient.kept, inStore.kept], [0, 1]);
  await world.client(inClient, "other").putBlob(body(), {
    digest: BLOB.digest,
    journal: inCall,
  });
  assertEquals([inClient.kept, inCall.kept], [0, 1]);
});

const lost: [name: string, answer: (request: Request) => Response | undefined][] = [
  ["is gone", ({ method }) => method === "GET" ? new Response(null, { status: 404 }) : undefined],
  [
    "cannot be asked about",
    ({ method }) => method === "GET" ? new Response(null, { status: 405 }) : undefined,
  ],
  [
    "does not say how far it is",
    ({ method }) => method === "GET" ? new Response(null, { status: 204 }) : undefined,
  ],
  [
    "has more than the blob",
    ({ method }) =>
      method === "GET"
        ? new Response(null, { status: 204, headers: { range: `0-${SIZE}` } })
        : undefined,
  ],
];
for (const [name, answer] of lost) {
  Deno.test(`journal: a session that ${name} is begun anew`, async () => {
    const world = scene();
    const journal = new Journal();
    await interrupted(world, journal, 2);
    world.answer = (request) =>
      Promise.resolve(request.url.includes("/uploads/") ? answer(request) : undefined);
    world.sent.length = 0;
    await world.client(journal).putBlob(body(), { digest: BLOB.digest });
    assertEquals(world.sent.filter((method) => method === "POST").length, 1);
    assertEquals(journal.records.size, 0);
    world.answer = () => Promise.resolve(undefined);
    const { stream } = await world.client(journal).getBlob(BLOB.digest);
    assertEquals((await new Response(stream).arrayBuffer()).byteLength, SIZE);
  });
}

Deno.test("journal: a session with other bytes is refused at its close, and begun anew", async () => {
  const world = scene();
  const journal = new Journal();
  const client = world.client(journal);
  let session = await client.startBlobUpload();
  session = await client.uploadBlobChunk({ session, data: new Uint8Array(CHUNK) });
  const key = { registry: client.origin, repository: "app", digest: BLOB.digest };
  await journal.keep({ ...key, location: session.location, bytes: CHUNK, time: 0 });
  await client.putBlob(body(), { digest: BLOB.digest });
  assertEquals(await (await client.getBlob(BLOB.digest)).bytes(), BYTES);
});

Deno.test("journal: two pushes of one blob at once have a session each", async () => {
  const world = scene();
  const journal = new Journal();
  const client = world.client(journal);
  await Promise.all([1, 2].map(() => client.putBlob(body(), { digest: BLOB.digest })));
  assertEquals([world.resumes, journal.records.size, journal.kept], [[], 0, 1]);
});

const refused: [name: string, status: number, kept: boolean][] = [
  ["for want of rights", 403, false],
  ["for overload", 503, true],
];
for (const [name, status, kept] of refused) {
  Deno.test(`journal: an upload that is refused ${name} is ${kept ? "kept" : "given up"}`, async () => {
    const world = scene();
    const journal = new Journal();
    world.answer = ({ method }) =>
      Promise.resolve(method === "PUT" ? new Response(null, { status }) : undefined);
    await world.client(journal).putBlob(body(), { digest: BLOB.digest })
      .then(() => assert(false), () => {});
    assertEquals(journal.records.size, kept ? 1 : 0);
    assertEquals(world.sent.at(-1) === "DELETE", !kept);
  });
}

Deno.test("journal: a push that its signal ends is kept", async () => {
  const world = scene();
  const journal = new Journal();
  const controller = new AbortController();
  world.answer = ({ method }) => {
    if (method === "PATCH") controller.abort(new Error("interrupted"));
    return Promise.resolve(undefined);
  };
  await world.client(journal).putBlob(body(), {
    digest: BLOB.digest,
    chunkSize: CHUNK,
    signal: controller.signal,
  }).then(() => assert(false), () => {});
  assertEquals(journal.records.size, 1);
  world.answer = () => Promise.resolve(undefined);
  await world.client(journal).putBlob(body(), { digest: BLOB.digest });
  assertEquals(journal.records.size, 0);
});

Deno.test("journal: what was pushed meanwhile by another is forgotten", async () => {
  const world = scene();
  const journal = new Journal();
  await interrupted(world, journal, 1);
  await world.client(new Journal()).putBlob(BYTES);
  await world.client(journal).putBlob(body(), { digest: BLOB.digest });
  assertEquals(journal.records.size, 0);
});

/** Which registries keep what a request that broke had brought. */
const KEEPS_HALVES = ["embedded", "olareg", "distribution"];

const PROGRAM = fromFileUrl(new URL("./journal_program.ts", import.meta.url));

for (const kind of ["embedded", "olareg", "distribution", "docker-registry"] as const) {
  Deno.test({
    ...(kind === "embedded" ? { ignore: false } : requirePeers(kind)),
    name: `journal: a process that was killed, and the next, on ${kind}`,
    async fn(t) {
      const embedded = kind === "embedded" ? await serve(createRegistry()) : undefined;
      const registry = kind === "embedded" ? undefined : await startRegistry(kind);
      const origin = embedded?.url ?? registry!.origin;
      const folder = await Deno.makeTempDir();
      const { source } = await stdSource();
      const args = ["run", "--quiet", "--no-check", "-A", PROGRAM, origin];
      const run = (...more: string[]) =>
        startChild(Deno.execPath(), denoArguments([...args, ...more], source));
      try {
        for (const where of ["between", "within"]) {
          await t.step(`${where} requests`, async () => {
            const first = run(where, `${folder}/${where}`, "3");
            await first.said(/waits/, START_LIMIT_MS);
            await first.kill();
            const second = run(where, `${folder}/${where}`);
            const [, offset, size] = await second.said(/went on at (\d+) of (\d+)/, START_LIMIT_MS);
            await second.kill();
            const goesOn = where === "between" || KEEPS_HALVES.includes(kind);
            assertEquals(Number(offset) > 0, goesOn, offset);
            assert(Number(offset) < Number(size));
            assertEquals(await Array.fromAsync(Deno.readDir(`${folder}/${where}`)), []);
          });
        }
      } finally {
        await embedded?.close();
        await registry?.stop();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
