import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import https from "node:https";
import net from "node:net";
import { makeCertificate } from "../tests/peers/certificate.ts";
import { speaksTls } from "./speaks_tls.ts";

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

Deno.test("speaksTls: a server of TLS, whose certificate nobody trusts", async () => {
  const { pem: cert, keyPem: key } = await makeCertificate();
  const server = https.createServer({ cert, key }) as unknown as net.Server;
  await listening(server, async (port) => {
    assertEquals(await speaksTls(new URL(`http://127.0.0.1:${port}/v2/`)), true);
    assertEquals(await speaksTls(new URL(`http://nowhere.invalid:${port}/`), "127.0.0.1"), true);
  });
});

const OTHERS: [name: string, bytes: Uint8Array][] = [
  ["plain HTTP", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["SSH", new TextEncoder().encode("SSH-2.0-OpenSSH_9.6\r\n")],
  ["nothing", new Uint8Array(0)],
];

for (const [name, bytes] of OTHERS) {
  Deno.test(`speaksTls: a server that answers ${name} does not`, async () => {
    await listening(answering(bytes), async (port) => {
      assertEquals(await speaksTls(new URL(`http://127.0.0.1:${port}/`)), false);
    });
  });
}

Deno.test("speaksTls: nobody listens", async () => {
  let free = 0;
  await listening(answering(new Uint8Array(0)), (port) => Promise.resolve(void (free = port)));
  assertEquals(await speaksTls(new URL(`http://127.0.0.1:${free}/`)), false);
});
