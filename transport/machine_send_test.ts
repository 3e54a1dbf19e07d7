import { assert, assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { machineSend, type MachineSendOptions } from "./machine_send.ts";
import { proxyEnvironment } from "./proxy_environment.ts";
import { fetchSend } from "./send_fetch.ts";

function made(options: Partial<MachineSendOptions>) {
  const { responseTimeout, stallTimeout } = DEFAULT_LIMITS;
  return machineSend({
    fetchSend,
    ...{ responseTimeout, stallTimeout },
    ...{ registry: "a.test", hosts: {}, insecure: false },
    environment: () => proxyEnvironment({}),
    ...options,
  });
}

const REACHED: [name: string, options: Partial<MachineSendOptions>, reached: boolean][] = [
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
];

for (const [name, options, reached] of REACHED) {
  Deno.test(`machineSend ${reached ? "reaches" : "does not reach"} a host where ${name}`, () => {
    assertEquals(made(options).reaches(new URL("https://a.test")), reached);
  });
}

Deno.test("machineSend tells the addresses of hosts that it connects to, and of no others", async () => {
  const { addressesOf } = made({ hosts: { "localhost:1": { proxy: "http://p.test" } } });
  assertEquals(await addressesOf(new URL("http://localhost:1/")), undefined);
  const found = await addressesOf(new URL("http://localhost:2/"));
  assert(found?.includes("127.0.0.1") || found?.includes("::1"), String(found));
});
