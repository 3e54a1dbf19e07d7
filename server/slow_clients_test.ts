/** Clients that are slow, that go away, and that come at once: over sockets, on both listeners. */
import { assert, assertEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { digest, Wire } from "./fixture_test.ts";
import { listenDeno } from "./listen_deno.ts";
import { listenNode } from "./listen_node.ts";
import { MemoryBackend } from "./memory_backend.ts";
import { createRegistry } from "./registry.ts";

interface World {
  wire: Wire;
  port: number;
  /** Lets time pass, in milliseconds. */
  pass(time: number): void;
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

function slowTest(title: string, run: (world: World) => Promise<void>): void {
  for (const [name, listen] of Object.entries({ listenDeno, listenNode })) {
    Deno.test(`${name}: ${title}`, async () => {
      let now = 1_000_000;
      const backend = new CountingBackend();
      const registry = createRegistry({ backend, uploadExpiry: 60_000, now: () => now });
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
          pass: (time) => void (now += time),
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

/** A client that sends what it is told, when it is told. */
async function dial(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encodeText(text));
  return connection;
}

function patch(location: string, length: number): string {
  return `PATCH ${location} HTTP/1.1\r\nhost: r\r\ncontent-length: ${length}\r\n\r\n`;
}

async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  while (!await happened()) await new Promise((resolve) => setTimeout(resolve, 2));
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
    if (sent < 4) await until(async () => await rangeOf(wire, location) === `0-${sent}`);
    // Longer than uploads may lie about: this one is at work.
    pass(100_000);
    await wire.pushBlob("app", `others go on ${sent}`);
  }
  const answer = new Uint8Array(1_000);
  const read = await slow.read(answer);
  assert(new TextDecoder().decode(answer.subarray(0, read!)).startsWith("HTTP/1.1 202"));
  slow.close();
  const closed = await wire.send("PUT", `${location}?digest=${await digest("hello")}`);
  assertEquals(closed.status, 201);
});

slowTest("a hundred clients that stall keep nobody waiting", async ({ wire, port }) => {
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
  pass(59_999);
  assertEquals(await rangeOf(wire, location), "0-4", "it can be gone on with");
  pass(60_001);
  await wire.startUpload("other");
  assertEquals(kept(), 1, "its bytes are gone, whoever asks next");
  const late = await wire.send("PATCH", location, { body: " world" });
  assertEquals([late.status, late.code], [404, "BLOB_UPLOAD_UNKNOWN"]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).status, 404, "nothing was stored");
});

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
