import { assertEquals, assertRejects } from "@std/assert";
import { bytesStream } from "../content/body.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { MemoryBackend } from "./backends/memory_backend.ts";
import { digest, memoryWire, specTest } from "./fixture_test.ts";
import { type Middleware, ownRequest, type RequestContext, withRequest } from "./middleware.ts";
import { createTestRegistry } from "../testing/test_registry.ts";
import { createRegistry } from "./registry.ts";

const ORIGIN = "http://registry.test";

/** Requests as they are noted. */
function noted({ requests }: Pick<ReturnType<typeof createRegistry>, "requests">): string[] {
  return requests.map(({ method, path, status, bytesIn, bytesOut }) =>
    `${method} ${path} ${status} ${bytesIn} ${bytesOut}`
  );
}

/** Middleware that keeps the contexts it is given. */
function keeping(contexts: RequestContext[]): Middleware {
  return (next) => (context) => {
    contexts.push(context);
    return next(context);
  };
}

const teapot: Middleware = () => () =>
  Promise.resolve(new Response("short and stout", { status: 418 }));

specTest("middleware that answers by itself is noted with its answer", async (wire) => {
  const { status, text } = await wire.send("GET", "/v2/");
  assertEquals([status, text], [418, "short and stout"]);
  assertEquals(noted(wire.registry), ["GET /v2/ 418 0 15"]);
}, { middleware: [teapot] });

const shouting: Middleware = (next) => async (context) => {
  const response = await next(context);
  if (response.body === null || context.route?.kind !== "blob") return response;
  const text = await response.text();
  return new Response(bytesStream(encodeText(`${text.toUpperCase()}!`)), { status: 203 });
};

specTest("a body that middleware made is counted as it is read", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status, text } = await wire.send("GET", `/v2/app/blobs/${hello}`);
  assertEquals([status, text], [203, "HELLO!"]);
  assertEquals(noted(wire.registry).at(-1), `GET /v2/app/blobs/${hello} 203 0 6`);
}, { middleware: [shouting] });

Deno.test("a body that middleware wraps is counted once, by its outermost stream", async () => {
  const hello = encodeText("hello");
  const prefixed: Middleware = (next) => async (context) => {
    const { body } = await next(context);
    const reader = (body as ReadableStream<Bytes>).getReader();
    let first = true;
    return new Response(
      new ReadableStream<Bytes>({
        async pull(controller) {
          const { done, value } = first ? { done: false, value: hello } : await reader.read();
          first = false;
          if (done || value === undefined) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      }, { highWaterMark: 0 }),
    );
  };
  const backend = new MemoryBackend();
  const blob = await memoryWire({ backend }).pushBlob("app", "world");
  const registry = createRegistry({ backend, middleware: [prefixed] });
  const response = await registry.fetch(`${ORIGIN}/v2/app/blobs/${blob}`);
  assertEquals(registry.requests[0]!.bytesOut, 0);
  assertEquals(await response.text(), "helloworld");
  assertEquals(registry.requests[0]!.bytesOut, 10);
});

const twice: Middleware = (next) => async (context) => {
  if (context.request.method === "POST") return await next(context);
  await (await next(context)).arrayBuffer();
  return await next(context);
};

specTest("middleware that asks twice: the request is noted once", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).text, "hello");
  assertEquals((await wire.send("DELETE", `/v2/app/blobs/${hello}`)).status, 404);
  const size = (await wire.send("GET", `/v2/app/blobs/${hello}`)).bytes.byteLength;
  assertEquals(noted(wire.registry).slice(1), [
    `GET /v2/app/blobs/${hello} 200 0 5`,
    `DELETE /v2/app/blobs/${hello} 404 0 ${size}`,
    `GET /v2/app/blobs/${hello} 404 0 ${size}`,
  ]);
}, { middleware: [twice] });

Deno.test("middleware that reads a blob, and then answers with another response of the registry's", async () => {
  const backend = new MemoryBackend();
  const blob = await memoryWire({ backend }).pushBlob("app", "world");
  const instead: Middleware = (next) => async (context) => {
    await (await next(context)).text();
    return await next(withRequest(context, new Request(new URL("/v2/", context.url))));
  };
  const registry = createRegistry({ backend, middleware: [instead] });
  const response = await registry.fetch(`${ORIGIN}/v2/app/blobs/${blob}`);
  assertEquals(await response.text(), "{}");
  assertEquals(noted(registry), [`GET /v2/app/blobs/${blob} 200 0 2`]);
});

const taking: Middleware = (next) => async (context) => {
  const { request, url } = context;
  if (request.method === "DELETE") return await next(context);
  const hello = await digest("hello");
  const path = `/v2/other/blobs/uploads/?digest=${hello}`;
  const init = { method: "POST", body: "hello" };
  const { status } = await next(ownRequest(new Request(new URL(path, url), init)));
  assertEquals(status, 201);
  const copy = await next(ownRequest(new Request(new URL(`/v2/other/blobs/${hello}`, url))));
  assertEquals(await copy.text(), "hello");
  return await next(context);
};

specTest(
  "what middleware asks on its own account is not noted, nor are its bytes",
  async (wire) => {
    const start = await wire.startUpload("app");
    assertEquals((await wire.send("PATCH", start, { body: "abc" })).status, 202);
    assertEquals((await wire.send("DELETE", start)).status, 204);
    const path = start.replace(wire.origin, "");
    assertEquals(noted(wire.registry), [
      "POST /v2/app/blobs/uploads/ 202 0 0",
      `PATCH ${path} 202 3 0`,
      `DELETE ${path} 204 0 0`,
    ]);
  },
  { middleware: [taking] },
);

const renaming: Middleware = (next) => async (context) => {
  const url = new URL(context.url.href.replace("/v2/mirror/", "/v2/"));
  return await next(withRequest(context, new Request(url, context.request)));
};

Deno.test("withRequest: the client's request is noted as it came, with what is read of its body", async () => {
  const contexts: RequestContext[] = [];
  const wire = memoryWire({ middleware: [renaming, keeping(contexts)] });
  const hello = await digest("hello");
  const path = `/v2/mirror/app/blobs/uploads/?digest=${hello}`;
  assertEquals((await wire.send("POST", path, { body: "hello" })).status, 201);
  assertEquals(noted(wire.registry), [`POST ${path} 201 5 0`]);
  assertEquals(contexts[0]!.route, { kind: "uploads", repository: "app" } as never);
  assertEquals(contexts[0]!.url.pathname, "/v2/app/blobs/uploads/");
  assertEquals(contexts[0]!.observed, wire.registry.requests[0]!);
});

const ROUTES: [path: string, route: unknown][] = [
  ["/v2/", { kind: "ping" }],
  ["/v2/a/b/manifests/v1", { kind: "manifest", repository: "a/b", reference: "v1" }],
  ["/v2/a/tags/list?n=1", { kind: "tags", repository: "a" }],
  ["/v2/UPPER/tags/list", undefined],
  ["/token?service=x", undefined],
];

for (const [path, route] of ROUTES) {
  Deno.test(`middleware is given the request, its URL, its route and what is noted: ${path}`, async () => {
    const contexts: RequestContext[] = [];
    const { fetch, requests } = createRegistry({ middleware: [keeping(contexts)] });
    const request = new Request(ORIGIN + path);
    const { status } = await fetch(request);
    assertEquals(contexts.map(({ url }) => url.href), [ORIGIN + path]);
    assertEquals(contexts[0]!.route, route as never);
    assertEquals(contexts[0]!.request === request, true);
    assertEquals(contexts[0]!.observed === requests[0], true);
    assertEquals(contexts[0]!.observed.status, status);
  });
}

Deno.test("the first middleware sees a request first, and a response last", async () => {
  const order: string[] = [];
  const named = (name: string): Middleware => (next) => async (context) => {
    order.push(`${name} before`);
    const response = await next(context);
    order.push(`${name} after`);
    return response;
  };
  await createRegistry({ middleware: [named("a"), named("b")] }).fetch(`${ORIGIN}/v2/`);
  assertEquals(order, ["a before", "b before", "b after", "a after"]);
});

Deno.test("middleware that rejects: 500; of a registry for tests, fetch rejects", async () => {
  const broken: Middleware = () => () => Promise.reject(new TypeError("the line is cut"));
  const errors: unknown[] = [];
  const registry = createRegistry({
    middleware: [broken],
    onError: (error) => errors.push((error as Error).message),
  });
  const { status } = await registry.fetch(`${ORIGIN}/v2/`);
  assertEquals([status, registry.requests[0]?.status, errors], [500, 500, ["the line is cut"]]);
  const faulty = createTestRegistry({ middleware: [broken] });
  await assertRejects(() => faulty.fetch(`${ORIGIN}/v2/`), TypeError, "the line is cut");
  assertEquals(noted(faulty), ["GET /v2/ 0 0 0"]);
});

Deno.test("a request whose URL is malformed is answered 400 before middleware sees it", async () => {
  const registry = createRegistry({ middleware: [teapot] });
  const request = new Request(ORIGIN);
  Object.defineProperty(request, "url", { value: "http://[::g]/v2/" });
  const response = await registry.fetch(request);
  assertEquals(response.status, 400);
  assertEquals(response.headers.get("docker-distribution-api-version"), "registry/2.0");
  assertEquals(registry.requests.map(({ path, status }) => [path, status]), [[
    "http://[::g]/v2/",
    400,
  ]]);
  await response.body?.cancel();
});
