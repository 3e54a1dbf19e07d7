import type { Channel } from "../../transport/channel.ts";

/** Options of every call. */
export interface CallOptions {
  /** Ends the request with its reason. */
  signal?: AbortSignal;
}

/** Called with each answer to the requests of one call, which its signal tells from those of others. */
const listeners = new WeakMap<AbortSignal, (method: string, response: Response) => void>();

/** A channel that {@linkcode answered} can listen to, ended by a signal of the client's own. */
export function listenedChannel(channel: Channel, own?: AbortSignal): Channel {
  return {
    ...channel,
    async send(request) {
      const { signal } = request;
      const ends = own && (signal ? AbortSignal.any([own, signal]) : own);
      const answer = await channel.send(ends ? { ...request, signal: ends } : request);
      if (signal !== undefined) listeners.get(signal)?.(request.method, answer.response);
      return answer;
    },
  };
}

/**
 * What one of davit's endpoints answers, and the response it came by: the first with a success to a
 * request of this method. Others may follow: of a manifest's subject, its fallback tag.
 */
export async function answered<T>(
  method: string,
  options: CallOptions,
  call: (options: { signal: AbortSignal }) => Promise<T>,
): Promise<{ value: T; raw: Response }> {
  const signal = AbortSignal.any(options.signal ? [options.signal] : []);
  let raw: Response | undefined;
  listeners.set(signal, (asked, response) => {
    if (asked === method && response.ok) raw ??= response;
  });
  const value = await call({ signal });
  // None where the answer was lost, and davit found that the request had been carried out.
  return { value, raw: raw ?? new Response(null, { status: 200 }) };
}
