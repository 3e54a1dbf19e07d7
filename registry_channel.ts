import { InvalidOptionError } from "./errors.ts";
import type { DavitEvent } from "./events.ts";
import { Authentication, authorize } from "./auth/authorize.ts";
import type { AuthorizeOptions } from "./auth/authorizer.ts";
import { registryOrigin } from "./auth/registry_origin.ts";
import { checkOptions } from "./content/check_options.ts";
import { DEFAULT_LIMITS } from "./content/limits.ts";
import { USER_AGENT } from "./content/version.ts";
import { CONNECTION_OPTIONS, type ConnectionOptions } from "./registry_client_options.ts";
import { type Channel, compose, type Send } from "./transport/channel.ts";
import { systemClock } from "./transport/clock.ts";
import { dockerHubAlias } from "./transport/docker_hub_alias.ts";
import { checkHosts } from "./transport/host_options.ts";
import { loaded, machine } from "./transport/loaded.ts";
import { checkMirrors, type Mirror } from "./transport/mirror_options.ts";
import { proxyServers } from "./transport/proxy_options.ts";
import { redirect } from "./transport/redirect.ts";
import { retry } from "./transport/retry.ts";
import { DEFAULT_RETRY } from "./transport/retry_policy.ts";
import type { SecretsKeeper } from "./transport/secrets.ts";
import { sender } from "./transport/send.ts";
import { streamsBodies } from "./transport/send_fetch.ts";

/** So many concurrent requests one host takes from one client without complaint. */
const MAX_CONCURRENCY = 64;

/** A channel to a registry, and what its authentication works with. */
export interface Connection {
  /** What endpoints send their requests through. */
  channel: Channel;
  /** Authenticates to the registry: what `performLogin` needs. */
  auth: Authentication;
  /** Ends connections that nothing else ends. */
  close(): void;
}

/**
 * A channel to a registry, for the functions of `@davit/registry-client/endpoints`: what
 * `RegistryClientV2` makes for itself. Nothing is sent yet.
 *
 * @throws {InvalidOptionError} When an option cannot be used.
 *
 * @example
 * ```ts
 * import { connect } from "@davit/registry-client";
 * import { listTags } from "@davit/registry-client/endpoints";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertRejects } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const channel = connect("http://localhost:5000", { fetch });
 * await assertRejects(() => listTags(channel, "app"), Error, "NAME_UNKNOWN");
 * ```
 */
export function connect(origin: string, options: ConnectionOptions = {}): Channel {
  checkOptions(options, CONNECTION_OPTIONS);
  return openConnection(origin, options).channel;
}

/** A channel, and what goes with it. */
export function openConnection(registry: string, options: ConnectionOptions = {}): Connection {
  const limits = checkedCounts("limits", options.limits, DEFAULT_LIMITS);
  const policy = checkedCounts("retry", options.retry, DEFAULT_RETRY);
  const secrets: SecretsKeeper = {};
  const emit = quiet(options.onEvent, secrets);
  const clock = systemClock;

  const hosts = dockerHubAlias(options.hosts);
  checkHosts(hosts);
  if (options.proxy !== undefined) proxyServers("proxy", options.proxy);
  const { host, origin } = registryOrigin(registry);

  const { allowHost, onEvent, onMissingRepository, userAgent = USER_AGENT } = options;
  const { credentials, scopes, trustedRealms } = options;
  const { responseTimeout, stallTimeout } = limits;
  const out = sender({
    ...options,
    ...{ registry: host, hosts, userAgent, responseTimeout, stallTimeout, secrets },
  });
  const sendAny = allowHost || onEvent ? loaded(guarded) : out.send;
  /** Sends to a registry and to where its answers lead; an `allowHost` decides alone on that. */
  function sendFrom(origin: string): Send {
    const elsewhere = allowHost ? sendAny : loaded(async () => {
      const { refuseInternal } = await import("./auth/negotiation.ts");
      return refuseInternal(origin, trustedRealms)(sendAny);
    });
    return (request) => (request.url.origin === origin ? sendAny : elsewhere)(request);
  }
  const send = sendFrom(origin);
  const again = retry({
    retry: policy,
    limits,
    clock,
    emit,
    maxConcurrency: hosts[host]?.maxConcurrency ?? options.maxConcurrency ?? MAX_CONCURRENCY,
  });
  const authorization: AuthorizeOptions = {
    ...{ origin, credentials, scopes, trustedRealms, clock, limits, emit, secrets },
    send: again(send),
    plainHttp: hosts[host]?.plainHttp ?? false,
  };
  /** A mirror is a registry of its own: its tokens, its limit, and one try. */
  function openMirror({ origin, host }: Mirror): Send {
    const send = sendFrom(origin);
    const own = new Authentication({
      ...{ ...authorization, origin, send },
      // What was given for the registry is not the mirror's; a source knows hosts apart.
      credentials: typeof credentials === "function" ? credentials : undefined,
      scopes: [],
      plainHttp: hosts[host]?.plainHttp ?? false,
    });
    return compose(authorize(own), redirect(limits, { registry: origin }))(send);
  }
  const auth = new Authentication(authorization);
  const direct = compose(again, authorize(auth), redirect(limits, { registry: origin }))(send);
  const { mirrors } = hosts[host] ?? {};

  // What few pages need is loaded with the first request that does.
  async function guarded(): Promise<Send> {
    const { guard, trace } = await machine();
    const traced = onEvent ? trace({ clock, emit, secrets })(out.send) : out.send;
    return guard(allowHost, out.addressesOf)(traced);
  }
  async function mirrored(): Promise<Send> {
    const { limit, mirror, missingRepository } = await machine();
    const making = onMissingRepository
      ? missingRepository({ onMissingRepository, limits })(direct)
      : direct;
    return mirrors === undefined ? making : mirror({
      ...{ origin, clock, emit, limits },
      open: (one) => limit(hosts[one.host]?.maxConcurrency ?? MAX_CONCURRENCY)(openMirror(one)),
      mirrors: checkMirrors(`hosts["${host}"].mirrors`, mirrors),
    })(making);
  }

  const channel: Channel = {
    ...{ origin, limits, retry: policy, clock, emit, secrets },
    send: mirrors || onMissingRepository ? loaded(mirrored) : direct,
    streams: streamsBodies(),
    capabilities: {},
  };
  return { channel, auth, close: out.close };
}

/** What listens must not break what it listens to, nor see what a registry repeats of a secret. */
function quiet(
  onEvent: ConnectionOptions["onEvent"],
  secrets: SecretsKeeper,
): (event: DavitEvent) => void {
  if (onEvent === undefined) return () => {};
  const hide = (value: unknown): unknown =>
    typeof value === "string"
      ? secrets.kept?.hide(value) ?? value
      : Array.isArray(value)
      ? value.map(hide)
      : value;
  return (event) => {
    try {
      const told = Object.entries(event).map(([name, value]) => [name, hide(value)]);
      onEvent(Object.fromEntries(told) as DavitEvent);
    } catch { /* as documented at OnEvent */ }
  };
}

function checkedCounts<T extends object>(
  option: string,
  given: Partial<T> = {},
  defaults: T,
): T {
  checkOptions(given, defaults, option);
  const checked = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0)) {
      throw new InvalidOptionError(
        `Cannot use '${option}.${name}' as it must be a positive number: current value is ${value}`,
      );
    }
    checked[name as keyof T] = value as T[keyof T];
  }
  return checked;
}
