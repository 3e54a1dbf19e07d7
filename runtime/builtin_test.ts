import { assertThrows } from "@std/assert";
import { UnsupportedRuntimeError } from "../errors.ts";
import { checkNode } from "./builtin.ts";

Deno.test("checkNode: older than 20.19 or 22.12, or between them, is named with what is needed", () => {
  for (
    const version of ["0.12.18", "8.17.0", "18.20.8", "20.0.0", "20.18.3", "21.7.3", "22.11.0"]
  ) {
    assertThrows(
      () => checkNode(version),
      UnsupportedRuntimeError,
      `Node ${version}: 20.19, 22.12`,
    );
  }
  for (
    const version of ["20.19.0", "20.20.1", "22.12.0", "22.21.0", "23.0.0", "24.1.0", "100.2.3"]
  ) {
    checkNode(version);
  }
});
