import { assertEquals } from "@std/assert";
import { getMaxListeners } from "node:events";
import { sharedController } from "./shared_controller.ts";

Deno.test("sharedController: as many as like may listen, which Node must be told", () => {
  const deno = Object.getOwnPropertyDescriptor(globalThis, "Deno")!;
  const hidden = Object.create(Deno, { version: { value: undefined } });
  Object.defineProperty(globalThis, "Deno", { value: hidden, configurable: true });
  try {
    const controller = sharedController();
    assertEquals(getMaxListeners(controller.signal), 0);
    controller.abort("enough");
    assertEquals(controller.signal.reason, "enough");
  } finally {
    Object.defineProperty(globalThis, "Deno", deno);
  }
});
