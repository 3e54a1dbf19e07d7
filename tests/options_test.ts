/**
 * An option that does not exist is refused by everything that takes options, before anything is sent
 * or written: with the names of those that do. So is a signal that is none; and one that was aborted
 * before ends a call with its reason.
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import * as artifact from "../artifact/mod.ts";
import * as auth from "../auth/mod.ts";
import * as copying from "../copy/mod.ts";
import * as endpoints from "../endpoints.ts";
import * as davit from "../mod.ts";
import * as chainloop from "../integrations/chainloop/mod.ts";
import * as dockercomms from "../integrations/dockercomms/mod.ts";
import * as ociClient from "../integrations/oci_client/mod.ts";
import { githubPackages } from "../integrations/github_packages/mod.ts";
import { createOciFetch } from "../oci_fetch.ts";
import * as server from "../server/mod.ts";
import * as stores from "../stores/mod.ts";
import * as testing from "../testing/mod.ts";
import { everyStore } from "./every_store.ts";

// deno-lint-ignore no-explicit-any -- what a program without types gives
type Untyped = any;

const DIGEST = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const BLOB = { mediaType: "text/plain", digest: DIGEST, size: 5 };
const BYTES = new TextEncoder().encode("hello");
const { bytes: MANIFEST_BYTES, descriptor: MANIFEST } = await davit.buildManifest({
  artifactType: "a/b",
  layers: [],
});
const HOST = "registry.test";

/** Answers nothing: whatever is sent is noted. */
const sent: string[] = [];
const fetch = (input: Request | URL | string) => {
  sent.push(String(input));
  return Promise.reject(new Error("something was sent"));
};
const client = new davit.RegistryClientV2({ name: `${HOST}/app`, fetch }) as Untyped;
const ended = new davit.RegistryClientV2({
  name: HOST,
  fetch,
  signal: new AbortController().signal,
});
const channel = endpoints.connect(`https://${HOST}`, { fetch });
const memory = new stores.MemoryStore() as Untyped;
const make = (options: Untyped) => new davit.RegistryClientV2({ name: `${HOST}/app`, ...options });
const inventory: copying.Inventory = { async *list() {} };
const deleter: copying.Deleter = { delete: () => Promise.reject(new Error("deleted")) };
const plan: copying.PrunePlan = { remove: [], removedTags: [], keep: [] };
const packages = githubPackages({ owner: "o", name: "n", token: "t", fetch });
const channelled = Object.entries<Untyped>(endpoints);

const REGISTRATION = { repository: `${HOST}/app`, username: "me", password: "x" };

/** What goes on with an iterator's first entry, or with a promise. */
async function first(started: AsyncIterable<unknown> | Promise<unknown>): Promise<void> {
  if (!(Symbol.asyncIterator in started)) return void await started;
  for await (const _ of started) return;
}

/** Every method of stores that takes options, and what stands before them. */
const METHODS = {
  resolve: ["v1"],
  exists: [BLOB],
  open: [BLOB],
  write: [BLOB, BYTES],
  writeTagged: [MANIFEST, MANIFEST_BYTES, "v1"],
  tag: [BLOB, "v1"],
  tags: [],
  referrers: [BLOB],
  mount: [BLOB, memory],
  begin: [BLOB],
  delete: [BLOB],
} satisfies Record<Exclude<keyof davit.ContentStore, "fullNames" | "ranges">, unknown[]>;
const STORES = await everyStore(client) as [name: string, store: Untyped][];
const part = await memory.begin(BLOB);

/** Everything that takes options: what it is, and how it is called with some. */
const CALLS: [title: string, call: (options: Untyped) => unknown][] = [
  ["RegistryClientV2", make],
  ["limits", (limits) => make({ limits })],
  ["retry", (retry) => make({ retry })],
  ["credentials", (credentials) => make({ credentials })],
  ["proxy", (proxy) => make({ proxy })],
  ["hosts[…]", (host) => make({ hosts: { [HOST]: host } })],
  ["hosts[…] of another host", (host) => make({ hosts: { "cdn.test": host } })],
  ["hosts[…].proxy", (proxy) => make({ hosts: { [HOST]: { proxy } } })],
  [
    "hosts[…].mirrors",
    (mirror) => make({ hosts: { [HOST]: { mirrors: [{ url: "https://m.test", ...mirror }] } } }),
  ],
  ["connect", (options) => davit.connect(`https://${HOST}`, options)],
  ["RegistryStore", (options) => new davit.RegistryStore(client, options)],
  ["createOciFetch", createOciFetch],
  ["dockercomms' Client", (options) => new dockercomms.Client(`${HOST}/app`, options)],
  ["oci-client's ClientV2", (options) => new ociClient.ClientV2(HOST, options)],
  ["chainloop's register", (options) => chainloop.register(REGISTRATION, options)],
  [
    "chainloop's openRegistration",
    (options) => chainloop.openRegistration(REGISTRATION, REGISTRATION, options),
  ],

  ...["ping", "supportsV2", "login", "performLogin", "listTags", "listAllTags", "listRepositories"]
    .map((name): [string, (options: Untyped) => unknown] => [
      `client.${name}`,
      (options) => client[name](options),
    ]),
  ...["listTagsPaginated", "tags", "repositories"].map((
    name,
  ): [string, (options: Untyped) => unknown] => [
    `client.${name}`,
    (options) => first(client[name](options)),
  ]),
  ...[
    ["getManifest", "ref"],
    ["getManifestBytes", "ref"],
    ["headManifest", "ref"],
    ["deleteManifest", "ref"],
    ["getBlob", "digest"],
    ["headBlob", "digest"],
    ["statBlob", "digest"],
    ["createBlobReadStream", "digest"],
    ["deleteBlob", "digest"],
    ["mountBlob", "digest"],
    ["listReferrers", "digest"],
  ].flatMap(([name, subject]): [string, (options: Untyped) => unknown][] => [
    [`client.${name}(text, …)`, (options) => client[name!](DIGEST, options)],
    [`client.${name}({…})`, (options) => client[name!]({ [subject!]: DIGEST, ...options })],
    [`client.${name}({…}, …)`, (options) => client[name!]({ [subject!]: DIGEST }, options)],
    [`client.${name}, without ${subject}`, (options) => client[name!](options)],
  ]),
  ["ping of a client with a signal of its own", (options) => ended.ping(options)],
  ["client.referrers", (options) => first(client.referrers(DIGEST, options))],
  ["client.getBlob's range", (range) => client.getBlob(DIGEST, { range })],
  ["client.putBlob", (options) => client.putBlob(BYTES, options)],
  [
    "client.putManifest",
    (options) => client.putManifest({ ref: "v1", manifestData: MANIFEST_BYTES, ...options }),
  ],
  [
    "client.blobUpload",
    (options) => client.blobUpload({ digest: DIGEST, stream: BYTES, contentLength: 5, ...options }),
  ],
  ["client.startBlobUpload", (options) => client.startBlobUpload(options)],
  [
    "client.startBlobUpload's mount",
    (options) => client.startBlobUpload({ mount: { digest: DIGEST, ...options } }),
  ],
  ...Object.entries({
    uploadBlobChunk: { data: BYTES },
    getBlobUploadStatus: {},
    completeBlobUpload: { digest: DIGEST },
    cancelBlobUpload: {},
  }).map(([name, more]): [string, (options: Untyped) => unknown] => [
    `client.${name}`,
    (options) => client[name]({ session: { location: "/", offset: 0 }, ...more, ...options }),
  ]),

  ["endpoints: ping", (options) => endpoints.ping(channel, options)],
  ["endpoints: listTags", (options) => endpoints.listTags(channel, "app", options)],
  ["endpoints: tags", (options) => first(endpoints.tags(channel, "app", options))],
  ["endpoints: tagPages", (options) => first(endpoints.tagPages(channel, "app", options))],
  ["endpoints: listRepositories", (options) => endpoints.listRepositories(channel, options)],
  ["endpoints: repositories", (options) => first(endpoints.repositories(channel, options))],
  ...channelled.filter(([name]) =>
    /^(?:get|head|stat|delete|mount|listRef|supportsRef).*(?:Blob|Manifest|Referrers)$/.test(name)
  ).map(([name, call]): [string, (options: Untyped) => unknown] => [
    `endpoints: ${name}`,
    (options) => call(channel, "app", DIGEST, options),
  ]),
  [
    "endpoints: referrers",
    (options) => first(endpoints.referrers(channel, "app", DIGEST, options)),
  ],
  ["endpoints: putBlob", (options) => endpoints.putBlob(channel, "app", BYTES, options)],
  [
    "endpoints: putManifest",
    (options) => endpoints.putManifest(channel, "app", "v1", MANIFEST_BYTES, options),
  ],
  ["endpoints: startBlobUpload", (options) => endpoints.startBlobUpload(channel, "app", options)],
  ["endpoints: postBlob", (options) => endpoints.postBlob(channel, "app", DIGEST, BYTES, options)],

  ...STORES.flatMap(([name, store]) =>
    Object.entries<Untyped[]>({ ...METHODS, untag: ["v1"], removeUnreferenced: [] }).filter((
      [method],
    ) => method in store).map((
      [method, args],
    ): [string, (options: Untyped) => unknown] => [
      `${method} of ${name}`,
      (options) => first(store[method](...args, options)),
    ])
  ),
  ["write of a part in memory", (options) => part.write(BYTES, 0, options)],
  ["commit of a part in memory", (options) => part.commit(options)],
  ["LayoutStore", (options) => new stores.LayoutStore("/nowhere", options)],
  [
    "createArchive",
    (options) => stores.createArchive("/nowhere/x.tar", { format: "oci", ...options }),
  ],
  [
    "createArchive's limits",
    (limits) => stores.createArchive("/nowhere/x.tar", { format: "docker", limits }),
  ],
  ["openArchive", (options) => stores.openArchive("/nowhere/x.tar", options)],
  ["openArchive's limits", (limits) => stores.openArchive("/nowhere/x.tar", { limits })],
  ["saveFile", (options) => stores.saveFile("/nowhere/x", new Blob(["x"]).stream(), options)],
  ["fileUploadJournal", (options) => stores.fileUploadJournal("/nowhere", options)],

  ["copy", (options) => copying.copy(memory, "v1", memory, "v1", options)],
  ["copyTags", (options) => copying.copyTags(memory, memory, options)],
  ["reachable", (options) => copying.reachable(memory, ["v1"], options)],
  ["planPrune", (options) => copying.planPrune(memory, { inventory, ...options })],
  ["prune", (options) => copying.prune(memory, plan, { inventory, deleter, ...options })],

  ["pack", (options) => artifact.pack(memory, { artifactType: "text/plain", ...options })],
  [
    "attach",
    (options) => artifact.attach(memory, BLOB, { artifactType: "text/plain", ...options }),
  ],
  [
    "attach's subject",
    ({ nothingLikeThis: subject }) =>
      artifact.attach(memory, BLOB, { artifactType: "text/plain", subject } as Untyped),
  ],
  ["attached", (options) => first(artifact.attached(memory, BLOB, options))],
  ["detach", (options) => artifact.detach(memory, BLOB, options)],
  ["helm", (options) => artifact.helm({ chart: BYTES, ...options })],
  ["wasm", (options) => artifact.wasm({ module: BYTES, ...options })],
  ["unpackFiles", (options) => artifact.unpackFiles(memory, "v1", "/nowhere", options)],

  [
    "buildManifest",
    (options) => davit.buildManifest({ artifactType: "a/b", layers: [], ...options }),
  ],
  ["buildIndex", (options) => davit.buildIndex({ manifests: [], ...options })],
  [
    "encodeManifest",
    (options) => davit.encodeManifest({ schemaVersion: 2, manifests: [] }, options),
  ],
  ["parseManifest", (options) => davit.parseManifest(BYTES, options)],
  ["readManifest", (options) => davit.readManifest(memory, BLOB, options)],
  ["parseReference", (options) => davit.parseReference("app", options)],
  ["registryOrigin", (options) => davit.registryOrigin("ghcr.io", options)],

  ["dockerCredentials", auth.dockerCredentials],
  ["dockerCredentialsSync", auth.dockerCredentialsSync],
  ["login", (options) => auth.login(HOST, { username: "me", password: "x" }, options)],
  ["logout", (options) => auth.logout(HOST, options)],
  ["listLogins", auth.listLogins],
  ["ecrCredentials", auth.ecrCredentials],
  [
    "ensureEcrRepository",
    (options) => auth.ensureEcrRepository("1.dkr.ecr.eu-west-1.amazonaws.com/app", options),
  ],
  ["acrCredentials", auth.acrCredentials],
  ["githubCredentials", auth.githubCredentials],
  ["gitlabCredentials", auth.gitlabCredentials],
  ["googleCredentials", auth.googleCredentials],
  ["quayCredentials", auth.quayCredentials],
  ["harborCredentials", auth.harborCredentials],
  ["githubPackages", githubPackages],
  ["list of githubPackages", (options) => first(packages.list(options))],
  ["delete of githubPackages", (options) => packages.delete({ digest: DIGEST, tags: [] }, options)],

  ["createRegistry", server.createRegistry],
  ["auth", (options) => server.createRegistry({ auth: options })],
  ["auth.basic", (basic) => server.createRegistry({ auth: { basic } })],
  ["auth.bearer", (bearer) => server.createRegistry({ auth: { bearer } })],
  [
    "auth.basic's user",
    (user) =>
      server.createRegistry({ auth: { basic: { users: { me: { password: "x", ...user } } } } }),
  ],
  [
    "auth.basic's anonymous",
    (anonymous) => server.createRegistry({ auth: { basic: { anonymous } } }),
  ],
  ["tokenService", server.tokenService],
  ["serve", (options) => server.serve(server.createRegistry(), options)],
  ["serve's cors", (cors) => server.serve(server.createRegistry(), { cors })],
  ["cors", server.cors],
  ["diskBackend", (options) => server.diskBackend("/nowhere", options)],
  ["objectBackend", (options) => server.objectBackend({} as Untyped, options)],

  ["createTestRegistry", testing.createTestRegistry],
  ["createTestRegistry's quirks", (quirks) => testing.createTestRegistry({ quirks })],
  ["createTestRegistry's faults", (faults) => testing.createTestRegistry({ faults })],
  [
    "createTestRegistry's faults' on",
    (on) => testing.createTestRegistry({ faults: { status: 503, on } }),
  ],
  [
    "createTestRegistry's replay",
    (replay) =>
      testing.createTestRegistry({ tape: { version: 1, exchanges: [] } as Untyped, replay }),
  ],
  ["grade", (options) => testing.grade({}, options)],
  ["record", (options) => testing.record(globalThis.fetch, options)],
];

/** What keeps a signal, and has nothing to end yet. */
const CONSTRUCTED = [
  ...["RegistryClientV2", "connect", "createOciFetch", "dockercomms' Client"],
  ...["oci-client's ClientV2", "chainloop's openRegistration"],
];

for (const [title, call] of CALLS) {
  Deno.test(`an option that does not exist, of ${title}: INVALID_OPTION with the names`, async () => {
    sent.length = 0;
    const error = await assertRejects(async () => await call({ nothingLikeThis: 1 }));
    assert(error instanceof davit.InvalidOptionError, String(error));
    assertStringIncludes(
      error.message,
      title === "attach's subject" ? "'subject'" : "nothingLikeThis",
    );
    assertStringIncludes(error.message, "It is one of ");
    assertEquals(sent, []);
    if (!/'nothingLikeThis'.* one of .*\bsignal\b/.test(error.message)) return;

    for (const signal of [null, "aborted", new AbortController()]) {
      const error = await assertRejects(async () => await call({ signal }));
      assert(error instanceof davit.InvalidOptionError, String(error));
      assertStringIncludes(error.message, "signal' as it must be an AbortSignal: current value is");
    }
    if (CONSTRUCTED.includes(title)) return;
    const reason = new Error("aborted before");
    const outcome = (async () => await call({ signal: AbortSignal.abort(reason) }))();
    assertStrictEquals(await outcome.catch((error) => error), reason);
    assertEquals(sent, []);
  });
}

/** Options of another type, which would do harm, be passed over in silence, or fail late. */
const MISTYPED: [title: string, call: () => unknown, message: string][] = [
  [
    "hosts: null",
    () => make({ hosts: null }),
    "'hosts' as it must be an object: current value is null",
  ],
  ["hosts: a Map", () => make({ hosts: new Map([[HOST, {}]]) }), "'hosts' as it must be an object"],
  [
    "hosts: a list",
    () => make({ hosts: [{ host: HOST }] }),
    "'hosts' as it must be an object: current value is a list",
  ],
  [
    "mirrors: a text",
    () => make({ hosts: { [HOST]: { mirrors: "https://m.test" } } }),
    `'hosts["${HOST}"].mirrors' as it must be a list: current value is a string`,
  ],
  [
    "headers: Headers",
    () => make({ hosts: { [HOST]: { headers: new Headers({ "x-team": "build" }) } } }),
    `'hosts["${HOST}"].headers' as it must be an object`,
  ],
  [
    "headers: pairs",
    () => make({ hosts: { [HOST]: { headers: [["x-team", "build"]] } } }),
    "current value is a list",
  ],
  [
    "allowHost: publicHostsOnly, which was not called",
    () => make({ allowHost: auth.publicHostsOnly }).ping(),
    "as in allowHost: publicHostsOnly()",
  ],
  [
    "journal: fileUploadJournal, which was not called",
    () => make({ journal: stores.fileUploadJournal }).putBlob(BYTES),
    "'journal' as it must be an object: current value is a function",
  ],
  [
    "backend: diskBackend, which was not called",
    () => server.createRegistry({ backend: server.diskBackend as Untyped }),
    "'backend' as it must be an object: current value is a function",
  ],
  ["scopes: a text", () => make({ scopes: "pull" }), "'scopes' as it must be a list"],
  [
    "trustedRealms: a list",
    () => make({ trustedRealms: ["https://auth.test"] }),
    "'trustedRealms' as it must be an object: current value is a list",
  ],
  [
    "dryRun: a text",
    () => copying.copy(memory, "v1", memory, "v2", { dryRun: "false" } as Untyped),
    "'dryRun' as it must be a boolean: current value is a string",
  ],
  [
    "beforeCopy: an object",
    () => copying.copy(memory, "v1", memory, "v2", { beforeCopy: {} } as Untyped),
    "'beforeCopy' as it must be a function",
  ],
  [
    "oci-client's transport: an object without fetch",
    () => new ociClient.ClientV2(HOST, { transport: {} } as Untyped),
    "'transport' as it must be an object with fetch(): current value is an object",
  ],
];

for (const [title, call, message] of MISTYPED) {
  Deno.test(`an option of another type: ${title}: INVALID_OPTION`, async () => {
    await assertRejects(async () => await call(), davit.InvalidOptionError, message);
  });
}

const MAKERS = Object.entries<Untyped>(auth).filter(([name]) => /Credentials(?:Sync)?$/.test(name));

for (const [name, maker] of MAKERS) {
  for (
    const [title, credentials] of [[name, maker], [
      `firstCredentials(${name})`,
      auth.firstCredentials(maker),
    ]]
  ) {
    Deno.test(`credentials: ${title}, which was not called: the refusal says so`, async () => {
      const events: davit.DavitEvent[] = [];
      const { fetch } = server.createRegistry({ auth: { basic: { users: { me: "x" } } } });
      const onEvent = (event: davit.DavitEvent) => events.push(event);
      const message = "call it, as in credentials: dockerCredentials()";
      const client = make({ fetch, credentials, onEvent });
      await assertRejects(() => client.listTags(), davit.UnauthorizedError, message);
      const failed = events.filter(({ type }) => type === "credentials-failed");
      assertStringIncludes(JSON.stringify(failed), message);
    });
  }
}

Deno.test("credentials: a promise: INVALID_OPTION, rather than a request as nobody", async () => {
  const { fetch } = server.createRegistry({ auth: { basic: { users: { me: "x" } } } });
  const credentials = Promise.resolve({ username: "me", password: "x" });
  await assertRejects(
    () => make({ fetch, credentials }).listTags(),
    davit.InvalidOptionError,
    "Cannot use the credentials: they are a promise: await it",
  );
});

/**
 * Interfaces that are no options of ours: what errors are made of, what a program implements, parts
 * that others extend, and what is checked as a part of another.
 */
const NOT_CHECKED = [
  ...["AuthenticationErrorOptions", "CopyErrorOptions", "HttpErrorOptions"],
  ...["ReferrersListErrorOptions", "UpstreamOptions"],
  // Checked by the object with their defaults.
  ...["Limits", "ArchiveLimits", "RetryPolicy"],
  // Types made of others.
  ...["HostsOptions", "OneImageOpts", "AttachOptions", "LoginOptions"],
  "DockerCredentialsSyncOptions",
];

/** The seeds' own faces take what the seeds take. */
const FACES =
  /^\.\/(?:sigstore-oci|chainloop|dockercomms|oci-client|docker-json-client|common|types)/;

Deno.test("every options type that is exported has its names checked", async () => {
  const exported: Record<string, string[]> = JSON.parse(
    await Deno.readTextFile(new URL("exports.json", import.meta.url)),
  );
  const types = Object.entries(exported).flatMap(([entry, names]) =>
    FACES.test(entry)
      ? []
      : names.filter((name) => /^type \w*(?:Opts|Options|Limits|Policy)$/.test(name))
  ).map((name) => name.slice("type ".length));
  const sources: string[] = [];
  for await (const text of sourceTexts(new URL("..", import.meta.url))) sources.push(text);
  const all = sources.join("\n");
  const unchecked = [...new Set(types)].filter((name) =>
    !NOT_CHECKED.includes(name) && !all.includes(`OptionNames<${name}>`)
  );
  assertEquals(unchecked, []);
});

async function* sourceTexts(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (/^(?:node_modules|npm|tests|\..*)$/.test(name)) continue;
    if (isDirectory) yield* sourceTexts(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield await Deno.readTextFile(new URL(name, folder));
  }
}
