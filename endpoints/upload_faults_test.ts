import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { NetworkError, RegistryResponseError, UploadError } from "../errors.ts";
import { type Body, bytesStream } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { type ErrorClass, failure, reset, sample } from "./fake_registry_test.ts";
import {
  after,
  answer,
  before,
  type FakeUploads,
  fakeUploads,
  midway,
  pieces,
  reopenable,
} from "./fake_uploads_test.ts";
import { putBlob, type PutBlobOptions } from "./put_blob.ts";

const LARGE = sample(1_000_000);
const DIGEST = await digestOf(LARGE);

/** Bodies that can be sent again, and what is sent for them when nothing happens. */
const BODIES: Record<string, { body: () => Body; options: PutBlobOptions; known: boolean }> = {
  bytes: { body: () => LARGE, options: {}, known: true },
  "a Blob": { body: () => new Blob([LARGE]), options: {}, known: true },
  "open(), digest known": {
    body: () => reopenable(LARGE).body,
    options: { digest: DIGEST },
    known: true,
  },
  "open(), digest unknown": { body: () => reopenable(LARGE).body, options: {}, known: false },
};

interface Fault {
  name: string;
  /** In place of the first PUT where the digest is known, of the first PATCH where it is not. */
  fault: (server: FakeUploads) => Parameters<FakeUploads["faults"]["push"]>[0][1];
  change?: (server: FakeUploads) => void;
  known: string[];
  unknown: string[];
}

const FAULTS: Fault[] = [
  {
    name: "reset before a byte",
    fault: before,
    known: ["HEAD", "GET", "DELETE", "POST", "PUT 1000000"],
    unknown: ["GET", "DELETE", "POST", "PATCH 1000000", "PUT"],
  },
  {
    name: "reset midway: it goes on from there",
    fault: (server) => midway(server, 300_000),
    known: ["HEAD", "GET", "PUT 672320"],
    unknown: ["GET", "PUT 672320"],
  },
  {
    name: "reset midway, and the registry tells no bytes: it starts again",
    fault: (server) => midway(server, 300_000),
    change: (server) => server.range = () => null,
    known: ["HEAD", "GET", "DELETE", "POST", "PUT 1000000"],
    unknown: ["GET", "DELETE", "POST", "PATCH 1000000", "PUT"],
  },
  {
    name: "reset midway, and the registry tells more bytes than were sent: it starts again",
    fault: (server) => midway(server, 300_000),
    change: (server) => server.range = (size) => `0-${size === 0 ? 0 : 5_000_000}`,
    known: ["HEAD", "GET", "DELETE", "POST", "PUT 1000000"],
    unknown: ["GET", "DELETE", "POST", "PATCH 1000000", "PUT"],
  },
  {
    name: "reset midway, and the registry reports one byte more than was sent: it starts again",
    fault: (server) => midway(server, 1_000_000),
    change: (server) => server.range = (size) => `0-${size === 0 ? 0 : size}`,
    known: ["HEAD", "GET", "DELETE", "POST", "PUT 1000000"],
    unknown: ["HEAD", "GET", "DELETE", "POST", "PUT 1000000"],
  },
  {
    name: "reset midway, and the upload is gone: it starts again",
    fault: (server) => async (seen) => {
      await seen.read(300_000);
      server.sessions.clear();
      throw reset();
    },
    known: ["HEAD", "GET", "DELETE", "POST", "PUT 1000000"],
    unknown: ["GET", "DELETE", "POST", "PATCH 1000000", "PUT"],
  },
  {
    name: "reset after it landed",
    fault: after,
    known: ["HEAD"],
    unknown: ["HEAD", "GET", "PUT"],
  },
  {
    name: "503 midway",
    fault: (server) => async (seen) => {
      await seen.read(300_000);
      server.keep(seen);
      return new Response(null, { status: 503 });
    },
    known: ["HEAD", "GET", "PUT 672320"],
    unknown: ["GET", "PUT 672320"],
  },
  {
    name: "404: the upload is gone, so it starts again",
    fault: () => answer(() => failure(404, "BLOB_UPLOAD_UNKNOWN")),
    known: ["HEAD", "DELETE", "POST", "PUT 1000000"],
    unknown: ["DELETE", "POST", "PATCH 1000000", "PUT"],
  },
  {
    name: "400 that says so (olareg): the upload is gone, so it starts again",
    fault: () => answer(() => failure(400, "BLOB_UPLOAD_UNKNOWN")),
    known: ["HEAD", "DELETE", "POST", "PUT 1000000"],
    unknown: ["DELETE", "POST", "PATCH 1000000", "PUT"],
  },
  {
    name: "413: chunks, at most half as large",
    fault: () => answer(() => new Response("too large", { status: 413 })),
    known: ["DELETE", "POST", "PATCH 500000", "PUT 500000"],
    unknown: ["DELETE", "POST", "PATCH 500000", "PUT 500000"],
  },
  {
    name: "416 that is not about offsets (GHCR): chunks in the same upload",
    fault: () => answer(() => failure(416, "SIZE_INVALID")),
    known: ["GET", "PATCH 500000", "PUT 500000"],
    unknown: ["GET", "PATCH 500000", "PUT 500000"],
  },
];

for (const { name, fault, change, known, unknown } of FAULTS) {
  for (const [kind, { body, options, known: isKnown }] of Object.entries(BODIES)) {
    const phase = isKnown ? "PUT" : "PATCH";
    Deno.test(`putBlob, ${phase} of ${kind}: ${name}`, async () => {
      const registry = fakeUploads((server) => {
        server.faults.push([phase, fault(server)]);
        change?.(server);
      });
      const put = await putBlob(registry.channel, "app", body(), options);
      assertEquals([put.digest, put.size], [DIGEST, LARGE.length]);
      assertEquals(registry.server.blobs.get(DIGEST), LARGE);
      const methods = registry.methods();
      const first = methods.findIndex((method) => method.startsWith(phase));
      assertEquals(methods.slice(first + 1), isKnown ? known : unknown);
      registry.assertClosed();
    });
  }
}

Deno.test("putBlob: a resumption opens the body at the offset, and sends the rest alone", async () => {
  const { body, opened } = reopenable(LARGE);
  const registry = fakeUploads((server) => server.faults.push(["PATCH", midway(server, 300_000)]));
  await putBlob(registry.channel, "app", body);
  const last = registry.seen.at(-1)!;
  const offset = opened[1]!;
  assertEquals(opened.length, 2);
  assert(offset >= 300_000 && offset < LARGE.length);
  assertEquals(last.headers.get("content-range"), `${offset}-${LARGE.length - 1}`);
  const [resume] = registry.of("resume");
  assertEquals([resume!.direction, resume!.offset], ["upload", offset]);
  assertEquals(resume!.reason, "the connection was reset");
  assertEquals(registry.of("progress").at(-1)!.bytes, LARGE.length);
});

Deno.test("putBlob: every stream that was opened for chunks is let go of, when the whole goes after all", async () => {
  let left = 0;
  const body: Body = {
    size: LARGE.length,
    open(offset = 0) {
      left++;
      const reader = bytesStream(LARGE.subarray(offset)).getReader();
      return new ReadableStream({
        async pull(controller) {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          left--;
          controller.close();
        },
        cancel() {
          left--;
        },
      }, { highWaterMark: 0 });
    },
  };
  const refused: FakeUploads["faults"] = [1, 2].flatMap(() => [
    ["PATCH", (_, serve) => serve()],
    ["PATCH", answer(() => failure(405, "UNSUPPORTED"))],
  ]);
  const registry = fakeUploads((server) => server.faults.push(...refused));
  await putBlob(registry.channel, "app", body, { chunkSize: 100_000 });
  assertEquals(registry.methods().slice(-2), ["PATCH 1000000", "PUT"]);
  assertEquals(left, 0);
});

Deno.test("putBlob: a body that is read twice is hashed once", async () => {
  let opened = 0;
  // Other bytes the second time would give another digest, if they were hashed too.
  const body: Body = {
    size: LARGE.length,
    open: () => bytesStream(opened++ === 0 ? LARGE : LARGE.map((byte) => byte ^ 1)),
  };
  const registry = fakeUploads((server) => {
    server.faults.push(["PATCH", async (seen) => {
      await seen.read();
      throw reset();
    }]);
    server.faults.push(["PUT", answer(() => new Response(null, { status: 201 }))]);
  });
  assertEquals((await putBlob(registry.channel, "app", body)).digest, DIGEST);
  assertEquals(opened, 2);
});

Deno.test("putBlob: the closing PUT dies after a PATCH of the whole: HEAD finds it, or it goes on", async () => {
  const landed = fakeUploads((server) => server.faults.push(["PUT", after()]));
  await putBlob(landed.channel, "app", reopenable(LARGE).body);
  assertEquals(landed.methods(), ["POST", "PATCH 1000000", "PUT", "HEAD"]);
  const { body, opened } = reopenable(LARGE);
  const lost = fakeUploads((server) => server.faults.push(["PUT", before()]));
  await putBlob(lost.channel, "app", body);
  assertEquals(lost.methods(), ["POST", "PATCH 1000000", "PUT", "HEAD", "GET", "PUT"]);
  assertEquals(opened, [0], "every byte is there");
});

for (const status of [400, 404]) {
  Deno.test(`putBlob: ${status} to an empty closing PUT (ECR): the whole in one PUT`, async () => {
    const registry = fakeUploads((server) =>
      server.faults.push(["PUT", answer(() => new Response(null, { status }))])
    );
    await putBlob(registry.channel, "app", reopenable(LARGE).body);
    assertEquals(registry.methods(), [
      "POST",
      "PATCH 1000000",
      "PUT",
      ...(status === 404 ? ["HEAD"] : []), // it may be done
      "DELETE",
      "POST",
      "PUT 1000000",
    ]);
  });
}

for (const status of [400, 405, 411, 415, 501]) {
  Deno.test(`putBlob: ${status} to a PATCH without Content-Range: the whole in one PUT`, async () => {
    const registry = fakeUploads((server) =>
      server.faults.push(["PATCH", answer(() => new Response(null, { status }))])
    );
    const { body, opened } = reopenable(LARGE);
    await putBlob(registry.channel, "app", body);
    assertEquals(registry.methods().slice(2), ["DELETE", "POST", "PUT 1000000"]);
    assertEquals(opened, [0, 0, 0], "for the PATCH, for the digest, for the PUT");
  });
}

Deno.test("putBlob: a whole PATCH that is refused is no try", async () => {
  const registry = fakeUploads(
    (server) => server.faults.push(["PATCH", answer(() => new Response(null, { status: 405 }))]),
    { retry: { maxAttempts: 1 } },
  );
  await putBlob(registry.channel, "app", reopenable(LARGE).body);
  assertEquals(registry.methods().at(-1), "PUT 1000000");
});

Deno.test("putBlob: a registry that loses bytes again and again ends the tries: only what is new is progress", async () => {
  const registry = fakeUploads((server) => {
    for (let round = 0; round < 20; round++) {
      server.faults.push(["PATCH", (_, serve) => serve()], ["PATCH", async (seen) => {
        await seen.read();
        for (const id of server.sessions.keys()) server.sessions.set(id, LARGE.slice(0, 10));
        throw reset();
      }]);
    }
  });
  const body = reopenable(LARGE).body;
  await assertRejects(
    () => putBlob(registry.channel, "app", body, { chunkSize: 100_000 }),
    UploadError,
    "the connection was reset",
  );
  const lost = registry.of("resume").map(({ offset }) => offset);
  assertEquals(lost, [10, 10, 10], "once for the ten bytes more that came the second time");
});

Deno.test("putBlob: 413 is no try, and chunks shrink until they are taken", async () => {
  const limit = 200_000;
  const registry = fakeUploads(() => {}, { retry: { maxAttempts: 1 } });
  const { handler } = registry.server;
  registry.server.faults.push(
    ...Array.from(
      { length: 20 },
      () =>
        ["PUT", async (seen: Parameters<typeof handler>[0], serve: () => Promise<Response>) => {
          const { size } = seen.request.body!;
          return size! > limit ? new Response(null, { status: 413 }) : await serve();
        }] as FakeUploads["faults"][number],
    ),
    ...Array.from(
      { length: 20 },
      () =>
        ["PATCH", async (seen: Parameters<typeof handler>[0], serve: () => Promise<Response>) => {
          const { size } = seen.request.body!;
          return size! > limit ? new Response(null, { status: 413 }) : await serve();
        }] as FakeUploads["faults"][number],
    ),
  );
  await putBlob(registry.channel, "app", LARGE);
  assertEquals(registry.methods(), [
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "POST",
    "PATCH",
    "PATCH",
    "PATCH 125000",
    "PATCH 125000",
    "PATCH 125000",
    "PATCH 125000",
    "PATCH 125000",
    "PATCH 125000",
    "PATCH 125000",
    "PUT 125000",
  ]);
  assertEquals(registry.channel.capabilities.maxChunk, 125_000);
  const { channel, methods } = registry;
  const before = methods().length;
  await putBlob(channel, "app", pieces(LARGE.subarray(1)), { size: LARGE.length - 1 });
  assertEquals(methods()[before + 1], "PATCH 125000", "a stream must not be refused for its size");
});

Deno.test("putBlob: a registry that takes no size at all ends in its error", async () => {
  const registry = fakeUploads((server) => {
    for (let i = 0; i < 20; i++) {
      for (const method of ["PUT", "PATCH"]) {
        server.faults.push([method, answer(() => new Response(null, { status: 413 }))]);
      }
    }
  });
  const error = await assertRejects(
    () => putBlob(registry.channel, "app", LARGE),
    RegistryResponseError,
  );
  assertEquals(error.statusCode, 413);
  assertEquals([...registry.server.sessions], []);
  const asked = registry.seen.filter(({ method }) => method === "PATCH");
  const sizes = asked.map(({ request }) => request.body!.size);
  assertEquals(sizes, [500_000, 250_000, 125_000], "62,500 are less than is worth a try");
});

const ENDINGS: [name: string, fault: () => Bytes | Response, error: ErrorClass, code: string][] = [
  [
    "broken connections",
    () => {
      throw reset();
    },
    UploadError,
    "UPLOAD_FAILED",
  ],
  ["503", () => new Response(null, { status: 503 }), RegistryResponseError, "REGISTRY_RESPONSE"],
];

for (const [name, fault, error, code] of ENDINGS) {
  Deno.test(`putBlob: ${name} every time end in ${code}, retryable`, async () => {
    const registry = fakeUploads((server) => {
      for (let i = 0; i < 3; i++) server.faults.push(["PUT", fault as never]);
    });
    const thrown = await assertRejects(() => putBlob(registry.channel, "app", LARGE), error);
    assertEquals([thrown.code, thrown.retryable], [code, true]);
    if (thrown instanceof UploadError) assertInstanceOf(thrown.cause, NetworkError);
    assertEquals(registry.methods().filter((method) => method.startsWith("PUT")).length, 3);
    assertEquals(registry.clock.delays.length, 2);
    assertEquals([...registry.server.sessions], []);
  });
}

Deno.test("putBlob: Retry-After is honoured in full, past the limit it is the caller's", async () => {
  const slow = (seconds: string) =>
    answer(() => new Response(null, { status: 503, headers: { "retry-after": seconds } }));
  const patient = fakeUploads((server) => server.faults.push(["PUT", slow("120")]));
  await putBlob(patient.channel, "app", LARGE);
  assertEquals(patient.clock.delays, [120_000]);
  const busy = fakeUploads((server) => server.faults.push(["PUT", slow("301")]));
  const error = await assertRejects(
    () => putBlob(busy.channel, "app", LARGE),
    RegistryResponseError,
  );
  assertEquals([error.retryAfter, busy.clock.delays], [301_000, []]);
});
