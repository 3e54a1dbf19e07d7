import type { OpenBody } from "../content/body.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { NetworkError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import type { Send } from "./channel.ts";
import { defaultSend, type DefaultSendOptions } from "./default_send.ts";
import { madeBody } from "./made_body_test.ts";
import { request } from "./send_case_test.ts";
import { fetchSend } from "./send_fetch.ts";

interface Arrived {
  length: string | null;
  chunked: boolean;
  closes: boolean;
  size: number;
}

/** Sends a body to a server of Deno's own, and tells how it arrived. */
async function arrival(send: Send, body?: OpenBody): Promise<Arrived> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (incoming) => {
    const { headers } = incoming;
    const { byteLength } = await incoming.arrayBuffer();
    return Response.json({
      length: headers.get("content-length"),
      chunked: headers.get("transfer-encoding") === "chunked",
      closes: headers.get("connection") === "close",
      size: byteLength,
    });
  });
  const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
  const { response } = await send(request(url, { method: "PUT", ...(body && { body }) }));
  const arrived = await response.json();
  await server.shutdown();
  return arrived;
}

const SIZE = 3_000_000;
const open = () => Promise.reject(new Error("needless"));

const ways: [name: string, body: OpenBody | undefined, arrived: Arrived][] = [
  ["no body, by fetch", undefined, { length: "0", chunked: false, closes: false, size: 0 }],
  ["bytes, by fetch", { reopenable: true, bytes: encodeText("abc"), size: 3, open }, {
    length: "3",
    chunked: false,
    closes: false,
    size: 3,
  }],
  ["a blob, by fetch", { reopenable: true, blob: new Blob(["abcd"]), size: 4, open }, {
    length: "4",
    chunked: false,
    closes: false,
    size: 4,
  }],
  ["a stream of known size, by node:http with its Content-Length", madeBody(SIZE).body, {
    length: String(SIZE),
    chunked: false,
    closes: true,
    size: SIZE,
  }],
  ["an empty stream, by node:http", madeBody(0).body, {
    length: "0",
    chunked: false,
    closes: true,
    size: 0,
  }],
  ["a stream of unknown size, by fetch, chunked", {
    reopenable: false,
    open: madeBody(SIZE, "unsized").body.open,
  }, {
    length: null,
    chunked: true,
    closes: false,
    size: SIZE,
  }],
];

for (const [name, body, arrived] of ways) {
  Deno.test({
    name: `defaultSend on Deno sends ${name}`,
    sanitizeOps: true,
    sanitizeResources: true,
    fn: async () => assertEquals(await arrival(defaultSend({ fetchSend }), body), arrived),
  });
}

Deno.test("defaultSend without a look at certificates sends to http as ever", async () => {
  const arrived = await arrival(defaultSend({ fetchSend, insecure: true }));
  assertEquals(arrived.closes, false);
});

Deno.test({
  name: "defaultSend without a look at certificates sends to https with --allow-net alone",
  permissions: { net: true, sys: false },
  fn: untouchedCertificates,
});

async function untouchedCertificates(): Promise<void> {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const first = new Uint8Array(1);
  const served = (async () => {
    const connection = await listener.accept();
    await connection.read(first);
    connection.close();
    listener.close();
  })();
  const url = new URL(`https://127.0.0.1:${port}/`);
  await assertRejects(() => defaultSend({ fetchSend, insecure: true })(request(url)), NetworkError);
  await served;
  assertEquals(first[0], 0x16, "the first byte of a TLS handshake");
}

Deno.test("defaultSend keeps its time limits on every way", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  const limits: DefaultSendOptions = { fetchSend, responseTimeout: 30, stallTimeout: 1000 };
  const url = new URL(`http://127.0.0.1:${port}/`);
  for (const body of [undefined, madeBody(10).body]) {
    const error = await assertRejects(
      () => defaultSend(limits)(request(url, { method: "PUT", ...(body && { body }) })),
      Error,
      "did not answer within 30 ms",
    );
    assertEquals(error.name, "TimeoutError");
  }
  listener.close();
  await accepting;
  for (const connection of connections) connection.close();
});

Deno.test("importing defaultSend touches nothing of node:", async () => {
  const module = new URL("./default_send.ts", import.meta.url);
  const code = `
    process.getBuiltinModule = (name) => { throw new Error("asked for " + name); };
    const { defaultSend } = await import("${module}");
    defaultSend({ fetchSend: () => {}, responseTimeout: 1 });
  `;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--no-check", code],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
});
