/**
 * Prints the parts of a registry.
 *
 *     deno run examples/parse_index.ts https://index.docker.io/v1/
 */
import { parseIndex } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: parse_index REGISTRY

Prints the parts of a registry.`;

await runProgram(USAGE, (text) => console.log(JSON.stringify(parseIndex(text), null, 2)));
