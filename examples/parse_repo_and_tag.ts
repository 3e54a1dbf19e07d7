/**
 * Prints the parts of a reference, by the parser's older name.
 *
 *     deno run examples/parse_repo_and_tag.ts ghcr.io/you/app:v1
 */
import { parseRepoAndTag } from "@davit/registry-client";

const [text] = Deno.args;
if (text === undefined) {
  console.error("usage: parse_repo_and_tag REFERENCE");
  Deno.exit(2);
}

console.log(JSON.stringify(parseRepoAndTag(text), null, 2));
