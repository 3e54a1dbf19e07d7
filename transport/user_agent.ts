import type { Middleware } from "./channel.ts";
import { checkFields, copyFields } from "./header_fields.ts";

/**
 * Says who is asking, unless a request does. Browsers keep their own name.
 *
 * @throws {InvalidOptionError} When the name cannot stand in a header.
 */
export function userAgent(name: string): Middleware {
  checkFields("userAgent", { "user-agent": name });
  return (next) => (request) => {
    if (request.headers.has("user-agent")) return next(request);
    const headers = copyFields(request.headers);
    headers.set("user-agent", name);
    return next({ ...request, headers });
  };
}
