/**
 * A program that holds the package twice, as an ES module and by `require`: `copies.mjs`. Each copy's
 * classes know their own errors alone; `code` is the same in both, and bytes and descriptors pass
 * from one to the other. Prints how many errors were compared.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import process from "node:process";
import * as esm from "@davit/registry-client";
import { createRegistry } from "@davit/registry-client/server";

const require = createRequire(import.meta.url);
const cjs = require("@davit/registry-client");
const { fetch } = createRegistry();
const options = { name: "localhost:5000/app", fetch };
const digest = `sha256:${"0".repeat(64)}`;

/** What fails, and how: by the class's name and the code. */
const FAILURES = [
  ["NotFoundError", "NOT_FOUND", (client) => client.getManifest({ ref: "v1" })],
  ["NotFoundError", "NOT_FOUND", (client) => client.getBlob(digest)],
  ["InvalidDigestError", "INVALID_DIGEST", (client) => client.getBlob("no")],
  ["InvalidReferenceError", "INVALID_REFERENCE", (client) => client.getManifest({ ref: "a b" })],
  ["InvalidOptionError", "INVALID_OPTION", (client) => client.listTags({ nothingLikeThis: 1 })],
];

const copies = [[esm, cjs], [cjs, esm]];
for (const [own, other] of copies) {
  assert.notEqual(own.RegistryClientV2, other.RegistryClientV2);
  const client = new own.RegistryClientV2(options);
  for (const [name, code, call] of FAILURES) {
    const error = await call(client).then(() => undefined, (thrown) => thrown);
    assert.equal(error.code, code);
    assert.equal(error.name, name);
    assert(error instanceof Error);
    assert(error instanceof own.ApiError && error instanceof own[name], name);
    assert(!(error instanceof other.ApiError) && !(error instanceof other[name]), name);
  }
}

// What one copy answers the other takes.
const [first, second] = copies.map(([own]) => new own.RegistryClientV2(options));
const { digest: pushed } = await first.putBlob(new TextEncoder().encode("hello"));
assert.equal(await (await second.getBlob(pushed)).text(), "hello");
const stores = copies.map(([own], at) => new own.RegistryStore([first, second][at]));
assert.equal(await stores[1].exists(await stores[0].resolve(pushed)), true);
process.stdout.write(`${copies.length * FAILURES.length} errors\n`);
