/** Bodies that can be sent again, in chunks: what is sent after a fault. */
import { assertEquals } from "@std/assert";
import { digestOf } from "../content/digest.ts";
import { failure, sample } from "./fake_registry_test.ts";
import {
  after,
  answer,
  before,
  type FakeUploads,
  fakeUploads,
  midway,
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
