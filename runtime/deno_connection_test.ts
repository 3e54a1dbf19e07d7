import { assertEquals, assertInstanceOf } from "@std/assert";
import type { Duplex } from "node:stream";
import { freePort } from "../tests/free_port.ts";
import { denoConnection } from "./deno_connection.ts";

function connectionTo(port: number): Duplex {
  return denoConnection(new URL(`http://127.0.0.1:${port}/`)) as unknown as Duplex;
}

function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, fn: run });
}

/** A listener, and what it does with its one connection. */
function listening(serve: (connection: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" }) as Deno.TcpListener;
  const served = (async () => {
    const connection = await listener.accept();
    listener.close();
    await serve(connection);
    connection.close();
  })();
  return { port: (listener.addr as Deno.NetAddr).port, served };
}

function ended(socket: Duplex, ...events: string[]): Promise<unknown> {
  return new Promise((resolve) => {
    for (const event of events) socket.on(event, (value: unknown) => resolve(value ?? event));
  });
}

/** Reads a connection to its end. */
async function readAll(connection: Deno.Conn): Promise<number> {
  const into = new Uint8Array(64 * 1024);
  let bytes = 0;
  for (;;) {
    const count = await connection.read(into);
    if (count === null) return bytes;
    bytes += count;
  }
}

test("denoConnection takes bytes while it connects, and gives what comes back", async () => {
  let asked = 0;
  const { port, served } = listening(async (connection) => {
    asked = await readAll(connection);
    await connection.write(new TextEncoder().encode("answer"));
  });
  const socket = connectionTo(port);
  socket.write(new Uint8Array(3_000_000));
  socket.end();
  let text = "";
  socket.on("data", (bytes: Uint8Array) => text += new TextDecoder().decode(bytes));
  await ended(socket, "close");
  await served;
  assertEquals([asked, text], [3_000_000, "answer"]);
});

test("denoConnection writes all of it before destroySoon ends it", async () => {
  let asked = 0;
  const { port, served } = listening(async (connection) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    asked = await readAll(connection);
  });
  const socket = connectionTo(port) as Duplex & { destroySoon(): void };
  socket.write(new Uint8Array(3_000_000));
  socket.destroySoon();
  await ended(socket, "close");
  await served;
  assertEquals(asked, 3_000_000);
});

test("denoConnection can be destroyed while it connects, reads and writes", async () => {
  for (const when of ["connects", "reads", "writes"]) {
    // Deno leaves a connection open that is aborted in the moment in which it stands: so it must stand.
    const stands = Promise.withResolvers<void>();
    const { port, served } = listening(async (connection) => {
      if (when === "reads") await connection.write(new Uint8Array(1));
      if (when === "writes") {
        await connection.read(new Uint8Array(1));
        stands.resolve();
      }
      await readAll(connection).catch(() => {});
    });
    const socket = connectionTo(port);
    if (when === "reads") socket.on("data", () => stands.resolve());
    if (when === "writes") socket.write(new Uint8Array(50_000_000));
    socket.on("error", () => {});
    if (when !== "connects") await stands.promise;
    const closed = ended(socket, "close");
    socket.destroy();
    await closed;
    // Where nobody connected, somebody must, so that the listener ends.
    const late = await Deno.connect({ port }).catch(() => undefined);
    late?.close();
    await served;
  }
});

test("denoConnection can be destroyed while a host does not answer", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1", tcpBacklog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  // Nobody accepts: once the queue is full, a connection is not made and not refused.
  const queued: Deno.Conn[] = [];
  for (let full = false; !full && queued.length < 8;) {
    const signal = AbortSignal.timeout(100);
    const connection = await Deno.connect({ port, signal }).catch(() => undefined);
    if (connection === undefined) full = true;
    else queued.push(connection);
  }
  const socket = connectionTo(port);
  const closed = ended(socket, "close");
  socket.on("error", () => {});
  socket.destroy();
  await closed;
  for (const connection of queued) connection.close();
  listener.close();
});

for (const [name, scheme] of [["", "http"], [", with TLS", "https"]]) {
  test(`denoConnection fails when nobody listens${name}`, async () => {
    const free = await freePort();
    const url = new URL(`${scheme}://127.0.0.1:${free.port}/`);
    const error = await ended(denoConnection(url) as unknown as Duplex, "error");
    assertInstanceOf(error, Error);
    assertEquals(error.name, "ConnectionRefused");
    free.close();
  });
}

test("denoConnection begins a handshake for https", async () => {
  const first = new Uint8Array(1);
  const { port, served } = listening(async (connection) => {
    await connection.read(first);
  });
  const url = new URL(`https://127.0.0.1:${port}/`);
  const socket = denoConnection(url) as unknown as Duplex;
  socket.write(new Uint8Array(1));
  assertInstanceOf(await ended(socket, "error"), Error);
  await served;
  assertEquals(first[0], 0x16);
});

Deno.test({
  name: "denoConnection tells what Deno's permissions say",
  permissions: { net: false },
  async fn() {
    const error = await ended(connectionTo(1), "error");
    assertInstanceOf(error, Deno.errors.NotCapable);
  },
});

/** What a connection gets of one that answers, by a name that nobody has. */
async function answer(addresses: string[], name = "rebinding.invalid"): Promise<string> {
  const { port, served } = listening(async (connection) => {
    await connection.write(new TextEncoder().encode("here"));
  });
  const socket = denoConnection(new URL(`http://${name}:${port}/`), { addresses });
  const stream = socket as unknown as Duplex;
  const text = await new Promise<string>((resolve, reject) => {
    stream.on("data", (piece: Uint8Array) => resolve(new TextDecoder().decode(piece)));
    stream.on("error", reject);
  });
  stream.destroy();
  await served;
  return text;
}

const ADDRESSES: [name: string, addresses: string[]][] = [
  ["the address that was checked", ["127.0.0.1"]],
  ["the next one where one does not answer", ["127.0.0.2", "127.0.0.1"]],
];

for (const [name, addresses] of ADDRESSES) {
  test(`denoConnection connects to ${name}, and looks up nothing`, async () => {
    assertEquals(await answer(addresses), "here");
  });
}

test("denoConnection fails when no address that was checked answers, although the name would", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = new URL(`http://localhost:${(listener.addr as Deno.NetAddr).port}/`);
  const socket = denoConnection(url, { addresses: ["127.0.0.2", "127.0.0.3"] });
  assertInstanceOf(
    await ended(socket as unknown as Duplex, "error"),
    Deno.errors.ConnectionRefused,
  );
  listener.close();
});

Deno.test({
  name: "denoConnection connects by name where the program may connect to the name alone",
  permissions: { net: ["localhost", "0.0.0.0"] },
  async fn() {
    const listener = Deno.listen({ port: 0, hostname: "localhost" });
    const url = new URL(`http://localhost:${(listener.addr as Deno.NetAddr).port}/`);
    const socket = denoConnection(url, { addresses: ["127.0.0.1"] }) as unknown as Duplex;
    const connection = await listener.accept();
    connection.close();
    listener.close();
    socket.destroy();
  },
});
