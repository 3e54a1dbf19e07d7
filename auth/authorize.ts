import type { Middleware } from "../transport/channel.ts";
import { copyFields } from "../transport/header_fields.ts";
import type { Authorizer } from "./authorizer.ts";
import { Negotiation } from "./negotiation.ts";

/**
 * Puts credentials on a registry's requests and answers its challenges. A request's intent says
 * what for; one without an intent is sent as it is, and one to another origin without credentials.
 * Once a challenge of the repository, or of the registry, is known, tokens are asked for before a
 * request is sent.
 */
export function authorize(authorizer: Authorizer): Middleware {
  return (next) => async (request) => {
    const { intent, url, headers } = request;
    if (intent !== undefined && url.origin === authorizer.origin) {
      return await new Negotiation(authorizer, next, request, intent).send();
    }
    if (intent === undefined || !headers.has("authorization")) return await next(request);
    const without = copyFields(headers);
    without.delete("authorization");
    return await next({ ...request, headers: without });
  };
}
