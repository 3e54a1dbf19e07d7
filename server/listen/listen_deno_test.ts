/** Large blobs from the disk, whose pieces are given back while they are sent: no byte is lost. */
import { assert, assertEquals } from "@std/assert";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import { toDigest } from "../../content/digest.ts";
import { digestOf } from "../../content/digest_of.ts";
import { createHasher } from "../../content/hasher.ts";
import { createTestRegistry } from "../../testing/test_registry.ts";
import { memoryWire, onDisk, until } from "../fixture_test.ts";
import { createRegistry } from "../registry.ts";
import { listenDeno } from "./listen_deno.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

/** Bytes of which no two pieces are the same: one that is sent twice, or as zeros, is seen. */
function unequalBytes(): Bytes {
  const words = new Uint32Array(SIZE / 4);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at + 1, 0x9e3779b1);
  return new Uint8Array(words.buffer);
}

interface Served {
  bytes: Bytes;
  digest: string;
  port: number;
}

async function withBlob(run: (served: Served) => Promise<void>): Promise<void> {
  await onDisk(async (backend) => {
    const bytes = unequalBytes();
    const digest = await memoryWire({ backend }).pushBlob("app", bytes);
    const registry = createRegistry({ backend });
    const listener = await listenDeno((request) => registry.fetch(request), "127.0.0.1", 0);
    try {
      await run({ bytes, digest, port: listener.port });
    } finally {
      listener.abort();
      await listener.finished;
    }
  });
}

/** How a client takes what comes. */
interface Pace {
  /** The most that one read takes, in bytes. */
  most: number;
  /** After how many bytes it rests. */
  each: number;
  /** How long it rests, in milliseconds. */
  rest: number;
}

const AT_ONCE: Pace = { most: MIB, each: SIZE, rest: 0 };

/** A client that sends requests in one go, and reads the answers one after the other. */
class Dialled {
  readonly #connection: Deno.TcpConn;
  readonly #pace: Pace;
  #left: Uint8Array = new Uint8Array(0);
  #read = 0;

  private constructor(connection: Deno.TcpConn, pace: Pace) {
    this.#connection = connection;
    this.#pace = pace;
  }

  static async open({ digest, port }: Served, pace: Pace, ...requests: string[]): Promise<Dialled> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const text = requests.map((request) => {
      const [method, range] = request.split(" ");
      const line = `${method} /v2/app/blobs/${digest} HTTP/1.1\r\nhost: r\r\n`;
      return `${line}${range ? `range: bytes=${range}\r\n` : ""}\r\n`;
    }).join("");
    await connection.write(encodeText(text));
    return new Dialled(connection, pace);
  }

  /** The next answer's status, length, and the digest of so many bytes of its body. */
  async answer(hasBody = true): Promise<[status: number, length: number, digest: string]> {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += new TextDecoder().decode(await this.#take(1));
    const length = Number(/^content-length: (\d+)/im.exec(head)![1]);
    const hasher = await createHasher("sha256");
    for (let left = hasBody ? length : 0; left > 0;) {
      const piece = await this.#take(left);
      hasher.update(piece as Bytes);
      left -= piece.byteLength;
    }
    return [Number(head.slice(9, 12)), length, toDigest("sha256", await hasher.digest())];
  }

  async #take(most: number): Promise<Uint8Array> {
    if (this.#left.byteLength === 0) {
      const { each, rest } = this.#pace;
      const buffer = new Uint8Array(this.#pace.most);
      const count = await this.#connection.read(buffer);
      assert(count !== null, `it ended after ${this.#read} bytes`);
      this.#left = buffer.subarray(0, count);
      const rests = Math.floor((this.#read + count) / each) > Math.floor(this.#read / each);
      this.#read += count;
      if (rests) await new Promise((resolve) => setTimeout(resolve, rest));
    }
    const taken = this.#left.subarray(0, most);
    this.#left = this.#left.subarray(taken.byteLength);
    return taken;
  }

  close(): void {
    this.#connection.close();
  }
}

Deno.test("listenDeno: 64 MiB for clients that are slow, that rest and that go, all at once", () =>
  withBlob(async (served) => {
    const paces: Pace[] = [
      AT_ONCE,
      { most: 16 * 1024, each: 4 * MIB, rest: 20 },
      { most: 64 * 1024, each: 512 * 1024, rest: 2 },
      { most: 256 * 1024, each: 32 * MIB, rest: 300 }, // the window is full long before it goes on
    ];
    const leaving = Array.from({ length: 8 }, async (_, index) => {
      const gone = await Dialled.open(served, { most: 1_000, each: SIZE, rest: 0 }, "GET");
      await new Promise((resolve) => setTimeout(resolve, 10 * index));
      gone.close();
    });
    const staying = paces.map(async (pace) => {
      const client = await Dialled.open(served, pace, "GET");
      const answer = await client.answer();
      client.close();
      return answer;
    });
    const answers = await Promise.all(staying);
    await Promise.all(leaving);
    assertEquals(answers, paces.map(() => [200, SIZE, served.digest]));
  }));

Deno.test("listenDeno: HEAD, ranges and the whole of 64 MiB, asked for in one go", () =>
  withBlob(async (served) => {
    const { bytes, digest } = served;
    const of = (from: number, to: number) => digestOf(bytes.subarray(from, to) as Bytes);
    const client = await Dialled.open(
      served,
      { most: 100_000, each: 8 * MIB, rest: 10 },
      ...["GET 1-16777216", "HEAD", "GET", "GET -1000001", "GET 5-5", "GET 60000000-"],
    );
    assertEquals(await client.answer(), [206, 16 * MIB, await of(1, 16 * MIB + 1)]);
    assertEquals((await client.answer(false)).slice(0, 2), [200, SIZE]);
    assertEquals(await client.answer(), [200, SIZE, digest]);
    assertEquals(await client.answer(), [206, 1_000_001, await of(SIZE - 1_000_001, SIZE)]);
    assertEquals(await client.answer(), [206, 1, await of(5, 6)]);
    assertEquals(await client.answer(), [206, SIZE - 60_000_000, await of(60_000_000, SIZE)]);
    client.close();
  }));

Deno.test("listenDeno: the signal of a request that a fault delays is not read", async () => {
  const { fetch: answer } = createTestRegistry({ faults: { delay: 1 } });
  let looked = 0;
  const listener = await listenDeno(
    (request) => {
      const { get } = Object.getOwnPropertyDescriptor(Request.prototype, "signal")!;
      Object.defineProperty(request, "signal", { get: () => (looked++, get!.call(request)) });
      return answer(request);
    },
    "127.0.0.1",
    0,
  );
  assertEquals(await (await fetch(`http://127.0.0.1:${listener.port}/v2/`)).text(), "{}");
  assertEquals(looked, 0);
  listener.abort();
  await listener.finished;
});

Deno.test("listenDeno: a request that a fault delays ends with its server", async () => {
  const { fetch: answer, requests } = createTestRegistry({ faults: { delay: 60_000 } });
  const listener = await listenDeno((request) => answer(request), "127.0.0.1", 0);
  const asked = fetch(`http://127.0.0.1:${listener.port}/v2/`).catch(() => "gone");
  await until(() => requests.length === 1);
  listener.abort();
  assertEquals(await asked, "gone");
  await listener.finished;
});
