import { HostRefusedError } from "../errors.ts";
import type { AllowHost } from "./allow_host.ts";
import type { Middleware } from "./channel.ts";

/** Asks `allowHost` before each connection, redirects and all. */
export function guard(allowHost: AllowHost | undefined): Middleware {
  return (next) => async (request) => {
    const { host } = request.url;
    if (allowHost !== undefined && !await allowHost(host, request.purpose)) {
      throw new HostRefusedError(
        `Cannot ${request.what}: allowHost refuses ${host} (${request.purpose})`,
        { host },
      );
    }
    return await next(request);
  };
}
