import type { Middleware } from "./channel.ts";

/** Says who is asking, unless a request does. Browsers keep their own name. */
export function userAgent(name: string): Middleware {
  return (next) => (request) => {
    if (request.headers.has("user-agent")) return next(request);
    const headers = new Headers(request.headers);
    headers.set("user-agent", name);
    return next({ ...request, headers });
  };
}
