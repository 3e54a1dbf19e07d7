/** Every way of sending on Deno against every case. */
import http from "node:http";
import { nodeHttp } from "../runtime/http.ts";
import { denoConnection } from "../runtime/deno_connection.ts";
import type { Send } from "./channel.ts";
import { nodeConnection } from "./node_connection.ts";
import type { Sender } from "./send_case_test.ts";
import { sendCases } from "./send_cases_test.ts";
import { directGets } from "../runtime/direct_get.ts";
import { fetchSend } from "./send_fetch.ts";
import { nodeSend, type NodeSendOptions } from "./send_node.ts";

/** Each case has a server of its own, and so a connection of its own. */
function denoSend(limits: NodeSendOptions): Send {
  return (request) => {
    const connect = () => denoConnection(request.url);
    return nodeSend(nodeConnection(request.url, { connect }), limits)(request);
  };
}

/** The requests of these cases that have no body are made as if for blobs. */
function directSend(limits: NodeSendOptions): Send {
  return async (request) => {
    const direct = directGets("http:", { idleTimeout: 15_000 });
    const connection = { http: nodeHttp("http:")!, agent: new http.Agent(), direct };
    try {
      return await nodeSend(connection, limits)({ ...request, large: request.method === "GET" });
    } finally {
      direct.close();
    }
  };
}

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
    send: (limits) => nodeSend({ http: nodeHttp("http:")!, agent: new http.Agent() }, limits),
    keepsLength: true,
    ownBodyErrors: true,
    backPressure: true,
  },
  {
    name: "node:http on Deno's own connections",
    send: (limits) => denoSend(limits),
    keepsLength: true,
    ownBodyErrors: true,
    backPressure: true,
  },
  {
    name: "davit's own GET, on Deno",
    send: (limits) => directSend(limits),
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
