import { InvalidOptionError } from "../errors.ts";
import { redactUrl } from "../transport/redact.ts";

/**
 * A registry's origin as a URL.
 *
 * @throws {InvalidOptionError} When it is something else.
 */
export function registryOrigin(origin: string): URL {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) {
    return url;
  }
  throw new InvalidOptionError(
    `Cannot connect: origin must be http or https and a host: current value is ${
      redactUrl(origin)
    }`,
  );
}
