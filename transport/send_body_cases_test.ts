/** How bodies are sent: as they are, no faster than they are taken, and no longer than they are wanted. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { type OpenBody, openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { madeBody, madeHash, piecesBody } from "./made_body_test.ts";
import { type Peer, rawServer } from "./raw_server_test.ts";
import { HELLO, OK, request, type SendCase, type Sender, until, wait } from "./send_case_test.ts";

const MIB = 1024 * 1024;

/** A case that sends a body and compares what arrives. */
function uploads(
  name: string,
  body: () => OpenBody,
  expected: { size: number; sha256: string; length: (sender: Sender) => boolean },
): SendCase {
  return {
    name,
    async run(sender) {
      let head = "";
      let arrived;
      const server = await rawServer(async (peer) => {
        head = await peer.head();
        arrived = await peer.body(head);
        await peer.write("HTTP/1.1 201 Created\nContent-Length: 0\n\n");
      });
      const { response } = await sender.send({})(
        request(server.url, { method: "PUT", body: body() }),
      );
      assertEquals(response.status, 201);
      await response.body?.cancel();
      await server.close();
      assertEquals(arrived, { size: expected.size, sha256: expected.sha256, whole: true });
      const lengths = [...head.matchAll(/^content-length: (\d+)/gim)].map((match) => match[1]);
      const length = lengths.join();
      const chunked = /^transfer-encoding: chunked/im.test(head);
      const framing = expected.length(sender)
        ? { length: String(expected.size), chunked: false }
        : { length: "", chunked: true };
      assertEquals({ length, chunked }, framing);
    },
  };
}

const HELLO_HASH = createHash("sha256").update(HELLO).digest("hex");
const LARGE = 11 * MIB + 12345;
const always = () => true;
const never = () => false;

/** Bodies that arrive. */
export const bodyCases: SendCase[] = [
  uploads("bytes go with a Content-Length", () => openBody(HELLO), {
    size: 5,
    sha256: HELLO_HASH,
    length: always,
  }),
  uploads(
    "no bytes go with a Content-Length",
    () => openBody(HELLO.subarray(5) as Bytes),
    {
      size: 0,
      sha256: madeHash(0),
      length: always,
    },
  ),
  uploads("a blob goes with a Content-Length", () => openBody(new Blob([HELLO])), {
    size: 5,
    sha256: HELLO_HASH,
    length: always,
  }),
  uploads("an empty stream", () => madeBody(0).body, {
    size: 0,
    sha256: madeHash(0),
    length: (sender) => sender.keepsLength,
  }),
  uploads("a stream of known size goes with a Content-Length", () => madeBody(LARGE).body, {
    size: LARGE,
    sha256: madeHash(LARGE),
    length: (sender) => sender.keepsLength,
  }),
  uploads(
    "a stream of unknown size goes chunked",
    () => madeBody(LARGE, "unsized").body,
    { size: LARGE, sha256: madeHash(LARGE), length: never },
  ),
  uploads(
    "pieces that the source keeps, and empty ones, arrive as they are",
    () =>
      piecesBody([HELLO.subarray(0, 2) as Bytes, new Uint8Array(0), HELLO.subarray(2) as Bytes], 5)
        .body,
    { size: 5, sha256: HELLO_HASH, length: (sender) => sender.keepsLength },
  ),
  {
    name: "bytes stay the caller's",
    async run({ send }) {
      const bytes = HELLO.slice();
      const server = await rawServer(async (peer) => {
        await peer.body(await peer.head());
        await peer.write(OK);
      });
      const { response } = await send({})(
        request(server.url, { method: "PUT", body: openBody(bytes) }),
      );
      assertEquals(await response.text(), "ok");
      assertEquals(bytes, HELLO);
      await server.close();
    },
  },
];

/** A case whose server refuses a body before it has all of it. */
function refuses(
  name: string,
  status: string,
  after: (peer: Peer) => Promise<unknown>,
  declared: "sized" | "unsized",
): SendCase {
  return {
    name,
    async run({ send }) {
      const server = await rawServer(async (peer) => {
        await peer.head();
        await peer.read();
        await peer.write(`HTTP/1.1 ${status}\nContent-Length: 13\n\n{"errors":[]}`);
        await after(peer);
      });
      const { body, state } = madeBody(256 * MIB, declared);
      const { response } = await send({})(request(server.url, { method: "PATCH", body }));
      assertEquals(response.status, Number(status.slice(0, 3)));
      assertEquals(await response.json(), { errors: [] });
      await until(() => state.cancelled, "the source was told");
      await server.close();
      assert(state.read < 64 * MIB, `${state.read} bytes were read`);
    },
  };
}

/** Bodies that are refused before all of them was sent. */
export const refusalCases: SendCase[] = (["sized", "unsized"] as const).flatMap((declared) => [
  refuses(
    `a body, ${declared}, is refused, the connection read on`,
    "401 Unauthorized",
    (peer) => peer.drain(),
    declared,
  ),
  refuses(
    `a body, ${declared}, is refused, the connection half closed`,
    "413 Too Large",
    (peer) => {
      peer.end();
      return peer.drain();
    },
    declared,
  ),
  refuses(
    `a body, ${declared}, is refused, the connection closed`,
    "413 Too Large",
    () => wait(10),
    declared,
  ),
  refuses(
    `a body, ${declared}, is refused, and no more is read`,
    "413 Too Large",
    () => wait(500),
    declared,
  ),
]);

/** Bodies that must not run ahead of their server. */
export const backPressureCases: SendCase[] = (["sized", "unsized"] as const).map((declared) => ({
  name: `a slow server holds up a source, ${declared}`,
  when: (sender: Sender) => sender.backPressure,
  async run({ send }: Sender) {
    const { body, state } = madeBody(64 * MIB, declared);
    let ahead = 0;
    let taken = 0;
    const server = await rawServer(async (peer) => {
      await peer.head();
      // The system's own buffers hold a few MiB on loopback; what is read must stay near to them.
      for (let turns = 0; turns < 20; turns++) {
        await wait(10);
        ahead = Math.max(ahead, state.read - taken);
        taken += (await peer.read())?.length ?? 0;
      }
      await peer.drain().catch(() => {});
    });
    const abort = new AbortController();
    const sending = assertRejects(() =>
      send({})(request(server.url, { method: "PUT", body, signal: abort.signal }))
    );
    await wait(400);
    abort.abort();
    await sending;
    await server.close();
    assert(ahead > 0 && ahead <= 8 * MIB + 64 * 1024, `the source ran ${ahead} bytes ahead`);
  },
}));
