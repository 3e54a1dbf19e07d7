/**
 * The package in the runtime of Cloudflare's Workers: `workerd.mjs <workerd> <entry points>`. At each
 * compatibility date every entry point is imported, a registry on loopback is pulled from and pushed
 * to, and what a worker cannot do is asked for. Throws at the first thing wrong.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createRegistry, serve } from "@davit/registry-client/server";

const PACKAGE = "@davit/registry-client";
const { build } = createRequire(import.meta.url)("esbuild");

/** The oldest date whose `URL` and streams are the standard's, one with modules of Node's, the newest. */
const DATES = [["2022-11-30", []], ["2024-09-23", ["nodejs_compat"]], ["2026-11-17", []]];

/** What no worker can do. */
const REFUSED = {
  "serve(createRegistry())": "INVALID_OPTION",
  "new RegistryClientV2({ name: 'a.test/b', proxy: 'http://p.test' })": "UNSUPPORTED_RUNTIME",
  "new RegistryClientV2({ name: 'a.test/b', insecure: true })": "INVALID_OPTION",
};

/** What needs files: with Node's modules there are some, of which none can be written here. */
const FILES = {
  "new LayoutStore('app').write(content, bytes)": ["UNSUPPORTED_RUNTIME", "STORAGE_FAILED"],
  "saveFile('app.tar', new Blob([bytes]).stream())": ["UNSUPPORTED_RUNTIME", "STORAGE_FAILED"],
  "createArchive('app.tar', { format: 'oci' })": ["UNSUPPORTED_RUNTIME", "STORAGE_FAILED"],
  "login('ghcr.io', { username: 'you', password: 'x' })": ["UNSUPPORTED_RUNTIME", "INVALID_OPTION"],
};

const [, , workerd, ...entryPoints] = process.argv;
const calls = [...Object.keys(REFUSED), ...Object.keys(FILES)];
const worker = (host) => `
  ${
  entryPoints.map((entry, at) => `import * as e${at} from "${PACKAGE}${entry.slice(1)}";`).join(
    "\n",
  )
}
  import { RegistryClientV2, RegistryStore } from "${PACKAGE}";
  import { login } from "${PACKAGE}/auth";
  import { copy } from "${PACKAGE}/copy";
  import { pack } from "${PACKAGE}/artifact";
  import { createRegistry, serve } from "${PACKAGE}/server";
  import { createArchive, LayoutStore, MemoryStore, saveFile } from "${PACKAGE}/stores";
  const bytes = new TextEncoder().encode("hello");
  const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const content = { mediaType: "a/b", digest, size: bytes.byteLength };
  const calls = [${calls.map((call) => `async () => await ${call}`)}];
  async function work() {
    const entries = [${entryPoints.map((_, at) => `Object.keys(e${at}).length`)}];
    const refused = await Promise.all(
      calls.map((call) => call().then(() => "done", (error) => error.code ?? String(error))),
    );
    const client = new RegistryClientV2({ name: "http://${host}/app" });
    const store = new RegistryStore(client);
    const layers = [{ body: new Blob([new Uint8Array(300_000)]), mediaType: "a/b" }];
    await pack(store, { artifactType: "a/b", layers, tag: "v1" });
    const { digest } = await client.putBlob(new Blob([bytes]).stream());
    const { copied } = await copy(store, "v1", new MemoryStore(), "v1");
    const { code } = await client.getManifest({ ref: "none" }).catch((error) => error);
    const blob = await client.getBlob(digest);
    return { entries, refused, copied: copied.length, code, text: await new Response(blob.stream).text() };
  }
  export default {
    fetch: () => work().then(Response.json, ({ stack }) => new Response(stack, { status: 500 })),
  };
`;

/** What a worker answers. */
async function ask(folder, date, flags) {
  const configuration = `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = .main), (name = "net", network = (allow = ["private"]))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );
    const main :Workerd.Worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = "${date}", compatibilityFlags = ${JSON.stringify(flags)},
      globalOutbound = "net",
    );`;
  const file = join(folder, `${date}.capnp`);
  await writeFile(file, configuration);
  const args = ["serve", file, "--control-fd=3"];
  const child = spawn(workerd, args, { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (data) => said += data);
  try {
    const port = await new Promise((resolve, reject) => {
      let told = "";
      child.stdio[3].on("data", (data) => {
        const [, number] = /"port":(\d+)/.exec(told += data) ?? [];
        if (number !== undefined) resolve(number);
      });
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`workerd has ended: ${said}`)));
    });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    const text = await response.text();
    assert.equal(response.status, 200, `${date}: ${text}${said}`);
    return JSON.parse(text);
  } finally {
    child.kill();
  }
}

const registry = await serve(createRegistry());
const folder = await mkdtemp(join(tmpdir(), "davit-workerd-"));
try {
  const contents = worker(new URL(registry.url).host);
  await build({
    stdin: { contents, resolveDir: process.cwd() },
    ...{ bundle: true, format: "esm", platform: "browser", logLevel: "error" },
    outfile: join(folder, "worker.js"),
  });
  await Promise.all(DATES.map(async ([date, flags]) => {
    const { entries, refused, ...done } = await ask(folder, date, flags);
    assert(entries.every((names, at) => names > 0 || entryPoints[at] === "./cli"), String(entries));
    assert.deepEqual(done, { copied: 3, code: "NOT_FOUND", text: "hello" }, date);
    for (const [at, call] of calls.entries()) {
      const expected = REFUSED[call] === undefined ? FILES[call] : [REFUSED[call]];
      assert(expected.includes(refused[at]), `${date}, ${call}: ${refused[at]}`);
    }
  }));
} finally {
  await rm(folder, { recursive: true, force: true });
  await registry.close();
}
process.stdout.write(`${DATES.length * (calls.length + entryPoints.length + 4)} steps\n`);
