import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidOptionError, UnsupportedRuntimeError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { serveRegistry } from "../tests/hosts/servers.ts";
import { makeCertificate } from "../tests/peers/certificate.ts";
import { createRegistry } from "../server/mod.ts";
import { headerFields } from "./header_fields.ts";
import { madeBody } from "./made_body_test.ts";
import { proxyEnvironment } from "./proxy_environment.ts";
import { sender, type SenderOptions } from "./send.ts";
import { request } from "./send_case_test.ts";

const { pem, keyPem } = await makeCertificate();
const SIZE = 3_000_000;

function made(options: Partial<SenderOptions>) {
  const { responseTimeout, stallTimeout } = DEFAULT_LIMITS;
  const registry = { registry: "a.test", hosts: {}, insecure: false };
  return sender({
    ...{ responseTimeout, stallTimeout },
    ...registry,
    environment: () => proxyEnvironment({}),
    ...options,
  });
}

const OF_CONNECTIONS: [option: string, options: Partial<SenderOptions>][] = [
  ["'proxy'", { proxy: "http://p.test" }],
  ['hosts["b.test"].ca', { hosts: { "b.test": { ca: pem } } }],
  ['hosts["b.test"].cert', { hosts: { "b.test": { cert: pem, key: keyPem } } }],
  ['hosts["b.test"].proxy', { hosts: { "b.test": { proxy: "http://p.test" } } }],
];

for (const [option, options] of OF_CONNECTIONS) {
  Deno.test(`sender refuses ${option} beside the caller's own connections: INVALID_OPTION`, () => {
    const fetch = () => Promise.resolve(new Response());
    assertThrows(() => made({ ...options, fetch }), InvalidOptionError, `${option} beside 'fetch'`);
    assertThrows(
      () => made({ ...options, client: {} }),
      InvalidOptionError,
      `${option} beside 'client'`,
    );
  });

  Deno.test(`sender refuses ${option} in a worker: UNSUPPORTED_RUNTIME`, () => {
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
  name: "sender opens what it needs, and close leaves nothing open",
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

Deno.test("sender: certificates that cannot be used are told by their host, and kept to it", async () => {
  const { keyPem: other } = await makeCertificate();
  const { send } = made({ hosts: { "a.test": { cert: pem, key: other } } });
  await assertRejects(
    () => send(request(new URL("https://a.test/"))),
    InvalidOptionError,
    'Cannot use the certificates of hosts["a.test"]: ',
  );
});

Deno.test("sender: a proxy that cannot be used is told by each request", async () => {
  const { send, addressesOf } = made({ proxy: "socks5://p.test" });
  const url = new URL("https://a.test/");
  for (const call of [() => send(request(url)), () => send(request(url)), () => addressesOf(url)]) {
    await assertRejects(call, InvalidOptionError, "'proxy' as a proxy must be a URL of http");
  }
});

Deno.test("sender leaves every byte to the caller's fetch, streams of known size too", async () => {
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

Deno.test("sender leaves every byte to a client, streams of known size too", async () => {
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

const UNCHECKED: [name: string, options: Partial<SenderOptions>, told: boolean][] = [
  ["the registry goes unchecked", { insecure: true }, true],
  ["some host goes unchecked", { hosts: { "b.test": { insecure: true } } }, true],
  ["the registry's own entry checks it", {
    insecure: true,
    hosts: { "a.test": { insecure: false } },
  }, false],
];

for (const [name, options, told] of UNCHECKED) {
  Deno.test(`sender ${told ? "says" : "is silent"} on a runtime without node:https where ${name}`, () => {
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

/** Sends by the caller's own `fetch`, and answers the headers that it was given. */
async function headersSent(
  options: Partial<SenderOptions>,
  url: string,
  headers: Record<string, string> = {},
): Promise<Headers> {
  const seen: RequestInit[] = [];
  const { send } = made({
    fetch: (_url, init) => {
      seen.push(init!);
      return Promise.resolve(new Response());
    },
    ...options,
  });
  const given = headerFields(headers);
  const before = [...given];
  await send(request(new URL(url), { headers: given }));
  assertEquals([...given], before, "the request's own headers are left alone");
  return new Headers(seen[0]!.headers);
}

const AGENTS: [name: string, headers: Record<string, string>, expected: string][] = [
  ["names the client", {}, "davit/1"],
  ["leaves the user agent that a request has", { "User-Agent": "mine" }, "mine"],
];

for (const [name, headers, expected] of AGENTS) {
  Deno.test(`sender ${name}`, async () => {
    const sent = await headersSent({ userAgent: "davit/1" }, "https://a.test/", headers);
    assertEquals(sent.get("user-agent"), expected);
  });
}

Deno.test("sender refuses a user agent that cannot stand in a header: INVALID_OPTION", () => {
  assertThrows(() => made({ userAgent: "a\nb" }), InvalidOptionError, "'userAgent'");
});

Deno.test("sender: a host's headers go to that host, and to no other", async () => {
  const hosts = { "a.test": { headers: { "X-Key": "secret" } } };
  const sent: (string | null)[] = [];
  for (const host of ["a.test", "b.test", "a.test:444", "x.a.test"]) {
    const headers = await headersSent({ hosts }, `https://${host}/`, { "x-key": "the request's" });
    sent.push(headers.get("x-key"));
  }
  assertEquals(sent, ["secret", "the request's", "the request's", "the request's"]);
});

Deno.test("sender decides once for each origin", async () => {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    return new Response();
  });
  let read = 0;
  const { send } = made({ environment: () => (read++, proxyEnvironment({})) });
  const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
  const answers = await Promise.all([send(request(url)), send(request(url))]);
  answers.push(await send(request(url)));
  for (const { response } of answers) {
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }
  assertEquals(read, 1);
  await server.shutdown();
});
