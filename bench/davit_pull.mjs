/**
 * Pulls one blob as a program would, and nothing else: what the benchmark measures, on any runtime.
 * `davit_pull.mjs REPOSITORY DIGEST byob | iterate | FILE`
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { saveFile } from "@davit/registry-client/stores";
import process from "node:process";

const BUFFER_BYTES = 1024 * 1024;

const [name, digest, to] = process.argv.slice(2);
const client = new RegistryClientV2({ name });
const { stream } = await client.getBlob(digest);
if (to === "byob") {
  const reader = stream.getReader({ mode: "byob" });
  let buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const { done, value } = await reader.read(buffer);
    if (done) break;
    buffer = new Uint8Array(value.buffer);
  }
} else if (to === "iterate") {
  for await (const _piece of stream);
} else {
  await saveFile(to, stream);
}
