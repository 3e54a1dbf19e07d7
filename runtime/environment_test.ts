import { assertEquals } from "@std/assert";
import { environment, userId } from "./environment.ts";

Deno.test("environment: the variables of this process, as they are now", () => {
  Deno.env.set("DAVIT_ENVIRONMENT_TEST", "one");
  try {
    assertEquals(environment()?.DAVIT_ENVIRONMENT_TEST, "one");
  } finally {
    Deno.env.delete("DAVIT_ENVIRONMENT_TEST");
  }
  assertEquals(environment()?.DAVIT_ENVIRONMENT_TEST, undefined);
});

Deno.test("environment, userId: nothing where there is no process", () => {
  const process = Reflect.get(globalThis, "process");
  Reflect.set(globalThis, "process", undefined);
  try {
    assertEquals([environment(), userId()], [undefined, undefined]);
  } finally {
    Reflect.set(globalThis, "process", process);
  }
});

Deno.test("userId: whoever runs this; nobody where that may not be asked", () => {
  assertEquals(userId(), Deno.uid() ?? undefined);
  const process = Reflect.get(globalThis, "process");
  const { getuid } = process;
  Reflect.set(process, "getuid", () => {
    throw new Deno.errors.NotCapable("Requires sys access");
  });
  try {
    assertEquals(userId(), undefined);
  } finally {
    Reflect.set(process, "getuid", getuid);
  }
});
