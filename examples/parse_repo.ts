/**
 * Prints the parts of a repository.
 *
 *     deno run examples/parse_repo.ts busybox
 */
import { parseRepo } from "@davit/registry-client";

const [text] = Deno.args;
if (text === undefined) {
  console.error("usage: parse_repo REPOSITORY");
  Deno.exit(2);
}

console.log(JSON.stringify(parseRepo(text), null, 2));
