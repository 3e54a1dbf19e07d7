/** A fake of the services that providers ask; this file holds no tests: it serves the others. */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../errors.ts";
import { FakeClock } from "../fake_channel_test.ts";
import type { ProviderOptions } from "./provider_options.ts";

export { FakeClock };

/** A request as the service saw it. */
interface Seen {
  method: string;
  url: URL;
  headers: Headers;
  body: string;
  /** The body as a form. */
  form: URLSearchParams;
  redirect: RequestRedirect | undefined;
}

/** What the service answers. */
export type Answer = (seen: Seen) => Response | Promise<Response>;

/** A service that is counted, with a clock and an environment of its own. */
export class FakeService {
  readonly seen: Seen[] = [];
  readonly clock = new FakeClock();
  /** What a provider is given. */
  readonly options: Required<ProviderOptions>;

  constructor(public answer: Answer, environment: Record<string, string | undefined> = {}) {
    this.options = {
      fetch: async (input, init) => {
        const body = String(init?.body ?? "");
        const seen = {
          method: init?.method ?? "GET",
          url: new URL(input instanceof Request ? input.url : input),
          headers: new Headers(init?.headers),
          body,
          form: new URLSearchParams(body),
          redirect: init?.redirect,
        };
        this.seen.push(seen);
        return await this.answer(seen);
      },
      environment,
      clock: this.clock,
    };
  }
}

/** A page without end, which counts what was read of it. */
function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(64 * 1024).fill(0x20);
  let left = 160; // 10 MiB: no test may run away with the machine's memory
  return new ReadableStream({
    pull(controller) {
      if (left-- === 0) return controller.close();
      controller.enqueue(piece.slice());
    },
  });
}

/**
 * What services answer that are broken, hostile or somebody else; and the error that has to come of
 * it, with a part of its message.
 */
export const BAD_ANSWERS: [name: string, answer: Answer, code: string, message: string][] = [
  ["HTML", () => new Response("<html>Log in</html>"), "AUTHENTICATION_FAILED", "not JSON"],
  ["nothing", () => new Response(""), "AUTHENTICATION_FAILED", "not JSON"],
  ["a text", () => Response.json("token"), "AUTHENTICATION_FAILED", "not a JSON object"],
  ["a list", () => Response.json([]), "AUTHENTICATION_FAILED", "not a JSON object"],
  ["null", () => Response.json(null), "AUTHENTICATION_FAILED", "not a JSON object"],
  ["no fields", () => Response.json({}), "AUTHENTICATION_FAILED", "holds no usable"],
  ["10 MiB", () => new Response(endless()), "LIMIT_EXCEEDED", "larger than"],
  [
    "a redirect",
    () => new Response(null, { status: 302, headers: { location: "https://evil.example/" } }),
    "AUTHENTICATION_FAILED",
    "redirects",
  ],
  [
    "500 in HTML",
    () => new Response("<html>sorry</html>", { status: 500 }),
    "AUTHENTICATION_FAILED",
    "answers 500",
  ],
  [
    "429",
    () => Response.json({ message: "slow down" }, { status: 429 }),
    "AUTHENTICATION_FAILED",
    "answers 429 slow down",
  ],
  ["no connection", () => Promise.reject(new TypeError("refused")), "NETWORK", "cannot be reached"],
];

/**
 * Fails unless a call fails with davit's error of this code and words, and nothing of it shows a
 * secret.
 */
export async function assertFails(
  call: () => unknown,
  code: string,
  message: string,
  secrets: readonly string[] = [],
): Promise<ApiError> {
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  assert(error !== undefined, "it did not fail");
  assertInstanceOf(error, ApiError);
  assertEquals(error.code, code, error.message);
  assertStringIncludes(error.message, message);
  const shown = Deno.inspect(error, { depth: 20, showHidden: true, strAbbreviateSize: 1e6 });
  for (const secret of secrets) assert(!shown.includes(secret), `shows ${secret}: ${shown}`);
  return error;
}

/** Repeats all that was sent, in the spellings that services have. */
export function echo({ url, headers, body }: Seen): Response {
  const words = `you sent ${url} ${body} ${decodeURIComponent(body.replaceAll("+", " "))} ${
    JSON.stringify(Object.fromEntries(headers))
  }`;
  return Response.json({ __type: "x#Refused", error: "refused", message: words }, { status: 400 });
}
