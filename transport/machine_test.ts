import type { OpenBody } from "../content/body.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetworkError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import type { Send } from "./channel.ts";
import { type MachineOptions, openMachine } from "./machine.ts";
import { madeBody } from "./made_body_test.ts";
import { proxyEnvironment } from "./proxy_environment.ts";
import { request } from "./send_case_test.ts";
import { fetchSend } from "./send_fetch.ts";
import type { NodeSendOptions } from "./send_node.ts";

/** A machine in whose environment no proxy is named. */
function made(options: Partial<MachineOptions> = {}) {
  const environment = () => proxyEnvironment({});
  return openMachine({ registry: "a.test", hosts: {}, environment, ...options });
}

/** What sends to a URL's origin. */
function wayTo(
  url: URL,
  options: Partial<MachineOptions> = {},
  limits: NodeSendOptions = {},
): Send {
  const byFetch = (how: object) => fetchSend(globalThis.fetch, { ...limits, ...how });
  return made({ registry: url.host, ...options }).way(url, limits, byFetch);
}

interface Arrived {
  length: string | null;
  chunked: boolean;
  closes: boolean;
  size: number;
}

/** Sends a body to a server of Deno's own, and tells how it arrived. */
async function arrival(options: Partial<MachineOptions>, body?: OpenBody): Promise<Arrived> {
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
  const send = wayTo(url, options);
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
    name: `openMachine on Deno sends ${name}`,
    sanitizeOps: true,
    sanitizeResources: true,
    fn: async () => assertEquals(await arrival({}, body), arrived),
  });
}

Deno.test("openMachine without a look at certificates sends to http as ever", async () => {
  const arrived = await arrival({ insecure: true });
  assertEquals(arrived.closes, false);
});

Deno.test({
  name: "openMachine without a look at certificates sends to https with --allow-net alone",
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
  await assertRejects(() => wayTo(url, { insecure: true })(request(url)), NetworkError);
  await served;
  assertEquals(first[0], 0x16, "the first byte of a TLS handshake");
}

Deno.test("openMachine keeps its time limits on every way", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  const limits = { responseTimeout: 30, stallTimeout: 60_000 };
  const url = new URL(`http://127.0.0.1:${port}/`);
  for (const body of [undefined, madeBody(10).body]) {
    const error = await assertRejects(
      () => wayTo(url, {}, limits)(request(url, { method: "PUT", ...(body && { body }) })),
      Error,
      "did not answer within 30 ms",
    );
    assertEquals(error.name, "DavitTimeoutError");
  }
  listener.close();
  await accepting;
  for (const connection of connections) connection.close();
});

Deno.test("openMachine touches nothing of node: before something is sent by it", async () => {
  const module = new URL("./machine.ts", import.meta.url);
  const code = `
    process.getBuiltinModule = (name) => { throw new Error("asked for " + name); };
    const { openMachine } = await import("${module}");
    const environment = () => ({ named: false, rule: () => undefined });
    const machine = openMachine({ registry: "a.test", hosts: {}, environment });
    machine.way(new URL("https://a.test"), {}, () => () => {});
  `;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--no-check", code],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
});

const proxy = "http://p.test";
const named = () => proxyEnvironment({ ALL_PROXY: "p.test" });

const REACHED: [name: string, options: Partial<MachineOptions>, reached: boolean][] = [
  ["nothing is said", {}, true],
  ["a proxy is given", { proxy }, false],
  ["a proxy is given, but not for it", { proxy: { url: proxy, noProxy: "localhost" } }, true],
  ["its own proxy is none", { proxy, hosts: { "localhost:1": { proxy: false } } }, true],
  ["it has a proxy", { hosts: { "localhost:1": { proxy } } }, false],
  ["another host has a proxy", { hosts: { "b.test": { proxy } } }, true],
  ["the environment has one, and it is this machine", { environment: named }, true],
  ["the environment's does not count", { environment: named, proxy: false }, true],
];

for (const [name, options, reached] of REACHED) {
  Deno.test(`openMachine tells ${reached ? "the" : "no"} addresses of a host where ${name}`, async () => {
    const found = await made(options).addressesOf(new URL("http://localhost:1/"));
    assertEquals(found !== undefined, reached);
    if (found) assert(found.includes("127.0.0.1") || found.includes("::1"), String(found));
  });
}

Deno.test("openMachine tells no addresses of a host that the environment has a proxy for", async () => {
  const { addressesOf } = made({ environment: named });
  assertEquals(await addressesOf(new URL("https://a.test/")), undefined);
});
