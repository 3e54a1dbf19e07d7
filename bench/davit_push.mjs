/**
 * Pushes one file as a blob, and nothing else: what the benchmark measures, on any runtime.
 * `davit_push.mjs REPOSITORY FILE`
 */
import { RegistryClientV2 } from "@davit/registry-client";
import { openFile } from "@davit/registry-client/stores";
import process from "node:process";

const [name, path] = process.argv.slice(2);
const client = new RegistryClientV2({ name, scopes: ["pull", "push"] });
await client.putBlob(await openFile(path));
