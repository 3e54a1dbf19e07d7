/**
 * Prints the parts of a reference.
 *
 *     deno run examples/parse_repo_and_ref.ts ghcr.io/you/app:v1
 */
import { parseRepoAndRef } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: parse_repo_and_ref REFERENCE

Prints the parts of a reference.`;

await runProgram(USAGE, (text) => console.log(JSON.stringify(parseRepoAndRef(text), null, 2)));
