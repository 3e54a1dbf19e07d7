import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import { digestOf } from "../../content/digest_of.ts";
import { InvalidOptionError } from "../../errors.ts";
import { digest, EMPTY_DIGEST, Wire } from "../fixture_test.ts";
import { createRegistry, type Registry } from "../registry.ts";
import { listenDeno } from "./listen_deno.ts";
import type { Listener } from "./listener.ts";
import { listenNode } from "./listen_node.ts";
import { serve, type ServedRegistry } from "./serve.ts";

interface Running {
  wire: Wire;
  listener: Listener;
  registry: Registry;
}

/** Every listener runs here: Deno has `node:http` too. */
const HELLO = await digest("hello");

const LISTENERS = { listenDeno, listenNode };

function listenerTest(title: string, run: (running: Running) => Promise<void>): void {
  for (const [name, listen] of Object.entries(LISTENERS)) {
    Deno.test(`${name}: ${title}`, async () => {
      const registry = createRegistry();
      const listener = await listen((request) => registry.fetch(request), "127.0.0.1", 0);
      const client = Deno.createHttpClient({});
      const origin = `http://127.0.0.1:${listener.port}`;
      const wire = new Wire(
        registry,
        origin,
        (url, init) => fetch(url, { ...init, client } as RequestInit),
      );
      try {
        await run({ wire, listener, registry });
      } finally {
        client.close();
        listener.abort();
        await listener.finished;
      }
    });
  }
}

/** Sends bytes as they are, and reads until the server closes or falls silent. */
async function raw(port: number, text: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (let sent = 0; sent < bytes.byteLength;) {
      sent += await connection.write(bytes.subarray(sent));
    }
    let answer = "";
    for await (const piece of connection.readable) {
      answer += new TextDecoder().decode(piece);
      if (complete(answer)) break;
    }
    return answer;
  } finally {
    try {
      connection.close();
    } catch { /* the stream closed it */ }
  }
}

function complete(answer: string): boolean {
  const [head, body] = answer.split("\r\n\r\n", 2);
  if (body === undefined) return false;
  const length = /^content-length: *([0-9]+)/im.exec(head!)?.[1];
  return length === undefined || body.length >= Number(length);
}

listenerTest("a blob goes out and comes in, in large pieces", async ({ wire }) => {
  const content = new Uint8Array(20_000_001).map((_, index) => index * 13 >>> 2) as Bytes;
  const digest = await wire.pushBlob("app", content);
  const { headers, bytes } = await wire.send("GET", `/v2/app/blobs/${digest}`);
  assertEquals(headers.get("content-length"), "20000001");
  assertEquals(await digestOf(bytes), digest);
});

listenerTest("a streamed body comes in whole", async ({ wire }) => {
  const location = await wire.startUpload("app");
  const body = new Blob(Array.from({ length: 200 }, (_, index) => `piece ${index};`)).stream();
  const { status, headers } = await wire.send("PATCH", location, { body });
  assertEquals([status, headers.get("range")], [202, "0-1889"]);
});

listenerTest("HEAD keeps Content-Length, zero included", async ({ wire, listener }) => {
  await wire.pushBlob("app", "hello");
  const empty = await wire.pushBlob("app", "");
  assertEquals(empty, EMPTY_DIGEST);
  const head = (path: string) =>
    raw(listener.port, `HEAD ${path} HTTP/1.1\r\nhost: r\r\nconnection: close\r\n\r\n`);
  const answer = await head(`/v2/app/blobs/${EMPTY_DIGEST}`);
  assert(answer.startsWith("HTTP/1.1 200"), answer);
  assert(/\r\ncontent-length: 0\r\n/i.test(answer), answer);
  const hello = await digestOf(encodeText("hello"));
  assert(/\r\ncontent-length: 5\r\n/i.test(await head(`/v2/app/blobs/${hello}`)));
  const missing = await head("/v2/app/blobs/sha256:x");
  assert(missing.startsWith("HTTP/1.1 400"), missing);
  assert(missing.endsWith("\r\n\r\n"), missing);
});

listenerTest("nothing is compressed, whatever the client takes", async ({ wire, listener }) => {
  const { text } = await wire.manifest("app", { annotations: { long: "x".repeat(50_000) } });
  await wire.putManifest("app", "v1", text);
  const answer = await raw(
    listener.port,
    "GET /v2/app/manifests/v1 HTTP/1.1\r\nhost: r\r\naccept-encoding: gzip, br\r\n\r\n",
  );
  assert(
    new RegExp(`\r\ncontent-length: ${text.length}\r\n`, "i").test(answer),
    answer.slice(0, 500),
  );
  assertEquals(answer.split("\r\n\r\n")[1], text);
});

listenerTest(
  "requests that no client library sends: 4xx, never 500",
  async ({ wire, listener }) => {
    const host = "host: r\r\n";
    const cases: [title: string, request: string, status: RegExp][] = [
      ["dots", `GET /v2/a/../../../etc/passwd HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      ["dots, escaped", `GET /v2/a/%2E%2e/b/tags/list HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      ["a dot at the end", `GET /v2/a/. HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      ["the other slash", `GET /v2/a\\tags/list HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      [
        "a path in the host",
        "GET /v2/ HTTP/1.1\r\nhost: a/v2/b/tags/list?\r\n\r\n",
        /^HTTP\/1.1 400/,
      ],
      ["a fragment in the host", "GET /v2/ HTTP/1.1\r\nhost: a/v2/b#\r\n\r\n", /^HTTP\/1.1 400/],
      ["a query in the host", "GET /v2/ HTTP/1.1\r\nhost: a?b\r\n\r\n", /^HTTP\/1.1 400/],
      ["a user in the host", "GET /v2/ HTTP/1.1\r\nhost: u:p@a\r\n\r\n", /^HTTP\/1.1 400/],
      ["a port that is none", "GET /v2/ HTTP/1.1\r\nhost: a:99999\r\n\r\n", /^HTTP\/1.1 400/],
      ["two hosts", `GET /v2/ HTTP/1.1\r\nhost: a\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      ["a user in the target", `GET http://u:p@a/v2/ HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      ["another scheme", `GET ftp://a/v2/ HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 400/],
      ["no host in the target", `GET http:///v2/ HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 4/],
      ["a NUL", `GET /v2/a\0b/tags/list HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 4|^$/],
      ["no slash", `GET v2 HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 4|^$/],
      ["two slashes", `GET //evil.test/v2/ HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 404/],
      ["a star", `OPTIONS * HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 4/],
      ["a bad host", "GET /v2/ HTTP/1.1\r\nhost: a b\r\n\r\n", /^HTTP\/1.1 4|^$/],
      [
        "letters of no encoding",
        `GET /v2/\xff\xfe/tags/list HTTP/1.1\r\n${host}\r\n`,
        /HTTP\/1.1 4/,
      ],
      ["no request", "hello\r\n\r\n", /^HTTP\/1.1 4|^$/],
      ["CONNECT", `CONNECT evil.test:443 HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 4/],
      ["TRACE", `TRACE /v2/ HTTP/1.1\r\n${host}\r\n`, /^HTTP\/1.1 4/],
    ];
    for (const [title, request, status] of cases) {
      const answer = await raw(
        listener.port,
        request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"),
      );
      assert(status.test(answer), `${title}: ${answer}`);
      assert(!answer.startsWith("HTTP/1.1 5"), title);
    }
    assertEquals((await wire.send("GET", "/v2/")).status, 200);
  },
);

listenerTest("a target in absolute form, whatever the Host says", async ({ wire, listener }) => {
  await wire.pushManifest("app", "v1");
  for (
    const [target, status, text] of [
      ["http://registry.example.com/v2/", 200, "{}"],
      ["HTTP://registry.example.com:5000/v2/", 200, "{}"],
      ["https://[::1]:5000/v2/app/tags/list", 200, '"v1"'],
      ["http://registry.example.com/v2/app/tags/list?n=1&last=a", 200, '"v1"'],
      ["http://registry.example.com", 404, "UNSUPPORTED"],
      ["http://registry.example.com/v2/public/../app/tags/list", 400, "UNSUPPORTED"],
    ] as [string, number, string][]
  ) {
    const answer = await raw(
      listener.port,
      `GET ${target} HTTP/1.1\r\nhost: other.example\r\nconnection: close\r\n\r\n`,
    );
    assertEquals(Number(answer.slice(9, 12)), status, target);
    assert(answer.includes(text), `${target}: ${answer}`);
  }
});

Deno.test("Upgrade: h2c, as Java's HttpClient sends it with every first request: it is not taken", async () => {
  const server = await serve(createRegistry());
  const upgrade = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n" +
    "http2-settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n";
  try {
    for (
      const [method, path, more, status] of [
        ["GET", "/v2/", "", 200],
        ["GET", "/v2/", "content-length: 0\r\n", 200],
        ["HEAD", "/v2/", "content-length: 0\r\n", 200],
        ["POST", "/v2/a/blobs/uploads/", "content-length: 0\r\n", 202],
        ["POST", `/v2/a/blobs/uploads/?digest=${HELLO}`, "content-length: 5\r\n\r\nhello", 201],
        ["GET", `/v2/a/blobs/${HELLO}`, "", 200],
      ] as [string, string, string, number][]
    ) {
      const end = more.includes("\r\n\r\n") ? "" : "\r\n";
      const request = `${method} ${path} HTTP/1.1\r\nhost: r\r\n${upgrade}${more}${end}`;
      const connection = await Deno.connect({ port: server.port, hostname: "127.0.0.1" });
      await connection.write(encodeText(request));
      const answer = new Uint8Array(12);
      await connection.read(answer);
      connection.close();
      assertEquals(new TextDecoder().decode(answer), `HTTP/1.1 ${status}`, `${method} ${path}`);
    }
  } finally {
    await server.close();
  }
});

listenerTest("a chunk whose connection breaks: what came stays", async ({ wire, listener }) => {
  const location = await wire.startUpload("app");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await connection.write(
    encodeText(`PATCH ${location} HTTP/1.1\r\nhost: r\r\ncontent-length: 100\r\n\r\nhello`),
  );
  const range = async () => (await wire.send("GET", location)).headers.get("range");
  while (await range() !== "0-4") await pause();
  connection.close();
  // The session is free again once the registry has seen the end of the connection.
  let patched = await wire.send("PATCH", location, { body: " world" });
  while (patched.status === 416) {
    await pause();
    patched = await wire.send("PATCH", location, { body: " world" });
  }
  assertEquals([patched.status, patched.headers.get("range")], [202, "0-10"]);
});

listenerTest("a body in pieces that breaks off is not taken for whole", async (running) => {
  const { wire, listener, registry } = running;
  const location = await wire.startUpload("app");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await connection.write(
    encodeText(
      `PATCH ${location} HTTP/1.1\r\nhost: r\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    ),
  );
  const seen = () => registry.requests.find(({ method }) => method === "PATCH");
  while (seen()?.bytesIn !== 5) await pause();
  connection.close();
  while (seen()?.status === 0) await pause();
  assertEquals(seen()?.status, 400);
});

listenerTest("a client that goes away in the middle of a blob", async ({ wire, listener }) => {
  const digest = await wire.pushBlob("app", new Uint8Array(30_000_000));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await connection.write(encodeText(`GET /v2/app/blobs/${digest} HTTP/1.1\r\nhost: r\r\n\r\n`));
  await connection.read(new Uint8Array(1000));
  connection.close();
  await pause();
  const { status, bytes } = await wire.send("GET", `/v2/app/blobs/${digest}`);
  assertEquals([status, bytes.byteLength], [200, 30_000_000]);
});

listenerTest("a client that does not read is not written to", async ({ wire, listener }) => {
  const digest = await wire.pushBlob("app", new Uint8Array(60_000_000));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await connection.write(encodeText(`GET /v2/app/blobs/${digest} HTTP/1.1\r\nhost: r\r\n\r\n`));
  let before = -1;
  const sent = () => wire.registry.requests.at(-1)!.bytesOut;
  while (sent() === 0 || sent() !== before) {
    before = sent();
    await pause(50);
  }
  assert(sent() < 40_000_000, `${sent()} bytes went out`);
  connection.close();
});

listenerTest("what runs when it shuts down comes out whole", async ({ wire, listener }) => {
  const digest = await wire.pushBlob("app", new Uint8Array(30_000_000));
  const response = await fetch(`${wire.origin}/v2/app/blobs/${digest}`);
  const reader = response.body!.getReader();
  let size = (await reader.read()).value!.byteLength;
  listener.shutdown();
  for (;;) {
    if (size > 29_000_000) await pause(10);
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
  }
  assertEquals(size, 30_000_000);
  await listener.finished;
});

listenerTest(
  "a refused body: the answer comes, and the connection is fit for use",
  async ({ wire }) => {
    for (let times = 0; times < 3; times++) {
      const body = new Uint8Array(5_000_000);
      const { status, code } = await wire.send("PUT", "/v2/app/blobs/uploads/x?digest=x", { body });
      assertEquals([status, code], [404, "BLOB_UPLOAD_UNKNOWN"]);
    }
    assertEquals((await wire.send("GET", "/v2/")).status, 200);
  },
);

for (const [name, listen] of Object.entries(LISTENERS)) {
  Deno.test(`${name}: a body that fails cuts the connection`, async () => {
    const body = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(encodeText("hello")),
        pull: () => Promise.reject(new Error("gone")),
      });
    const handler = () =>
      Promise.resolve(new Response(body(), { headers: { "content-length": "100000" } }));
    const listener = await listen(handler, "127.0.0.1", 0);
    const url = `http://127.0.0.1:${listener.port}/`;
    await assertRejects(async () => await (await fetch(url)).text());
    listener.abort();
    await listener.finished;
  });

  Deno.test(`${name}: headers that come and go more than once`, async () => {
    const handler = ({ headers }: Request) => {
      const response = new Response(null, { headers: { "x-seen": headers.get("x-many") ?? "" } });
      for (const cookie of ["a=1", "b=2"]) response.headers.append("set-cookie", cookie);
      return Promise.resolve(response);
    };
    const listener = await listen(handler, "127.0.0.1", 0);
    const many = "x-many: one\r\nX-Many: two\r\n";
    const answer = await raw(
      listener.port,
      `GET / HTTP/1.1\r\nhost: r\r\n${many}connection: close\r\n\r\n`,
    );
    assert(/\r\nx-seen: one, two\r\n/i.test(answer), answer);
    assertEquals(answer.match(/\r\nset-cookie: [^\r]*/gi)?.map((line) => line.slice(14)), [
      "a=1",
      "b=2",
    ]);
    listener.abort();
    await listener.finished;
  });

  Deno.test(`${name}: a client that reads slowly is cut in the end`, async () => {
    const endless = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      });
    const handler = () => Promise.resolve(new Response(endless()));
    const listener = await listen(handler, "127.0.0.1", 0);
    const response = await fetch(`http://127.0.0.1:${listener.port}/`);
    const reader = response.body!.getReader();
    await reader.read();
    listener.shutdown();
    await pause();
    listener.abort();
    await listener.finished;
    await assertRejects(async () => {
      while (!(await reader.read()).done);
      throw new Error("it ended cleanly");
    });
  });

  Deno.test(`${name}: a body that is not read is not taken`, async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => answer = resolve);
    const handler = async () => {
      await answered;
      return new Response(null);
    };
    const listener = await listen(handler, "127.0.0.1", 0);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    await connection.write(
      encodeText("PUT / HTTP/1.1\r\nhost: r\r\ncontent-length: 60000000\r\n\r\n"),
    );
    let sent = 0;
    const sending = (async () => {
      while (sent < 60_000_000) sent += await connection.write(new Uint8Array(100_000));
    })().catch(() => {});
    for (let before = -1; sent === 0 || sent !== before;) {
      before = sent;
      await pause(50);
    }
    assert(sent < 40_000_000, `${sent} bytes were taken`);
    connection.close();
    await sending;
    answer();
    listener.abort();
    await listener.finished;
  });
}

Deno.test("serve: url, port, onListen, and close", async () => {
  let listened: ServedRegistry | undefined;
  const server = await serve(createRegistry(), { onListen: (listening) => listened = listening });
  assertStrictEquals(listened, server);
  assertEquals(server.hostname, "127.0.0.1");
  assertEquals(server.url, `http://127.0.0.1:${server.port}`);
  const response = await fetch(`${server.url}/v2/`);
  assertEquals(await response.text(), "{}");
  await server.close();
  await server.finished;
  await assertRejects(() => fetch(`${server.url}/v2/`));
});

Deno.test("serve: the address in the URL is one that a client can use", async () => {
  const { url, close } = await serve(createRegistry(), { hostname: "0.0.0.0" });
  assert(url.startsWith("http://127.0.0.1:"), url);
  await close();
});

Deno.test("serve: close waits for what runs, for as long as its grace says", async () => {
  for (const [grace, expected] of [[60_000, "done"], [20, "cut"]] as const) {
    let answer = () => {};
    let asked = () => {};
    const running = new Promise<void>((resolve) => asked = resolve);
    const handler = {
      fetch: () => {
        asked();
        return new Promise<Response>((resolve) => answer = () => resolve(new Response("done")));
      },
    };
    const server = await serve(handler, { grace });
    const got = fetch(server.url).then((response) => response.text()).catch(() => "cut");
    await running;
    const closed = server.close();
    if (expected === "done") answer();
    assertEquals(await got, expected);
    answer();
    await closed;
  }
});

Deno.test("serve: a signal ends it at once", async () => {
  const controller = new AbortController();
  const server = await serve(createRegistry(), { signal: controller.signal });
  controller.abort();
  await server.finished;
  await assertRejects(() => fetch(`${server.url}/v2/`));
  const reason = new Error("enough");
  const error = await assertRejects(() =>
    serve(createRegistry(), { signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(error, reason);
});

Deno.test("serve: a port that is none, and one that is taken; an address of no use", async () => {
  for (const port of [-1, 65_536, 1.5, NaN]) {
    await assertRejects(
      () => serve(createRegistry(), { port }),
      InvalidOptionError,
      `current value is ${port}`,
    );
  }
  const server = await serve(createRegistry());
  const { port } = server;
  await assertRejects(() => serve(createRegistry(), { port }), InvalidOptionError, "is taken");
  for (const hostname of ["999.1.1.1", "192.0.2.1", "no-such-host.invalid"]) {
    await assertRejects(
      () => serve(createRegistry(), { hostname }),
      InvalidOptionError,
      "no address of this machine",
    );
  }
  await assertRejects(() => listenNode(() => Promise.resolve(new Response()), "127.0.0.1", port));
  await server.close();
});

function pause(milliseconds = 5): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
