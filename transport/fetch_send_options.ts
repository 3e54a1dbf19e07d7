import type { RuntimeName } from "../runtime/builtin.ts";
import type { Send } from "./channel.ts";
import type { SendLimits } from "./send_clock.ts";

/** Options of `fetchSend`. */
export interface FetchSendOptions extends Partial<SendLimits> {
  /** A `Deno.HttpClient`, handed to `fetch` with each request. */
  client?: unknown;
  /** Whether a stream of known size keeps its Content-Length; on Deno. @default {false} */
  sized?: boolean;
  /** Whose `fetch` this is. @default {runtimeName()} */
  runtime?: RuntimeName;
}

/** What `fetchSend` is: for those who cannot import it, as it loads them. */
export type FetchSend = (fetch: typeof globalThis.fetch, options?: FetchSendOptions) => Send;
