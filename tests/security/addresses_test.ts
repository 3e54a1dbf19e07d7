/**
 * Names that look public and lead to private addresses: what is connected to, counted at a real
 * server on loopback, which stands for the inside of somebody's network.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { HostRefusedError, publicHostsOnly, RegistryClientV2 } from "@davit/registry-client";

/** A server that counts its connections, and answers each with an empty 200. */
async function counting(test: (port: number, connections: () => number) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connections = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      connections++;
      await connection.read(new Uint8Array(4096));
      const head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      await connection.write(new TextEncoder().encode(head));
      connection.close();
    }
  })();
  try {
    await test(listener.addr.port, () => connections);
  } finally {
    listener.close();
    await serving;
  }
}

Deno.test("a name that leads to this machine is looked up, refused, and not connected to", () =>
  counting(async (port, connections) => {
    const asked: unknown[] = [];
    const client = new RegistryClientV2({
      name: `http://localhost:${port}/app`,
      // As if the name were one that somebody can register.
      allowHost: (host, purpose, addresses) => {
        asked.push([host, purpose, addresses !== undefined]);
        const name = host.replace("localhost", "registry.example.com");
        return publicHostsOnly()(name, purpose, addresses);
      },
    });
    const error = await assertRejects(() => client.ping(), HostRefusedError, " at 127.0.0.1");
    assertEquals(error.host, `localhost:${port}`);
    assertEquals(asked, [
      [`localhost:${port}`, "registry", false],
      [`localhost:${port}`, "registry", true],
    ]);
    assertEquals(connections(), 0);
  }));

Deno.test("an internal registry that the caller allows is connected to, at its address", () =>
  counting(async (port, connections) => {
    const addresses: unknown[] = [];
    const client = new RegistryClientV2({
      name: `http://localhost:${port}/app`,
      allowHost: (_host, _purpose, found) => {
        addresses.push(...found ?? []);
        return true;
      },
    });
    await client.ping();
    assertEquals([addresses.includes("127.0.0.1"), connections()], [true, 1]);
  }));

Deno.test("with a fetch of the caller's own nothing is looked up", async () => {
  const asked: number[] = [];
  const client = new RegistryClientV2({
    name: "registry.invalid/app",
    fetch: () => Promise.resolve(new Response()),
    allowHost: (...args) => asked.push(args.length) > 0,
  });
  const { status } = await client.ping();
  assertEquals([status, asked], [200, [2]]);
});
