/** What upstreams of all kinds answer, and what a client may say of the one it wants. */
import { assertEquals } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { describeBytes } from "../../content/describe_bytes.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import type { ContentSource } from "../../content/store.ts";
import {
  AuthenticationError,
  ForbiddenError,
  type RegistryError,
  UnauthorizedError,
} from "../../errors.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { MemoryStore } from "../../stores/memory_store.ts";
import { DockerResponse } from "../../transport/docker_response.ts";
import { diskBackend } from "../backends/disk_backend.ts";
import { MemoryBackend } from "../backends/memory_backend.ts";
import { memoryWire, nextPage, UNKNOWN_DIGEST } from "../fixture_test.ts";
import type { UpstreamOptions } from "./upstream.ts";
import { FakeUpstream, pulledThrough } from "./fixture_test.ts";

const OWN = "application/vnd.acme.thing.v1+json";
const OCI = MEDIA_TYPES.ociManifest;
const CONFIG = { mediaType: MEDIA_TYPES.ociEmpty, digest: UNKNOWN_DIGEST, size: 2 };

for (
  const [said, own, served] of [
    ["application/json", OCI, OCI],
    ["application/octet-stream", OCI, OCI],
    ["text/plain; charset=utf-8", OCI, OCI],
    ["text/html", undefined, OCI],
    ["", OCI, OCI],
    [OWN, OWN, OWN],
    ["application/json", OWN, OWN],
    ["application/octet-stream", "no media type", undefined],
  ] as [string, string | undefined, string | undefined][]
) {
  Deno.test(`pull-through: a manifest that says ${own}, which the upstream calls ${said || "nothing"}`, async () => {
    const upstream = new FakeUpstream();
    const text = JSON.stringify({ schemaVersion: 2, mediaType: own, config: CONFIG, layers: [] });
    const bytes = encodeText(text);
    const descriptor = await describeBytes(bytes, said);
    const source: ContentSource = {
      resolve: () => Promise.resolve(descriptor),
      exists: () => Promise.resolve(true),
      open: () => Promise.resolve(new Blob([bytes]).stream()),
    };
    const { wire } = pulledThrough({ upstream: source });
    for (const reference of ["v1", descriptor.digest]) {
      const got = await wire.send("GET", `/v2/app/manifests/${reference}`);
      const expected = served === undefined ? [404, undefined] : [200, served];
      const type = got.status === 200 ? got.headers.get("content-type") : undefined;
      assertEquals([got.status, type], expected, reference);
    }
    assertEquals(upstream.calls, []);
  });
}

Deno.test("pull-through: a blob is no manifest, however it is asked for", async () => {
  const { upstream, wire } = pulledThrough({ manifestLimit: 1_000 });
  for (const body of ["hello", "{}", '{"rootfs":{}}', "x".repeat(2_000)]) {
    const { digest } = await upstream.blob(body);
    assertEquals((await wire.send("GET", `/v2/app/manifests/${digest}`)).status, 404);
    assertEquals((await wire.send("GET", `/v2/app/blobs/${digest}`)).status, 200);
  }
});

function refused(status: 401 | 403, errors: RegistryError[]): Error {
  const response = new DockerResponse(null, { status });
  const kind = status === 401 ? UnauthorizedError : ForbiddenError;
  return new kind(response, errors, "Cannot pull https://user:secret@up.test/");
}

for (
  const [title, down, words] of [
    ["401", refused(401, [{ code: "UNAUTHORIZED", message: "log in first" }]), ": log in first"],
    [
      "403",
      refused(403, [{ code: "DENIED", message: "pay" }, { code: "X", message: "" }]),
      ": pay; X",
    ],
    ["403 without words", refused(403, []), ""],
    ["403 with many words", refused(403, [{ message: "y".repeat(9_000) }]), `: ${"y".repeat(500)}`],
    ["a token service that refuses", new AuthenticationError("Cannot log in: secret"), ""],
  ] as [string, Error, string][]
) {
  Deno.test(`pull-through: the upstream answers ${title}: DENIED, asked once, and no 502`, async () => {
    const { upstream, wire, errors, later } = pulledThrough();
    const image = await upstream.image("v1");
    assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).status, 200);
    upstream.down = down;
    later(100_000);
    const blob = (await new FakeUpstream().blob("other")).digest;
    for (
      const path of [
        "manifests/v1",
        "manifests/v2",
        `blobs/${blob}`,
        "tags/list",
        `referrers/${blob}`,
      ]
    ) {
      const before = upstream.calls.length;
      const got = await wire.send("GET", `/v2/app/${path}`);
      assertEquals([got.status, got.code], [403, "DENIED"], path);
      assertEquals(got.json.errors[0].message, `Cannot pull this: the upstream refuses it${words}`);
      assertEquals(got.headers.get("www-authenticate"), null);
      assertEquals(upstream.calls.length, before + 1, path);
    }
    assertEquals((await wire.send("GET", `/v2/app/manifests/${image.digest}`)).status, 200, "kept");
    assertEquals(errors, []);
  });
}

Deno.test("pull-through: tags that are no tags are not listed", async () => {
  const { upstream, wire } = pulledThrough();
  const bad = [
    "",
    "a b",
    "x/y",
    "-x",
    "t".repeat(129),
    null,
    7,
    `sha256:${"a".repeat(64)}`,
    "caf\u00e9",
  ];
  upstream.tags = async function* () {
    yield* ["v2", ...bad, "v1"] as string[];
  };
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["v1", "v2"]);
});

Deno.test("pull-through: what is damaged here comes from the upstream again", async () => {
  await using folder = await tempFolder();
  const { upstream, wire } = pulledThrough({
    backend: diskBackend(folder.path, { durable: false }),
  });
  const layer = await upstream.blob("hello");
  const image = await upstream.image("v1", { layers: [layer] });
  const paths = [`/v2/app/blobs/${layer.digest}`, `/v2/app/manifests/${image.digest}`];
  const whole = await Promise.all(paths.map(async (path) => (await wire.send("GET", path)).text));
  for (const { digest, size } of [layer, image]) {
    const file = `${folder.path}/app/blobs/${digest.replace(":", "/")}`;
    await Deno.writeTextFile(file, "x".repeat(size));
  }
  const { upstream: _, wire: restarted } = pulledThrough({
    upstream,
    backend: diskBackend(folder.path, { durable: false }),
  });
  for (const each of [wire, restarted]) {
    for (const [index, path] of paths.entries()) {
      assertEquals((await each.send("HEAD", path)).status, 200);
      assertEquals((await each.send("GET", path)).text, whole[index]);
    }
  }
});

Deno.test("ns: a key to the upstream, answered with OCI-Namespace, and kept apart", async () => {
  const stores: Record<string, MemoryStore> = {
    "docker.io": new MemoryStore(),
    "other.example:5000": new MemoryStore(),
    "": new MemoryStore(),
  };
  for (const [name, store] of Object.entries(stores)) {
    const bytes = encodeText(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI,
        config: CONFIG,
        layers: [],
        annotations: { name },
      }),
    );
    const descriptor = await describeBytes(bytes, OCI);
    await store.write(descriptor, bytes);
    for (const tag of ["v1", "v2"]) await store.tag(descriptor, tag);
  }
  const asked: [string, UpstreamOptions][] = [];
  const backend = new MemoryBackend();
  const wire = memoryWire({
    backend,
    upstream: (repository, options) => {
      asked.push([repository, options]);
      return repository === "own" ? undefined : stores[options.ns ?? ""];
    },
  });
  const names: string[] = [];
  for (const ns of ["docker.io", "other.example:5000", undefined, "docker.io"]) {
    const query = ns === undefined ? "" : `?ns=${ns}`;
    const got = await wire.send("GET", `/v2/app/manifests/v1${query}`);
    assertEquals([got.status, got.headers.get("oci-namespace")], [200, ns ?? null]);
    names.push(got.json.annotations.name);
    const list = await wire.send("GET", `/v2/app/tags/list?n=1${query.replace("?", "&")}`);
    assertEquals([list.json.tags, list.headers.get("oci-namespace")], [["v1"], ns ?? null]);
    assertEquals((await wire.send("GET", nextPage(list.headers)!)).json.tags, ["v2"]);
  }
  assertEquals(names, ["docker.io", "other.example:5000", "", "docker.io"]);
  assertEquals(asked[0], ["app", { ns: "docker.io" }]);

  // An upstream that is not known is none: the repository is the registry's own.
  const unknown = await wire.send("GET", "/v2/nothing/manifests/v1?ns=169.254.169.254");
  assertEquals([unknown.status, unknown.headers.get("oci-namespace")], [404, null]);
  const own = await wire.send("GET", "/v2/own/tags/list?ns=docker.io");
  assertEquals([own.status, own.headers.get("oci-namespace")], [404, null]);
  for (
    const ns of [
      "",
      "a/b",
      "http://a",
      "a b",
      "../x",
      "a?b",
      "u@a",
      "a..b",
      "-a",
      "caf%C3%A9",
      "a:b",
      "[::1]",
    ]
  ) {
    const got = await wire.send("GET", `/v2/app/manifests/v1?ns=${ns}`);
    assertEquals([got.status, got.code], [400, "NAME_INVALID"], ns);
  }
  // What is kept for a key is reached by it alone, and pushed to by no one.
  const push = await wire.send("POST", "/v2/ns__docker.io/app/blobs/uploads/");
  assertEquals([push.status, push.code], [405, "UNSUPPORTED"]);
});

Deno.test("ns: a mirror of one upstream answers whatever a client takes it for", async () => {
  const { upstream, wire } = pulledThrough();
  await upstream.image("v1");
  const got = await wire.send("GET", "/v2/app/manifests/v1?ns=docker.io");
  assertEquals([got.status, got.headers.get("oci-namespace")], [200, null]);
});
