/** What the cases of sending are made of. */
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { ChannelRequest, Send } from "./channel.ts";

/** A way of sending, and what it is known not to do. */
export interface Sender {
  name: string;
  send: (limits: { responseTimeout?: number; stallTimeout?: number }) => Send;
  /** Whether a stream's declared size becomes the Content-Length. */
  keepsLength: boolean;
  /** Whether a body that breaks ends in davit's own error. */
  ownBodyErrors: boolean;
  /** Whether a body is read no faster than it is sent. */
  backPressure: boolean;
}

/** A test of a way of sending. It needs nothing but `node:net`, so it runs on every runtime. */
export interface SendCase {
  name: string;
  /** Of a sender, whether it can do what the case is about. */
  when?: (sender: Sender) => boolean;
  run: (sender: Sender) => Promise<void>;
}

/** A short answer, after which the server closes. */
export const OK = "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok";

/** A few bytes to send. */
export const HELLO: Bytes = encodeText("hello");

/** A request to a raw server. */
export function request(url: URL, init: Partial<ChannelRequest> = {}): ChannelRequest {
  return {
    method: "GET",
    url,
    headers: new Headers(),
    purpose: "registry",
    what: "do the thing",
    ...init,
  };
}

/** Lets time pass. */
export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits for what must become true, for 3 seconds at most. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 300) throw new Error(`it never came that ${what}`);
    await wait(10);
  }
}

/** All that printing an error would show. */
export function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, everything(error.cause)].join("\n");
}
