import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as errors from "./errors.ts";

for (const [name, type] of Object.entries(errors)) {
  Deno.test(`${name}: its name is a literal, whatever a bundler calls the class`, () => {
    const Renamed = class extends (type as new (...args: unknown[]) => Error) {};
    const isHttp = type === errors.HttpError || type.prototype instanceof errors.HttpError;
    const args = isHttp ? [new Response(null, { status: 404 }), [], "m"] : ["m", {}];
    const error = new Renamed(...args);
    // What a signal's own time limit rejects with is called "TimeoutError".
    const own = name === "TimeoutError" ? "DavitTimeoutError" : name;
    assertEquals([error.name, error.message], [own, "m"]);
    error.name = "Other";
    assertEquals(String(error), "Other: m");
  });
}

Deno.test("ApiError: a subclass of a user's keeps the name until it says its own", () => {
  class Unnamed extends errors.CredentialError {}
  class NamedError extends errors.ApiError {
    override name = "NamedError";
  }
  assertEquals(new Unnamed("Cannot read", { source: "a" }).name, "CredentialError");
  const error = new NamedError("Cannot read", { cause: 1 });
  assertInstanceOf(error, errors.ApiError);
  assertEquals([error.name, error.cause], ["NamedError", 1]);
  assert(!error.retryable);
});
