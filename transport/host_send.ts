import { InvalidOptionError, UnsupportedRuntimeError } from "../errors.ts";
import { runtimeName } from "../runtime/builtin.ts";
import { nodeHttp } from "../runtime/http.ts";
import type { Send } from "./channel.ts";
import type { MachineSend, MachineSendOptions } from "./machine_send.ts";
import type { AddressesOf } from "./resolved_hosts.ts";
import { fetchSend } from "./send_fetch.ts";

/** Options of {@linkcode hostSend}. */
export interface HostSendOptions extends Omit<MachineSendOptions, "fetchSend"> {
  /** The caller's own `fetch`, which then carries every byte. */
  fetch?: typeof globalThis.fetch;
  /** A `Deno.HttpClient`, which then carries every byte. */
  client?: unknown;
}

/** A sender, and what belongs to it. */
export interface HostSend {
  /** Sends a request the way that its host's options say. */
  send: Send;
  /** The addresses of a host that it connects to itself; `undefined` for those which others reach. */
  addressesOf: AddressesOf;
  /** Ends what is kept open; the next request opens it again. */
  close(): void;
}

/** What connections are made with, and who makes them cannot be told by options besides. */
const OF_CONNECTIONS = ["ca", "cert", "key", "proxy"] as const;

/** The runtimes whose connections can be told of options. */
const MACHINES = ["bun", "deno", "node"];

/**
 * Sends to each host as its options say. What makes connections is loaded with the first request:
 * browsers and workers, and a `fetch` or `client` of the caller's, never need it.
 *
 * @throws {InvalidOptionError} When an option about connections comes beside the caller's own `fetch`
 * or `client`.
 * @throws {UnsupportedRuntimeError} When this runtime has no means to do what an option says.
 */
export function hostSend(options: HostSendOptions): HostSend {
  const { fetch, client, responseTimeout, stallTimeout, insecure, hosts, registry } = options;
  const limits = { responseTimeout, stallTimeout };
  if (fetch !== undefined || client !== undefined) {
    refuse(options, (option) =>
      new InvalidOptionError(
        `Cannot use ${option} beside '${
          fetch ? "fetch" : "client"
        }', which makes its own connections`,
      ));
    return othersSend(fetchSend(fetch ?? globalThis.fetch, { ...limits, client }));
  }
  const unchecked = hosts[registry]?.insecure ?? insecure;
  if (unchecked || Object.values(hosts).some((settings) => settings.insecure)) needNodeHttps();
  if (MACHINES.includes(runtimeName())) return loadedSend(options);
  refuse(options, (option) =>
    new UnsupportedRuntimeError(
      `Cannot use ${option} on this runtime: its connections cannot be told of it`,
    ));
  return othersSend(fetchSend(globalThis.fetch, limits));
}

/** What somebody else connects for: nobody tells addresses, and nothing is kept open. */
function othersSend(send: Send): HostSend {
  return { send, addressesOf: () => Promise.resolve(undefined), close() {} };
}

function loadedSend(options: HostSendOptions): HostSend {
  let machine: MachineSend | undefined;

  async function load(): Promise<MachineSend> {
    const { machineSend } = await import("./on_demand.ts");
    return machine ??= machineSend({ ...options, fetchSend });
  }

  return {
    // Once it is there, nothing more is waited for.
    send: (request) => machine?.send(request) ?? load().then(({ send }) => send(request)),
    addressesOf: async (url) => await (machine ?? await load()).addressesOf(url),
    close: () => machine?.close(),
  };
}

/** It alone can leave certificates unchecked: a runtime without it says so before any request. */
function needNodeHttps(): void {
  if (nodeHttp("https:") !== undefined) return;
  throw new InvalidOptionError(
    "Cannot leave certificates unchecked as 'insecure' asks: this runtime verifies every one",
  );
}

/** Throws for the first option about connections. */
function refuse({ hosts, proxy }: HostSendOptions, error: (option: string) => Error): void {
  if (proxy) throw error("'proxy'");
  for (const [host, settings] of Object.entries(hosts)) {
    for (const name of OF_CONNECTIONS) {
      if (settings[name]) throw error(`hosts[${JSON.stringify(host)}].${name}`);
    }
  }
}
