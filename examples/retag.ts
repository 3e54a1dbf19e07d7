/**
 * Gives an image another tag, without moving its layers. REGISTRY_USER and REGISTRY_PASSWORD are who
 * is asking, where the registry wants to know.
 *
 *     deno run --allow-net --allow-env=REGISTRY_USER,REGISTRY_PASSWORD examples/retag.ts localhost:5000/app:latest stable
 */
import { parseRepoAndRef, RegistryClientV2 } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: retag REFERENCE TAG

Gives an image another tag, without moving its layers. REGISTRY_USER and REGISTRY_PASSWORD are who
is asking.`;

await runProgram(USAGE, async (reference, tag) => {
  const username = Deno.env.get("REGISTRY_USER");
  const password = Deno.env.get("REGISTRY_PASSWORD");
  const image = parseRepoAndRef(reference);
  const client = new RegistryClientV2({
    repo: image,
    scopes: ["pull", "push"],
    ...(username !== undefined && password !== undefined && { username, password }),
  });
  const { bytes } = await client.getManifest({ ref: image.digest ?? image.tag ?? "latest" });
  const { digest } = await client.putManifest({ manifestData: bytes, ref: tag });
  console.log(`${image.canonicalName}:${tag} is ${digest}`);
});
