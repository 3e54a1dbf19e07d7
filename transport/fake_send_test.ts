/** Fakes that the tests of transport/ and endpoints/ share: time, and a wire that follows a script. */
import type { Bytes } from "../content/bytes.ts";
import type { ChannelRequest, Clock, Send } from "./channel.ts";

/** A clock whose sleeps end at once and are remembered. */
export class FakeClock implements Clock {
  time: number = Date.UTC(2026, 0, 1);
  readonly delays: number[] = [];

  now(): number {
    return this.time;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.delays.push(milliseconds);
    this.time += milliseconds;
    return Promise.resolve();
  }
}

/** A request with the least that one needs. */
export function request(init: Partial<ChannelRequest> = {}): ChannelRequest {
  return {
    method: "GET",
    url: new URL("https://registry.test/v2/"),
    headers: new Headers(),
    purpose: "registry",
    what: "do the thing",
    ...init,
  };
}

/** What a scripted wire does with one request. */
export type Step = Response | Error | ((request: ChannelRequest) => Response | Promise<Response>);

/** A wire that takes one step for each request, and fails when there are more of them than steps. */
export function scripted(...steps: Step[]): { send: Send; seen: ChannelRequest[] } {
  const seen: ChannelRequest[] = [];
  return {
    seen,
    async send(request) {
      const step = steps[seen.length];
      seen.push(request);
      if (step === undefined) throw new Error(`unexpected ${request.method} ${request.url}`);
      if (step instanceof Error) throw step;
      const response = typeof step === "function" ? await step(request) : step;
      return { response, url: request.url, hops: [] };
    },
  };
}

/** A response whose body tells whether it was let go of. */
export function watchedResponse(
  init: ResponseInit = {},
): { response: Response; cancelled: () => boolean } {
  let cancelled = false;
  const body = new ReadableStream({
    cancel() {
      cancelled = true;
    },
  });
  return { response: new Response(body, init), cancelled: () => cancelled };
}

/** The same response, whose body counts as open until it is read to its end or let go of. */
export function countedOpen(
  response: Response,
  open: { bodies: number },
  byteStream = false,
): Response {
  if (response.body === null) return response;
  open.bodies++;
  let closed = false;
  const close = () => {
    if (!closed) open.bodies--;
    closed = true;
  };
  const reader = response.body.getReader();
  const source = {
    async pull(controller: ReadableStreamDefaultController | ReadableByteStreamController) {
      try {
        let { done, value } = await reader.read();
        while (value?.byteLength === 0) ({ done, value } = await reader.read());
        if (!done) return controller.enqueue(value as Bytes);
      } catch (error) {
        close();
        throw error;
      }
      close();
      controller.close();
      if ("byobRequest" in controller) controller.byobRequest?.respond(0);
    },
    async cancel(reason: unknown) {
      close();
      await reader.cancel(reason);
    },
  };
  const body = byteStream
    ? new ReadableStream({ ...source, type: "bytes" } as UnderlyingByteSource)
    : new ReadableStream(source, { highWaterMark: 0 });
  return new Response(body as ReadableStream<Bytes>, response);
}
