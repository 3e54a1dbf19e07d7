import type { Send } from "./channel.ts";

/**
 * What is loaded with the first call, once: most programs never need it, and a page does not pay for it
 * then; to `import()` again costs more than to wait for what is there. What `load` throws, the call
 * throws, and the next one loads again.
 */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () =>
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
}

/** What a page in a browser seldom needs: the ways of Deno, Node and Bun, and what answers the unusual. */
export const machine: () => Promise<typeof import("./machine.ts")> = once(() =>
  import("./machine.ts")
);

/** Sends by what is loaded with the first request, once. */
export function loaded(load: () => Promise<Send>): Send {
  const loading = once(load);
  let send: Send = async (request) => {
    send = await loading();
    return await send(request);
  };

  return (request) => send(request);
}
