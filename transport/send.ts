import { InvalidOptionError, UnsupportedRuntimeError } from "../errors.ts";
import { runtimeName } from "../runtime/builtin.ts";
import { nodeHttp } from "../runtime/http.ts";
import type { ChannelRequest, ChannelResponse, Send } from "./channel.ts";
import { checkFields, headerFields, type HostHeaders, recordOf } from "./header_fields.ts";
import type { HostsOptions } from "./host_options.ts";
import { machine } from "./loaded.ts";
import type { Machine, MachineOptions } from "./machine.ts";
import type { AddressesOf } from "./resolved_hosts.ts";
import type { SendLimits } from "./send_clock.ts";
import { fetchSend } from "./send_fetch.ts";

/** Options of {@linkcode sender}. */
export interface SenderOptions extends SendLimits, MachineOptions {
  /** The `User-Agent` of requests that have none; browsers keep their own. @default {none} */
  userAgent?: string;
  /** The caller's own `fetch`, which then carries every byte. */
  fetch?: typeof globalThis.fetch;
  /** A `Deno.HttpClient`, which then carries every byte. */
  client?: unknown;
}

/** The way out: what sends requests, and what belongs to it. */
interface Sender {
  /** Sends a request the way that its host's options say. */
  send: Send;
  /** The addresses of a host that it connects to itself; `undefined` for all others. */
  addressesOf: AddressesOf;
  /** Ends what is kept open; the next request opens it again. */
  close(): void;
}

/** Options of connections, which only davit's own connections can have. */
const OF_CONNECTIONS = ["ca", "cert", "key", "proxy"] as const;

/** The runtimes on which davit makes connections of its own. */
const MACHINES = ["bun", "deno", "node"];

/**
 * Decides once for each origin which of the runtime's ways carries its requests. A `fetch` or `client`
 * of the caller's carries everything, and so does `fetch` in browsers and workers; the machine's other
 * ways are loaded with the first request.
 *
 * @throws {InvalidOptionError} When an option about connections comes beside the caller's own `fetch`
 * or `client`, or the user agent cannot stand in a header.
 * @throws {UnsupportedRuntimeError} When this runtime has no means to do what an option says.
 */
export function sender(options: SenderOptions): Sender {
  const { client, hosts, userAgent, responseTimeout, stallTimeout } = options;
  const given = options.fetch ?? (client === undefined ? undefined : globalThis.fetch);
  const onMachine = MACHINES.includes(runtimeName());
  checkOptions(options, onMachine);
  const defaults = { ...(userAgent !== undefined && { "user-agent": userAgent }) };
  checkFields("userAgent", defaults);
  const ways = new Map<string, Send>();
  let opened: Machine | undefined;

  async function load(): Promise<Machine> {
    const { openMachine } = await machine();
    return opened ??= openMachine(options);
  }

  async function open(request: ChannelRequest): Promise<ChannelResponse> {
    const { host, origin } = request.url;
    const headers: HostHeaders = { defaults, own: recordOf(headerFields(hosts[host]?.headers)) };
    const settings = { responseTimeout, stallTimeout, headers };
    if (given !== undefined || !onMachine) {
      const obeysSignals = options.fetch === undefined;
      const how = { ...settings, client, obeysSignals };
      ways.set(origin, fetchSend(given ?? globalThis.fetch, how));
    } else {
      const { way } = await load();
      if (!ways.has(origin)) {
        const own = { ...settings, obeysSignals: true, native: true };
        const byFetch = (how: object) => fetchSend(globalThis.fetch, { ...own, ...how });
        ways.set(origin, way(request.url, settings, byFetch));
      }
    }
    return await ways.get(origin)!(request);
  }

  return {
    send: (request) => ways.get(request.url.origin)?.(request) ?? open(request),
    async addressesOf(url) {
      if (given !== undefined || !onMachine) return undefined;
      return await (opened ?? await load()).addressesOf(url);
    },
    close() {
      ways.clear();
      opened?.close();
    },
  };
}

/** Throws for the first option that this runtime, or the caller's `fetch` or `client`, cannot obey. */
function checkOptions(options: SenderOptions, onMachine: boolean): void {
  const { fetch, client, hosts, registry, insecure, proxy } = options;
  if (fetch !== undefined || client !== undefined) {
    const [option] = connectionOptions(hosts, proxy);
    if (option === undefined) return;
    throw new InvalidOptionError(
      `Cannot use ${option} beside '${
        fetch ? "fetch" : "client"
      }', which makes its own connections`,
    );
  }
  const unchecked = hosts[registry]?.insecure ?? insecure;
  const verifies = !unchecked && !Object.values(hosts).some((settings) => settings.insecure);
  if (!verifies && nodeHttp("https:") === undefined) {
    throw new InvalidOptionError(
      "Cannot leave certificates unchecked as 'insecure' asks: this runtime verifies every one",
    );
  }
  const [option] = onMachine ? [] : connectionOptions(hosts, proxy);
  if (option === undefined) return;
  throw new UnsupportedRuntimeError(
    `Cannot use ${option} on this runtime: its connections have no such option`,
  );
}

/** The options about connections that were given. */
function connectionOptions(hosts: HostsOptions, proxy: SenderOptions["proxy"]): string[] {
  const given = proxy ? ["'proxy'"] : [];
  for (const [host, settings] of Object.entries(hosts)) {
    for (const name of OF_CONNECTIONS) {
      if (settings[name]) given.push(`hosts[${JSON.stringify(host)}].${name}`);
    }
  }
  return given;
}
