import { assertEquals } from "@std/assert";
import { systemClock } from "../../transport/clock.ts";
import { providerSettings } from "./provider_options.ts";

Deno.test("providerSettings: the global fetch is the one of the moment", async () => {
  const settings = providerSettings({});
  const { fetch } = globalThis;
  const asked: unknown[] = [];
  globalThis.fetch = (input) => {
    asked.push(input);
    return Promise.resolve(new Response("mine"));
  };
  try {
    assertEquals(await (await settings.fetch("https://service.test/")).text(), "mine");
  } finally {
    globalThis.fetch = fetch;
  }
  assertEquals(asked, ["https://service.test/"]);
  assertEquals(settings.clock, systemClock);
});

Deno.test("providerSettings: this process's environment, unless there is another one", () => {
  const name = "DAVIT_TEST_OF_PROVIDERS";
  const settings = providerSettings({});
  assertEquals(settings.variable(name), undefined);
  Deno.env.set(name, "value");
  try {
    assertEquals(settings.variable(name), "value");
    assertEquals(providerSettings({ environment: {} }).variable(name), undefined);
    assertEquals(providerSettings({ environment: { [name]: "" } }).variable(name), undefined);
  } finally {
    Deno.env.delete(name);
  }
});
