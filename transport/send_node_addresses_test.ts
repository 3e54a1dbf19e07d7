import { assertEquals } from "@std/assert";
import { request } from "./fake_send_test.ts";
import { nodeConnection } from "./node_connection.ts";
import { nodeSend } from "./send_node.ts";

for (const addresses of [["127.0.0.1"], ["127.0.0.1", "192.0.2.1"]]) {
  Deno.test(`nodeSend connects to addresses that were checked, and looks up nothing: ${addresses}`, async () => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ headers }) => {
      return new Response(headers.get("host"));
    });
    // Nobody has this name: were it looked up again, the request would fail.
    const host = `rebinding.invalid:${server.addr.port}`;
    const url = new URL(`http://${host}/v2/`);
    const send = nodeSend(nodeConnection(url, { keepAlive: false }));
    const { response } = await send(request({ url, addresses }));
    assertEquals([response.status, await response.text()], [200, host]);
    await server.shutdown();
  });
}

for (const large of [false, true]) {
  Deno.test(`nodeSend: a kept connection is used again for the addresses that were checked, and no others${large ? ": large bodies" : ""}`, async () => {
    const said = (text: string, port = 0, hostname = "127.0.0.1") =>
      Deno.serve(
        { hostname, port, onListen() {} },
        (_request, { remoteAddr }) => new Response(`${text} ${(remoteAddr as Deno.NetAddr).port}`),
      );
    const one = said("one");
    const { port } = one.addr;
    const two = said("two", port, "127.0.0.2");
    const url = new URL(`http://rebinding.invalid:${port}/v2/`);
    const connection = nodeConnection(url, { direct: true });
    const send = nodeSend(connection);
    const ask = async (...addresses: string[]) =>
      await (await send(request({ url, addresses, large }))).response.text();
    const first = await ask("127.0.0.1");
    assertEquals([first.slice(0, 3), await ask("127.0.0.1")], ["one", first]);
    // The name leads elsewhere by now: the kept connection is to an address that it no longer has.
    const second = await ask("127.0.0.2");
    assertEquals([second.slice(0, 3), await ask("127.0.0.2"), await ask("127.0.0.1")], [
      "two",
      second,
      first,
    ]);
    connection.agent!.destroy();
    connection.direct!.close();
    await one.shutdown();
    await two.shutdown();
  });
}
