import { assertEquals } from "@std/assert";
import { getMaxListeners } from "node:events";
import { sharedController } from "./shared_controller.ts";

Deno.test("sharedController: as many as like may listen", () => {
  const controller = sharedController();
  assertEquals(getMaxListeners(controller.signal), 0);
  controller.abort("enough");
  assertEquals(controller.signal.reason, "enough");
});
