/** A layout's file on Deno, which the runtime moves into a request by itself. */
import { assert, assertEquals } from "@std/assert";
import { openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { pieceReader } from "../content/piece_reader.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { isMovable } from "../transport/fetch_upload.ts";
import { LayoutStore } from "./layout_store.ts";

const CONTENT = Uint8Array.from({ length: 300_007 }, (_, at) => (at * 31 + (at >> 11)) & 255);

async function withBlob(
  run: (open: (offset?: number) => Promise<ReadableStream<Bytes>>, digest: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const store = new LayoutStore(folder);
    const digest = await digestOf(CONTENT);
    const descriptor = { mediaType: "a/b", digest, size: CONTENT.byteLength };
    await store.write(descriptor, CONTENT);
    const { signal } = new AbortController();
    await run((offset = 0) => store.open(descriptor, { verify: false, signal, offset }), digest);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a layout's file can be moved until it is read", () =>
  withBlob(async (open) => {
    const reader = pieceReader(await open());
    assertEquals(reader.native?.size, CONTENT.byteLength);
    await reader.read();
    assertEquals(reader.native, undefined);
    await reader.cancel();

    const whole = pieceReader(await open()).native!.take();
    assertEquals(await new Response(whole).bytes(), CONTENT);
  }));

Deno.test("a layout's file is moved to a registry over plain http, and read for any other", () =>
  withBlob(async (open, digest) => {
    const body = { ...openBody(CONTENT), native: pieceReader(await open()).native };
    for (const [keepsLength, http, https] of [[true, true, true], [false, true, false]]) {
      const native = { ...body.native!, keepsLength: keepsLength! };
      assertEquals(isMovable(new URL("http://a/"), { ...body, native }), http);
      assertEquals(isMovable(new URL("https://a/"), { ...body, native }), https);
    }
    await body.native!.take().cancel();

    const framing: (string | null)[] = [];
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        if (request.method !== "PUT") {
          return new Response(null, {
            status: 202,
            headers: { Location: "/v2/a/blobs/uploads/1" },
          });
        }
        framing.push(
          request.headers.get("transfer-encoding") ?? request.headers.get("content-length"),
        );
        const bytes = await request.bytes();
        // A host that wants to know the length says so to what comes in chunks.
        if (framing.length === 2) return new Response(null, { status: 411 });
        assert(bytes.every((byte, at) => byte === CONTENT[at]) && bytes.length === CONTENT.length);
        return new Response(null, { status: 201 });
      },
    );
    const name = `127.0.0.1:${server.addr.port}/a`;
    const client = new RegistryClientV2({ name, insecure: true });
    const blob = { size: CONTENT.byteLength, open };
    for (let turn = 0; turn < 2; turn++) {
      await client.putBlob(blob, { digest, verify: "target", absent: true });
    }
    assertEquals(framing, ["chunked", "chunked", String(CONTENT.byteLength)]);
  }));
