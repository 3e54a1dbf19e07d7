/** Bodies that can be sent again, in chunks: what is sent after a fault. */
import { assertEquals } from "@std/assert";
import type { Body } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { failure, sample } from "./fake_registry_test.ts";
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
import { putBlob } from "./put_blob.ts";

const LARGE = sample(1_000_000);
const DIGEST = await digestOf(LARGE);

interface Chunked {
  name: string;
  faults: (server: FakeUploads) => FakeUploads["faults"];
  change?: (server: FakeUploads) => void;
  methods: string[];
}

/** In chunks of 400,000, 400,000 and 200,000. */
const CHUNKED: Chunked[] = [
  {
    name: "a PATCH that died before a byte",
    faults: () => [["PATCH", before()]],
    methods: ["PATCH", "GET", "DELETE", "POST", "PATCH 400000", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "a PATCH that died midway",
    faults: (server) => [["PATCH", midway(server, 131_072)]],
    methods: ["PATCH 131072", "GET", "PATCH 400000", "PATCH 400000", "PUT 68928"],
  },
  {
    name: "a PATCH that died after it landed",
    faults: () => [["PATCH", after()]],
    methods: ["PATCH 400000", "GET", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "the second PATCH died after it landed",
    faults: () => [["PATCH", (_, serve) => serve()], ["PATCH", after()]],
    methods: ["PATCH 400000", "PATCH 400000", "GET", "PUT 200000"],
  },
  {
    name: "the PUT died before a byte",
    faults: () => [["PUT", before()]],
    methods: ["PATCH 400000", "PATCH 400000", "PUT", "HEAD", "GET", "PUT 200000"],
  },
  {
    name: "the PUT died after it landed",
    faults: () => [["PUT", after()]],
    methods: ["PATCH 400000", "PATCH 400000", "PUT 200000", "HEAD"],
  },
  {
    name: "416: the registry lost bytes, and says where it is",
    faults: (server) => [["PATCH", (_, serve) => serve()], ["PATCH", async (seen) => {
      await seen.read();
      const id = [...server.sessions.keys()][0]!;
      server.sessions.set(id, LARGE.slice(0, 150_000));
      return failure(416, "BLOB_UPLOAD_INVALID");
    }]],
    methods: ["PATCH 400000", "PATCH 400000", "GET", "PATCH 400000", "PATCH 400000", "PUT 50000"],
  },
  {
    name: "416 and the status is 404 (ECR): it starts again",
    faults: () => [
      ["PATCH", answer(() => failure(416, "BLOB_UPLOAD_INVALID"))],
      ["GET", answer(() => failure(404, "BLOB_UPLOAD_UNKNOWN"))],
    ],
    methods: ["PATCH", "GET", "DELETE", "POST", "PATCH 400000", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "416 that is not about offsets: smaller chunks",
    faults: () => [["PATCH", answer(() => failure(416, "SIZE_INVALID"))]],
    methods: [
      "PATCH",
      "GET",
      "PATCH 200000",
      "PATCH 200000",
      "PATCH 200000",
      "PATCH 200000",
      "PUT 200000",
    ],
  },
  {
    name: "404 to the second chunk, once (a registry that restarts): in chunks again",
    faults: () => [
      ["PATCH", (_, serve) => serve()],
      ["PATCH", answer(() => failure(404, "BLOB_UPLOAD_UNKNOWN"))],
    ],
    methods: [
      "PATCH 400000",
      "PATCH",
      "DELETE",
      "POST",
      "PATCH 400000",
      "PATCH 400000",
      "PUT 200000",
    ],
  },
  {
    name: "413 to a chunk: smaller ones, in the same upload",
    faults: () => [
      ["PATCH", (_, serve) => serve()],
      ["PATCH", answer(() => new Response(null, { status: 413 }))],
    ],
    methods: ["PATCH 400000", "PATCH", "PATCH 200000", "PATCH 200000", "PUT 200000"],
  },
  {
    name: "413 to the last chunk",
    faults: () => [["PUT", answer(() => new Response(null, { status: 413 }))]],
    methods: ["PATCH 400000", "PATCH 400000", "PUT", "PUT 200000"],
  },
  {
    name: "a stuck Range, and 201 to PATCH (ECR)",
    faults: () => [["PATCH", async (_, serve) => {
      const { headers } = await serve();
      return new Response(null, { status: 201, headers });
    }]],
    change: (server) => server.range = () => "0-399999",
    methods: ["PATCH 400000", "PATCH 400000", "PUT 200000"],
  },
  {
    name: "a remainder is filled up to the registry's smallest chunk",
    faults: (server) => [["PATCH", midway(server, 300_000)]],
    change: (server) => server.headers = { "oci-chunk-min-length": "400000" },
    methods: ["PATCH 327680", "GET", "PATCH 400000", "PUT 272320"],
  },
];

for (const { name, faults, change, methods } of CHUNKED) {
  for (const [kind, body] of Object.entries({ bytes: LARGE, "open()": reopenable(LARGE).body })) {
    Deno.test(`putBlob, chunks of ${kind}: ${name}`, async () => {
      const registry = fakeUploads((server) => {
        server.faults.push(...faults(server));
        change?.(server);
      });
      const put = await putBlob(registry.channel, "app", body, { chunkSize: 400_000 });
      assertEquals([put.digest, put.size], [DIGEST, LARGE.length]);
      assertEquals(registry.server.blobs.get(DIGEST), LARGE);
      const all = registry.methods();
      const asked = all.slice(all.findIndex((method) => method.startsWith("PATCH")));
      // Where the digest is known it is looked for after every fault.
      const known = kind === "bytes";
      assertEquals(
        known ? asked.filter(notHead) : asked,
        known ? methods.filter(notHead) : methods,
      );
      registry.assertClosed();
    });
  }
}

function notHead(method: string): boolean {
  return method !== "HEAD";
}

interface Capped {
  name: string;
  body: (bytes: Bytes) => Body;
  options?: { digest?: string; size?: number; chunkSize?: number };
  headers: Record<string, string>;
  methods: string[];
}

const BODIES: Record<string, (bytes: Bytes) => Body> = {
  bytes: (bytes) => bytes,
  "open()": (bytes) => reopenable(bytes).body,
  stream: (bytes) => pieces(bytes),
};
const THREE = ["PATCH 300000", "PATCH 300000", "PATCH 300000", "PUT 100000"];
const CAP = { "oci-chunk-max-length": "300000" };

const CAPPED: Capped[] = [
  ...Object.entries(BODIES).flatMap(([kind, body]) => [
    { name: `${kind}, without more`, body, headers: CAP, methods: THREE },
    {
      name: `${kind}, a larger chunkSize`,
      body,
      options: { chunkSize: 400_000 },
      headers: CAP,
      methods: THREE,
    },
    {
      name: `${kind}, a smallest chunk above it`,
      body,
      headers: { ...CAP, "oci-chunk-min-length": "400000" },
      methods: THREE,
    },
  ]),
  {
    name: "a smaller chunkSize",
    body: BODIES.bytes!,
    options: { chunkSize: 200_000 },
    headers: CAP,
    methods: ["PATCH 200000", "PATCH 200000", "PATCH 200000", "PATCH 200000", "PUT 200000"],
  },
  {
    name: "a stream whose size and digest are known",
    body: BODIES.stream!,
    options: { size: LARGE.length, digest: DIGEST },
    headers: CAP,
    methods: THREE,
  },
  {
    name: "a blob that is just as large",
    body: BODIES["open()"]!,
    options: { digest: DIGEST },
    headers: { "oci-chunk-max-length": String(LARGE.length) },
    methods: ["PUT 1000000"],
  },
  {
    name: "none that can be read",
    body: BODIES["open()"]!,
    options: { digest: DIGEST },
    headers: { "oci-chunk-max-length": "many" },
    methods: ["PUT 1000000"],
  },
];
for (const { name, body, options = {}, headers, methods } of CAPPED) {
  Deno.test(`putBlob, OCI-Chunk-Max-Length: ${name}: no request is larger, nothing is sent twice`, async () => {
    const registry = fakeUploads((server) => server.headers = headers);
    const put = await putBlob(registry.channel, "app", body(LARGE), options);
    assertEquals([put.digest, registry.server.blobs.get(DIGEST)], [DIGEST, LARGE]);
    assertEquals(registry.methods().filter((line) => /^P[AU]/.test(line)), methods);
    registry.assertClosed();
  });
}

Deno.test("putBlob, OCI-Chunk-Max-Length: a single POST that is too large is an upload in chunks", async () => {
  const small = sample(50_000);
  const registry = fakeUploads((server) => {
    server.headers = { "oci-chunk-max-length": "20000" };
    server.faults.push(["POST", answer(() => new Response(null, { status: 413 }))]);
  });
  await putBlob(registry.channel, "app", small);
  assertEquals(registry.methods(), [
    ...["HEAD", "POST", "POST", "PATCH 20000", "PATCH 20000", "PUT 10000"],
  ]);
  assertEquals(registry.channel.capabilities.singlePost, undefined);
});
