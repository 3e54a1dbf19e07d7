/**
 * Asks for a blob without pulling it: the responses, from the registry's to the storage's.
 *
 *     deno run --allow-net examples/head_blob.ts alpine sha256:…
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: head_blob REPOSITORY DIGEST

Asks for a blob without pulling it: the responses, from the registry's to the storage's.`;

await runProgram(USAGE, async (name, digest) => {
  const client = new RegistryClientV2({ name });
  for (const { status, headers } of await client.headBlob({ digest })) {
    console.log(`${status}, ${headers.get("content-length") ?? "?"} bytes`);
  }
});
