import type { HostPurpose } from "./channel.ts";

/**
 * Asked before any connection to a host: `false` refuses it. It decides alone: without one, what a
 * registry outside names (a token service, a redirect, an upload's location) is refused where it is a
 * loopback, link-local, private or unspecified address, or `localhost`.
 *
 * `host` carries its port where it is not the scheme's own. It is asked by the name alone first, and
 * then, where davit connects by itself on Deno, Node or Bun, once more with the `addresses` that the
 * name has: one that is not allowed is a reason to refuse. With a `fetch` or `client` of the caller's,
 * through a proxy, and in browsers and workers the addresses are not known.
 *
 * On Node the connection then goes to one of these addresses, and on Deno that of an upload of a
 * stream whose size is known. Elsewhere the runtime looks the name up again, and a name that changes
 * in between leads where it wants (DNS rebinding).
 */
export type AllowHost = (
  host: string,
  purpose: HostPurpose,
  addresses?: readonly string[],
) => boolean | Promise<boolean>;
