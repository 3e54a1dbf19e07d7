/**
 * The embedded server of the installed package, served by whichever runtime runs this: `serve.mjs
 * <import|require> <certificate> <key>`, both files in PEM. Prints what it did; throws at the first
 * thing wrong; ends by itself, as nothing stays open.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const [format, certificate, privateKey] = process.argv.slice(2);
const PACKAGE = "@davit/registry-client";
const require = createRequire(import.meta.url);

async function load(entry = "") {
  return format === "require" ? require(PACKAGE + entry) : await import(PACKAGE + entry);
}

const { RegistryClientV2, UnauthorizedError } = await load();
const { createRegistry, createTokenKey, serve, tokenKeySet, tokenService } = await load("/server");
const tls = { cert: await readFile(certificate, "utf8"), key: await readFile(privateKey, "utf8") };

/** Larger than what any runtime hands over at once. */
const BLOB = Buffer.alloc(3 * 1024 * 1024 + 17, "davit ");
const DIGEST = `sha256:${createHash("sha256").update(BLOB).digest("hex")}`;

const scopes = ["pull", "push", "delete"];

/** Pushes and pulls with the package's own client. */
async function pushAndPull(name, options) {
  const client = new RegistryClientV2({ name, scopes, ...options });
  assert.equal((await client.putBlob(BLOB)).digest, DIGEST);
  assert.ok(Buffer.from(await (await client.getBlob(DIGEST)).bytes()).equals(BLOB));
  assert.equal((await client.headBlob({ digest: DIGEST }))[0].status, 200);
}

const me = { username: "me", password: "pä:ss" };

const steps = {
  async "plain HTTP, open to all"() {
    const registry = createRegistry();
    const server = await serve(registry, { cors: true });
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    await pushAndPull(`${server.url}/open`, {});
    const answer = await fetch(`${server.url}/v2/`, { headers: { origin: "https://page.test" } });
    assert.equal(await answer.text(), "{}");
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.ok(registry.requests.some(({ bytesIn }) => bytesIn === BLOB.length));
    await server.close();
    await server.finished;
  },

  async "Bearer, with the token service beside it"() {
    const auth = { bearer: { users: { [me.username]: me.password } } };
    const server = await serve(createRegistry({ auth }));
    await pushAndPull(`${server.url}/bearer`, me);
    const stranger = new RegistryClientV2({ name: `${server.url}/bearer` });
    await assert.rejects(stranger.getBlob(DIGEST), UnauthorizedError);
    await server.close();
  },

  async "Bearer, with a token service of its own"() {
    const key = await createTokenKey();
    const tokens = await serve({
      fetch: tokenService({ key, users: { [me.username]: me.password } }),
    });
    const auth = { bearer: { realm: `${tokens.url}/token`, keys: await tokenKeySet(key) } };
    const server = await serve(createRegistry({ auth }));
    const trustedRealms = { [new URL(server.url).host]: tokens.url };
    await pushAndPull(`${server.url}/apart`, { ...me, trustedRealms });
    await server.close();
    await tokens.close();
  },

  async "Basic, with an htpasswd file"() {
    const folder = await mkdtemp(join(tmpdir(), "davit_serve_"));
    try {
      const file = join(folder, "htpasswd");
      // "secret", by bcrypt at its least cost.
      const hash = "$2b$04$....................../dCAsp4PpJoDgv6BeaLP6BKrXlBV1oi";
      await writeFile(file, `me:${hash}\n`);
      const server = await serve(createRegistry({ auth: { basic: { htpasswd: { file } } } }));
      await pushAndPull(`${server.url}/basic`, { username: "me", password: "secret" });
      const wrong = { username: "me", password: "secre" };
      const client = new RegistryClientV2({ name: `${server.url}/basic`, ...wrong });
      await assert.rejects(client.getBlob(DIGEST), UnauthorizedError);
      await server.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async "HTTPS"() {
    const server = await serve(createRegistry(), { tls, hostname: "localhost" });
    assert.match(server.url, /^https:\/\/localhost:\d+$/);
    await pushAndPull(`${server.url}/tls`, { insecure: true });
    const status = await new Promise((resolve, reject) => {
      const url = `${server.url}/v2/tls/blobs/${DIGEST}`;
      request(url, { ca: tls.cert, method: "HEAD", agent: false }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      }).on("error", reject).end();
    });
    assert.equal(status, 200);
    await assert.rejects(fetch(`${server.url}/v2/`), "nobody else trusts the certificate");
    await server.close();
  },

  async "what runs comes out whole, and then it ends"() {
    const registry = createRegistry();
    const server = await serve(registry);
    const name = `${server.url}/last`;
    await new RegistryClientV2({ name, scopes }).putBlob(BLOB);
    const response = await fetch(`${server.url}/v2/last/blobs/${DIGEST}`);
    const closed = server.close();
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(BLOB));
    await closed;
    await assert.rejects(fetch(`${server.url}/v2/`));
  },

  async "an abort ends it at once"() {
    const controller = new AbortController();
    const server = await serve(createRegistry(), { signal: controller.signal });
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write("PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nhost: r\r\ncontent-length: 9\r\n\r\n");
    const gone = new Promise((resolve) => socket.once("close", resolve));
    controller.abort();
    await server.finished;
    await gone;
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
  } catch (cause) {
    throw new Error(`${name}: ${cause.message}`, { cause });
  }
}
process.stdout.write(`${Object.keys(steps).length} steps\n`);
