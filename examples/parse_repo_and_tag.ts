/**
 * Prints the parts of a reference, by the parser's older name.
 *
 *     deno run examples/parse_repo_and_tag.ts ghcr.io/you/app:v1
 */
import { parseRepoAndTag } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: parse_repo_and_tag REFERENCE

Prints the parts of a reference, by the parser's older name.`;

await runProgram(USAGE, (text) => console.log(JSON.stringify(parseRepoAndTag(text), null, 2)));
