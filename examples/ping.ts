/**
 * Asks a registry whether it is there, and how it wants to be asked: without a repository, and
 * without credentials.
 *
 *     deno run --allow-net examples/ping.ts ghcr.io
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { runProgram } from "../scripts/run_program.ts";

const USAGE = `usage: ping REGISTRY

Asks a registry whether it is there, without credentials.`;

await runProgram(USAGE, async (name) => {
  const client = new RegistryClientV2({ name });
  const { status, headers } = await client.ping();
  console.log(`${client.origin} answers ${status}`);
  for (const [header, value] of headers) console.log(`${header}: ${value}`);
});
