/**
 * davit's client, told nothing but a name and credentials, against every registry that the server
 * can imitate. What it cannot do there is a typed error, and stands in the table.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type ApiError,
  type Bytes,
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
  RegistryClientV2,
} from "../mod.ts";
import {
  createRegistry,
  type ObservedRequest,
  type PresetName,
  type QuirkOptions,
} from "../server/mod.ts";
import { assertBytes, randomBytes, streamOf, text } from "./endpoints/samples.ts";

const MEBIBYTE = 1024 * 1024;

/** More than a chunk of davit's, and than any registry's limit on one. */
const LARGE = randomBytes(16 * MEBIBYTE);
/** Three chunks of davit's. */
const STREAMED = randomBytes(9 * MEBIBYTE + 1);

/** Twice what the registry with the most needs. */
const MOST_REQUESTS = 500;

interface Host {
  /** A repository under the registry's public name. */
  name: string;
  user: string;
  /** What verbs come to that the registry does not have. */
  lacks?: Partial<Record<Verb, string>>;
  immutableTags?: QuirkOptions["immutableTags"];
}

const HOSTS: Record<PresetName, Host> = {
  acr: {
    name: "me.azurecr.io/app",
    user: "00000000-0000-0000-0000-000000000000",
  },
  distribution3: { name: "localhost:5000/app", user: "me" },
  dockerHub: {
    name: "me/app",
    user: "me",
    lacks: { "delete blob": "UNSUPPORTED", "delete manifest": "UNSUPPORTED" },
    immutableTags: "dockerHub",
  },
  dockerRegistry2: { name: "localhost:5000/app", user: "me" },
  ecr: {
    name: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app",
    user: "AWS",
    immutableTags: "ecr",
  },
  ecrPublic: { name: "public.ecr.aws/me/app", user: "AWS" },
  gar: { name: "europe-docker.pkg.dev/project/repository/app", user: "_json_key" },
  ghcr: {
    name: "ghcr.io/me/app",
    user: "me",
    lacks: { "delete blob": "UNSUPPORTED", "delete manifest": "UNSUPPORTED" },
  },
  gitlab: { name: "registry.gitlab.com/me/app", user: "me" },
  harbor: {
    name: "harbor.example.com/project/app",
    user: "robot$project",
    immutableTags: "harbor",
  },
  quay: {
    name: "quay.io/me/app",
    user: "me+robot",
    lacks: { "attach an artifact": "UNSUPPORTED" },
  },
};

/** What a verb works with: one registry and one client for all, so that learning shows. */
interface World {
  client: RegistryClientV2;
  /** The repository's name without the host. */
  repository: string;
  registryOf: (quirks?: QuirkOptions) => RegistryClientV2;
  requests: ObservedRequest[];
  host: Host;
}

async function pushPull(client: RegistryClientV2, body: Bytes, options = {}): Promise<Descriptor> {
  const pushed = await client.putBlob(body, options);
  assertEquals(pushed.digest, await digestOf(body));
  assertBytes(await (await client.getBlob(pushed.digest)).bytes(), body);
  return pushed;
}

/** An image without layers; `text` makes it another one. */
async function image(
  client: RegistryClientV2,
  note: string,
  fields: Record<string, unknown> = {},
): Promise<{ bytes: Bytes; descriptor: Descriptor }> {
  const config = await client.putBlob(text(JSON.stringify({ note })), {
    mediaType: MEDIA_TYPES.ociConfig,
  });
  const mediaType = MEDIA_TYPES.ociManifest;
  const bytes = text(
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], ...fields }),
  );
  return {
    bytes,
    descriptor: { mediaType, digest: await digestOf(bytes), size: bytes.byteLength },
  };
}

async function pushImage(client: RegistryClientV2, ref: string): Promise<Descriptor> {
  const { bytes, descriptor } = await image(client, ref);
  await client.putManifest({ manifestData: bytes, ref });
  return descriptor;
}

async function attach(client: RegistryClientV2, fields: Record<string, unknown>): Promise<void> {
  const subject = await pushImage(client, `subject-${crypto.randomUUID()}`);
  assertEquals((await client.listReferrers({ digest: subject.digest })).manifests, []);
  const { bytes, descriptor } = await image(client, crypto.randomUUID(), { subject, ...fields });
  await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
  const listed = await client.listReferrers({ digest: subject.digest });
  assertEquals(listed.manifests.map(({ digest }) => digest), [descriptor.digest]);
}

const VERBS = {
  "push 1 byte": ({ client }: World) => pushPull(client, text("x")),
  "push 16 MiB": ({ client }: World) => pushPull(client, LARGE),
  "push 16 MiB again": async ({ client, requests }: World) => {
    const before = requests.length;
    await client.putBlob(LARGE);
    // Two where blobs are elsewhere: the second follows the redirect.
    assertEquals(requests.slice(before).filter(({ method }) => method !== "HEAD"), []);
  },
  "reopenable, no digest": async ({ client }: World) => {
    const bytes = randomBytes(16 * MEBIBYTE);
    const open = (offset = 0) => streamOf(bytes.slice(offset));
    const { digest } = await client.putBlob({ size: bytes.byteLength, open });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
  },
  "stream of unknown length": async ({ client }: World) => {
    const { digest } = await client.putBlob(streamOf(STREAMED));
    assertBytes(await (await client.getBlob(digest)).bytes(), STREAMED);
  },
  "stream of known length": async ({ client }: World) => {
    const bytes = randomBytes(9 * MEBIBYTE);
    const { digest } = await client.putBlob(streamOf(bytes), { size: bytes.byteLength });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
  },
  "in chunks": ({ client }: World) =>
    pushPull(client, randomBytes(3 * MEBIBYTE), { chunkSize: MEBIBYTE }),
  "in chunks of 5 MiB": ({ client }: World) =>
    pushPull(client, randomBytes(11 * MEBIBYTE), { chunkSize: 5 * MEBIBYTE }),
  "part of a blob": async ({ client }: World) => {
    const { digest } = await client.putBlob(text("hello"));
    const part = await client.getBlob(digest, { range: { offset: 1, length: 3 } });
    assertEquals(await part.text(), "ell");
  },
  "mount": async ({ client, repository, requests }: World) => {
    const other = client.withRepo(`${repository}/other`);
    const { digest } = await client.putBlob(text("to be mounted"));
    const before = requests.length;
    await other.putBlob(text("to be mounted"), { mountFrom: repository });
    assertEquals(await (await other.getBlob(digest)).text(), "to be mounted");
    assert(requests.slice(before).some(({ path }) => path.includes("mount=")));
  },
  "mount without from": async ({ client, repository }: World) => {
    const third = client.withRepo(`${repository}/third`);
    const { digest } = await client.putBlob(text("to be mounted"));
    const result = await third.mountBlob({ digest });
    if (!result.mounted) {
      await third.completeBlobUpload({
        session: result.session,
        digest,
        data: text("to be mounted"),
      });
    }
    assertEquals(await (await third.getBlob(digest)).text(), "to be mounted");
  },
  "push and pull an image": async ({ client }: World) => {
    const { digest } = await pushImage(client, "v1");
    for (const ref of ["v1", digest]) {
      assertEquals((await client.getManifest({ ref })).digest, digest);
      assertEquals((await client.headManifest({ ref })).digest, digest);
    }
  },
  "tags": async ({ client }: World) => {
    for (const tag of ["v1", "v2", "v3"]) await pushImage(client, tag);
    const all: string[] = [];
    for await (const tag of client.tags({ pageSize: 2 })) all.push(tag);
    const own = all.filter((tag) => /^v\d$/.test(tag));
    assertEquals(own, ["v1", "v2", "v3"]);
  },
  "attach an image": ({ client }: World) => attach(client, {}),
  "attach an artifact": ({ client }: World) =>
    attach(client, { artifactType: "application/vnd.example.note" }),
  "delete blob": async ({ client }: World) => {
    const { digest } = await client.putBlob(text("to be deleted"));
    await client.deleteBlob({ digest });
    await code(() => client.getBlob(digest), "NOT_FOUND");
  },
  "delete manifest": async ({ client }: World) => {
    const subject = await pushImage(client, "subject");
    const { bytes, descriptor } = await image(client, "referrer", { subject });
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
    await client.deleteManifest({ ref: descriptor.digest });
    assertEquals((await client.listReferrers({ digest: subject.digest })).manifests, []);
    await code(() => client.headManifest({ ref: descriptor.digest }), "NOT_FOUND");
  },
  "immutable tag": async ({ registryOf, host: { immutableTags } }: World) => {
    if (immutableTags === undefined) return "has none";
    const client = registryOf({ immutableTags });
    const { bytes } = await image(client, "release");
    const other = await image(client, "another");
    await client.putManifest({ manifestData: bytes, ref: "v1" });
    await client.putManifest({ manifestData: bytes, ref: "v1" });
    await code(
      () => client.putManifest({ manifestData: other.bytes, ref: "v1" }),
      "TAG_IMMUTABLE",
    );
  },
};

type Verb = keyof typeof VERBS;

async function code(run: () => Promise<unknown>, expected: string): Promise<void> {
  assertEquals(await outcome(run), expected);
}

/** "ok", what the verb says of itself, or the code of davit's error. */
async function outcome(run: () => Promise<unknown>): Promise<string> {
  try {
    const said = await run();
    return typeof said === "string" ? said : "ok";
  } catch (error) {
    const known = (error as ApiError).code;
    if (known === undefined || known === "INTERNAL") throw error;
    return known;
  }
}

const rows: string[][] = [];

for (const [preset, host] of Object.entries(HOSTS) as [PresetName, Host][]) {
  Deno.test(`preset ${preset}: every verb, or a typed error`, async () => {
    const { name, user } = host;
    const credentials = { username: user, password: "secret" };
    const users = { [user]: "secret" };
    const auth = preset === "ecr" ? { basic: { users } } : { bearer: { users } };

    function registryOf(quirks?: QuirkOptions) {
      const registry = createRegistry({
        preset,
        auth,
        ...(quirks && { quirks }),
        onError: (error) => {
          throw error;
        },
      });
      // A client that never ends is a failure too, and not a hang.
      const ender = new AbortController();
      let left = MOST_REQUESTS;
      const client = new RegistryClientV2({
        name,
        credentials,
        signal: ender.signal,
        fetch: (input, init) => {
          if (left-- === 0) ender.abort(new Error("more requests than all verbs need"));
          return registry.fetch(input as Request, init);
        },
      });
      return { registry, client };
    }

    const { registry, client } = registryOf();
    const world: World = {
      client,
      repository: client.repo.remoteName,
      requests: registry.requests,
      registryOf: (quirks) => registryOf(quirks).client,
      host,
    };
    const results: string[] = [];
    for (
      const [verb, run] of Object.entries(VERBS) as [Verb, (world: World) => Promise<unknown>][]
    ) {
      const got = await outcome(() => run(world)).catch((error) => `${verb}: ${error.stack}`);
      results.push(got);
    }
    rows.push([preset, ...results]);
    const expected = Object.keys(VERBS).map((verb) =>
      host.lacks?.[verb as Verb] ??
        (verb === "immutable tag" && !host.immutableTags ? "has none" : "ok")
    );
    assertEquals(named(results), named(expected));
    // Nothing but the registry and its token service saw a password or a token.
    const elsewhere = registry.requests.filter(({ origin }) => origin.includes("elsewhere"));
    assertEquals(elsewhere.filter(({ headers }) => "authorization" in headers), []);
    assertEquals(registry.requests.filter(({ headers }) => "cookie" in headers), []);
  });
}

/** What the first upload of a kind is refused, and no later one tries again. */
const LEARNED: [preset: PresetName, what: string, push: (client: RegistryClientV2) => unknown][] = [
  ["gar", "chunks", (client) => client.putBlob(streamOf(randomBytes(9 * MEBIBYTE)))],
  [
    "ghcr",
    "the size of a chunk",
    (client) => client.putBlob(randomBytes(11 * MEBIBYTE), { chunkSize: 5 * MEBIBYTE }),
  ],
  ["acr", "the size of a request", (client) => client.putBlob(randomBytes(16 * MEBIBYTE))],
];

for (const [preset, what, push] of LEARNED) {
  Deno.test(`preset ${preset}: ${what}: refused once, and by then known`, async () => {
    const { fetch, requests } = createRegistry({ preset });
    const client = new RegistryClientV2({ name: HOSTS[preset].name, fetch });
    const refused: number[] = [];
    for (const _ of [1, 2, 3]) {
      requests.length = 0;
      await push(client.withRepo("another/name"));
      const writes = requests.filter(({ method }) => method !== "HEAD" && method !== "DELETE");
      refused.push(writes.filter(({ status }) => status >= 400 && status !== 401).length);
    }
    assertEquals(refused, [1, 0, 0]);
  });
}

const SESSION_THEN_PUT: PresetName[] = ["dockerHub", "distribution3", "dockerRegistry2"];

for (const preset of SESSION_THEN_PUT) {
  Deno.test(`preset ${preset}: end-4b: a POST that is not taken whole carries no bytes again`, async () => {
    const { fetch, requests } = createRegistry({ preset });
    const client = new RegistryClientV2({ name: HOSTS[preset].name, fetch });
    const sent: string[][] = [];
    for (const body of ["one", "two"]) {
      requests.length = 0;
      await client.putBlob(text(body));
      const writes = requests.filter(({ method, status }) => method !== "HEAD" && status < 400);
      sent.push(
        writes.filter(({ path }) => path.startsWith("/v2/"))
          .map(({ method, path, headers }) =>
            `${method} ${path.includes("digest=")} ${headers["content-length"] ?? 0}`
          ),
      );
    }
    assertEquals(sent, [["POST true 3", "PUT true 3"], ["POST false 0", "PUT true 3"]]);
  });
}

Deno.test("preset dockerHub: the quota is told, and HEAD costs nothing", async () => {
  const { fetch } = createRegistry({ preset: "dockerHub" });
  const remaining: (number | undefined)[] = [];
  const client = new RegistryClientV2({
    name: "me/app",
    fetch,
    onEvent: (event) => void (event.type === "rate-limit" && remaining.push(event.remaining)),
  });
  await pushImage(client, "v1");
  await client.headManifest({ ref: "v1" });
  await client.getManifest({ ref: "v1" });
  await client.getManifest({ ref: "v1" });
  assertEquals(remaining.slice(-3), [100, 99, 98]);
});

Deno.test("preset quay: end-9: a token request that names delete is refused, and * is taken", async () => {
  const { fetch, requests } = createRegistry({ preset: "quay" });
  const client = new RegistryClientV2({ name: "quay.io/me/app", fetch });
  const { digest } = await pushImage(client, "v1");
  requests.length = 0;
  await client.deleteManifest({ ref: digest });
  const tokens = requests.filter(({ path }) => path.startsWith("/v2/auth"));
  assertEquals(tokens.map(({ status }) => status), [400, 200]);
});

function named(results: string[]): Record<string, string> {
  return Object.fromEntries(Object.keys(VERBS).map((verb, at) => [verb, results[at]!]));
}

Deno.test("presets: the table", () => {
  const verbs = Object.keys(VERBS);
  const lines = [["", ...rows.map(([preset]) => preset!)]];
  verbs.forEach((verb, at) => lines.push([verb, ...rows.map((row) => row[at + 1]!.slice(0, 16))]));
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length))
  );
  for (const line of lines) {
    console.log(line.map((cell, column) => cell.padEnd(widths[column]!)).join("  "));
  }
});
