/**
 * Prints the parts of a repository.
 *
 *     deno run examples/parse_repo.ts busybox
 */
import { parseRepo } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: parse_repo REPOSITORY

Prints the parts of a repository.`;

await runProgram(USAGE, (text) => console.log(JSON.stringify(parseRepo(text), null, 2)));
