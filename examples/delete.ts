/**
 * Deletes a manifest by digest, or a tag. REGISTRY_USER and REGISTRY_PASSWORD are who is asking,
 * where the registry wants to know.
 *
 *     deno run --allow-net --allow-env=REGISTRY_USER,REGISTRY_PASSWORD examples/delete.ts localhost:5000/app:latest
 */
import { parseRepoAndRef, RegistryClientV2, UnsupportedError } from "@davit/registry-client";

const [reference] = Deno.args;
if (reference === undefined) {
  console.error("usage: delete REFERENCE");
  Deno.exit(2);
}

const username = Deno.env.get("REGISTRY_USER");
const password = Deno.env.get("REGISTRY_PASSWORD");
const image = parseRepoAndRef(reference);
const client = new RegistryClientV2({
  repo: image,
  ...(username !== undefined && password !== undefined && { username, password }),
});
try {
  await client.deleteManifest({ ref: image.digest ?? image.tag ?? "latest" });
  console.log(`deleted ${image.canonicalRef}`);
} catch (error) {
  if (!(error instanceof UnsupportedError)) throw error;
  console.error(`${image.index.name} does not delete: ${error.message}`);
  Deno.exit(1);
}
