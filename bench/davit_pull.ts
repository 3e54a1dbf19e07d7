/**
 * Pulls one blob as a program would, and nothing else: what the benchmark measures.
 * `davit_pull.ts REPOSITORY DIGEST byob | iterate | FILE`
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { saveFile } from "@davit/registry-client/stores";

const BUFFER_BYTES = 1024 * 1024;

const [name, digest, to] = Deno.args;
const client = new RegistryClientV2({ name: name! });
const { stream } = await client.getBlob(digest!);
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
  await saveFile(to!, stream);
}
