/**
 * The installed package at work, in whichever runtime runs this: `smoke.mjs <import|require> <host of
 * a registry> <repository> <entry points>`. Prints what it did; throws at the first thing wrong.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Readable } from "node:stream";

const [format, host, repository, ...entryPoints] = process.argv.slice(2);
const PACKAGE = "@davit/registry-client";
const require = createRequire(import.meta.url);

/** The package in the format wanted. */
async function load(entry = "") {
  return format === "require" ? require(PACKAGE + entry) : await import(PACKAGE + entry);
}

/** What Node loads its own `fetch` for when it is named: longer than the package takes to load. */
const touched = [];
for (const name of ["fetch", "Response", "Request", "Headers", "FormData"]) {
  const original = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get() {
      touched.push(name);
      Object.defineProperty(globalThis, name, original);
      return globalThis[name];
    },
  });
}
for (const entry of entryPoints) await load(entry.slice(1));
const touchedByImports = [...touched];

const main = await load();
const endpoints = await load("/endpoints");
const { RegistryClientV2, NotFoundError, RegistryApiError } = main;

const name = `${host}/${repository}`;
const client = new RegistryClientV2({ name, scopes: ["pull", "push"] });

function sha256(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bytes that differ from place to place, so that pieces out of order show. */
function sample(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 13)) & 255;
  return bytes;
}

/** Larger than what any runtime hands over at once. */
const SIZE = 3 * 1024 * 1024 + 17;

async function pulled(digest) {
  const { stream, ress } = await client.createBlobReadStream({ digest });
  assert.equal(ress[0].status, 200);
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of stream) {
    hash.update(piece);
    size += piece.byteLength;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

/** What a user of @sigstore/oci does, with what docker login left. */
async function attachBySigstore(imageName, expected) {
  const face = await load("/sigstore-oci");
  const credentials = face.getRegistryCredentials(imageName);
  assert.deepEqual(credentials, expected);
  const app = new RegistryClientV2({ name: imageName, scopes: ["pull", "push"], credentials });
  await app.putBlob(main.EMPTY_CONFIG_BYTES);
  const image = await main.buildManifest({ artifactType: "text/plain", layers: [] });
  const { digest: imageDigest } = image.descriptor;
  await app.putManifest({ manifestData: image.bytes, ref: "latest" });
  assert.equal(
    await face.getImageDigest({ imageName, imageTag: "latest", credentials }),
    imageDigest,
  );
  const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
  const options = { artifact: Buffer.from("bundle"), mediaType, imageName, credentials };
  const { digest } = await face.attachArtifactToImage({ ...options, imageDigest });
  const { manifests } = await app.listReferrers({ digest: imageDigest });
  assert.deepEqual(manifests.map((each) => each.digest), [digest]);
  const nowhere = face.attachArtifactToImage({ ...options, imageDigest: sha256("nowhere") });
  await assert.rejects(nowhere, (error) => error instanceof face.OCIError);
}

const steps = {
  async ping() {
    assert.equal((await client.ping()).status, 200);
    assert.equal(await client.supportsV2(), true);
  },

  "importing loads no fetch"() {
    assert.deepEqual(touchedByImports, []);
    assert.ok(touched.includes("Response"));
  },

  async "push and pull bytes"() {
    const { digest, size } = await client.putBlob(Buffer.from("hello"));
    assert.equal(digest, sha256("hello"));
    assert.equal(size, 5);
    assert.equal(await (await client.getBlob(digest)).text(), "hello");
  },

  async "push a Node stream"() {
    const bytes = sample(SIZE);
    const digest = sha256(bytes);
    const pieces = [];
    for (let at = 0; at < SIZE; at += 100_000) pieces.push(bytes.subarray(at, at + 100_000));
    await client.blobUpload({ digest, stream: Readable.from(pieces), contentLength: SIZE });
    assert.deepEqual(await pulled(digest), { digest, size: SIZE });
    const [first] = await client.headBlob({ digest });
    assert.equal(first.headers.get("content-length"), String(SIZE));
  },

  async "push a file that can be opened again, and a file's stream"() {
    const folder = await mkdtemp(join(tmpdir(), "davit_smoke_"));
    try {
      for (const [at, how] of ["open", "stream"].entries()) {
        const path = join(folder, how);
        const bytes = sample(SIZE).reverse().fill(at, 0, 9);
        await writeFile(path, bytes);
        const { size } = await stat(path);
        const digest = sha256(bytes);
        if (how === "open") {
          const open = (start = 0) => Readable.toWeb(createReadStream(path, { start }));
          assert.equal((await client.putBlob({ size, open })).digest, digest);
        } else {
          const stream = createReadStream(path);
          await client.blobUpload({ digest, stream, contentLength: size });
        }
        assert.deepEqual(await pulled(digest), { digest, size });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async "push, pull, list and delete manifests"() {
    const config = await client.putBlob(new Blob(["{}"]));
    const layer = await client.putBlob(sample(100));
    const { bytes } = await main.buildManifest({
      config: { ...config, mediaType: "application/vnd.oci.empty.v1+json" },
      layers: [{ ...layer, mediaType: "application/octet-stream" }],
      artifactType: "application/vnd.example",
    });
    for (const tag of ["one", "two"]) await client.putManifest({ manifestData: bytes, ref: tag });
    assert.deepEqual((await client.listTags()).tags, ["one", "two"]);
    const tags = [];
    for await (const tag of client.tags({ pageSize: 1 })) tags.push(tag);
    assert.deepEqual(tags, ["one", "two"]);
    const got = await client.getManifest({ ref: "two" });
    assert.equal(got.digest, sha256(bytes));
    assert.equal(got.manifest.layers[0].digest, layer.digest);
    assert.deepEqual(got.bytes, bytes);
    await client.deleteManifest({ ref: got.digest });
    assert.deepEqual((await client.listTags()).tags, []);
  },

  async "classes are the same from every entry point"() {
    const channel = main.connect(`http://${host}`);
    const missing = await endpoints.getManifest(channel, repository, "none").catch((error) =>
      error
    );
    assert.ok(missing instanceof NotFoundError);
    assert.ok(missing instanceof RegistryApiError);
    assert.equal(missing.code, "NOT_FOUND");
    assert.equal((await load("/registry-client-v2")).RegistryClientV2, RegistryClientV2);
    assert.equal((await load("/common")).parseRepo, main.parseRepo);
    const { HttpError } = await load("/errors");
    assert.ok(missing instanceof HttpError);
    assert.equal(missing.name, "NotFoundError");
    const { DockerResponse } = await load("/docker-json-client");
    assert.ok(await client.ping() instanceof DockerResponse);
  },

  async "Chainloop's steps"() {
    const { ChainloopError, register } = await load("/chainloop");
    const request = { repository: `${name}/chainloop`, username: "you", password: "x" };
    const attachment = (await register(request)).attach({ prefix: "p" });
    const { artifact, digest } = await attachment.upload(Buffer.from("hello world"), {
      fileName: "test.txt",
    });
    assert.equal(digest, "sha256:760b3ce5d830e560460e6195c0a98c62d7aaeb0d4092e301c03db5d2acf7fd3b");
    assert.deepEqual(await attachment.describe(artifact.digest), artifact);
    const stream = await attachment.download(artifact.digest);
    assert.equal(await new Response(stream).text(), "hello world");
    await assert.rejects(register({ ...request, other: "x" }), ChainloopError);
  },

  async "DockerComms' messages"() {
    const { Client, newMessageManifest, newReceiptManifest } = await load("/dockercomms");
    const client = new Client(`${name}/dockercomms`);
    await client.ensureEmptyConfig();
    const message = await newMessageManifest({ from: "you" }, []).build();
    await client.pushManifest(message.descriptor, message.bytes, "message");
    const builder = newReceiptManifest();
    builder.subject = message.descriptor;
    const receipt = await builder.build();
    await client.pushManifest(
      receipt.descriptor,
      Readable.toWeb(Readable.from([receipt.bytes])),
      "r",
    );
    const found = [];
    for await (const { digest } of client.referrers(message.descriptor)) found.push(digest);
    assert.deepEqual(found, [receipt.descriptor.digest]);
    assert.deepEqual((await client.fetchManifest("message")).bytes, message.bytes);
  },

  async "the face of lesomnus' OCI client"() {
    const { Chunk, ClientV2, Codes, ResError } = await load("/oci-client");
    const { oci } = await load("/oci-client/media-types");
    const face = new ClientV2(host);
    await face.ping();
    const repo = face.repo(repository);
    const { location } = await repo.blobs.initUpload().unwrap();
    const sent = await repo.blobs.uploadChunk(location, new Chunk(Buffer.from("he"))).unwrap();
    const rest = new Chunk(Buffer.from("llo"), 2);
    await repo.blobs.closeUpload(sent.location, sha256("hello"), rest).unwrap();
    const { raw } = await repo.blobs.get(sha256("hello")).unwrap();
    assert.equal(await raw.text(), "hello");
    await repo.blobs.upload(oci.empty.digest, Buffer.from("{}")).unwrap();
    const manifest = { schemaVersion: 2, config: oci.empty, layers: [] };
    await repo.manifests.put("face", oci.image.manifestV1, JSON.stringify(manifest)).unwrap();
    const opaque = await repo.manifests.get("face").unwrap();
    assert.deepEqual(opaque.as(oci.image.manifestV1), manifest);
    const missing = repo.manifests.get("none");
    await assert.rejects(missing.unwrap(), ResError);
    assert.equal(await missing.unwrapOr((_, [{ code }]) => code), Codes.ManifestUnknown);
    await repo.manifests.delete("face").unwrap();
  },

  async "a module out of an artifact, by what takes a fetch"() {
    const { createOciFetch } = await load("/oci-fetch");
    const smallest = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
    const layer = await client.putBlob(smallest, { mediaType: "application/wasm" });
    await client.putBlob(main.EMPTY_CONFIG_BYTES);
    const artifactType = "application/wasm";
    const { bytes, descriptor } = await main.buildManifest({ artifactType, layers: [layer] });
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
    const url = `oci://${name}@${descriptor.digest}`;
    const ociFetch = createOciFetch();
    const compiled = await WebAssembly.compileStreaming(ociFetch(url));
    assert.ok(compiled instanceof WebAssembly.Module);
    const part = await ociFetch(url, { headers: { range: "bytes=1-3" } });
    assert.deepEqual([part.status, await part.text()], [206, "asm"]);
  },

  async "the registry in this process"() {
    const { createRegistry } = await load("/server");
    const { MemoryStore } = await load("/stores");
    const { fetch } = createRegistry({ auth: { basic: { users: { you: "secret" } } } });
    const login = { username: "you", password: "secret" };
    const own = new RegistryClientV2({ name: "localhost:5000/own", ...login, fetch });
    const { digest, size } = await own.putBlob(new TextEncoder().encode("own"));
    const store = new MemoryStore();
    const descriptor = { mediaType: "text/plain", digest, size };
    await store.write(descriptor, (await own.getBlob(digest)).stream);
    assert.ok(await store.exists(descriptor));
    const stranger = new RegistryClientV2({ name: "localhost:5000/own", fetch });
    await assert.rejects(stranger.getBlob(digest), RegistryApiError);
  },

  async "a registry for tests: one that fails once, and a grade"() {
    const { createTestRegistry, grade, record } = await load("/testing");
    const faults = { status: 503, on: { endpoint: "blob", method: "GET", nth: 1 } };
    const { fetch, requests } = createTestRegistry({ preset: "quay", faults });
    const recording = record(fetch);
    const retry = { minDelay: 1 };
    const name = "localhost:5000/you/app";
    const scopes = ["pull", "push"];
    const client = new RegistryClientV2({ name, scopes, fetch: recording.fetch, retry });
    const { digest } = await client.putBlob(new TextEncoder().encode("own"));
    assert.equal(await (await client.getBlob(digest)).text(), "own");
    assert.equal(requests.filter(({ status }) => status === 503).length, 1);
    const { exchanges } = await recording.tape();
    assert.equal(exchanges.length, requests.length);
    assert.ok(grade().report().results.length > 30);
  },

  async "what docker login left: a config in DOCKER_CONFIG, and a helper on the PATH"() {
    const { createRegistry, serve } = await load("/server");
    const { dockerCredentials, dockerCredentialsSync, login, logout } = await load("/auth");
    const you = { username: "you", password: "secret" };
    const server = await serve(createRegistry({ auth: { basic: { users: { you: "secret" } } } }));
    const { host } = new URL(server.url);
    const folder = await mkdtemp(join(tmpdir(), "davit_smoke_"));
    const { DOCKER_CONFIG, PATH } = process.env;
    try {
      const config = { credHelpers: { [host]: "davit-smoke" } };
      await writeFile(join(folder, "config.json"), JSON.stringify(config));
      const helper = `#!/bin/sh
[ "$1 $(cat)" = "get ${host}" ] && echo '{"Username":"you","Secret":"secret"}'\n`;
      await writeFile(join(folder, "docker-credential-davit-smoke"), helper, { mode: 0o755 });
      process.env.DOCKER_CONFIG = folder;
      process.env.PATH = `${folder}:${PATH}`;
      assert.deepEqual(await dockerCredentials()({ host }), you);
      assert.deepEqual(dockerCredentialsSync()({ host }), you);
      assert.equal(dockerCredentialsSync()({ host: "other.example" }), undefined);
      for (const credentials of [dockerCredentials(), dockerCredentialsSync()]) {
        const app = new RegistryClientV2({
          name: `${server.url}/app`,
          scopes: ["pull", "push"],
          credentials,
        });
        const { digest } = await app.putBlob(Buffer.from("hello"));
        assert.equal(await (await app.getBlob(digest)).text(), "hello");
      }
      await attachBySigstore(`${host}/app`, you);
      const stranger = new RegistryClientV2({ name: `${server.url}/app` });
      await assert.rejects(stranger.getBlob(sha256("hello")), RegistryApiError);
      await login("other.example", you);
      assert.deepEqual(await dockerCredentials()({ host: "other.example" }), you);
      await logout("other.example");
      assert.equal(await dockerCredentials()({ host: "other.example" }), undefined);
    } finally {
      if (DOCKER_CONFIG === undefined) delete process.env.DOCKER_CONFIG;
      else process.env.DOCKER_CONFIG = DOCKER_CONFIG;
      process.env.PATH = PATH;
      await server.close();
      await rm(folder, { recursive: true });
    }
  },

  async "an artifact of files: packed, attached to and unpacked, with the digest of every runtime"() {
    const { attach, attached, describe, pack, unpackFiles } = await load("/artifact");
    const { MemoryStore } = await load("/stores");
    const folder = await mkdtemp(join(tmpdir(), "davit_smoke_"));
    try {
      await mkdir(join(folder, "dir", "sub"), { recursive: true });
      await writeFile(join(folder, "dir", "lines.txt"), "0123456789abcdef\n".repeat(10_000));
      await writeFile(join(folder, "dir", "sub", "sample"), sample(200_000));
      for (const path of ["", "sub", "sub/sample"]) await chmod(join(folder, "dir", path), 0o755);
      await chmod(join(folder, "dir", "lines.txt"), 0o644);
      const store = new MemoryStore();
      const packed = await pack(store, {
        artifactType: "application/vnd.example.thing.v1",
        files: [{ path: join(folder, "dir"), title: "dir" }],
        created: "2026-11-30T12:00:00Z",
        tag: "v1",
      });
      // Deno makes the same: see artifact/pack_test.ts.
      const SAME = "sha256:11d2028c1b5a0a553e664143cab7c66dcc119ab71a445dc41837453283e01a19";
      assert.equal(packed.digest, SAME);
      const artifactType = "application/vnd.example.note";
      await attach(store, "v1", { artifactType, layers: [{ body: "a note" }] });
      for await (const note of attached(store, "v1")) {
        assert.equal(new TextDecoder().decode(await note.bytes()), "a note");
        assert.equal(describe(note.manifest).kind, "artifact");
      }
      await unpackFiles(store, "v1", join(folder, "target"));
      const unpacked = await readFile(join(folder, "target", "dir", "sub", "sample"));
      assert.equal(sha256(unpacked), sha256(sample(200_000)));
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async "every entry point has the same names in both formats"() {
    for (const entry of entryPoints) {
      const module = PACKAGE + entry.slice(1);
      const names = Object.keys(await import(module)).sort();
      assert.deepEqual(Object.keys(require(module)).sort(), names, entry);
    }
  },
};

for (const [step, run] of Object.entries(steps)) {
  try {
    await run();
  } catch (cause) {
    throw new Error(`${step}: ${cause.message}`, { cause });
  }
}
process.stdout.write(`${Object.keys(steps).length} steps\n`);
