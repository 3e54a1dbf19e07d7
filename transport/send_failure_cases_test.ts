/** How sending fails, and how it is given up. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetworkError, SizeMismatchError, TimeoutError } from "../errors.ts";
import { freePort } from "../tests/free_port.ts";
import { madeBody, piecesBody, type WatchedBody } from "./made_body_test.ts";
import { type Peer, rawServer } from "./raw_server_test.ts";
import {
  everything,
  HELLO,
  OK,
  request,
  type SendCase,
  type Sender,
  until,
  wait,
} from "./send_case_test.ts";

const MIB = 1024 * 1024;

/** A case whose server, limits and body make the request fail before there is a response. */
function fails(
  name: string,
  serve: (peer: Peer) => Promise<unknown>,
  body: (() => WatchedBody) | undefined,
  // deno-lint-ignore no-explicit-any
  errorClass: abstract new (...args: any[]) => Error,
  message: string,
): SendCase {
  return {
    name,
    async run({ send }) {
      const server = await rawServer(serve);
      const source = body?.();
      // Only what is to be late has little time: a busy machine must not look like one that stands still.
      const limits = errorClass === TimeoutError
        ? { responseTimeout: 250, stallTimeout: 400 }
        : { responseTimeout: 60_000, stallTimeout: 60_000 };
      const error = await assertRejects(
        () =>
          send(limits)(request(
            new URL("/v2/?signature=secret", server.url),
            source === undefined ? {} : { method: "PATCH", body: source.body },
          )),
        errorClass,
        message.replace("HOST", server.url.host),
      );
      assert(!everything(error).includes("secret"), everything(error));
      await server.close();
    },
  };
}

/** Reads the head and a little of the body, and then no more. */
async function headAndNoMore(peer: Peer): Promise<void> {
  await peer.head();
  await wait(1000);
}

const SOURCE_ERROR = new RangeError("the source is broken");

/** Requests that fail. */
export const failureCases: SendCase[] = [
  {
    name: "nobody listens",
    async run({ send }) {
      const { port, close } = await freePort();
      const host = `127.0.0.1:${port}`;
      const error = await assertRejects(
        () => send({})(request(new URL(`http://${host}/?signature=secret`))),
        NetworkError,
        `Cannot do the thing: the connection to ${host} failed: `,
      );
      close();
      assert(!everything(error).includes("secret"), everything(error));
      assertEquals([error.code, error.retryable], ["NETWORK", true]);
    },
  },
  fails(
    "the connection is closed before the head",
    (peer) => peer.head(),
    undefined,
    NetworkError,
    "Cannot do the thing: the connection to HOST failed: ",
  ),
  fails(
    "the connection is closed in the middle of the head",
    async (peer) => {
      await peer.head();
      await peer.write("HTTP/1.1 200 OK\nContent-Le");
    },
    undefined,
    NetworkError,
    "Cannot do the thing: the connection to HOST failed: ",
  ),
  fails(
    "the answer is not HTTP",
    async (peer) => {
      await peer.head();
      await peer.write("SSH-2.0-OpenSSH_9.6\n\n");
    },
    undefined,
    NetworkError,
    "Cannot do the thing: the connection to HOST failed: ",
  ),
  fails(
    "the head never comes",
    async (peer) => {
      await peer.head();
      await peer.drain();
    },
    undefined,
    TimeoutError,
    "Cannot do the thing: HOST did not answer within 250 ms",
  ),
  fails(
    "the head never comes after a body",
    async (peer) => {
      await peer.body(await peer.head());
      await peer.drain();
    },
    () => madeBody(3 * MIB),
    TimeoutError,
    "Cannot do the thing: HOST did not answer within 250 ms",
  ),
  fails(
    "the connection is closed in the middle of the body",
    async (peer) => {
      await peer.head();
      for (let pieces = 0; pieces < 20; pieces++) await peer.read();
    },
    () => madeBody(64 * MIB),
    NetworkError,
    "Cannot do the thing: the connection to HOST failed: ",
  ),
  fails(
    "the source stands still",
    (peer) => peer.drain(),
    () => piecesBody([HELLO, "stall"]),
    TimeoutError,
    "Cannot do the thing: the body gave no bytes for 400 ms",
  ),
  fails(
    "the source fails",
    (peer) => peer.drain(),
    () => piecesBody([HELLO, SOURCE_ERROR]),
    RangeError,
    "the source is broken",
  ),
  fails(
    "the body is shorter than it says",
    (peer) => peer.drain(),
    () => piecesBody([HELLO], 6),
    SizeMismatchError,
    "Cannot do the thing: the body has fewer bytes than the 6 declared (5)",
  ),
  fails(
    "the body is longer than it says",
    (peer) => peer.drain(),
    () => piecesBody([HELLO, HELLO], 5),
    SizeMismatchError,
    "Cannot do the thing: the body has more bytes than the 5 declared (10)",
  ),
  {
    ...fails(
      "the server takes no more of the body",
      headAndNoMore,
      () => madeBody(64 * MIB),
      TimeoutError,
      "Cannot do the thing: HOST took no bytes for 400 ms",
    ),
    when: (sender) => sender.backPressure,
  },
  {
    name: "a failed source is told as it is: the very error",
    async run({ send }) {
      const server = await rawServer((peer) => peer.drain());
      const error = await assertRejects(() =>
        send({})(request(server.url, {
          method: "PATCH",
          body: piecesBody([HELLO, SOURCE_ERROR]).body,
        }))
      );
      assert(error === SOURCE_ERROR);
      await server.close();
    },
  },
  {
    name: "a source that cannot be opened costs no connection",
    async run({ send }) {
      const server = await rawServer((peer) => peer.drain());
      const error = await assertRejects(() =>
        send({})(request(server.url, {
          method: "PATCH",
          body: { reopenable: true, open: () => Promise.reject(SOURCE_ERROR) },
        }))
      );
      assert(error === SOURCE_ERROR);
      await server.close();
      assertEquals(server.connections(), 0);
    },
  },
  {
    name: "a slow body is waited for: the response's time starts at its end",
    async run({ send }) {
      const server = await rawServer(async (peer) => {
        await peer.body(await peer.head());
        await peer.write(OK);
      });
      const { body } = piecesBody([]);
      let left = 5;
      const { response } = await send({ responseTimeout: 1_500, stallTimeout: 60_000 })(
        request(server.url, {
          method: "PATCH",
          body: {
            ...body,
            open: () =>
              Promise.resolve({
                async read() {
                  await wait(350); // 2,100 ms in all
                  return left-- > 0 ? { done: false, value: HELLO } : { done: true };
                },
                cancel: () => Promise.resolve(),
              }),
          },
        }),
      );
      assertEquals(await response.text(), "ok");
      await server.close();
    },
  },
];

const REASON = new DOMException("enough", "AbortError");

/** A case that aborts, and looks that nothing is left over. */
function aborts(
  name: string,
  run: (sender: Sender, abort: AbortController) => Promise<void>,
): SendCase {
  return { name, run: (sender) => run(sender, new AbortController()) };
}

/** Requests that are aborted, at every moment. */
export const abortCases: SendCase[] = [
  aborts("aborted before", async ({ send }, abort) => {
    const server = await rawServer((peer) => peer.drain());
    abort.abort(REASON);
    const { body, state } = madeBody(MIB);
    const error = await assertRejects(() =>
      send({})(request(server.url, { method: "PUT", body, signal: abort.signal }))
    );
    assert(error === REASON);
    await server.close();
    assertEquals([server.connections(), state.read], [0, 0]);
  }),
  aborts("aborted while the source opens", async ({ send }, abort) => {
    const server = await rawServer((peer) => peer.drain());
    setTimeout(() => abort.abort(REASON), 20);
    const error = await assertRejects(() =>
      send({})(request(server.url, {
        method: "PUT",
        body: { reopenable: true, open: () => new Promise(() => {}) },
        signal: abort.signal,
      }))
    );
    assert(error === REASON);
    await server.close();
  }),
  aborts("aborted while the source gives nothing", async ({ send }, abort) => {
    const server = await rawServer((peer) => peer.drain());
    setTimeout(() => abort.abort(REASON), 50);
    const { body, state } = piecesBody([HELLO, "stall"]);
    const error = await assertRejects(() =>
      send({})(request(server.url, { method: "PUT", body, signal: abort.signal }))
    );
    assert(error === REASON);
    await until(() => state.cancelled, "the source was told");
    await server.close();
  }),
  aborts("aborted while the body is sent", async ({ send }, abort) => {
    const server = await rawServer(async (peer) => {
      await peer.head();
      await peer.read();
      abort.abort(REASON);
      await peer.drain();
    });
    const { body, state } = madeBody(256 * MIB);
    const error = await assertRejects(() =>
      send({})(request(server.url, { method: "PUT", body, signal: abort.signal }))
    );
    assert(error === REASON);
    await until(() => state.cancelled, "the source was told");
    await server.close();
  }),
  aborts("aborted while the server takes nothing", async ({ send }, abort) => {
    const server = await rawServer(async (peer) => {
      await peer.head();
      setTimeout(() => abort.abort(REASON), 50);
      await wait(100);
      await peer.drain();
    });
    const { body } = madeBody(256 * MIB);
    const error = await assertRejects(() =>
      send({})(request(server.url, { method: "PUT", body, signal: abort.signal }))
    );
    assert(error === REASON);
    await server.close();
  }),
  aborts("aborted while the head is waited for", async ({ send }, abort) => {
    const server = await rawServer(async (peer) => {
      await peer.head();
      abort.abort(REASON);
      await peer.drain();
    });
    const error = await assertRejects(() =>
      send({})(request(server.url, { signal: abort.signal }))
    );
    assert(error === REASON);
    await server.close();
  }),
  aborts("aborted while the body is received", async ({ send }, abort) => {
    const server = await rawServer(async (peer) => {
      await peer.head();
      await peer.write("HTTP/1.1 200 OK\nContent-Length: 10\n\nabc");
      await peer.drain();
    });
    const { response } = await send({})(request(server.url, { signal: abort.signal }));
    const reader = response.body!.getReader();
    assertEquals((await reader.read()).value?.length, 3);
    const rest = assertRejects(() => reader.read());
    abort.abort(REASON);
    assert(await rest === REASON);
    await server.close();
  }),
  aborts("aborted after the end", async ({ send }, abort) => {
    const server = await rawServer(async (peer) => {
      await peer.head();
      await peer.write(OK);
    });
    const { response } = await send({})(request(server.url, { signal: abort.signal }));
    assertEquals(await response.text(), "ok");
    abort.abort(REASON);
    await server.close();
  }),
];
