/** A layout's file on Deno, which the runtime moves into a request by itself. */
import { assert, assertEquals } from "@std/assert";
import { openBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { pieceReader } from "../content/piece_reader.ts";
import type { ContentSource, OpenOptions } from "../content/store.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { isMovable } from "../transport/fetch_upload.ts";
import { createArchive } from "./create_archive.ts";
import { inFolder } from "./folder_fixture_test.ts";
import { LayoutStore } from "./layout_store.ts";
import { openArchive } from "./open_archive.ts";

const CONTENT = Uint8Array.from({ length: 300_007 }, (_, at) => (at * 31 + (at >> 11)) & 255);

async function withBlob(
  run: (open: (offset?: number) => Promise<ReadableStream<Bytes>>, digest: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const store = new LayoutStore(folder);
    const digest = await digestOf(CONTENT);
    const descriptor = { mediaType: "a/b", digest, size: CONTENT.byteLength };
    await store.write(descriptor, CONTENT);
    const { signal } = new AbortController();
    await run((offset = 0) => store.open(descriptor, { verify: false, signal, offset }), digest);
  });
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

Deno.test("a part of a file is read: what follows it is not moved along", () =>
  inFolder(async (folder) => {
    const descriptor = await describeBytes(CONTENT, "a/b");
    const { size } = descriptor;
    const parts: [ContentSource, OpenOptions, moved: boolean][] = [];
    const layout = new LayoutStore(`${folder}/layout`);
    await layout.write(descriptor, CONTENT);
    for (const [offset, length] of [[0, size - 1], [1, size - 2], [size - 2, 1]]) {
      parts.push([layout, { offset: offset!, length: length! }, false]);
    }
    for (const offset of [0, 1, size - 1]) parts.push([layout, { offset }, true]);
    const path = `${folder}/archive.tar`;
    const target = await createArchive(path, { format: "oci" });
    await target.write(descriptor, CONTENT);
    await target.close();
    const archive = await openArchive(path);
    for (const offset of [0, 1, size - 1]) parts.push([archive, { offset }, false]);
    for (const [source, options, moved] of parts) {
      const reader = pieceReader(await source.open(descriptor, { ...options, verify: false }));
      assertEquals(reader.native !== undefined, moved, JSON.stringify(options));
      await reader.cancel();
    }
    await archive.close();
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
