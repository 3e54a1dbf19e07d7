import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import type { RegistryBackend } from "./backends/backend.ts";
import { MemoryBackend } from "./backends/memory_backend.ts";
import { EMPTY_DIGEST, memoryWire, specTest } from "./fixture_test.ts";
import type { RegistryOptions } from "./options.ts";
import { createRegistry } from "./registry.ts";

specTest("requests: method, path, headers, status and bytes of each, in order", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  await wire.send("GET", `/v2/app/blobs/${hello}`);
  await wire.send("HEAD", `/v2/app/blobs/${hello}`);
  await wire.send("GET", `/v2/app/blobs/${hello}`, { headers: { range: "bytes=1-2" } });
  await wire.send("GET", "/v2/app/tags/list?n=3");
  await wire.send("GET", "/nowhere");
  const seen = wire.registry.requests.map(({ method, path, status, bytesIn, bytesOut }) =>
    `${method} ${path} ${status} ${bytesIn} ${bytesOut}`
  );
  assertEquals(seen.slice(0, -1), [
    `POST /v2/app/blobs/uploads/?digest=${hello} 201 5 0`,
    `GET /v2/app/blobs/${hello} 200 0 5`,
    `HEAD /v2/app/blobs/${hello} 200 0 0`,
    `GET /v2/app/blobs/${hello} 206 0 2`,
    "GET /v2/app/tags/list?n=3 200 0 24",
  ]);
  assertEquals(seen.at(-1)?.startsWith("GET /nowhere 404 0 "), true);
  assertEquals(wire.registry.requests[3]?.headers["range"], "bytes=1-2");
});

specTest("requests: secrets are marked as present", async (wire) => {
  await wire.send("GET", "/v2/", {
    headers: { authorization: "Bearer hush", "proxy-authorization": "hush", "x-other": "seen" },
  });
  const { headers } = wire.registry.requests[0]!;
  assertEquals([headers["authorization"], headers["proxy-authorization"]], ["present", "present"]);
  assertEquals([headers["x-other"], headers["cookie"]], ["seen", undefined]);
  assert(!JSON.stringify(wire.registry.requests).includes("hush"));
}, { memoryOnly: true });

Deno.test("requests: a body that is read in part counts in part", async () => {
  const wire = memoryWire();
  const large = await wire.pushBlob("app", new Uint8Array(2_000_000));
  const response = await wire.fetch(`${wire.origin}/v2/app/blobs/${large}`, {});
  const seen = wire.registry.requests.at(-1)!;
  assertEquals([seen.status, seen.bytesOut], [200, 0]);
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  assertEquals(seen.bytesOut, value!.byteLength);
});

Deno.test("requests: only the newest are kept, and the list may be emptied", async () => {
  const { registry } = memoryWire({ requestsKept: 3 });
  for (const path of ["1", "2", "3", "4", "5"]) await registry.fetch(`http://r.test/${path}`);
  assertEquals(registry.requests.map(({ path }) => path), ["/3", "/4", "/5"]);
  registry.requests.length = 0;
  await registry.fetch("http://r.test/6");
  assertEquals(registry.requests.map(({ path }) => path), ["/6"]);
});

Deno.test("fetch: takes what the platform's own takes, and does not need this", async () => {
  const { fetch } = createRegistry();
  assertEquals((await fetch("http://r.test/v2/")).status, 200);
  assertEquals((await fetch(new URL("http://r.test/v2/"), { method: "HEAD" })).status, 200);
  assertEquals((await fetch(new Request("http://r.test/v2/"), { method: "PUT" })).status, 405);
});

Deno.test("createRegistry: two registries share nothing", async () => {
  const one = memoryWire();
  const two = memoryWire();
  await one.pushBlob("app", "hello");
  assertEquals((await two.send("GET", "/v2/_catalog")).json, { repositories: [] });
});

for (
  const options of [
    { manifestLimit: 0 },
    { tagPageSize: 0 },
    { referrersPageSize: 1.5 },
    { chunkMinLength: -1 },
    { uploadExpiry: NaN },
    { stallTimeout: 0 },
    { requestsKept: Infinity },
  ] as RegistryOptions[]
) {
  Deno.test(`createRegistry: ${Object.entries(options)[0]} is an InvalidOptionError`, () => {
    const [[name, value]] = Object.entries(options) as [[string, number]];
    const error = assertThrows(() => createRegistry(options), InvalidOptionError);
    assert(error.message.includes(`'${name}' must be an integer`), error.message);
    assert(error.message.endsWith(`current value is ${value}`), error.message);
  });
}

Deno.test("createRegistry: the caller's options may be frozen", () => {
  createRegistry(Object.freeze({ deletes: false, auth: Object.freeze({ basic: {} }) }));
});

Deno.test("a failure of the registry itself: 500 without its reason, given to onError", async () => {
  const failure = new Error("the disk is on fire");
  const errors: unknown[] = [];
  const wire = memoryWire({
    auth: { bearer: {} },
    now: () => {
      throw failure;
    },
    onError: (error) => errors.push(error),
  });
  const { status, code, text } = await wire.send("GET", "/token");
  assertEquals([status, code, text.includes("fire")], [500, "UNKNOWN", false]);
  assertStrictEquals(errors[0], failure);
});

Deno.test("an onError that throws ends neither the answer nor, in the background, the process", async () => {
  let told = 0;
  const backend: RegistryBackend = new MemoryBackend();
  backend.sweepUploads = () => Promise.reject(new Error("the disk is on fire"));
  const onError = () => {
    told++;
    throw new Error("the log is on fire");
  };
  let time = 0;
  const due: (() => void)[] = [];
  const later = (run: () => void) => void due.push(run);
  const wire = memoryWire({ backend, onError, now: () => time, later });
  await wire.startUpload("app");
  time = 1e12;
  for (const run of due.splice(0)) run();
  backend.createUpload = () => Promise.reject(new Error("the disk is on fire"));
  assertEquals((await wire.send("POST", "/v2/app/blobs/uploads/")).status, 500);
  await new Promise((resolve) => setTimeout(resolve)); // what nobody caught would have ended it
  assertEquals(told, 2);
});

Deno.test("a disk that fails in the middle of a body: 500, given to onError, and not the client's fault", async () => {
  const failure = new Error("the disk is full");
  const errors: unknown[] = [];
  const backend = new MemoryBackend();
  const { createUpload } = backend;
  backend.createUpload = async (repository) => {
    const upload = await createUpload.call(backend, repository);
    upload.append = () => Promise.reject(failure);
    return upload;
  };
  const wire = memoryWire({ backend, onError: (error) => errors.push(error) });
  const location = await wire.startUpload("app");
  const { status, code, text } = await wire.send("PATCH", location, { body: "hello" });
  assertEquals([status, code, text.includes("full")], [500, "UNKNOWN", false]);
  assertEquals(errors, [failure]);
});

Deno.test("what a client got stays as it is, and what it changes is its own", async () => {
  const wire = memoryWire();
  const hello = await wire.pushBlob("app", "hello");
  const manifest = await wire.pushManifest("app", "v1");
  for (const path of [`/v2/app/blobs/${hello}`, `/v2/app/manifests/${manifest}`]) {
    const first = await wire.send("GET", path);
    const before = first.text;
    first.bytes.fill(0);
    assertEquals((await wire.send("GET", path)).text, before);
  }
  const reader = (await wire.fetch(`${wire.origin}/v2/app/blobs/${hello}`, {})).body!.getReader();
  (await reader.read()).value!.fill(0);
  await reader.cancel();
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).text, "hello");
});

Deno.test("what a client sent may change afterwards", async () => {
  const wire = memoryWire();
  const bytes = new TextEncoder().encode("hello");
  const hello = await wire.pushBlob("app", bytes);
  bytes.fill(0);
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).text, "hello");
});

/** Requests that mean no good: each is answered as the specification says, and never with 500. */
const NUL = "%00";
const MANY = "a/".repeat(10_000);
specTest("bad input: 400, 404 or 405 with a code, and nothing stored", async (wire) => {
  const cases: [method: string, path: string, status: number, code: string][] = [
    ["GET", `/v2/${MANY}b/tags/list`, 400, "NAME_INVALID"],
    ["PUT", `/v2/${MANY}b/manifests/v1`, 400, "NAME_INVALID"],
    ["POST", `/v2/${MANY}b/blobs/uploads/`, 400, "NAME_INVALID"],
    ["POST", "/v2/a%2fb/blobs/uploads/", 400, "NAME_INVALID"],
    ["POST", `/v2/a${NUL}b/blobs/uploads/`, 400, "NAME_INVALID"],
    ["POST", "/v2/%2e%2e%2fetc/blobs/uploads/", 400, "NAME_INVALID"],
    ["POST", "/v2/a/../../etc/blobs/uploads/", 404, "UNSUPPORTED"],
    ["POST", "/v2/ABC/blobs/uploads/", 400, "NAME_INVALID"],
    ["POST", "/v2/a:b/blobs/uploads/", 400, "NAME_INVALID"],
    ["POST", "/v2/a@b/blobs/uploads/", 400, "NAME_INVALID"],
    ["GET", `/v2/app/blobs/sha256:${NUL}`, 400, "DIGEST_INVALID"],
    ["GET", "/v2/app/blobs/..%2f..%2fetc", 400, "DIGEST_INVALID"],
    ["GET", `/v2/app/blobs/sha256:${"g".repeat(64)}`, 400, "DIGEST_INVALID"],
    ["GET", `/v2/app/blobs/sha256:${"A".repeat(64)}`, 400, "DIGEST_INVALID"],
    ["GET", `/v2/app/blobs/sha512:${"a".repeat(64)}`, 400, "DIGEST_INVALID"],
    ["GET", `/v2/app/blobs/${EMPTY_DIGEST}%20`, 400, "DIGEST_INVALID"],
    ["GET", `/v2/app/referrers/${NUL}`, 400, "DIGEST_INVALID"],
    ["GET", `/v2/app/manifests/${NUL}`, 404, "MANIFEST_UNKNOWN"],
    ["GET", "/v2/app/manifests/..%2f..", 404, "MANIFEST_UNKNOWN"],
    ["GET", `/v2/app/manifests/${"a".repeat(5_000)}`, 404, "MANIFEST_UNKNOWN"],
    ["DELETE", "/v2/app/manifests/%ff", 404, "MANIFEST_UNKNOWN"],
    ["GET", "/v2/app/blobs/uploads/..%2f..", 404, "BLOB_UPLOAD_UNKNOWN"],
    ["GET", `/v2/app/blobs/uploads/${NUL}`, 404, "BLOB_UPLOAD_UNKNOWN"],
    ["GET", "/v2/app/blobs/uploads/__proto__", 404, "BLOB_UPLOAD_UNKNOWN"],
    ["GET", "/v2/constructor/tags/list", 404, "NAME_UNKNOWN"],
    ["GET", "/v2/app/manifests/constructor", 404, "NAME_UNKNOWN"],
    ["GET", `/${MANY}`, 404, "UNSUPPORTED"],
    ["GET", "/v2/%", 404, "UNSUPPORTED"],
    ["GET", "//v2//", 404, "UNSUPPORTED"],
    ["POST", `/v2/app/blobs/uploads/?digest=${NUL}`, 400, "DIGEST_INVALID"],
    ["POST", `/v2/app/blobs/uploads/?digest-algorithm=md5`, 400, "DIGEST_INVALID"],
    ["PUT", `/v2/app/manifests/${EMPTY_DIGEST}?tag=${NUL}`, 400, "MANIFEST_INVALID"],
  ];
  for (const [method, path, status, code] of cases) {
    const got = await wire.send(method, path);
    assertEquals([got.status, got.code], [status, code], `${method} ${path.slice(0, 60)}`);
  }
  assertEquals((await wire.send("GET", "/v2/_catalog")).json, { repositories: [] });
});

specTest("bad input: 405 for methods that are none of HTTP's", async (wire) => {
  for (const method of ["FOO", "constructor"]) { // node:http refuses them itself
    const got = await wire.send(method, "/v2/app/tags/list");
    assertEquals([got.status, got.code], [405, "UNSUPPORTED"], method);
  }
}, { memoryOnly: true });

specTest("bad input: headers that are no numbers, ranges or types", async (wire) => {
  await wire.pushBlob("app", "hello");
  const location = await wire.startUpload("app");
  const cases: [headers: Record<string, string>, status: number][] = [
    [{ "content-range": "x".repeat(5_000) }, 416],
    [{ "content-range": `0-${"9".repeat(400)}` }, 416],
    [{ "content-range": "0-9007199254740993" }, 416],
    [{ "content-length": "9".repeat(400) }, 400],
    [{ "content-length": "-5" }, 400],
    [{ "content-length": "5.0" }, 400],
    [{ "content-length": "0x5" }, 400],
  ];
  for (const [headers, status] of cases) {
    const got = await wire.send("PATCH", location, { headers, body: "hello" });
    assertEquals(got.status, status, JSON.stringify(headers).slice(0, 80));
    assertEquals((await wire.send("GET", location)).headers.get("range"), "0-0");
  }
}, { memoryOnly: true });

Deno.test("an endless body to a path that takes none is not read", async () => {
  const wire = memoryWire();
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  assertEquals((await wire.send("PUT", "/v2/app/tags/list", { body })).status, 405);
  assertEquals(cancelled, true);
});
