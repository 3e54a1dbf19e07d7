/**
 * The command `davit`: copies images and artifacts between registries, layout folders and archives,
 * lists, inspects and serves them.
 *
 * ```sh
 * deno run -A jsr:@davit/registry-client/cli copy alpine oci:alpine
 * ```
 *
 * @module
 */
import process from "node:process";
import { machineIo } from "./machine_io.ts";
import { run } from "./run.ts";

if (import.meta.main) process.exit(await run(process.argv.slice(2), machineIo()));
