/** Clients that are slow, that go away, and that come at once: over sockets, on both listeners. */
import { assert, assertEquals } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { createTestRegistry, type TestRegistryOptions } from "../../testing/test_registry.ts";
import { MemoryBackend } from "../backends/memory_backend.ts";
import { digest, TestClock, until, Wire } from "../fixture_test.ts";
import { listenDeno } from "./listen_deno.ts";
import { listenNode } from "./listen_node.ts";

interface World {
  wire: Wire;
  port: number;
  /** Lets time pass, in milliseconds. */
  pass(time: number): Promise<void>;
  /** How many uploads the backend keeps. */
  kept(): number;
}

/** Counts what is begun and what has come to an end. */
class CountingBackend extends MemoryBackend {
  kept = 0;

  override async createUpload(...args: Parameters<MemoryBackend["createUpload"]>) {
    const upload = await super.createUpload(...args);
    const { cancel, finish } = upload;
    this.kept++;
    upload.cancel = () => (this.kept--, cancel.call(upload));
    upload.finish = (digest) => (this.kept--, finish.call(upload, digest));
    return upload;
  }
}

function slowTest(
  title: string,
  run: (world: World) => Promise<void>,
  options: TestRegistryOptions = {},
): void {
  for (const [name, listen] of Object.entries({ listenDeno, listenNode })) {
    Deno.test(`${name}: ${title}`, async () => {
      const { now, later, pass } = new TestClock();
      const backend = new CountingBackend();
      const registry = createTestRegistry({
        ...{ backend, now, later },
        ...options,
        uploadExpiry: 60_000,
        stallTimeout: 20_000,
      });
      const listener = await listen((request) => registry.fetch(request), "127.0.0.1", 0);
      const client = Deno.createHttpClient({});
      const origin = `http://127.0.0.1:${listener.port}`;
      try {
        await run({
          wire: new Wire(
            registry,
            origin,
            (url, init) => fetch(url, { ...init, client } as RequestInit),
          ),
          port: listener.port,
          pass,
          kept: () => backend.kept,
        });
      } finally {
        client.close();
        listener.abort();
        await listener.finished;
      }
    });
  }
}

/** A client that sends what a test gives it. */
async function dial(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encodeText(text));
  return connection;
}

function patch(location: string, length: number): string {
  return `PATCH ${location} HTTP/1.1\r\nhost: r\r\ncontent-length: ${length}\r\n\r\n`;
}

/** The next answer; then the connection is given up. */
async function readAnswer(connection: Deno.TcpConn): Promise<string> {
  const bytes = new Uint8Array(10_000);
  let size = 0;
  while (!new TextDecoder().decode(bytes.subarray(0, size)).endsWith("]}")) {
    const read = await connection.read(bytes.subarray(size));
    if (read === null) break;
    size += read;
  }
  connection.close();
  return new TextDecoder().decode(bytes.subarray(0, size));
}

/** How many bytes of the newest request's body have come. */
function seenBytes(wire: Wire): number | undefined {
  return wire.registry.requests.at(-1)?.bytesIn;
}

async function rangeOf(wire: Wire, location: string): Promise<string | null> {
  return (await wire.send("GET", location)).headers.get("range");
}

slowTest("a client that sends a byte at a time, and others beside it", async (world) => {
  const { wire, port, pass } = world;
  const location = await wire.startUpload("app");
  const slow = await dial(port, patch(location, 5));
  for (const [sent, character] of [..."hello"].entries()) {
    await slow.write(encodeText(character));
    if (sent < 4) {
      await until(async () => await rangeOf(wire, location) === `0-${sent}`);
      // Together it is longer than an upload may lie about: this one is at work.
      await pass(19_999);
    }
    await wire.pushBlob("app", `others go on ${sent}`);
  }
  const answer = new Uint8Array(1_000);
  const read = await slow.read(answer);
  assert(new TextDecoder().decode(answer.subarray(0, read!)).startsWith("HTTP/1.1 202"));
  slow.close();
  const closed = await wire.send("PUT", `${location}?digest=${await digest("hello")}`);
  assertEquals(closed.status, 201);
});

slowTest("a hundred clients that stall keep no other waiting", async ({ wire, port }) => {
  const stalled: Deno.TcpConn[] = [];
  for (let count = 0; count < 100; count++) {
    const requests = [
      "GET /v2/",
      "PUT /v2/app/manifests/v1 HTTP/1.1\r\nhost: r\r\ncontent-length: 10\r\n\r\n{",
      patch(await wire.startUpload("app"), 1_000),
      "POST /token HTTP/1.1\r\nhost: r\r\ncontent-length: 10\r\n\r\n",
    ];
    stalled.push(await dial(port, requests[count % requests.length]!));
  }
  const { text } = await wire.manifest("app");
  assertEquals((await wire.putManifest("app", "v1", text)).status, 201);
  assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).text, text);
  for (const connection of stalled) connection.close();
});

slowTest("an upload whose client is gone is cleaned up after its time", async (world) => {
  const { wire, port, pass, kept } = world;
  const location = await wire.startUpload("app");
  const gone = await dial(port, `${patch(location, 1_000)}hello`);
  await until(async () => await rangeOf(wire, location) === "0-4");
  gone.close();
  const seen = () => wire.registry.requests.find(({ method }) => method === "PATCH")!;
  await until(() => seen().status !== 0);
  assertEquals([seen().status, kept()], [400, 1]);
  await pass(59_999);
  assertEquals(await rangeOf(wire, location), "0-4", "it can be gone on with");
  await pass(60_000);
  assertEquals(kept(), 1);
  await pass(1);
  assertEquals(kept(), 0, "its bytes are gone, without a request");
  const late = await wire.send("PATCH", location, { body: " world" });
  assertEquals([late.status, late.code], [404, "BLOB_UPLOAD_UNKNOWN"]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).status, 404, "nothing was stored");
});

slowTest("end-5 PATCH whose client stops: 408, and it can be gone on with", async (world) => {
  const { wire, port, pass, kept } = world;
  const location = await wire.startUpload("app");
  const stopped = await dial(port, `${patch(location, 1_000)}hello`);
  await until(async () => await rangeOf(wire, location) === "0-4");
  await pass(20_000);
  const text = await readAnswer(stopped);
  assert(text.startsWith("HTTP/1.1 408 ") && /^connection: close/im.test(text), text);
  assert(/^location: \/v2\/app\/blobs\/uploads\//im.test(text) && /^range: 0-4/im.test(text), text);
  assert(text.includes('"BLOB_UPLOAD_INVALID"'), text);
  assertEquals((await wire.send("PATCH", location, { body: " world" })).status, 202);
  const closed = await wire.send("PUT", `${location}?digest=${await digest("hello world")}`);
  assertEquals([closed.status, kept()], [201, 0]);
});

slowTest("a client that waits for 100 Continue before it sends", async ({ wire, port }) => {
  const hello = await digest("hello");
  const request = (path: string) =>
    `POST ${path} HTTP/1.1\r\nhost: r\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n`;
  const connection = await dial(port, request(`/v2/app/blobs/uploads/?digest=${hello}`));
  const bytes = new Uint8Array(1_000);
  const first = new TextDecoder().decode(bytes.subarray(0, (await connection.read(bytes))!));
  assert(first.startsWith("HTTP/1.1 100 "), first);
  await connection.write(encodeText("hello"));
  const second = new TextDecoder().decode(bytes.subarray(0, (await connection.read(bytes))!));
  assert(second.startsWith("HTTP/1.1 201 "), second);
  connection.close();
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).text, "hello");
});

slowTest("a client that stops in other bodies: 408, and nothing is stored", async (world) => {
  const { wire, port, pass, kept } = world;
  const blob = `/v2/app/blobs/uploads/?digest=${await digest("hello")}`;
  const rest = "HTTP/1.1\r\nhost: r\r\ncontent-length: 5\r\n\r\nhell";
  const cases = [
    [`PUT /v2/app/manifests/v1 ${rest}`, "MANIFEST_INVALID"],
    [`POST ${blob} ${rest}`, "BLOB_UPLOAD_INVALID"],
  ] as const;
  for (const [request, code] of cases) {
    const stopped = await dial(port, request);
    await until(() => seenBytes(wire) === 4);
    wire.registry.requests.length = 0;
    await pass(20_000);
    const text = await readAnswer(stopped);
    assert(text.startsWith("HTTP/1.1 408 ") && text.includes(code), text);
  }
  assertEquals(kept(), 0);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).status, 404);
});

slowTest("a client that stops in the form of a login: 408", async ({ wire, port, pass }) => {
  const rest = "HTTP/1.1\r\nhost: r\r\ncontent-length: 9\r\n\r\ngrant";
  const stopped = await dial(port, `POST /token ${rest}`);
  await until(() => seenBytes(wire) === 5);
  await pass(20_000);
  const text = await readAnswer(stopped);
  assert(text.startsWith("HTTP/1.1 408 ") && /^connection: close/im.test(text), text);
  assertEquals(wire.registry.requests.at(-1)?.status, 408);
}, { auth: { bearer: { users: { me: "a password" } } } });

slowTest("a client that stops in the form of an exchange: 408", async ({ wire, port, pass }) => {
  const rest = "HTTP/1.1\r\nhost: r\r\ncontent-length: 9\r\n\r\ngrant";
  const stopped = await dial(port, `POST /oauth2/exchange ${rest}`);
  await until(() => wire.registry.requests.length === 1);
  await pass(20_000);
  const text = await readAnswer(stopped);
  assert(text.startsWith("HTTP/1.1 408 "), text);
}, { preset: "acr" });

slowTest("a client that stops in a body that a quirk looks at first: 408", async (world) => {
  const { wire, port, pass } = world;
  for (const sent of ["", "2\r\nhe\r\n"]) {
    const location = await wire.startUpload("app");
    const path = `${location}?digest=${await digest("hello")}`;
    const rest = `HTTP/1.1\r\nhost: r\r\ntransfer-encoding: chunked\r\n\r\n${sent}`;
    const stopped = await dial(port, `PUT ${path} ${rest}`);
    await until(() => wire.registry.requests.at(-1)?.method === "PUT");
    if (sent !== "") await until(() => seenBytes(wire) === 2);
    await pass(20_000);
    const text = await readAnswer(stopped);
    assert(text.startsWith("HTTP/1.1 408 ") && text.includes("BLOB_UPLOAD_INVALID"), text);
    assert(text.includes(location), "it can be gone on with");
  }
}, { quirks: { noEmptyClose: true } });

slowTest("a blob that two clients push at once, byte by byte in turn", async ({ wire, port }) => {
  const locations = [await wire.startUpload("app"), await wire.startUpload("app")];
  const connections = await Promise.all(
    locations.map((location) => dial(port, patch(location, 5))),
  );
  for (const character of "hello") {
    for (const connection of connections) await connection.write(encodeText(character));
  }
  for (const [index, location] of locations.entries()) {
    await until(async () => await rangeOf(wire, location) === "0-4");
    const answer = new Uint8Array(1_000);
    await connections[index]!.read(answer);
    connections[index]!.close();
  }
  const hello = await digest("hello");
  const closes = await Promise.all(
    locations.map((location) => wire.send("PUT", `${location}?digest=${hello}`)),
  );
  assertEquals(closes.map(({ status }) => status), [201, 201]);
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).text, "hello");
});

slowTest("a tag that fifty clients write at once is one of theirs, whole", async ({ wire }) => {
  const manifests = await Promise.all(
    Array.from(
      { length: 50 },
      (_, index) => wire.manifest("app", { annotations: { n: `${index}` } }),
    ),
  );
  const answers = await Promise.all(
    manifests.map(({ text }) => wire.putManifest("app", "latest", text)),
  );
  assertEquals(new Set(answers.map(({ status }) => status)), new Set([201]));
  const { text, headers } = await wire.send("GET", "/v2/app/manifests/latest");
  const winner = manifests.find((each) => each.digest === headers.get("docker-content-digest"));
  assertEquals(text, winner?.text);
  for (const each of manifests) {
    assertEquals((await wire.send("HEAD", `/v2/app/manifests/${each.digest}`)).status, 200);
  }
});
