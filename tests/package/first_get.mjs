/**
 * What the first answers load: `first_get.mjs`. Prints how many files of the package `require` had
 * loaded before them, and how many after.
 */
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(import.meta.url);
const PACKAGE = "@davit/registry-client";
const files = () => Object.keys(require.cache).filter((file) => file.includes(PACKAGE)).length;

const { RegistryClientV2 } = require(PACKAGE);
const before = files();
const manifest = JSON.stringify({ schemaVersion: 2, config: {}, layers: [] });
const name = "localhost:5000/app";
const tags = new RegistryClientV2({
  name,
  fetch: () => Promise.resolve(Response.json({ name: "app", tags: [] })),
});
await tags.listTags();
const headers = { "content-type": "application/octet-stream", "content-length": "5" };
const blobs = new RegistryClientV2({
  name,
  fetch: () => Promise.resolve(new Response("hello", { headers })),
});
const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
await blobs.statBlob({ digest });
await (await blobs.getBlob(digest)).text();
const type = "application/vnd.oci.image.manifest.v1+json";
const fetch = () => Promise.resolve(new Response(manifest, { headers: { "content-type": type } }));
await new RegistryClientV2({ name, fetch }).getManifestBytes({ ref: "v1" });
process.stdout.write(`${before} ${files()}\n`);
