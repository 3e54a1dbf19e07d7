/**
 * Pushes a file as a manifest, to the byte, under a tag or its own digest. REGISTRY_USER and
 * REGISTRY_PASSWORD are who is asking, where the registry wants to know.
 *
 *     deno run --allow-net --allow-read=. --allow-env=REGISTRY_USER,REGISTRY_PASSWORD examples/put_manifest.ts localhost:5000/app:v1 manifest.json
 */
import { parseRepoAndRef, RegistryClientV2 } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: put_manifest REFERENCE FILE

Pushes a file as a manifest, to the byte, under a tag or its own digest. REGISTRY_USER and
REGISTRY_PASSWORD are who is asking.`;

await runProgram(USAGE, async (reference, path) => {
  const image = parseRepoAndRef(reference);
  const client = new RegistryClientV2({
    repo: image,
    scopes: ["pull", "push"],
    username: Deno.env.get("REGISTRY_USER"),
    password: Deno.env.get("REGISTRY_PASSWORD"),
  });
  const { digest } = await client.putManifest({
    manifestData: await Deno.readFile(path),
    ref: image.digest ?? image.tag ?? "latest",
  });
  console.log(digest);
});
