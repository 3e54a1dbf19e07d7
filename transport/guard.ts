import { HostRefusedError, InvalidOptionError } from "../errors.ts";
import type { AllowHost } from "./allow_host.ts";
import type { ChannelRequest, Middleware } from "./channel.ts";
import { connectionFailure } from "./connection_failure.ts";
import type { AddressesOf } from "./resolved_hosts.ts";
import { untilAborted } from "./until_aborted.ts";

/**
 * Asks `allowHost` before each connection, redirects and all: first by the name alone, so that a
 * name that is refused is not even looked up; then with its addresses, where they are known. Those
 * go along with the request, for a sender that can connect to them and no others.
 *
 * @throws {HostRefusedError} When the host is refused.
 * @throws {NetworkError} When its addresses cannot be looked up: unchecked, nothing is connected to.
 */
export function guard(allowHost: AllowHost | undefined, addressesOf?: AddressesOf): Middleware {
  if (allowHost === undefined) return (next) => next;
  return (next) => async (request) => {
    await ask(allowHost, request);
    const addresses = addressesOf && await lookUp(addressesOf, request);
    if (addresses === undefined) return await next(request);
    await ask(allowHost, request, addresses);
    return await next({ ...request, addresses });
  };
}

async function ask(
  allowHost: AllowHost,
  { url: { host }, purpose, what }: ChannelRequest,
  addresses?: readonly string[],
): Promise<void> {
  const allowed = addresses === undefined
    ? await allowHost(host, purpose)
    : await allowHost(host, purpose, addresses);
  if (typeof allowed === "function") {
    throw new InvalidOptionError(
      "Cannot use 'allowHost' as it must answer true or false: this function makes one, and is to be " +
        "called, as in allowHost: publicHostsOnly()",
    );
  }
  if (allowed) return;
  const where = addresses === undefined ? host : `${host} at ${addresses.join(", ")}`;
  throw new HostRefusedError(`Cannot ${what}: allowHost refuses ${where} (${purpose})`, { host });
}

async function lookUp(
  addressesOf: AddressesOf,
  request: ChannelRequest,
): Promise<readonly string[] | undefined> {
  const { url, signal } = request;
  try {
    return await untilAborted(addressesOf(url), signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionFailure(request, error);
  }
}
