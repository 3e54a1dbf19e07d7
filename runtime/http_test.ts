import { assertEquals, assertStrictEquals } from "@std/assert";
import http from "node:http";
import https from "node:https";
import { nextTurn, nodeHttp } from "./http.ts";

Deno.test("nodeHttp gives the module for a protocol", () => {
  assertStrictEquals(nodeHttp("http:")?.Agent, http.Agent as unknown);
  assertStrictEquals(nodeHttp("https:")?.Agent, https.Agent as unknown);
});

Deno.test("nodeHttp gives nothing, and nextTurn waits, where there is no node:", async () => {
  const { process } = globalThis as unknown as { process: { getBuiltinModule: unknown } };
  const { getBuiltinModule } = process;
  process.getBuiltinModule = undefined;
  try {
    assertEquals(nodeHttp("http:"), undefined);
    await nextTurn();
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});

Deno.test("nextTurn lets what has arrived be seen", async () => {
  let seen = false;
  const server = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const connecting = Deno.connect({ port: (server.addr as Deno.NetAddr).port });
  const accepted = server.accept().then((connection) => {
    seen = true;
    return connection;
  });
  for (let turn = 0; turn < 1000 && !seen; turn++) await nextTurn();
  assertEquals(seen, true);
  (await accepted).close();
  (await connecting).close();
  server.close();
});
