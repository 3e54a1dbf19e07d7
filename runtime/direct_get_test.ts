import { assert, assertEquals, assertRejects } from "@std/assert";
import http from "node:http";
import { NetworkError } from "../errors.ts";
import { type Bytes, concatBytes, encodeText } from "../content/bytes.ts";
import type { ChannelRequest, Send } from "../transport/channel.ts";
import { headerFields } from "../transport/header_fields.ts";
import { nodeSend } from "../transport/send_node.ts";
import { type Peer, rawServer } from "../transport/raw_server_test.ts";
import { request as plainRequest, until } from "../transport/send_case_test.ts";
import { directGets } from "./direct_get.ts";
import { nodeHttp } from "./http.ts";

/** A request for a blob. */
function request(url: URL, init: Partial<ChannelRequest> = {}): ChannelRequest {
  return plainRequest(url, { large: true, ...init });
}

const OK = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok";

/** Answers every request of each connection by the texts given, in turn; then waits for its end. */
function answering(...answers: string[]) {
  return async (peer: Peer) => {
    for (const answer of answers) {
      if (await peer.head() === "") return;
      await peer.write(answer);
    }
    await peer.drain();
  };
}

/** What a test works with; `byOthers` counts what `node:http` was asked for. */
interface World {
  send: Send;
  url: URL;
  connections: () => number;
  byOthers: () => number;
}

/** A test against a server that serves each connection by a handler. Nothing stays open. */
function test(
  name: string,
  handle: (peer: Peer, connection: number) => Promise<unknown>,
  run: (world: World) => Promise<void>,
  { idleTimeout = 15_000, closes = true } = {},
): void {
  Deno.test({
    name: `directGets: ${name}`,
    sanitizeOps: true,
    sanitizeResources: true,
    async fn() {
      const server = await rawServer(handle);
      const direct = directGets("http:", { idleTimeout });
      const agent = new http.Agent({ keepAlive: true });
      const original = http.request;
      let count = 0;
      http.request = ((...args: Parameters<typeof original>) => {
        count++;
        return original(...args);
      }) as typeof original;
      const send = nodeSend({ http: nodeHttp("http:")!, agent, direct });
      const { url, connections } = server;
      try {
        await run({ send, url, connections, byOthers: () => count });
      } finally {
        http.request = original;
        if (closes) direct.close();
        agent.destroy();
        await server.close();
      }
    },
  });
}

async function textOf(send: Send, asked: ChannelRequest): Promise<string> {
  return await (await send(asked)).response.text();
}

test(
  "a connection is used again",
  answering(OK, OK, "HTTP/1.1 404 No\nContent-Length: 0\n\n", OK),
  async ({ send, url, connections, byOthers }) => {
    for (const text of ["ok", "ok", "", "ok"]) assertEquals(await textOf(send, request(url)), text);
    assertEquals([connections(), byOthers()], [1, 0]);
  },
);

test(
  "HEAD has no body, and its connection is used again",
  answering(
    "HTTP/1.1 200 OK\nContent-Length: 500\nX: y\n\n",
    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
    OK,
  ),
  async ({ send, url, connections, byOthers }) => {
    for (const length of ["500", null]) {
      const { response } = await send(plainRequest(url, { method: "HEAD" }));
      assertEquals([response.status, response.body], [200, null]);
      assertEquals(response.headers.get("content-length"), length);
    }
    assertEquals(await textOf(send, request(url)), "ok");
    assertEquals([connections(), byOthers()], [1, 0]);
  },
);

test("a body that comes after HEAD is no answer to the next request", async (peer) => {
  const head = await peer.head();
  await peer.write(head.startsWith("HEAD") ? OK : "HTTP/1.1 200 OK\nContent-Length: 5\n\nright");
  await peer.drain();
}, async ({ send, url, connections }) => {
  await send(plainRequest(url, { method: "HEAD" }));
  assertEquals(await textOf(send, request(url)), "right");
  assertEquals(connections(), 2);
});

test(
  "no GET comes here but those of large bodies",
  answering(OK),
  async ({ send, url, byOthers }) => {
    await textOf(send, plainRequest(url));
    assertEquals(byOthers(), 1);
  },
);

for (
  const [what, answer] of [
    ["more comes than the body", `${OK}HTTP/1.1 200 OK\n`],
    ["the server will close it", "HTTP/1.1 200 OK\nConnection: close\nContent-Length: 2\n\nok"],
  ] as const
) {
  test(
    `a connection is not used again when ${what}`,
    answering(answer),
    async ({ send, url, connections, byOthers }) => {
      for (let turn = 0; turn < 2; turn++) assertEquals(await textOf(send, request(url)), "ok");
      assertEquals([connections(), byOthers()], [2, 0]);
    },
    { closes: false },
  );
}

let closed = 0;
test(
  "a connection on which something comes unasked is closed",
  async (peer) => {
    await peer.head();
    await peer.write(OK);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await peer.write("HTTP/1.1 200 OK\nContent-Length: 4\n\nevil");
    await peer.drain();
    closed++;
  },
  async ({ send, url }) => {
    for (let turn = 1; turn <= 2; turn++) {
      assertEquals(await textOf(send, request(url)), "ok");
      await until(() => closed === turn, "the connection was closed");
    }
  },
  { closes: false },
);

test(
  "a connection that was idle too long is closed",
  answering(OK),
  async ({ send, url }) => assertEquals(await textOf(send, request(url)), "ok"),
  { idleTimeout: 30, closes: false },
);

test(
  "a server may take longer than a connection may be idle",
  async (peer) => {
    while (await peer.head() !== "") {
      await new Promise((resolve) => setTimeout(resolve, 60));
      await peer.write(OK);
    }
  },
  async ({ send, url, byOthers }) => {
    for (let turn = 0; turn < 2; turn++) assertEquals(await textOf(send, request(url)), "ok");
    assertEquals(byOthers(), 0);
  },
  { idleTimeout: 20 },
);

test(
  "a kept connection that the server closes costs no failure",
  async (peer, connection) => {
    await peer.head();
    await peer.write(OK);
    if (connection === 0) await peer.head();
    else await peer.drain();
  },
  async ({ send, url, connections, byOthers }) => {
    for (let turn = 0; turn < 2; turn++) assertEquals(await textOf(send, request(url)), "ok");
    assertEquals([connections(), byOthers()], [2, 0]);
  },
);

test(
  "a kept connection that breaks within the head is a failure",
  async (peer) => {
    await peer.head();
    await peer.write(OK);
    await peer.head();
    await peer.write("HTTP/1.1 2");
  },
  async ({ send, url }) => {
    assertEquals(await textOf(send, request(url)), "ok");
    await assertRejects(() => send(request(url)), NetworkError, "it was closed");
  },
);

test(
  "a connection is used again after what was received whole is dropped",
  answering("HTTP/1.1 307 Temporary Redirect\nLocation: /b\nContent-Length: 4\n\ngone", OK),
  async ({ send, url, connections }) => {
    await (await send(request(url))).response.body!.cancel();
    assertEquals(await textOf(send, request(url)), "ok");
    assertEquals(connections(), 1);
  },
);

let waiting = 0;
test(
  "requests at the same time have connections of their own",
  async (peer) => {
    await peer.head();
    waiting++;
    await until(() => waiting === 3, "all have come");
    await peer.write(OK);
    await peer.drain();
  },
  async ({ send, url, connections }) => {
    const texts = await Promise.all([1, 2, 3].map(() => textOf(send, request(url))));
    assertEquals([texts, connections()], [["ok", "ok", "ok"], 3]);
  },
);

/** Heads that are taken by `node:http`, and the body that it makes of them. */
const ODD: [what: string, answer: string, text: string][] = [
  ["chunks", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", "abc"],
  ["no length", "HTTP/1.1 200 OK\n\nabc", "abc"],
  ["hints before the head", `HTTP/1.1 103 Early Hints\n\n${OK}`, "ok"],
  ["HTTP/1.0", "HTTP/1.0 200 OK\nContent-Length: 2\n\nok", "ok"],
  ["204", "HTTP/1.1 204 No Content\n\n", ""],
];
for (const [what, answer, text] of ODD) {
  test(
    `${what}: node:http asks, then and from then on`,
    async (peer) => {
      await peer.head();
      await peer.write(answer);
    },
    async ({ send, url, connections, byOthers }) => {
      for (let turn = 1; turn <= 2; turn++) {
        assertEquals(await textOf(send, request(url)), text);
        assertEquals([connections(), byOthers()], [1 + turn, turn]);
      }
    },
    { closes: false },
  );
}

const REFUSAL =
  "HTTP/1.1 404 Not Found\nTransfer-Encoding: chunked\nConnection: close\n\n2\nno\n0\n\n";
test(
  "a refusal in chunks: node:http asks, and not from then on",
  async (peer, connection) => {
    await peer.head();
    await peer.write(connection < 2 ? REFUSAL : OK);
    await peer.drain();
  },
  async ({ send, url, byOthers }) => {
    assertEquals(await textOf(send, request(url)), "no");
    assertEquals(await textOf(send, request(url)), "ok");
    assertEquals(byOthers(), 1);
  },
);

test(
  "a head that is too long is refused by node:http",
  answering(`HTTP/1.1 200 OK\nX: ${"x".repeat(70_000)}\nContent-Length: 2\n\nok`),
  async ({ send, url, byOthers }) => {
    await assertRejects(() => send(request(url)), NetworkError);
    assertEquals(byOthers(), 1);
  },
  { closes: false },
);

test("headers that cannot be sent are refused by node:http", answering(), async (world) => {
  const headers = headerFields({ a: "b\r\nc: d" });
  await assertRejects(() => world.send(request(world.url, { headers })), NetworkError);
  assertEquals([world.connections(), world.byOthers()], [0, 1]);
});

test(
  "a head that comes byte by byte is read, and the body begins where it ends",
  async (peer) => {
    await peer.head();
    for (const char of OK.replaceAll("\n", "\r\n")) {
      await peer.write(encodeText(char));
      await new Promise((resolve) => setTimeout(resolve));
    }
    await peer.drain();
  },
  async ({ send, url }) => {
    const { response } = await send(request(url));
    assertEquals(response.headers.get("content-length"), "2");
    assertEquals(await response.text(), "ok");
  },
);

let head = "";
test(
  "addresses that were checked are connected to, and nothing is looked up",
  async (peer) => {
    head = await peer.head();
    await peer.write(OK);
    await peer.drain();
  },
  async ({ send, url: { port } }) => {
    // Nobody has this name: were it looked up, the request would fail.
    const url = new URL(`http://user@rebinding.invalid:${port}/v2/?n=1#part`);
    assertEquals(await textOf(send, request(url, { addresses: ["127.0.0.1"] })), "ok");
    assertEquals(head.split("\r\n"), [
      "GET /v2/?n=1 HTTP/1.1",
      "connection: keep-alive",
      "accept-encoding: identity",
      `host: rebinding.invalid:${port}`,
    ]);
  },
);

/** More than is read at once, and than is held for a reader. */
const CONTENT = Uint8Array.from({ length: 3_000_017 }, (_, at) => (at * 31 + (at >> 13)) & 255);

/** Reads with buffers of one size, sometimes after a while. */
function byob(bytes: number, pause: boolean) {
  return async (stream: ReadableStream<Bytes>): Promise<Bytes[]> => {
    const reader = stream.getReader({ mode: "byob" });
    const pieces: Bytes[] = [];
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(bytes));
      if (done) return pieces;
      pieces.push(value);
      if (pause) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
}

const READERS: [how: string, read: (stream: ReadableStream<Bytes>) => Promise<Bytes[]>][] = [
  ["buffers of 1 MiB", byob(1024 * 1024, false)],
  ["buffers of 1 MiB and pauses", byob(1024 * 1024, true)],
  ["buffers of 99,991 bytes and pauses", byob(99_991, true)],
  ["for await", async (stream) => await Array.fromAsync(stream)],
];
for (const [how, read] of READERS) {
  test(
    `every byte comes to its place, by ${how}`,
    async (peer) => {
      while (await peer.head() !== "") {
        await peer.write(`HTTP/1.1 200 OK\nContent-Length: ${CONTENT.byteLength}\n\n`);
        await peer.write(CONTENT);
      }
    },
    async ({ send, url, connections }) => {
      for (let turn = 0; turn < 2; turn++) {
        const { response } = await send(request(url));
        const pieces = await read(response.body as ReadableStream<Bytes>);
        assert(pieces.every(({ byteLength }) => byteLength > 0));
        assertEquals(concatBytes(pieces), CONTENT);
      }
      assertEquals(connections(), 1);
    },
  );
}
