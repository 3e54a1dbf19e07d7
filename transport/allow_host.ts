import type { HostPurpose } from "./channel.ts";

/**
 * Asked before any connection to a host: `false` refuses it.
 *
 * `host` carries its port where it is not the scheme's own. `addresses` are those the name resolves
 * to, where the runtime can tell them beforehand.
 */
export type AllowHost = (
  host: string,
  purpose: HostPurpose,
  addresses?: readonly string[],
) => boolean | Promise<boolean>;
