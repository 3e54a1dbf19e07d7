import { InvalidOptionError } from "../errors.ts";
import { nodeHttp } from "../runtime/http.ts";
import { runtimeName } from "../runtime/builtin.ts";
import { denoConnection } from "../runtime/deno_connection.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import type { SendLimits } from "./send_clock.ts";
import { fetchSend } from "./send_fetch.ts";
import { nodeSend } from "./send_node.ts";

/** Options of {@linkcode defaultSend}. */
export interface DefaultSendOptions extends Partial<SendLimits> {
  /** The caller's own `fetch`, which then carries every byte. */
  fetch?: typeof globalThis.fetch;
  /** A `Deno.HttpClient`, which then carries every byte. */
  client?: unknown;
  /** Whether TLS certificates go unchecked; only `node:https` can do that. @default {false} */
  insecure?: boolean;
}

/**
 * The runtime's best way to send: measured, a download by `fetch` takes half the memory of one by
 * `node:http` on Deno, and the other way round on Node, whose `fetch` holds a whole upload in memory.
 * Deno's `fetch` drops the Content-Length of a stream, so there `node:http` sends those.
 */
export function defaultSend(options: DefaultSendOptions = {}): Send {
  const { fetch, client, insecure = false, ...limits } = options;
  if (fetch !== undefined || client !== undefined) {
    return fetchSend(fetch ?? globalThis.fetch, { ...limits, client });
  }
  const send = runtimeSend(limits);
  return insecure ? insecureSend(send, limits) : send;
}

function runtimeSend(limits: Partial<SendLimits>): Send {
  switch (runtimeName()) {
    case "deno":
      return denoSend(limits);
    case "bun":
    case "node":
      return nodeSend(limits);
    default:
      return fetchSend(globalThis.fetch, limits);
  }
}

function denoSend(limits: Partial<SendLimits>): Send {
  const byFetch = fetchSend(globalThis.fetch, limits);
  const byNode = nodeSend({ ...limits, connect: denoConnection });
  return (request) => needsLength(request) ? byNode(request) : byFetch(request);
}

/** Sends to https without a look at certificates, and to http as ever. */
function insecureSend(send: Send, limits: Partial<SendLimits>): Send {
  if (nodeHttp("https:") === undefined) {
    throw new InvalidOptionError(
      "Cannot leave certificates unchecked as 'insecure' asks: this runtime verifies every one",
    );
  }
  const unchecked = nodeSend({
    ...limits,
    rejectUnauthorized: false,
    // Nothing is compared with the machine's own certificates; to load them, Deno wants --allow-sys.
    ca: [],
    // On Deno a connection kept for later is an open resource, which tests of programs see.
    keepAlive: runtimeName() !== "deno",
  });
  return (request) => request.url.protocol === "https:" ? unchecked(request) : send(request);
}

/** Whether a body is streamed, and its size known. */
function needsLength({ body }: ChannelRequest): boolean {
  return body !== undefined && body.size !== undefined && body.bytes === undefined &&
    body.blob === undefined;
}

/** Whether a request's body can be streamed here: most browsers take it whole or not at all. */
export function streamsBodies(): boolean {
  return runtimeName() !== "browser";
}
