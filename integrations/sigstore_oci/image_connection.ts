import type { Credential } from "../../auth/credential.ts";
import { TOKEN_USER } from "../../auth/identity.ts";
import { ACCEPT_ALL } from "../../endpoints/manifest_requests.ts";
import { type Connection, openConnection } from "../../registry_channel.ts";
import type { Channel } from "../../transport/channel.ts";
import { dockerHubAlias } from "../../transport/docker_hub_alias.ts";
import type { HostsOptions } from "../../transport/host_options.ts";
import { proxyExceptions } from "../../transport/proxy_rule.ts";
import type { RetryPolicy } from "../../transport/retry_policy.ts";
import { parseImageName, registryOriginOf } from "./image_name.ts";
import type { Credentials, DavitOptions, FetchOptions } from "./options.ts";

/** What images are asked for as, in one header as the original sends it. */
export const ACCEPT: readonly string[] = [ACCEPT_ALL.join(",")];

/** As many redirects as the original follows. */
const MAX_REDIRECTS = 20;

interface ImageConnectionOptions extends DavitOptions {
  readonly imageName: string;
  readonly credentials?: Credentials | undefined;
  readonly fetchOpts?: FetchOptions | undefined;
}

/** An image's repository, and the way to it. */
export interface ImageConnection {
  channel: Channel;
  repository: string;
  /** Ends connections that nothing else ends. */
  close: Connection["close"];
}

/**
 * Opens the way to an image's repository; nothing is sent yet.
 *
 * @throws {InvalidReferenceError} When the image's name is none.
 * @throws {InvalidOptionError} When an option cannot be used.
 */
export function connectImage(
  options: ImageConnectionOptions,
  scopes: string[],
): ImageConnection {
  const { imageName, credentials, fetchOpts = {}, signal: _signal, ...davit } = options;
  const image = parseImageName(imageName);
  const usual = registryOriginOf(image);
  const { host } = new URL(usual);
  const given = dockerHubAlias(davit.hosts);
  const origin = given[host]?.plainHttp ? `http://${host}` : usual;
  const { proxy, noProxy, retry } = fetchOpts;
  const direct = noProxy !== undefined && proxyExceptions("fetchOpts.noProxy", noProxy);
  const hosts: HostsOptions = {
    ...given,
    [host]: {
      ...given[host],
      headers: { ...given[host]?.headers, ...credentials?.headers },
      ...(direct && direct(new URL(origin)) && { proxy: false }),
    },
  };
  const { channel, close } = openConnection(origin, {
    ...davit,
    hosts,
    scopes,
    limits: { maxRedirects: MAX_REDIRECTS, ...timeLimits(fetchOpts), ...davit.limits },
    retry: retryPolicy(retry),
    ...(credentials !== undefined && { credentials: credentialOf(credentials) }),
    ...(proxy !== undefined && {
      proxy: { url: proxy, ...(noProxy !== undefined && { noProxy }) },
    }),
  });
  return { channel, repository: image.path, close };
}

function credentialOf({ username, password }: Credentials): Credential {
  const isToken = username === TOKEN_USER;
  return { username, password, ...(isToken && { refreshToken: password }) };
}

/** The wait before the first retry where none is given, in milliseconds: promise-retry's default. */
const MIN_TIMEOUT_MS = 1_000;

/** How often, and after which waits, a request is tried again. */
function retryPolicy(retry: FetchOptions["retry"] = false): Required<RetryPolicy> {
  const given = typeof retry === "object" ? retry : { retries: Number(retry) };
  const { retries = 0, minTimeout = MIN_TIMEOUT_MS, maxTimeout = Infinity, factor = 2 } = given;
  return { maxAttempts: retries + 1, minDelay: minTimeout, maxDelay: maxTimeout, factor };
}

/** How long the head of a response and each piece of a body may take, in milliseconds. */
function timeLimits(
  { timeout = 0 }: FetchOptions,
): { responseTimeout: number; stallTimeout: number } {
  const limit = timeout === 0 ? Infinity : timeout;
  return { responseTimeout: limit, stallTimeout: limit };
}
