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

if (import.meta.main) {
  // What nobody waits for: a bug, but a person need not read a trace to learn of it.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => {
      process.stderr.write(`davit: ${error instanceof Error ? error.message : error}\n`);
      process.exit(1);
    });
  }
  process.exit(await run(process.argv.slice(2), machineIo()));
}
