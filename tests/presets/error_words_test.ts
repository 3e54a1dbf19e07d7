/** What a registry says when it refuses, in whatever form, stands in davit's error: cut. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { HttpError } from "../../mod.ts";
import type { Middleware } from "../../server/mod.ts";
import type { TestRegistryOptions } from "../../testing/mod.ts";
import { NOWHERE } from "../endpoints/samples.ts";
import { PRESETS } from "./hosts.ts";
import { inWorld } from "./world.ts";

const page: Middleware = (next) => async (context) => {
  const response = await next(context);
  if (response.status < 400 || response.status === 401) return response;
  await response.body?.cancel();
  const html = `<!doctype html><html><head><title>Not here</title></head>${"<p>".repeat(99_999)}`;
  const headers = { "content-type": "text/html" };
  return new Response(context.request.method === "HEAD" ? null : html, {
    status: response.status,
    headers,
  });
};

const FORMS: [name: string, options: Partial<TestRegistryOptions>, message: RegExp][] = [
  ["text", { quirks: { errorBodies: "text" } }, /: 404 the registry is not well$/],
  ["empty", { quirks: { errorBodies: "empty" } }, /: 404( Not Found)?$/],
  ["huge", { quirks: { errorBodies: "huge" } }, /: 404 x{1000,2000}…$/],
  [
    "web page",
    { middleware: [page] },
    /: 404 Not here \(answered by \S+ with a web page, text\/html\)$/,
  ],
];

for (const [preset] of PRESETS) {
  for (const [name, options, message] of FORMS) {
    Deno.test(`preset ${preset}: errors with a body that is ${name}`, async () => {
      await inWorld(preset, "memory", async ({ client }) => {
        for (
          const call of [() => client.getManifest({ ref: "v1" }), () => client.getBlob(NOWHERE)]
        ) {
          const error = await assertRejects(call, HttpError);
          assertEquals(error.code, "NOT_FOUND");
          assert(message.test(error.message), error.message.slice(0, 200));
        }
      }, options);
    });
  }
}
