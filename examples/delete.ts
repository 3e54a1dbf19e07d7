/**
 * Deletes a manifest by digest, or a tag. REGISTRY_USER and REGISTRY_PASSWORD are who is asking,
 * where the registry wants to know.
 *
 *     deno run --allow-net --allow-env=REGISTRY_USER,REGISTRY_PASSWORD examples/delete.ts localhost:5000/app:latest
 */
import { parseRepoAndRef, RegistryClientV2, UnsupportedError } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: delete REFERENCE

Deletes a manifest by digest, or a tag. REGISTRY_USER and REGISTRY_PASSWORD are who is asking.`;

await runProgram(USAGE, async (reference) => {
  const username = Deno.env.get("REGISTRY_USER");
  const password = Deno.env.get("REGISTRY_PASSWORD");
  const image = parseRepoAndRef(reference);
  const client = new RegistryClientV2({
    repo: image,
    ...(username !== undefined && password !== undefined && { username, password }),
  });
  try {
    await client.deleteManifest({ ref: image.digest ?? image.tag ?? "latest" });
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    throw new Error(`${image.index.name} does not delete: ${error.message}`);
  }
  console.log(`deleted ${image.canonicalRef}`);
});
