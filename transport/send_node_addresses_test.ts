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
