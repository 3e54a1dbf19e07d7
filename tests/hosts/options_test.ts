/** What is wrong with the options of hosts is told when a client is made, before anything is sent. */
import { assert, assertThrows } from "@std/assert";
import {
  connect,
  InvalidOptionError,
  type RegistryClientOpts,
  RegistryClientV2,
} from "../../mod.ts";

const HOST = "registry.test";

const CASES: [string, Partial<RegistryClientOpts>, message: string][] = [
  ["a key that is a URL", { hosts: { "https://registry.test": {} } }, "each key must be a host"],
  ["a CA that is no certificate", { hosts: { [HOST]: { ca: "ca.pem" } } }, "certificate in PEM"],
  ["a header with a line break", { hosts: { [HOST]: { headers: { a: "b\nc" } } } }, "headers"],
  ["a mirror that is no URL", { hosts: { [HOST]: { mirrors: [{ url: "m" }] } } }, "mirrors"],
  ["a host's proxy of another kind", { hosts: { [HOST]: { proxy: "ftp://p.test" } } }, "proxy"],
  ["a proxy of another kind", { proxy: "socks5://me:hunter2@p.test:1080" }, "'proxy'"],
];

for (const [title, options, message] of CASES) {
  Deno.test(`a client with ${title}: INVALID_OPTION at once`, () => {
    for (
      const make of [
        () => new RegistryClientV2({ name: `${HOST}/app`, ...options }),
        () => connect(`https://${HOST}`, options),
      ]
    ) {
      const error = assertThrows(make, InvalidOptionError, message);
      assert(!error.message.includes("hunter2"), error.message);
    }
  });
}
