import { assert, assertEquals, assertRejects } from "@std/assert";
import { hostAddresses } from "./host_addresses.ts";

Deno.test("hostAddresses tells where a name leads, hosts file and all", async () => {
  const addresses = await hostAddresses("localhost");
  assert(addresses!.length > 0);
  assertEquals(addresses!.filter((address) => !["127.0.0.1", "::1"].includes(address)), []);
});

Deno.test("hostAddresses fails where a connection would: a name that nobody has", async () => {
  await assertRejects(() => hostAddresses("registry.invalid"), Error, "registry.invalid");
});

Deno.test("hostAddresses does not know where the runtime does not tell", async () => {
  const { process } = globalThis as unknown as { process: { getBuiltinModule: unknown } };
  const { getBuiltinModule } = process;
  process.getBuiltinModule = undefined;
  try {
    assertEquals(await hostAddresses("localhost"), undefined);
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});
