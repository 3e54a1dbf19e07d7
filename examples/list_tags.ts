/**
 * Lists the tags of a repository.
 *
 *     deno run --allow-net examples/list_tags.ts alpine
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: list_tags REPOSITORY

Lists the tags of a repository.`;

await runProgram(USAGE, async (name) => {
  const client = new RegistryClientV2({ name });
  for await (const tag of client.tags()) console.log(tag);
});
