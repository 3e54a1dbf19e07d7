import type { Middleware, Send } from "./channel.ts";

/**
 * Middleware that is loaded with the first request through it, once for all that it is composed
 * into: most programs never need it, and a page does not pay for it then. What `load` throws, the
 * request throws, and the next one loads again. Once it is there, nothing more is waited for.
 */
export function lazily(load: () => Promise<Middleware>): Middleware {
  let loading: Promise<Middleware> | undefined;

  return (next) => {
    let send: Send | undefined;

    async function first(): Promise<Send> {
      const current = loading ??= load();
      try {
        const middleware = await current;
        return send ??= middleware(next);
      } catch (error) {
        if (loading === current) loading = undefined;
        throw error;
      }
    }

    return (request) => send?.(request) ?? first().then((send) => send(request));
  };
}
