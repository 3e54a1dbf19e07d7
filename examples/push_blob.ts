/**
 * Pushes a file as a blob and prints its descriptor. REGISTRY_USER and REGISTRY_PASSWORD are who is
 * asking, where the registry wants to know.
 *
 *     deno run --allow-net --allow-read=. --allow-env=REGISTRY_USER,REGISTRY_PASSWORD examples/push_blob.ts localhost:5000/app layer.tar.gz
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { openFile } from "@davit/registry-client/stores";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: push_blob REPOSITORY FILE

Pushes a file as a blob and prints its descriptor. REGISTRY_USER and REGISTRY_PASSWORD are who is
asking.`;

await runProgram(USAGE, async (name, path) => {
  const username = Deno.env.get("REGISTRY_USER");
  const password = Deno.env.get("REGISTRY_PASSWORD");
  const client = new RegistryClientV2({
    name,
    scopes: ["pull", "push"],
    ...(username !== undefined && password !== undefined && { username, password }),
  });
  console.log(JSON.stringify(await client.putBlob(await openFile(path))));
});
