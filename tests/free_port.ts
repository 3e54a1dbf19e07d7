/** A port of 127.0.0.1 where nobody listens. */
interface FreePort {
  /** The port. */
  port: number;
  /** Lets others have it. */
  close(): void;
}

/** A connection of this process has the port, so that no other program gets it meanwhile. */
export async function freePort(): Promise<FreePort> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [connection, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  return {
    port: connection.localAddr.port,
    close() {
      connection.close();
      accepted.close();
    },
  };
}
