import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidOptionError, UnsupportedRuntimeError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { serveRegistry } from "../tests/hosts/servers.ts";
import { makeCertificate } from "../tests/peers/certificate.ts";
import { createRegistry } from "../server/mod.ts";
import { hostSend, type HostSendOptions } from "./host_send.ts";
import { madeBody } from "./made_body_test.ts";
import { proxyEnvironment } from "./proxy_environment.ts";
import { request } from "./send_case_test.ts";

const { pem, keyPem } = await makeCertificate();
const SIZE = 3_000_000;

function made(options: Partial<HostSendOptions>) {
  const { responseTimeout, stallTimeout } = DEFAULT_LIMITS;
  const registry = { registry: "a.test", hosts: {}, insecure: false };
  return hostSend({
    ...{ responseTimeout, stallTimeout },
    ...registry,
    environment: () => proxyEnvironment({}),
    ...options,
  });
}

const OF_CONNECTIONS: [option: string, options: Partial<HostSendOptions>][] = [
  ["'proxy'", { proxy: "http://p.test" }],
  ['hosts["b.test"].ca', { hosts: { "b.test": { ca: pem } } }],
  ['hosts["b.test"].cert', { hosts: { "b.test": { cert: pem, key: keyPem } } }],
  ['hosts["b.test"].proxy', { hosts: { "b.test": { proxy: "http://p.test" } } }],
];

for (const [option, options] of OF_CONNECTIONS) {
  Deno.test(`hostSend refuses ${option} beside the caller's own connections: INVALID_OPTION`, () => {
    const fetch = () => Promise.resolve(new Response());
    assertThrows(() => made({ ...options, fetch }), InvalidOptionError, `${option} beside 'fetch'`);
    assertThrows(
      () => made({ ...options, client: {} }),
      InvalidOptionError,
      `${option} beside 'client'`,
    );
  });

  Deno.test(`hostSend refuses ${option} in a worker: UNSUPPORTED_RUNTIME`, () => {
    const { Deno: deno } = globalThis;
    const { userAgent } = navigator;
    const { navigator: real } = globalThis;
    Object.defineProperty(globalThis, "Deno", { value: undefined, configurable: true });
    Object.defineProperty(globalThis, "navigator", {
      value: { userAgent: "Cloudflare-Workers" },
      configurable: true,
    });
    try {
      assertThrows(() => made(options), UnsupportedRuntimeError, `Cannot use ${option} on this`);
      made({ proxy: false });
    } finally {
      Object.defineProperty(globalThis, "Deno", { value: deno, configurable: true });
      Object.defineProperty(globalThis, "navigator", { value: real, configurable: true });
    }
    assertEquals(navigator.userAgent, userAgent);
  });
}

Deno.test({
  name: "hostSend opens what it needs, and close leaves nothing open",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const { pem: ca } = await makeCertificate();
    const server = await serveRegistry(createRegistry(), { cert: pem, key: keyPem });
    const { send, close } = made({ hosts: { [server.host]: { ca: [ca, pem] } } });
    const url = new URL(`https://${server.host}/v2/`);
    for (let time = 0; time < 2; time++) {
      const { response } = await send(request(url));
      assertEquals([response.status, await response.text()], [200, "{}"]);
      close();
      close();
    }
    await server.close();
  },
});

Deno.test("hostSend: certificates that cannot be used are told by their host, and kept to it", async () => {
  const { keyPem: other } = await makeCertificate();
  const { send } = made({ hosts: { "a.test": { cert: pem, key: other } } });
  await assertRejects(
    () => send(request(new URL("https://a.test/"))),
    InvalidOptionError,
    'Cannot use the certificates of hosts["a.test"]: ',
  );
});

Deno.test("hostSend: a proxy that cannot be used is told by each request", async () => {
  const { send, addressesOf } = made({ proxy: "socks5://p.test" });
  const url = new URL("https://a.test/");
  for (const call of [() => send(request(url)), () => send(request(url)), () => addressesOf(url)]) {
    await assertRejects(call, InvalidOptionError, "'proxy' as a proxy must be a URL of http");
  }
});

Deno.test("hostSend leaves every byte to the caller's fetch, streams of known size too", async () => {
  const seen: unknown[] = [];
  const fetch = async (url: string, init: RequestInit & { client?: unknown }) => {
    seen.push(url, init.client);
    return new Response(await new Response(init.body).arrayBuffer());
  };
  const client = {};
  const { send, addressesOf } = made({
    fetch: fetch as typeof globalThis.fetch,
    client,
    insecure: true,
  });
  const url = new URL("https://registry.test/v2/");
  const { response } = await send(request(url, { method: "PUT", body: madeBody(SIZE).body }));
  assertEquals((await response.arrayBuffer()).byteLength, SIZE);
  assertEquals(seen[0], url.href);
  assertStrictEquals(seen[1], client);
  assertEquals(await addressesOf(url), undefined);
});

Deno.test("hostSend leaves every byte to a client, streams of known size too", async () => {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (incoming) => {
    const chunked = incoming.headers.get("transfer-encoding") === "chunked";
    return Response.json([chunked, (await incoming.arrayBuffer()).byteLength]);
  });
  const client = Deno.createHttpClient({});
  const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
  const body = madeBody(SIZE).body;
  const { response } = await made({ client }).send(request(url, { method: "PUT", body }));
  assertEquals(await response.json(), [true, SIZE]);
  client.close();
  await server.shutdown();
});

const UNCHECKED: [name: string, options: Partial<HostSendOptions>, told: boolean][] = [
  ["the registry goes unchecked", { insecure: true }, true],
  ["some host goes unchecked", { hosts: { "b.test": { insecure: true } } }, true],
  ["the registry's own entry checks it", {
    insecure: true,
    hosts: { "a.test": { insecure: false } },
  }, false],
];

for (const [name, options, told] of UNCHECKED) {
  Deno.test(`hostSend ${told ? "says" : "is silent"} on a runtime without node:https where ${name}`, () => {
    const { process } = globalThis as unknown as { process: { getBuiltinModule: unknown } };
    const { getBuiltinModule } = process;
    process.getBuiltinModule = () => undefined;
    try {
      if (!told) return void made(options);
      assertThrows(
        () => made(options),
        InvalidOptionError,
        "Cannot leave certificates unchecked as 'insecure' asks: this runtime verifies every one",
      );
    } finally {
      process.getBuiltinModule = getBuiltinModule;
    }
  });
}
