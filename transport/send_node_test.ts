import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import http from "node:http";
import { NetworkError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { nodeHttp } from "../runtime/http.ts";
import { type NodeConnection, nodeConnection } from "./node_connection.ts";
import { nodeSend } from "./send_node.ts";
import { type Peer, rawServer } from "./raw_server_test.ts";
import { madeBody } from "./made_body_test.ts";
import { request, until } from "./send_case_test.ts";

/** Answers every request of a connection by the texts given, in turn. */
function answering(...answers: string[]) {
  return async (peer: Peer) => {
    for (const answer of answers) {
      const head = await peer.head();
      if (head === "") return;
      await peer.body(head);
      await peer.write(answer);
    }
    await peer.drain();
  };
}

function test(name: string, run: (agent: http.Agent) => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: true,
    sanitizeResources: true,
    async fn() {
      const agent = new http.Agent({ keepAlive: true });
      try {
        await run(agent);
      } finally {
        agent.destroy();
      }
    },
  });
}

const plain = nodeHttp("http:")!;

/** Connections that are not kept. */
function once(url: URL): NodeConnection {
  return nodeConnection(url, { keepAlive: false });
}

const OK = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok";

test("nodeSend uses a connection again after a body was read", async (agent) => {
  const server = await rawServer(answering(OK, OK, OK));
  const send = nodeSend({ http: plain, agent });
  for (let turn = 0; turn < 3; turn++) {
    const { response } = await send(request(server.url));
    assertEquals(await response.text(), "ok");
  }
  assertEquals(server.connections(), 1);
  agent.destroy();
  await server.close();
});

test("nodeSend uses a connection again after a short body was cancelled", async (agent) => {
  const redirect = "HTTP/1.1 307 Temporary Redirect\nLocation: /b\nContent-Length: 4\n\ngone";
  const server = await rawServer(answering(redirect, OK));
  const send = nodeSend({ http: plain, agent });
  const { response } = await send(request(server.url));
  await response.body!.cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(await (await send(request(server.url))).response.text(), "ok");
  assertEquals(server.connections(), 1);
  agent.destroy();
  await server.close();
});

test("nodeSend uses a connection again after HEAD and after 204", async (agent) => {
  const server = await rawServer(
    answering("HTTP/1.1 200 OK\nContent-Length: 9\n\n", "HTTP/1.1 204 No Content\n\n", OK),
  );
  const send = nodeSend({ http: plain, agent });
  for (const method of ["HEAD", "DELETE", "GET"]) {
    const { response } = await send(request(server.url, { method }));
    await response.text();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(server.connections(), 1);
  agent.destroy();
  await server.close();
});

test("nodeSend ends a connection whose body was refused, and takes another one", async (agent) => {
  let ended = false;
  const server = await rawServer(async (peer, connection) => {
    const head = await peer.head();
    if (connection > 0) await peer.body(head);
    await peer.write(
      connection > 0 ? OK : "HTTP/1.1 401 Unauthorized\nContent-Length: 2\n\nno",
    );
    await peer.drain();
    if (connection === 0) ended = true;
  });
  const send = nodeSend({ http: plain, agent });
  const { body } = madeBody(64 * 1024 * 1024);
  const refused = await send(request(server.url, { method: "PUT", body }));
  assertEquals(await refused.response.text(), "no");
  await until(() => ended, "the connection was closed");
  const taken = await send(request(server.url, { method: "PUT", body: madeBody(5).body }));
  assertEquals(await taken.response.text(), "ok");
  assertEquals(server.connections(), 2);
  agent.destroy();
  await server.close();
});

test("nodeSend: a kept connection that the server closes fails as a broken one", async (agent) => {
  const server = await rawServer(async (peer, connection) => {
    await peer.head();
    await peer.write(OK);
    // The second request of the first connection meets its end.
    if (connection === 0) await peer.head();
  });
  const send = nodeSend({ http: plain, agent });
  await (await send(request(server.url))).response.text();
  // Node and Bun fail; Deno's `node:http` sends such a request again of its own accord.
  const second = await send(request(server.url)).catch((error) => error);
  if (second instanceof Error) assertInstanceOf(second, NetworkError);
  else assertEquals(await second.response.text(), "ok");
  assertEquals(await (await send(request(server.url))).response.text(), "ok");
  agent.destroy();
  await server.close();
});

test("nodeSend makes no error of a request that went well", async () => {
  const server = await rawServer(answering("HTTP/1.1 200 OK\nContent-Length: 2\n\nok"));
  const { Error: own } = globalThis;
  const made: string[] = [];
  globalThis.Error = class extends own {
    constructor(message?: string, options?: ErrorOptions) {
      super(message, options);
      made.push(this.message);
    }
  } as ErrorConstructor;
  try {
    const { response } = await nodeSend(once(server.url))(request(server.url));
    assertEquals(await response.text(), "ok");
    await server.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    globalThis.Error = own;
  }
  assertEquals(made.filter((message) => message === "it was closed"), []);
});

test("nodeSend keeps no connection where it is told so", async () => {
  const heads: string[] = [];
  const server = await rawServer(async (peer) => {
    heads.push(await peer.head());
    await peer.write(OK);
    await peer.drain();
  });
  const send = nodeSend(once(server.url));
  for (let turn = 0; turn < 2; turn++) await (await send(request(server.url))).response.text();
  await server.close();
  assertEquals(server.connections(), 2);
  for (const head of heads) assertStringIncludes(head.toLowerCase(), "connection: close");
});

test("nodeSend sends neither the user and password of a URL nor its fragment", async () => {
  let head = "";
  const server = await rawServer(async (peer) => {
    head = await peer.head();
    await peer.write(OK);
  });
  const url = new URL("/v2/?n=1#part", server.url);
  url.username = "user";
  url.password = "password";
  await (await nodeSend(once(url))(request(url))).response.text();
  await server.close();
  assertStringIncludes(head, "GET /v2/?n=1 HTTP/1.1\r\n");
  assertStringIncludes(head.toLowerCase(), `\r\nhost: ${server.url.host}\r\n`);
  assertEquals(/authorization|password/i.exec(head), null);
});

test("nodeSend frames a body by what it is, whatever the headers say", async () => {
  let head = "";
  const server = await rawServer(async (peer) => {
    head = await peer.head();
    await peer.body(head);
    await peer.write(OK);
  });
  const headers = new Headers({ "content-length": "99", "content-type": "a/b" });
  const bytes = encodeText("abc");
  const body = {
    size: 3,
    reopenable: true,
    bytes,
    open: () => Promise.reject(new Error("needless")),
  };
  const { response } = await nodeSend(once(server.url))(
    request(server.url, { method: "PUT", headers, body }),
  );
  await response.text();
  await server.close();
  assertEquals([...head.matchAll(/^content-length: (.*)/gim)].map(([, size]) => size), ["3"]);
  assertStringIncludes(head.toLowerCase(), "content-type: a/b");
  assertEquals(headers.get("content-length"), "99");
});

test("nodeSend reaches an IPv6 address", async () => {
  const server = http.createServer((_, response) => response.end("six"));
  const listening = await new Promise<boolean>((resolve) => {
    server.on("error", () => resolve(false));
    server.listen(0, "::1", () => resolve(true));
  });
  if (!listening) return; // a machine without IPv6
  const { port } = server.address() as { port: number };
  const url = new URL(`http://[::1]:${port}/`);
  const { response } = await nodeSend(once(url))(request(url));
  assertEquals(await response.text(), "six");
  await new Promise((resolve) => server.close(resolve));
});

test("nodeSend tells headers that cannot be sent as davit's error", async () => {
  const agent = {
    addRequest: () => {
      throw new TypeError("no such thing");
    },
    defaultPort: 80,
    protocol: "http:",
    destroy: () => {},
  };
  let cancelled = false;
  const error = await assertRejects(
    () =>
      nodeSend({ http: plain, agent })(request(new URL("http://registry.test/"), {
        method: "PUT",
        body: {
          reopenable: false,
          open: () =>
            Promise.resolve({
              read: () => Promise.resolve({ done: true }),
              cancel: () => Promise.resolve(void (cancelled = true)),
            }),
        },
      })),
    NetworkError,
    "Cannot do the thing: the connection to registry.test failed: no such thing",
  );
  assert(error.cause instanceof TypeError);
  assert(cancelled);
});
