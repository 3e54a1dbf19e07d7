import process from "node:process";
import { assertEquals, assertThrows } from "@std/assert";
import { UnsupportedRuntimeError } from "../errors.ts";
import { absolutePath } from "./absolute_path.ts";

Deno.test("absolutePath: from the current folder, or from the root", () => {
  assertEquals(absolutePath("a/../b"), `${Deno.cwd()}/b`);
  assertEquals(absolutePath("/a/../b"), "/b");
});

Deno.test("absolutePath: without a current folder a path must begin at the root", () => {
  const { cwd } = Deno;
  const processCwd = process.cwd;
  try {
    Object.assign(Deno, { cwd: undefined });
    Object.assign(process, { cwd: undefined });
    assertEquals(absolutePath("/a"), "/a");
    assertThrows(
      () => absolutePath("a"),
      UnsupportedRuntimeError,
      "Cannot use the path a: this runtime has no current folder to begin at",
    );
  } finally {
    Object.assign(Deno, { cwd });
    Object.assign(process, { cwd: processCwd });
  }
});
