/**
 * Pushes and pulls many small blobs and prints the milliseconds of both, the program's start left
 * out: what the benchmark measures.
 * `davit_small.ts REPOSITORY COUNT`
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { inParallel } from "./in_parallel.ts";

const BLOB_BYTES = 1024;

const [name, count] = Deno.args;
const client = new RegistryClientV2({ name: name!, scopes: ["pull", "push"] });
const numbers = Array.from({ length: Number(count) }, (_, number) => number);
const digests: string[] = [];

async function timed(work: (number: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await inParallel(numbers, work);
  return performance.now() - start;
}

const push = await timed(async (number) => {
  const blob = new Uint8Array(BLOB_BYTES);
  new DataView(blob.buffer).setUint32(0, number);
  digests[number] = (await client.putBlob(blob)).digest;
});
const pull = await timed(async (number) => {
  const blob = await client.getBlob(digests[number]!);
  await blob.bytes();
});
console.log(JSON.stringify({ push, pull }));
