import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvalidOptionError, UnsupportedRuntimeError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { serveRegistry } from "../tests/hosts/servers.ts";
import { makeCertificate } from "../tests/peers/certificate.ts";
import { createRegistry } from "../server/mod.ts";
import { hostSend, type HostSendOptions } from "./host_send.ts";
import { proxyEnvironment } from "./proxy_environment.ts";
import { request } from "./send_case_test.ts";

const { pem, keyPem } = await makeCertificate();

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

const REACHED: [name: string, options: Partial<HostSendOptions>, reached: boolean][] = [
  ["nothing is said", {}, true],
  ["a proxy is given", { proxy: "http://p.test" }, false],
  [
    "a proxy is given, but not for it",
    { proxy: { url: "http://p.test", noProxy: "a.test" } },
    true,
  ],
  [
    "its own proxy is none",
    { proxy: "http://p.test", hosts: { "a.test": { proxy: false } } },
    true,
  ],
  ["it has a proxy", { hosts: { "a.test": { proxy: "http://p.test" } } }, false],
  ["another host has a proxy", { hosts: { "b.test": { proxy: "http://p.test" } } }, true],
  [
    "the environment has one",
    { environment: () => proxyEnvironment({ ALL_PROXY: "p.test" }) },
    false,
  ],
  ["the environment's does not count", {
    environment: () => proxyEnvironment({ ALL_PROXY: "p.test" }),
    proxy: false,
  }, true],
  ["the caller's fetch carries it", { fetch: () => Promise.resolve(new Response()) }, false],
];

for (const [name, options, reached] of REACHED) {
  Deno.test(`hostSend ${reached ? "reaches" : "does not reach"} a host where ${name}`, () => {
    assertEquals(made(options).reaches(new URL("https://a.test")), reached);
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
