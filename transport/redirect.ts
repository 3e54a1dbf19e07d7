import type { Limits } from "../content/limits.ts";
import type { Middleware } from "./channel.ts";
import { machine } from "./loaded.ts";
import type { RedirectOptions } from "./follow_redirects.ts";

/**
 * Follows redirects. Credentials stay with their origin: compared at every hop, scheme and port
 * included, and not restored when a later hop leads back.
 */
export function redirect(
  limits: Pick<Required<Limits>, "maxRedirects">,
  options: RedirectOptions = {},
): Middleware {
  return (next) => async (request) => {
    const answer = await next(request);
    const { status } = answer.response;
    if (status < 300 || status > 399 || request.redirect === "manual") return answer;
    // In a page, `fetch` has followed already.
    const { followRedirects } = await machine();
    return await followRedirects(next, request, answer, limits.maxRedirects, options);
  };
}
