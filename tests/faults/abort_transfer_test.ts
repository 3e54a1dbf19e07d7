/**
 * A signal that aborts at each piece of a transfer, and while nothing moves: no answer, no body, a
 * source that gives nothing, a token that others wait for too.
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Bytes } from "@davit/registry-client";
import { serve } from "@davit/registry-client/server";
import { LayoutStore, saveFile } from "@davit/registry-client/stores";
import {
  clientOf,
  CONTENT,
  DIGEST,
  has,
  newRegistry,
  operations,
  type Scene,
  SOON_MS,
} from "./abort_operations.ts";
import { inTime, namesIn, World } from "./world.ts";

const PIECE = 20_000;
const PIECES = CONTENT.byteLength / PIECE;

/** A stream that tells before each piece. */
function telling(tell: (nth: number) => void): ReadableStream<Bytes> {
  let nth = 0;
  return new ReadableStream({
    pull(controller) {
      tell(nth);
      const piece = CONTENT.slice(nth * PIECE, ++nth * PIECE);
      if (piece.byteLength === 0) controller.close();
      else controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

const pushes: [name: string, options: { size?: number; digest?: string; chunkSize?: number }][] = [
  ["by PUT", { size: CONTENT.byteLength, digest: DIGEST }],
  ["by PATCH", { size: CONTENT.byteLength }],
  ["in chunks", { chunkSize: 50_000 }],
];

for (const [name, options] of pushes) {
  for (const over of ["fetch", "socket"] as const) {
    Deno.test(`push ${name} by ${over}: aborted at each piece of the source`, async () => {
      for (let at = 0; at < PIECES; at++) {
        const registry = newRegistry();
        const server = over === "socket" ? await serve(registry) : undefined;
        const scene: Scene = server === undefined
          ? { registry, origin: "https://registry.test", fetch: registry.fetch }
          : { registry, origin: server.url };
        try {
          const controller = new AbortController();
          const reason = new Error(`at piece ${at}`);
          const stream = telling((nth) => {
            if (nth === at) controller.abort(reason);
          });
          const { signal } = controller;
          const pushing = clientOf(scene).putBlob(stream, { ...options, signal });
          const error = await inTime(pushing).then(() => undefined, (error) => error);
          assertStrictEquals(error, reason);
          assertEquals(await has(scene, DIGEST), false);
        } finally {
          await server?.close();
        }
      }
    });
  }
}

for (const over of ["fetch", "socket"] as const) {
  Deno.test(`pull by ${over}: aborted at each piece, the stream fails with the reason`, async () => {
    const registry = newRegistry();
    const server = over === "socket" ? await serve(registry) : undefined;
    const scene: Scene = server === undefined
      ? { registry, origin: "https://registry.test", fetch: registry.fetch }
      : { registry, origin: server.url };
    const folder = await Deno.makeTempDir();
    try {
      await clientOf(scene).putBlob(CONTENT);
      for (const into of ["a reader", "a file", "a layout"]) {
        for (let at = 0; at < CONTENT.byteLength; at += 40_000) {
          const controller = new AbortController();
          const reason = new Error(`after ${at} bytes`);
          const { signal } = controller;
          const { stream } = await clientOf(scene).getBlob(DIGEST, { signal });
          let seen = 0;
          const watched = new ReadableStream<Bytes>({
            async start(output) {
              const reader = stream.getReader();
              try {
                for (;;) {
                  if (seen >= at) controller.abort(reason);
                  const { done, value } = await reader.read();
                  if (done) break;
                  seen += value.byteLength;
                  output.enqueue(value);
                }
                output.close();
              } catch (error) {
                output.error(error);
              }
            },
          });
          const descriptor = {
            mediaType: "application/octet-stream",
            digest: DIGEST,
            size: CONTENT.byteLength,
          };
          const layout = new LayoutStore(`${folder}/layout`);
          const taking = into === "a file"
            ? saveFile(`${folder}/blob`, watched)
            : into === "a layout"
            ? layout.write(descriptor, watched, { signal })
            : new Response(watched).bytes();
          const error = await inTime<unknown>(taking).then(() => undefined, (error) => error);
          assertStrictEquals(error, reason, `${into} ${seen}`);
          assertEquals(await layout.exists(descriptor), false);
          assertEquals((await namesIn(folder)).filter((name) => name !== "layout"), []);
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
      await server?.close();
    }
  });
}

/** Handlers that never come to an end, and what they keep waiting. */
const stuck: [name: string, fault: (request: Request, url: URL) => Response | Promise<Response>][] =
  [
    ["no answer", () => new Promise<Response>(() => {})],
    ["a body that never comes", () => new Response(new ReadableStream())],
    ["an error whose body never comes", () => new Response(new ReadableStream(), { status: 400 })],
    [
      "a redirect to no answer",
      (_request, url) =>
        url.pathname === "/x"
          ? new Promise<Response>(() => {})
          : new Response(new ReadableStream(), { status: 307, headers: { location: "/x" } }),
    ],
    ["Retry-After: 60", () => new Response("", { status: 503, headers: { "retry-after": "60" } })],
  ];

for (const { name, call } of operations) {
  for (const [what, fault] of stuck) {
    // Nothing is read of the answer to a push.
    if (name.startsWith("push") && what.startsWith("a body")) continue;
    Deno.test(`${name}: aborted while there is ${what}`, async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const patient = { responseTimeout: 60_000, stallTimeout: 60_000 };
      const world = new World({ auth: false, fault, client: { limits: patient } });
      let started = 0;
      world.onEvent = ({ type }) => {
        if (type !== "request" || started > 0) return;
        started = performance.now();
        setTimeout(() => controller.abort(reason), 5);
      };
      assertStrictEquals(await world.caught(() => call(world.client, controller.signal)), reason);
      assert(performance.now() - started < SOON_MS);
    });
  }
}

Deno.test("push: aborted while neither the bytes nor anything after them is answered", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let started = 0;
  const world = new World({
    auth: false,
    client: { limits: { responseTimeout: 60_000, stallTimeout: 60_000 } },
    fault: ({ method }) => {
      if (started === 0 && method === "PUT") {
        started = performance.now();
        setTimeout(() => controller.abort(reason), 5);
      }
      return started === 0 ? undefined : new Promise<Response>(() => {});
    },
  });
  const { signal } = controller;
  assertStrictEquals(await world.caught(() => world.client.putBlob(CONTENT, { signal })), reason);
  // The registry is told that no more will come, and gets two seconds to hear it.
  assert(performance.now() - started < SOON_MS + 2_000, `${performance.now() - started} ms`);
  assertEquals(world.seen.at(-1)!.method, "DELETE");
});

Deno.test("a source that never gives its next piece: aborted", async () => {
  for (const [name, options] of pushes) {
    const registry = newRegistry();
    const scene = { registry, origin: "https://registry.test", fetch: registry.fetch };
    const controller = new AbortController();
    const reason = new Error(name);
    let cancelled: unknown;
    const stream = new ReadableStream<Bytes>({
      pull() {
        setTimeout(() => controller.abort(reason), 5);
        return new Promise(() => {});
      },
      cancel(why) {
        cancelled = why;
      },
    }, { highWaterMark: 0 });
    const { signal } = controller;
    const pushing = clientOf(scene).putBlob(stream, { ...options, signal });
    assertStrictEquals(await inTime(pushing).then(() => undefined, (error) => error), reason);
    assertStrictEquals(cancelled ?? reason, reason);
  }
});

Deno.test("one of many calls that wait for the same token is aborted: the others go on", async () => {
  let answer = (_response: Response): void => {};
  const world = new World({
    fault: (_request, url) =>
      url.pathname === "/token" ? new Promise<Response>((resolve) => answer = resolve) : undefined,
  });
  const controller = new AbortController();
  const reason = new Error("only me");
  const asked = new Promise<void>((resolve) => {
    world.onEvent = ({ type }) => type === "token" && resolve();
  });
  const calls = [
    world.client.login({ signal: controller.signal }),
    world.client.login(),
    world.client.login(),
  ].map((call) => call.then(() => "in", (error) => error));
  await asked;
  controller.abort(reason);
  assertStrictEquals(await calls[0], reason);
  answer(Response.json({ token: "good" }));
  assertEquals(await Promise.all(calls.slice(1)), ["in", "in"]);
  assertEquals(world.tokenRequests, 1);
});
