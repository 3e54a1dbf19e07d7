/**
 * The package in a worker as it may be at an old compatibility date: `worker.mjs <entry points>`. Each
 * entry point is bundled as for a page and run where nothing is but what every such runtime has had
 * from the start. Prints what it did; throws at the first thing wrong.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import process from "node:process";
import vm from "node:vm";

const PACKAGE = "@davit/registry-client";
const { build } = createRequire(import.meta.url)("esbuild");

const GLOBALS = [
  ...["AbortController", "AbortSignal", "Blob", "CompressionStream", "DecompressionStream"],
  ...["Headers", "ReadableStream", "Request", "Response", "TextDecoder", "TextEncoder"],
  ...["TransformStream", "URL", "URLSearchParams", "WritableStream", "atob", "btoa", "crypto"],
  ...["clearTimeout", "console", "fetch", "performance", "queueMicrotask", "setTimeout"],
  // Those of this realm, as its streams and codecs give and want them.
  ...["ArrayBuffer", "Uint8Array"],
];

/** What the language or the platform has had for some years only. */
const NEWER = [
  ...["FinalizationRegistry", "WeakRef", "Iterator", "structuredClone"],
  ...["Array.fromAsync", "Promise.try", "Promise.withResolvers", "Object.groupBy", "Map.groupBy"],
  ...["Symbol.asyncDispose", "Symbol.dispose", "ArrayBuffer.prototype.transfer"],
];

/** Runs code there; answers what it leaves in `result`. */
async function run(code) {
  const { outputFiles: [{ text }] } = await build({
    stdin: { contents: code, resolveDir: process.cwd() },
    ...{ bundle: true, write: false, format: "iife", platform: "browser", logLevel: "error" },
  });
  const globals = Object.fromEntries(GLOBALS.map((name) => [name, globalThis[name]]));
  const context = vm.createContext(globals);
  const saved = NEWER.map((path) => {
    const names = path.split(".");
    const name = names.pop();
    const owner = vm.runInContext(["globalThis", ...names].join("."), context);
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    return descriptor?.configurable && delete owner[name] ? [owner, name, descriptor] : undefined;
  });
  try {
    vm.runInContext(text, context);
    return await context.result;
  } finally {
    // This realm's own are needed again.
    for (const [owner, name, descriptor] of saved.filter(Boolean)) {
      Object.defineProperty(owner, name, descriptor);
    }
  }
}

const [, , ...entryPoints] = process.argv;
for (const entry of entryPoints) {
  const specifier = JSON.stringify(PACKAGE + entry.slice(1));
  const names = await run(
    `import * as all from ${specifier}; globalThis.result = Object.keys(all).length;`,
  );
  assert(names > 0, entry);
}

/** What only a machine can do, and what it says of a runtime that is none. */
const REFUSED = {
  "new LayoutStore('app').resolve('v1')": "UNSUPPORTED_RUNTIME",
  "new LayoutStore('app').write(content, bytes)": "UNSUPPORTED_RUNTIME",
  "openFile('app.tar')": "UNSUPPORTED_RUNTIME",
  "saveFile('app.tar', new Blob([bytes]).stream())": "UNSUPPORTED_RUNTIME",
  "openArchive('app.tar')": "UNSUPPORTED_RUNTIME",
  "createArchive('app.tar', { format: 'oci' })": "UNSUPPORTED_RUNTIME",
  "fileUploadJournal('uploads')": "UNSUPPORTED_RUNTIME",
  "dockerCredentials()({ host: 'ghcr.io' })": "UNSUPPORTED_RUNTIME",
  "dockerCredentials({ config: 'config.json' })({ host: 'ghcr.io' })": "UNSUPPORTED_RUNTIME",
  "dockerCredentialsSync()({ host: 'ghcr.io' })": "UNSUPPORTED_RUNTIME",
  "login('ghcr.io', { username: 'you', password: 'x' })": "UNSUPPORTED_RUNTIME",
  "logout('ghcr.io')": "UNSUPPORTED_RUNTIME",
  "listLogins()": "UNSUPPORTED_RUNTIME",
  "pack(memoryStore(), { artifactType: 'a/b', files: ['x'] })": "UNSUPPORTED_RUNTIME",
  "unpackFiles(memoryStore(), 'v1', 'folder')": "UNSUPPORTED_RUNTIME",
  "diskBackend('folder')": "UNSUPPORTED_RUNTIME",
  "serve(createRegistry())": "INVALID_OPTION",
  "new RegistryClientV2({ name: 'a.test/b', proxy: 'http://p.test' })": "UNSUPPORTED_RUNTIME",
  "new RegistryClientV2({ name: 'a.test/b', insecure: true })": "INVALID_OPTION",
};
const refused = await run(`
  import { RegistryClientV2 } from "${PACKAGE}";
  import * as auth from "${PACKAGE}/auth";
  import * as artifact from "${PACKAGE}/artifact";
  import * as server from "${PACKAGE}/server";
  import * as stores from "${PACKAGE}/stores";
  const { dockerCredentials, dockerCredentialsSync, login, logout, listLogins } = auth;
  const { pack, unpackFiles } = artifact;
  const { createRegistry, diskBackend, serve } = server;
  const { LayoutStore, openFile, saveFile, openArchive, createArchive } = stores;
  const { fileUploadJournal, memoryStore } = stores;
  const bytes = new TextEncoder().encode("hello");
  const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const content = { mediaType: "a/b", digest, size: bytes.byteLength };
  const calls = [${Object.keys(REFUSED).map((call) => `async () => await ${call}`)}];
  globalThis.result = Promise.all(
    calls.map((call) => call().then(() => "done", (error) => error.code ?? String(error))),
  );
`);
assert.deepEqual(
  Object.fromEntries(Object.keys(REFUSED).map((call, index) => [call, refused[index]])),
  REFUSED,
);

// What it can do: a push and a pull, verified, by code that comes later too.
const text = await run(`
  import { RegistryClientV2 } from "${PACKAGE}";
  import { createRegistry } from "${PACKAGE}/server";
  async function work() {
    const { fetch } = createRegistry();
    const { signal } = new AbortController();
    const client = new RegistryClientV2({ name: "localhost:5000/app", fetch, signal });
    const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
    const { code } = await client.getManifest({ ref: "v1" }).catch((error) => error);
    return [await (await client.getBlob(digest)).text(), code].join(" ");
  }
  globalThis.result = work();
`);
assert.equal(text, "hello NOT_FOUND");
process.stdout.write(`${entryPoints.length + refused.length + 1} steps\n`);
