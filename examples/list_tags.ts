/**
 * Lists the tags of a repository.
 *
 *     deno run --allow-net examples/list_tags.ts alpine
 */
import { RegistryClientV2 } from "@davit/registry-client";

const [name] = Deno.args;
if (name === undefined) {
  console.error("usage: list_tags REPOSITORY");
  Deno.exit(2);
}

const client = new RegistryClientV2({ name });
for await (const tag of client.tags()) console.log(tag);
