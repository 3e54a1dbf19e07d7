/**
 * Prints the parts of a reference.
 *
 *     deno run examples/parse_repo_and_ref.ts ghcr.io/you/app:v1
 */
import { parseRepoAndRef } from "@davit/registry-client";

const [text] = Deno.args;
if (text === undefined) {
  console.error("usage: parse_repo_and_ref REFERENCE");
  Deno.exit(2);
}

console.log(JSON.stringify(parseRepoAndRef(text), null, 2));
