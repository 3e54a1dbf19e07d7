import { RecentMap } from "../content/recent.ts";
import { hostAddresses } from "../runtime/host_addresses.ts";
import type { Clock } from "./channel.ts";

/** The addresses that a URL's host has; `undefined` where they are not known, or stand in the URL. */
export type AddressesOf = (url: URL) => Promise<readonly string[] | undefined>;

/**
 * How long an answer is used again, in milliseconds: as long as a burst of requests to one host
 * lasts. Where addresses are checked at all, a name must not outlive its check.
 */
export const RESOLVED_FOR_MS = 1_000;

/** How many names are remembered: a list of links may name a new one each time. */
const NAMES_KEPT = 100;

/** A URL writes every IPv4 address this way, and no name. */
const IP_ADDRESS = /^(\[.*\]|\d+\.\d+\.\d+\.\d+)$/;

interface Answer {
  addresses: Promise<readonly string[] | undefined>;
  until: number;
}

/**
 * Looks up hosts before they are connected to. Requests at once wait for one answer; a failure is
 * not remembered.
 */
export function resolvedHosts(
  clock: Pick<Clock, "now">,
  lookup: (hostname: string) => Promise<readonly string[] | undefined> = hostAddresses,
): AddressesOf {
  const answers = new RecentMap<string, Answer>(NAMES_KEPT);

  return async ({ hostname }) => {
    if (IP_ADDRESS.test(hostname)) return undefined;
    const known = answers.get(hostname);
    if (known !== undefined && clock.now() < known.until) return await known.addresses;
    const answer: Answer = {
      addresses: lookup(hostname),
      until: clock.now() + RESOLVED_FOR_MS,
    };
    answers.set(hostname, answer);
    try {
      return await answer.addresses;
    } catch (error) {
      if (answers.get(hostname) === answer) answers.delete(hostname);
      throw error;
    }
  };
}
