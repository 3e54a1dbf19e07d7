/** Every way of sending on Deno against every case. */
import http from "node:http";
import { denoConnection } from "../runtime/deno_connection.ts";
import type { Sender } from "./send_case_test.ts";
import { sendCases } from "./send_cases_test.ts";
import { fetchSend } from "./send_fetch.ts";
import { nodeSend } from "./send_node.ts";

const senders: Sender[] = [
  {
    name: "Deno's fetch",
    send: (limits) => fetchSend(globalThis.fetch, limits),
    keepsLength: false,
    ownBodyErrors: false,
    backPressure: true,
  },
  {
    name: "Deno's fetch with bodies of known size",
    send: (limits) => fetchSend(globalThis.fetch, { ...limits, sized: true }),
    keepsLength: true,
    ownBodyErrors: false,
    backPressure: true,
  },
  {
    name: "node:http on Deno",
    send: (limits) => nodeSend({ ...limits, agent: new http.Agent() }),
    keepsLength: true,
    ownBodyErrors: true,
    backPressure: true,
  },
  {
    name: "node:http on Deno's own connections",
    send: (limits) => nodeSend({ ...limits, connect: (url) => denoConnection(url) }),
    keepsLength: true,
    ownBodyErrors: true,
    backPressure: true,
  },
];
for (const sender of senders) {
  for (const { name, when, run } of sendCases) {
    if (when?.(sender) === false) continue;
    Deno.test({
      name: `${sender.name}: ${name}`,
      sanitizeOps: true,
      sanitizeResources: true,
      fn: () => run(sender),
    });
  }
}
