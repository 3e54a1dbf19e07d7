import { assert, assertEquals } from "@std/assert";
import { RegistryClientV2 } from "../../mod.ts";
import { REGISTRY_AUTHS } from "../peers/registries.ts";
import { LACKS } from "./lacks.ts";

const FOLDER = new URL(".", import.meta.url);

async function sources(): Promise<string> {
  let text = "";
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith("_test.ts") || name === "samples.ts") {
      text += await Deno.readTextFile(new URL(name, FOLDER));
    }
  }
  return text;
}

Deno.test("every method of RegistryClientV2 is called on real registries", async () => {
  const text = await sources();
  const methods = Object.entries(Object.getOwnPropertyDescriptors(RegistryClientV2.prototype))
    .filter(([name, { get }]) => name !== "constructor" && get === undefined)
    .map(([name]) => name);
  assert(methods.length >= 28, `${methods.length} methods`);
  assertEquals(methods.filter((name) => !text.includes(`.${name}(`)), []);
});

Deno.test("every lack of a registry is asked for by a test, with the answer in its place", async () => {
  const text = await sources();
  assertEquals(Object.keys(LACKS), [...Object.keys(REGISTRY_AUTHS), "embedded"]);
  for (const lacks of Object.values(LACKS)) {
    for (const [ability, answer] of Object.entries(lacks)) {
      assert(text.includes(`.can("${ability}")`), ability);
      assert(answer.length > 0, ability);
    }
  }
});
