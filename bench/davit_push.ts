/**
 * Pushes one file as a blob, and nothing else: what the benchmark measures.
 * `davit_push.ts REPOSITORY FILE`
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { openFile } from "@davit/registry-client/stores";

const [name, path] = Deno.args;
const client = new RegistryClientV2({ name: name!, scopes: ["pull", "push"] });
await client.putBlob(await openFile(path!));
