import { type OpenBody, openBody } from "../content/body.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { InvalidOptionError, NetworkError, TimeoutError } from "../errors.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import type { RuntimeName } from "../runtime/builtin.ts";
import { request, watchedResponse } from "./fake_send_test.ts";
import { fetchSend, streamsBodies } from "./send_fetch.ts";

type Init = RequestInit & { client?: unknown; duplex?: string };

/** A `fetch` that answers as told, and remembers what it was given. */
function fakeFetch(
  answer: (init: Init) => Promise<Response> | Response = () => new Response("ok"),
) {
  const seen: { url: string; init: Init }[] = [];
  const fetch = async (url: string, init: Init) => {
    seen.push({ url, init });
    return await answer(init);
  };
  return { fetch: fetch as unknown as typeof globalThis.fetch, seen };
}

function streamBody(text: string, size?: number): OpenBody {
  return {
    reopenable: false,
    ...(size !== undefined && { size }),
    open() {
      let piece: Bytes | undefined = encodeText(text);
      const reader: PieceReader = {
        read() {
          const value = piece;
          piece = undefined;
          return Promise.resolve(value === undefined ? { done: true } : { done: false, value });
        },
        cancel: () => Promise.resolve(),
      };
      return Promise.resolve(reader);
    },
  };
}

const inits: [runtime: RuntimeName, redirect: string, cache?: string, credentials?: string][] = [
  ["deno", "manual", "no-store", "omit"],
  ["node", "manual", "no-store", "omit"],
  ["bun", "manual", "no-store", "omit"],
  ["workerd", "manual", undefined, undefined],
  ["browser", "follow", "no-store", "omit"],
];

for (const [runtime, redirect, cache, credentials] of inits) {
  Deno.test(`fetchSend on ${runtime} asks for redirect, cache and credentials as it can`, async () => {
    const { fetch, seen } = fakeFetch();
    await fetchSend(fetch, { runtime })(request());
    const { init } = seen[0]!;
    assertEquals([init.redirect, init.cache, init.credentials], [redirect, cache, credentials]);
    assertEquals("client" in init, false);
  });
}

Deno.test("fetchSend copies headers, and gives the framing and the client itself", async () => {
  const { fetch, seen } = fakeFetch();
  const headers = new Headers({ accept: "a/b", "content-length": "99" });
  const client = {};
  const bytes = encodeText("abc");
  await fetchSend(fetch, { client })(request({
    method: "PUT",
    headers,
    body: { size: 3, reopenable: true, bytes, open: () => Promise.reject(new Error("needless")) },
  }));
  const { init } = seen[0]!;
  assertEquals([...new Headers(init.headers)], [
    ["accept", "a/b"],
    ["accept-encoding", "identity"],
    ["content-length", "3"],
  ]);
  assertEquals([...headers], [["accept", "a/b"], ["content-length", "99"]]);
  assertStrictEquals(init.client, client);
  assertStrictEquals(init.body, bytes);
  assertEquals(init.duplex, undefined);
});

Deno.test("fetchSend gives a blob as a blob, and a stream with half duplex", async () => {
  const { fetch, seen } = fakeFetch(async (init) =>
    new Response(await new Response(init.body).text())
  );
  const send = fetchSend(fetch);
  const blob = new Blob(["abcd"]);
  const open = () => Promise.reject(new Error("needless"));
  await send(request({ method: "PUT", body: { size: blob.size, reopenable: true, blob, open } }));
  const { response } = await send(request({ method: "PUT", body: streamBody("hello", 5) }));
  assertEquals(await response.text(), "hello");
  assertStrictEquals(seen[0]!.init.body, blob);
  assertEquals(seen[0]!.init.duplex, undefined);
  assert(seen[1]!.init.body instanceof ReadableStream);
  assertEquals(seen[1]!.init.duplex, "half");
  assertEquals(new Headers(seen[1]!.init.headers).get("content-length"), "5");
});

Deno.test("fetchSend hands nobody the user and the password of a URL", async () => {
  const { fetch, seen } = fakeFetch();
  const url = new URL("https://user:password@registry.test/v2/?n=1");
  await fetchSend(fetch)(request({ url }));
  assertEquals(seen[0]!.url, "https://registry.test/v2/?n=1");
  assertEquals(url.password, "password");
});

Deno.test("fetchSend tells the URL that answered, where a browser followed a redirect", async () => {
  const elsewhere = Object.defineProperty(new Response(), "url", {
    value: "https://cdn.test/blob",
  });
  const { fetch } = fakeFetch(() => elsewhere);
  const { url, hops } = await fetchSend(fetch, { runtime: "browser" })(request());
  assertEquals([url.href, hops], ["https://cdn.test/blob", []]);
});

/** Runs with a `Request` that does with a stream what some browser does. */
async function inBrowser(streams: boolean, run: () => Promise<void>): Promise<void> {
  const { Request } = globalThis;
  globalThis.Request = class extends Request {
    constructor(url: string, init: RequestInit & { duplex?: string }) {
      // Firefox does not look at `duplex`, and makes a text of the stream, with a content type.
      super(url, streams && init.duplex === "half" ? init : { ...init, body: `${init.body}` });
    }
  } as typeof Request;
  try {
    await run();
  } finally {
    globalThis.Request = Request;
  }
}

Deno.test("fetchSend refuses to send a stream where a browser would send its name", async () => {
  await inBrowser(false, async () => {
    const { fetch, seen } = fakeFetch();
    await assertRejects(
      () =>
        fetchSend(fetch, { runtime: "browser" })(
          request({ method: "PUT", what: "push it", body: streamBody("a") }),
        ),
      InvalidOptionError,
      "Cannot push it: the body must be bytes or a Blob in a browser that cannot send streams",
    );
    assertEquals(seen, []);
  });
});

Deno.test("fetchSend sends a stream where a browser can", async () => {
  await inBrowser(true, async () => {
    const { fetch } = fakeFetch(async (init) => new Response(await new Response(init.body).text()));
    const { response } = await fetchSend(fetch, { runtime: "browser" })(
      request({ method: "PUT", body: streamBody("a") }),
    );
    assertEquals(await response.text(), "a");
  });
});

Deno.test("fetchSend gives up on a fetch that obeys no signal, and drops what comes late", async () => {
  for (const [limit, name] of [[20, "DavitTimeoutError"], [60_000, "AbortError"]] as const) {
    const late = Promise.withResolvers<Response>();
    const { fetch } = fakeFetch(() => late.promise);
    const abort = new AbortController();
    const sending = fetchSend(fetch, { responseTimeout: limit })(
      request({ signal: abort.signal }),
    );
    if (limit > 20) abort.abort();
    assertEquals((await assertRejects(() => sending, Error)).name, name);
    const { response, cancelled } = watchedResponse();
    late.resolve(response);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(cancelled(), true);
  }
});

Deno.test("fetchSend waits longer for what it cannot see leave: a stream that Node took whole", async () => {
  for (const runtime of ["node", "deno"] as const) {
    const { fetch } = fakeFetch(async (init) => {
      await new Response(init.body).arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, 60));
      return new Response("ok");
    });
    const send = fetchSend(fetch, { runtime, responseTimeout: 20 });
    const body = streamBody("a".repeat(40_000));
    const sending = send(request({ method: "PUT", body }));
    if (runtime === "node") assertEquals((await sending).response.status, 200);
    else await assertRejects(() => sending, TimeoutError);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
});

// deno-lint-ignore no-explicit-any
type Class = abstract new (...args: any[]) => Error;

const thrown: [name: string, thrown: unknown, errorClass: Class, message: string][] = [
  [
    "what fetch throws",
    new TypeError("fetch failed"),
    NetworkError,
    "Cannot do the thing: the connection to registry.test failed: fetch failed",
  ],
  [
    "davit's own errors as they are",
    new InvalidOptionError("Cannot choose: no"),
    InvalidOptionError,
    "Cannot choose: no",
  ],
];

for (const [name, error, errorClass, message] of thrown) {
  Deno.test(`fetchSend tells ${name}`, async () => {
    for (
      const answer of [() => Promise.reject(error), () => {
        throw error;
      }]
    ) {
      const { fetch } = fakeFetch(answer);
      await assertRejects(() => fetchSend(fetch)(request()), errorClass, message);
    }
  });
}

Deno.test("fetchSend in a browser names CORS, and is no use again, where the host never answered", async () => {
  const cause = new TypeError("Failed to fetch");
  const answers: (() => Promise<Response>)[] = [
    () => Promise.reject(cause),
    () => Promise.resolve(new Response("ok")),
    () => Promise.reject(cause),
  ];
  const { fetch } = fakeFetch(() => answers.shift()!());
  const send = fetchSend(fetch, { runtime: "browser", obeysSignals: true });
  const first = await assertRejects(() => send(request()), NetworkError);
  assertEquals([first.code, first.retryable, first.cause], ["NETWORK", false, cause]);
  assertEquals(
    first.message,
    "Cannot do the thing: the connection to registry.test failed: Failed to fetch. A browser does " +
      "not say why. Most likely registry.test does not allow requests of this page's origin (CORS): " +
      "let it, or give a 'fetch' that goes by a proxy which does. Or it cannot be reached, or its " +
      "certificate is not trusted",
  );
  await send(request());
  const later = await assertRejects(() => send(request()), NetworkError);
  assertEquals([later.retryable, later.message.includes("CORS")], [true, false]);
});

for (
  const [whose, options, final] of [
    ["a caller's fetch", {}, true],
    ["a page's", { runtime: "browser", obeysSignals: true }, true],
    ["the runtime's own, which follows no redirect", { obeysSignals: true }, false],
  ] as const
) {
  Deno.test(`fetchSend: the URL that answered, by ${whose}`, async () => {
    const elsewhere = "https://other.test/v2/";
    const response = Object.defineProperty(new Response(), "url", { get: () => elsewhere });
    const { fetch } = fakeFetch(() => Promise.resolve(response));
    const asked = request();
    const { url } = await fetchSend(fetch, options)(asked);
    assertEquals(url.href, final ? elsewhere : asked.url.href);
  });
}

Deno.test("fetchSend in a worker: there is no CORS, and another try may help", async () => {
  const { fetch } = fakeFetch(() => Promise.reject(new TypeError("Network connection lost.")));
  const send = fetchSend(fetch, { runtime: "workerd", obeysSignals: true });
  const error = await assertRejects(() => send(request()), NetworkError);
  assertEquals([error.retryable, error.message.includes("CORS")], [true, false]);
});

for (const status of [200, 401]) {
  Deno.test(`fetchSend: a body that was not read to its end, and the answer ${status}`, async () => {
    const { fetch } = fakeFetch(async (init) => {
      const reader = (init.body as ReadableStream).getReader();
      await reader.read();
      return new Response("early", { status, headers: { "x-test": "1" } });
    });
    let cancelled = 0;
    const reader: PieceReader = {
      read: () => Promise.resolve({ done: false, value: encodeText("more") }),
      cancel: () => Promise.resolve(void cancelled++),
    };
    const { response } = await fetchSend(fetch)(request({
      method: "PATCH",
      body: { reopenable: false, open: () => Promise.resolve(reader) },
    }));
    assertEquals([response.status, response.headers.get("x-test")], [status, "1"]);
    assertEquals(await response.text(), "early");
    assertEquals(cancelled, status === 200 ? 0 : 1);
  });
}

Deno.test("streamsBodies: on Deno", () => assertEquals(streamsBodies(), true));

const LARGE = 2 * 1024 * 1024;

/** What the stall time does to bytes in memory that a server does not take. */
const IN_MEMORY: [name: string, size: number, own: boolean, runtime: RuntimeName, seen: boolean][] =
  [
    ["large", LARGE, true, "deno", true],
    ["small", 64 * 1024, true, "deno", false],
    ["large, by the caller's fetch", LARGE, false, "deno", false],
    ["large, in a browser", LARGE, true, "browser", false],
  ];

for (const [name, size, own, runtime, seen] of IN_MEMORY) {
  Deno.test(`fetchSend on ${runtime}: bytes in memory are ${seen ? "" : "not "}seen to go: ${name}`, async () => {
    const { fetch, seen: calls } = fakeFetch((init) => {
      if (!seen) return new Response("ok");
      const { promise, reject } = Promise.withResolvers<Response>();
      init.signal!.addEventListener("abort", () => reject(init.signal!.reason));
      return promise;
    });
    const send = fetchSend(fetch, { runtime, obeysSignals: own, stallTimeout: 20 });
    const sent = send(request({ method: "PUT", body: openBody(new Uint8Array(size)) }));
    if (seen) await assertRejects(() => sent, TimeoutError, "took no bytes for 20 ms");
    else await sent;
    const { body } = calls[0]!.init;
    assertEquals([body instanceof Blob, body instanceof Uint8Array], [seen, !seen]);
    if (body instanceof Blob) assertEquals(body.size, size);
  });
}
