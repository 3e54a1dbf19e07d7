import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import https from "node:https";
import net from "node:net";
import { freePort } from "../tests/free_port.ts";
import { makeCertificate } from "../tests/peers/certificate.ts";
import { lookAtTls } from "./look_at_tls.ts";

async function listening(server: net.Server, ask: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  try {
    await ask((server.address() as net.AddressInfo).port);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** A server that answers the first bytes of a connection with these, and ends it. */
function answering(bytes: Uint8Array): net.Server {
  return net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.from(bytes)));
  });
}

Deno.test("lookAtTls: a server of TLS, whose certificate nobody trusts", async () => {
  const { pem: cert, keyPem: key } = await makeCertificate();
  const server = https.createServer({ cert, key }) as unknown as net.Server;
  await listening(server, async (port) => {
    assertEquals((await lookAtTls(new URL(`http://127.0.0.1:${port}/v2/`))).speaks, true);
    assertEquals(
      (await lookAtTls(new URL(`http://nowhere.invalid:${port}/`), "127.0.0.1")).speaks,
      true,
    );
  });
});

Deno.test("lookAtTls: https waits for what the host says after the handshake", async () => {
  const { pem: cert, keyPem: key } = await makeCertificate();
  const server = https.createServer({ cert, key }) as unknown as net.Server;
  let ended = false;
  server.on("secureConnection", (socket: net.Socket) => {
    setTimeout(() => {
      ended = true;
      socket.end();
    }, 50);
  });
  await listening(server, async (port) => {
    const url = `https://127.0.0.1:${port}/`;
    assertEquals(await lookAtTls(new URL(url)), { speaks: true });
    assertEquals(ended, true);
  });
});

const OTHERS: [name: string, bytes: Uint8Array][] = [
  ["plain HTTP", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["SSH", new TextEncoder().encode("SSH-2.0-OpenSSH_9.6\r\n")],
  ["nothing", new Uint8Array(0)],
];

for (const [name, bytes] of OTHERS) {
  Deno.test(`lookAtTls: a server that answers ${name} does not`, async () => {
    await listening(answering(bytes), async (port) => {
      assertEquals((await lookAtTls(new URL(`http://127.0.0.1:${port}/`))).speaks, false);
    });
  });
}

Deno.test("lookAtTls: nobody listens", async () => {
  const free = await freePort();
  assertEquals((await lookAtTls(new URL(`http://127.0.0.1:${free.port}/`))).speaks, false);
  free.close();
});
