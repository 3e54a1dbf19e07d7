/**
 * Prints the parts of a registry.
 *
 *     deno run examples/parse_index.ts https://index.docker.io/v1/
 */
import { parseIndex } from "@davit/registry-client";

const [text] = Deno.args;
if (text === undefined) {
  console.error("usage: parse_index REGISTRY");
  Deno.exit(2);
}

console.log(JSON.stringify(parseIndex(text), null, 2));
