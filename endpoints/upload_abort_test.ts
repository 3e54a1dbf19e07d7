import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TimeoutError } from "../errors.ts";
import type { Body } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { sample } from "./fake_registry_test.ts";
import { before, type FakeUploads, fakeUploads, pieces, reopenable } from "./fake_uploads_test.ts";
import { putBlob, type PutBlobOptions } from "./put_blob.ts";

const LARGE = sample(200_000);
const DIGEST = await digestOf(LARGE);

const never = () => new Promise<never>(() => {});

interface Phase {
  name: string;
  body: () => Body;
  options?: PutBlobOptions;
  /** Faults before the one that aborts. */
  faults?: (server: FakeUploads) => void;
  method: string;
  methods: string[];
}

const PHASES: Phase[] = [
  { name: "the first HEAD", body: () => LARGE, method: "HEAD", methods: ["HEAD"] },
  { name: "the POST", body: () => LARGE, method: "POST", methods: ["HEAD", "POST"] },
  {
    name: "a single POST",
    body: () => LARGE.slice(0, 100),
    method: "POST",
    methods: ["HEAD", "POST 100"],
  },
  {
    name: "the PUT of bytes",
    body: () => LARGE,
    method: "PUT",
    methods: ["HEAD", "POST", "PUT 200000", "DELETE"],
  },
  {
    name: "the PUT of a stream",
    body: () => pieces(LARGE),
    options: { digest: DIGEST, size: LARGE.length },
    method: "PUT",
    methods: ["HEAD", "POST", "PUT 200000", "DELETE"],
  },
  {
    name: "the PATCH of a whole body",
    body: () => reopenable(LARGE).body,
    method: "PATCH",
    methods: ["POST", "PATCH 200000", "DELETE"],
  },
  {
    name: "the closing PUT",
    body: () => reopenable(LARGE).body,
    method: "PUT",
    methods: ["POST", "PATCH 200000", "PUT", "DELETE"],
  },
  {
    name: "a chunk",
    body: () => pieces(LARGE),
    options: { chunkSize: 90_000 },
    method: "PATCH",
    methods: ["POST", "PATCH 90000", "DELETE"],
  },
  {
    name: "the status after a fault",
    body: () => reopenable(LARGE).body,
    faults: (server) => server.faults.push(["PATCH", before()]),
    method: "GET",
    methods: ["POST", "PATCH", "GET", "DELETE"],
  },
  {
    name: "the HEAD after a fault",
    body: () => LARGE,
    faults: (server) => {
      server.faults.push(["PUT", before()], ["HEAD", (_, serve) => serve()]);
    },
    method: "HEAD",
    methods: ["HEAD", "POST", "PUT", "HEAD", "DELETE"],
  },
];

for (const { name, body, options, faults, method, methods } of PHASES) {
  Deno.test(`putBlob: an abort during ${name} rejects with the reason, and cancels the upload`, async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const registry = fakeUploads((server) => {
      faults?.(server);
      server.faults.push([method, async (seen) => {
        await seen.read();
        controller.abort(new Error("enough"));
        return await never();
      }]);
    });
    const error = await assertRejects(
      () => putBlob(registry.channel, "app", body(), { ...options, signal }),
      Error,
      "enough",
    );
    assertStrictEquals(error, signal.reason);
    assertEquals(registry.methods(), methods);
    assertEquals([...registry.server.blobs], []);
    if (methods.at(-1) === "DELETE") assertEquals([...registry.server.sessions], []);
    registry.assertClosed();
  });
}

Deno.test("putBlob: an abort during the wait for another try", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const registry = fakeUploads((server) => server.faults.push(["PUT", before()]));
  registry.clock.sleep = () => {
    controller.abort(new Error("enough"));
    return Promise.reject(signal.reason);
  };
  await assertRejects(() => putBlob(registry.channel, "app", LARGE, { signal }), Error, "enough");
  assertEquals(registry.methods(), ["HEAD", "POST", "PUT", "DELETE"]);
});

Deno.test("putBlob: an abort before anything", async () => {
  const registry = fakeUploads();
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => putBlob(registry.channel, "app", LARGE, { signal }), Error, "before");
  assertEquals(registry.methods(), []);
});

/** What became of a body. */
interface Stalled {
  cancelled?: unknown;
  /** It stands still. */
  still: PromiseWithResolvers<void>;
}

const stalled = (): Stalled => ({ still: Promise.withResolvers() });

/** A body that gives some bytes and then nothing more. */
function stalling(state: Stalled): ReadableStream<Bytes> {
  let given = false;
  return new ReadableStream<Bytes>({
    pull(controller) {
      if (given) {
        state.still.resolve();
        return never();
      }
      given = true;
      controller.enqueue(LARGE.slice(0, 100));
    },
    cancel(reason) {
      state.cancelled = reason;
    },
  }, { highWaterMark: 0 });
}

const STALLS: [name: string, options: PutBlobOptions, methods: string[]][] = [
  ["in chunks", {}, ["POST", "DELETE"]],
  ["in a PATCH", { size: LARGE.length }, ["POST", "PATCH 100", "DELETE"]],
  ["in a PUT", { size: LARGE.length, digest: DIGEST }, ["HEAD", "POST", "PUT 100", "DELETE"]],
];

for (const [name, options, methods] of STALLS) {
  Deno.test(`putBlob: an abort while the body stands still, ${name}`, async () => {
    const controller = new AbortController();
    const state = stalled();
    const registry = fakeUploads();
    const { signal } = controller;
    const putting = putBlob(registry.channel, "app", stalling(state), { ...options, signal });
    await state.still.promise;
    controller.abort(new Error("enough"));
    await assertRejects(() => putting, Error, "enough");
    assertEquals(registry.methods(), methods);
    assertStrictEquals(state.cancelled, signal.reason, "the body is let go of");
  });
}

const OPENINGS: [name: string, options: PutBlobOptions, methods: string[]][] = [
  ["", {}, ["POST", "DELETE"]],
  [" of a small blob", { digest: DIGEST, size: 100, absent: true }, []],
  [" of what is known", { digest: DIGEST, size: LARGE.length }, ["HEAD", "POST", "DELETE"]],
];

for (const [name, options, methods] of OPENINGS) {
  Deno.test(`putBlob: an abort while open() takes its time${name}`, async () => {
    const controller = new AbortController();
    const registry = fakeUploads();
    const { signal } = controller;
    const opening = Promise.withResolvers<ReadableStream<Bytes>>();
    const asked = Promise.withResolvers<void>();
    const open = () => {
      asked.resolve();
      return opening.promise;
    };
    const putting = putBlob(registry.channel, "app", { open }, { ...options, signal });
    await asked.promise;
    controller.abort(new Error("enough"));
    await assertRejects(() => putting, Error, "enough");
    assertEquals(registry.methods(), methods);
    const state = stalled();
    opening.resolve(stalling(state));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert("cancelled" in state, "what opens too late is let go of");
  });
}

Deno.test("putBlob: a body that never lets go is not waited for", async () => {
  const controller = new AbortController();
  const registry = fakeUploads();
  const { signal } = controller;
  const asked = Promise.withResolvers<void>();
  const pull = () => {
    asked.resolve();
    return never();
  };
  const body = new ReadableStream<Bytes>({ pull, cancel: never }, { highWaterMark: 0 });
  const putting = putBlob(registry.channel, "app", body, { signal });
  await asked.promise;
  controller.abort(new Error("enough"));
  await assertRejects(() => putting, Error, "enough");
});

Deno.test("putBlob: an abort while a Blob is hashed", async () => {
  const controller = new AbortController();
  const registry = fakeUploads();
  const state = stalled();
  const blob = new Blob([LARGE]);
  blob.stream = () => stalling(state) as ReturnType<Blob["stream"]>;
  const { signal } = controller;
  const putting = putBlob(registry.channel, "app", blob, { signal });
  await state.still.promise;
  controller.abort(new Error("enough"));
  await assertRejects(() => putting, Error, "enough");
  assertEquals(registry.methods(), []);
  assert("cancelled" in state);
});

Deno.test("putBlob: a reason that looks like a time-out is not retried", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const registry = fakeUploads((server) =>
    server.faults.push(["PUT", () => {
      controller.abort(new TimeoutError("the caller's own"));
      return never();
    }])
  );
  await assertRejects(
    () => putBlob(registry.channel, "app", LARGE, { signal }),
    TimeoutError,
    "the caller's own",
  );
  assertEquals(registry.methods(), ["HEAD", "POST", "PUT", "DELETE"]);
});

Deno.test("putBlob: a registry that does not let go of an upload is not waited for", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const registry = fakeUploads((server) => {
    server.faults.push(["PUT", () => {
      controller.abort(new Error("enough"));
      return never();
    }]);
    server.faults.push(["DELETE", () => new Response(null, { status: 405 })]);
  });
  await assertRejects(() => putBlob(registry.channel, "app", LARGE, { signal }), Error, "enough");
  assertEquals(registry.methods(), ["HEAD", "POST", "PUT", "DELETE"]);
});
