/**
 * Asks a registry whether it is there, and how it wants to be asked: without a repository, and
 * without credentials.
 *
 *     deno run --allow-net examples/ping.ts ghcr.io
 */
import { RegistryClientV2 } from "@davit/registry-client";

const [name] = Deno.args;
if (name === undefined) {
  console.error("usage: ping REGISTRY");
  Deno.exit(2);
}

const client = new RegistryClientV2({ name });
const { status, headers } = await client.ping();
console.log(`${client.origin} answers ${status}`);
for (const [header, value] of headers) console.log(`${header}: ${value}`);
