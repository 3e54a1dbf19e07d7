/**
 * A TypeScript program for Node alone: Node's types, not the DOM's. package_test.ts compiles it where
 * the package is installed.
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { openFile } from "@davit/registry-client/stores";
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";

const app = new RegistryClientV2({ name: "ghcr.io/you/app", scopes: ["pull", "push"] });

const { digest } = await app.putBlob(Buffer.from("hello"));
await app.putBlob(await openFile("layer.tar"));
await app.putBlob({
  size: 5,
  open: (start = 0) => Readable.toWeb(createReadStream("layer.tar", { start })),
});
const data: Buffer = await readFile("manifest.json");
await app.putManifest({ manifestData: data, ref: "v1" });
const session = await app.uploadBlobChunk({ session: await app.startBlobUpload(), data });
await app.completeBlobUpload({ session, digest, data });
await app.startBlobUpload({ digest, data });
await app.putBlob(data as Uint8Array);
await app.blobUpload({ digest, stream: createReadStream("layer.tar"), contentLength: 5 });

const { stream } = await app.getBlob(digest);
for await (const piece of stream) piece.byteLength.toFixed();
Readable.fromWeb((await app.getBlob(digest)).stream);
