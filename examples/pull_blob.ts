/**
 * Pulls a blob to a file. The file is there when the digest has been verified, and not before.
 *
 *     deno run --allow-net --allow-read=. --allow-write=. examples/pull_blob.ts alpine sha256:… layer.tar.gz
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { saveFile } from "@davit/registry-client/stores";

const [name, digest, path] = Deno.args;
if (name === undefined || digest === undefined || path === undefined) {
  console.error("usage: pull_blob REPOSITORY DIGEST FILE");
  Deno.exit(2);
}

const client = new RegistryClientV2({
  name,
  onEvent: (event) => {
    if (event.type === "progress") console.error(`${event.bytes} of ${event.total ?? "?"} bytes`);
  },
});
const blob = await client.getBlob(digest);
console.log(`${path}: ${await saveFile(path, blob.stream)} bytes, verified`);
