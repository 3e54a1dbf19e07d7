import { assertEquals } from "@std/assert";
import { USER_AGENT, VERSION } from "./version.ts";

Deno.test("the version is the one of deno.json", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  assertEquals(VERSION, config.version);
});

Deno.test("the user agent names the package and its version, and nothing of the machine", () => {
  assertEquals(USER_AGENT, `davit/${VERSION}`);
});
