import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import * as errors from "./errors.ts";

for (const [name, type] of Object.entries(errors)) {
  Deno.test(`${name}: its name is a literal, which no bundler changes`, () => {
    const named = Object.getOwnPropertyDescriptor(type.prototype, "name");
    assertEquals(named, { value: name, writable: true, enumerable: false, configurable: true });
  });
}

Deno.test("ApiError: its name stands in its stack, and may be written to", () => {
  const error = new errors.LimitError("Cannot read", { limit: "x", maximum: 1 });
  assertEquals(error.name, "LimitError");
  assertStringIncludes(error.stack ?? "", "LimitError: Cannot read");
  error.name = "Other";
  assertEquals([error.name, String(error)], ["Other", "Other: Cannot read"]);
});

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
