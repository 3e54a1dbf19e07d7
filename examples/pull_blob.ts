/**
 * Pulls a blob to a file. The file is there when the digest has been verified, and not before.
 *
 *     deno run --allow-net --allow-read=. --allow-write=. examples/pull_blob.ts alpine sha256:… layer.tar.gz
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { saveFile } from "@davit/registry-client/stores";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: pull_blob REPOSITORY DIGEST FILE

Pulls a blob to a file, which is there when the digest has been verified, and not before.`;

await runProgram(USAGE, async (name, digest, path) => {
  const client = new RegistryClientV2({
    name,
    onEvent: (event) => {
      if (event.type === "progress") console.error(`${event.bytes} of ${event.total ?? "?"} bytes`);
    },
  });
  const blob = await client.getBlob(digest);
  console.log(`${path}: ${await saveFile(path, blob.stream)} bytes, verified`);
});
