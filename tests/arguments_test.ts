/**
 * What a program without types gives in an argument's place is refused by a message that names the
 * argument and says what it must be, before anything is sent or written.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as artifact from "../artifact/mod.ts";
import * as auth from "../auth/mod.ts";
import * as copying from "../copy/mod.ts";
import * as endpoints from "../endpoints.ts";
import * as davit from "../mod.ts";
import * as server from "../server/mod.ts";
import { DockerJsonClient } from "../integrations/docker_registry_client/docker_json_client.ts";
import { githubPackages } from "../integrations/github_packages/mod.ts";
import * as sigstore from "../integrations/sigstore_oci/mod.ts";
import * as stores from "../stores/mod.ts";
import * as testing from "../testing/mod.ts";
import { everyStore } from "./every_store.ts";

// deno-lint-ignore no-explicit-any -- what a program without types gives
type Untyped = any;

const DIGEST = `sha256:${"0".repeat(64)}`;
const BLOB = { mediaType: "text/plain", digest: DIGEST, size: 5 };
const BYTES = new TextEncoder().encode("hello");

const sent: string[] = [];
const fetch = (input: Request | URL | string) => {
  sent.push(String(input));
  return Promise.reject(new Error("something was sent"));
};
const client = new davit.RegistryClientV2({ name: "registry.test/app", fetch }) as Untyped;
const channel = endpoints.connect("https://registry.test", { fetch });
const memory = new stores.MemoryStore() as Untyped;
const registry = new davit.RegistryStore(client) as Untyped;
const layout = new stores.LayoutStore("/nowhere") as Untyped;
const type = { artifactType: "text/plain" };
const INDEX: davit.ImageIndex = { schemaVersion: 2, manifests: [] };
const session = { location: "/u", offset: 0 };

const WRONG = [undefined, null, 42, {}, [], () => 1];

/** Values that are right for some arguments, or that mean something else there. */
const TAKEN: Record<string, unknown[]> = {
  "'options'": [{}, [], () => 1],
  "'descriptor'": [{}, []],
  "'subject'": [{}, []],
  "'referrer'": [{}, []],
  "'manifest'": [{}, []],
  "'references'": [[]],
  "'tags'": [[]],
  "'plan.remove'": [[]],
  "'layers'": [undefined, []],
  "'files'": [undefined, []],
  "'auth.basic'": [{}, []],
  "'index'": [undefined],
  "'referrers'": [[]],
  "'images'": [[]],
  "'platform'": [{}, []],
  "'registry'": [undefined, {}, []],
  "'cors'": [{}, [], () => 1],
};

async function all(list: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of list) { /* only the failure counts */ }
}

const CALLS: [title: string, name: string, call: (value: Untyped) => unknown][] = [
  ["copy", "'source'", (source) => copying.copy(source, "v1", memory, "v1")],
  ["copy", "'reference'", (reference) => copying.copy(memory, reference, memory, "v1")],
  ["copy", "'target'", (target) => copying.copy(memory, "v1", target, "v1")],
  ["copy", "'references'", (references) => copying.copy(memory, "v1", memory, references)],
  ["copyTags", "'source'", (source) => copying.copyTags(source, memory)],
  ["copyTags", "'target'", (target) => copying.copyTags(memory, target)],
  ["reachable", "'store'", (store) => copying.reachable(store, ["v1"])],
  ["reachable", "'tags'", (tags) => copying.reachable(memory, tags)],
  ["planPrune", "'store'", (store) => copying.planPrune(store, {} as Untyped)],
  ["planPrune", "'options'", (options) => copying.planPrune(memory, options)],
  [
    "prune",
    "'plan.remove'",
    (remove) => copying.prune(memory, { remove } as Untyped, {} as Untyped),
  ],
  ["prune", "'options'", (options) => copying.prune(memory, { remove: [] } as Untyped, options)],

  ["RegistryClientV2", "'repo'", (repo) => new davit.RegistryClientV2({ repo: repo ?? null })],
  ["RegistryStore", "'client'", (client) => new davit.RegistryStore(client)],
  ["LayoutStore", "'folder'", (folder) => new stores.LayoutStore(folder)],
  ["openFile", "'path'", (path) => stores.openFile(path)],
  ["saveFile", "'path'", (path) => stores.saveFile(path, new Blob(["x"]).stream())],
  ["saveFile", "'stream'", (stream) => stores.saveFile("/nowhere/x", stream)],
  ["createArchive", "'output'", (output) => stores.createArchive(output, { format: "oci" })],
  ["createArchive", "'options'", (options) => stores.createArchive("/nowhere/x", options)],
  ["fileUploadJournal", "'folder'", (folder) => stores.fileUploadJournal(folder)],
  ["RegistryStore.exists", "'descriptor'", (given) => registry.exists(given)],
  ["RegistryStore.open", "'descriptor'", (given) => registry.open(given)],
  ...[["RegistryStore", registry], ["LayoutStore", layout], ["MemoryStore", memory]].map((
    [name, store],
  ): [string, string, (value: Untyped) => unknown] => [
    `${name}.write`,
    "'descriptor'",
    (descriptor) => store.write(descriptor, BYTES),
  ]),

  ["pack", "'store'", (store) => artifact.pack(store, type)],
  ["pack", "'options'", (options) => artifact.pack(memory, options)],
  ["pack", "'layers'", (layers) => artifact.pack(memory, { ...type, layers })],
  ["pack", "'files'", (files) => artifact.pack(memory, { ...type, files })],
  ["attach", "'store'", (store) => artifact.attach(store, BLOB, type)],
  ["attach", "'options'", (options) => artifact.attach(memory, BLOB, options)],
  ["attached", "'store'", (store) => all(artifact.attached(store, BLOB))],
  ["detach", "'store'", (store) => artifact.detach(store, BLOB)],
  ["unpackFiles", "'store'", (store) => artifact.unpackFiles(store, "v1", "/nowhere")],
  ["attach", "'subject'", (subject) => artifact.attach(memory, subject, type)],
  ["attached", "'subject'", (subject) => all(artifact.attached(memory, subject))],
  ["detach", "'referrer'", (referrer) => artifact.detach(memory, referrer)],
  ["unpackFiles", "'manifest'", (manifest) => artifact.unpackFiles(memory, manifest, "/nowhere")],
  ["unpackFiles", "'folder'", (folder) => artifact.unpackFiles(memory, "v1", folder)],
  ["readManifest", "'store'", (store) => davit.readManifest(store, BLOB)],
  ["readManifest", "'descriptor'", (descriptor) => davit.readManifest(memory, descriptor)],
  [
    "choosePlatform",
    "'index' as it must be an index",
    (index) => davit.choosePlatform(index, "linux/amd64"),
  ],
  ["formatPlatform", "'platform'", davit.formatPlatform],
  ["buildManifest", "'options'", davit.buildManifest],
  ["buildIndex", "'options'", davit.buildIndex],
  ["encodeManifest", "a manifest, with its layers", davit.encodeManifest],
  ["childrenOf", "a manifest, with its layers", davit.childrenOf],
  ["subjectOf", "a manifest, with its layers", davit.subjectOf],
  [
    "referrerDescriptor",
    "a manifest, with its layers",
    (manifest) => davit.referrerDescriptor(manifest, BLOB),
  ],
  [
    "referrerDescriptor",
    "'descriptor'",
    (descriptor) => davit.referrerDescriptor(INDEX, descriptor),
  ],
  ["addReferrer", "'index'", (index) => davit.addReferrer(index, BLOB)],
  ["addReferrer", "'referrer'", (referrer) => davit.addReferrer(undefined, referrer)],
  ["removeReferrer", "an index, with", (index) => davit.removeReferrer(index, DIGEST)],
  ["filterReferrers", "'referrers'", davit.filterReferrers],
  ["digestOf", "'bytes'", davit.digestOf],
  ["helm", "'options'", artifact.helm],
  ["wasm", "'options'", artifact.wasm],

  ["acrCredentials", "'options'", auth.acrCredentials],
  ["googleCredentials", "'options'", auth.googleCredentials],
  ["quayCredentials", "'options'", auth.quayCredentials],
  ["harborCredentials", "'options'", auth.harborCredentials],
  ["ensureEcrRepository", "'name'", (name) => auth.ensureEcrRepository(name)],

  ["serve", "'registry'", (registry) => server.serve(registry)],
  ["tokenService", "'options'", server.tokenService],
  ["cors", "'cors'", server.cors],
  ["tokenKeySet", "'key'", server.tokenKeySet],
  ["ownRequest", "'request'", server.ownRequest],
  ["withRequest", "'request'", (request) => server.withRequest({} as Untyped, request)],
  ["formatGrade", "'report'", testing.formatGrade],
  ["mergeGrades", "'report'", (report) => testing.mergeGrades({ results: [] }, report)],
  ["grade", "'registry'", testing.grade],
  ["createRegistry", "'auth.basic'", (basic) => server.createRegistry({ auth: { basic } })],

  ["githubPackages", "'options'", githubPackages],
  ["attachArtifactToImage", "'options'", sigstore.attachArtifactToImage],
  ["attachArtifactToImages", "'options'", sigstore.attachArtifactToImages],
  [
    "attachArtifactToImages",
    "'images'",
    (images) => sigstore.attachArtifactToImages({ images } as Untyped),
  ],
  ["getImageDigest", "'options'", sigstore.getImageDigest],
  ["DockerJsonClient", "'options'", (options) => new DockerJsonClient(options)],

  [
    "putManifest",
    "'manifestData'",
    (manifestData) => client.putManifest({ ref: "v1", manifestData }),
  ],
  [
    "endpoints' putManifest",
    "a Uint8Array",
    (data) => endpoints.putManifest(channel, "app", "v1", data),
  ],
  ["postBlob", "'data'", (data) => endpoints.postBlob(channel, "app", DIGEST, data)],
  ["uploadBlobChunk", "'data'", (data) => client.uploadBlobChunk({ session, data })],
  ["uploadBlobChunk", "'session'", (session) => client.uploadBlobChunk({ session, data: BYTES })],
];

for (const [title, name, call] of CALLS) {
  Deno.test(`${title}: what is no ${name.replace(/'/g, "")} is refused by its name`, async () => {
    sent.length = 0;
    const taken = TAKEN[name] ?? [];
    for (const value of WRONG) {
      const same = (each: unknown) => String(each) === String(value);
      if (taken.some(same)) continue;
      const error = await assertRejects(async () => await call(value), davit.InvalidOptionError);
      assertStringIncludes(error.message, name);
      assert(!/current value is (?:42|\[object)/.test(error.message), error.message);
    }
    assertEquals(sent, []);
  });
}

/** What follows the channel, where it is not a repository and a digest. */
const ENDPOINT_ARGUMENTS: Record<string, unknown[]> = {
  ping: [],
  listRepositories: [],
  repositories: [],
  listTags: ["app"],
  tags: ["app"],
  tagPages: ["app"],
  startBlobUpload: ["app"],
  putBlob: ["app", BYTES],
  putManifest: ["app", "v1", davit.encodeManifest(INDEX)],
  postBlob: ["app", DIGEST, BYTES],
  uploadBlobChunk: ["app", session, BYTES],
  getBlobUploadStatus: ["app", session],
  completeBlobUpload: ["app", session, DIGEST],
  cancelBlobUpload: ["app", session],
};

for (const [name, call] of Object.entries<Untyped>(endpoints)) {
  if (name === "connect") continue;
  Deno.test(`endpoints' ${name}: a client, or whatever else is no channel, is refused`, async () => {
    sent.length = 0;
    for (const value of [...WRONG, "https://registry.test", client]) {
      const args = await Promise.all(ENDPOINT_ARGUMENTS[name] ?? ["app", DIGEST]);
      const error = await assertRejects(async () => {
        const started = call(value, ...args.map((each: Untyped) => each.bytes ?? each));
        await (Symbol.asyncIterator in started ? all(started) : started);
      }, davit.InvalidOptionError);
      assertStringIncludes(error.message, "Cannot use 'channel' as it must be made by connect()");
    }
    assertEquals(sent, []);
  });
}

Deno.test("isIndex and isImage: what is no manifest is neither", () => {
  for (const value of [...WRONG, "x"] as Untyped[]) {
    assertEquals([davit.isIndex(value), davit.isImage(value)], [false, false]);
  }
});

/** What stands before the options of a store's methods. */
const METHODS: Record<string, unknown[]> = {
  exists: [BLOB],
  open: [BLOB],
  write: [BLOB, BYTES],
  writeTagged: [{ ...BLOB, mediaType: "application/vnd.oci.image.manifest.v1+json" }, BYTES, "v1"],
  tag: [BLOB, "v1"],
  referrers: [BLOB],
  mount: [BLOB, new davit.RegistryStore(client.withRepo("other"))],
  begin: [BLOB],
  delete: [BLOB],
};

for (const [name, store] of await everyStore(client) as [string, Untyped][]) {
  for (const [method, args] of Object.entries(METHODS).filter(([method]) => method in store)) {
    Deno.test(`${method} of ${name}: arguments of other kinds are refused, and nothing is sent`, async () => {
      sent.length = 0;
      for (const at of args.keys()) {
        for (const value of WRONG) {
          const error = await assertRejects(async () => {
            const started = store[method](...args.with(at, value));
            await (Symbol.asyncIterator in started ? all(started) : started);
          });
          assert(error instanceof davit.ApiError, `${at}: ${String(value)}: ${error}`);
        }
      }
      assertEquals(sent, []);
    });
  }
}
