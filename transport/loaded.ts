import type { Send } from "./channel.ts";

/**
 * Sends by what is loaded with the first request, once: most programs never need it, and a page does
 * not pay for it then. What `load` throws, the request throws, and the next one loads again.
 */
export function loaded(load: () => Promise<Send>): Send {
  let loading: Promise<Send> | undefined;
  let send: Send = async (request) => {
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
    send = await loading;
    return await send(request);
  };

  return (request) => send(request);
}
