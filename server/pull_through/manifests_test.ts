import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import { ContentNotFoundError, NetworkError, NotFoundError } from "../../errors.ts";
import { MemoryStore } from "../../stores/memory_store.ts";
import { UNKNOWN_DIGEST } from "../fixture_test.ts";
import { DockerResponse } from "../../transport/docker_response.ts";
import { pulledThrough } from "./fixture_test.ts";

const MINUTE = 60_000;
const STALE =
  '299 - "The upstream cannot be reached: this is what it had when it was asked the last time"';
const DOWN = new NetworkError("Cannot connect to secret.test");

function tagPath(reference: string): string {
  return `/v2/app/manifests/${reference}`;
}

Deno.test("pull-through, manifests: 100 at once cost one read, and the next none", async () => {
  const { upstream, wire } = pulledThrough();
  const image = await upstream.image();
  for (let round = 0; round < 2; round++) {
    await Promise.all(Array.from({ length: 100 }, async () => {
      const { status, bytes, headers } = await wire.send("GET", tagPath(image.digest));
      assertEquals([status, bytes.byteLength], [200, image.size]);
      assertEquals(headers.get("content-type"), MEDIA_TYPES.ociManifest);
      assertEquals(headers.get("docker-content-digest"), image.digest);
    }));
    assertEquals(upstream.calls, [`resolve ${image.digest}`, `open ${image.digest}`]);
  }
});

Deno.test("pull-through, manifests: a tag is asked for after a time, once for all who wait", async () => {
  const { upstream, wire, later } = pulledThrough();
  const one = await upstream.image("v1");
  const pull = async () =>
    (await wire.send("GET", tagPath("v1"))).headers.get("docker-content-digest");
  assertEquals(await pull(), one.digest);
  const asked = () => upstream.calls.filter((call) => call === "resolve v1").length;
  const two = await upstream.image("v1", { annotations: { is: "two" } });
  later(MINUTE - 1);
  assertEquals(await pull(), one.digest);
  assertEquals(asked(), 1);
  later(1);
  assertEquals(await Promise.all([pull(), pull(), pull()]), [two.digest, two.digest, two.digest]);
  assertEquals(asked(), 2);
  later(MINUTE);
  assertEquals(await pull(), two.digest);
  assertEquals(asked(), 3);
  assertEquals(upstream.count("open"), 2, "what did not move is not read again");
  assertEquals((await wire.send("GET", tagPath(one.digest))).status, 200);
});

Deno.test("pull-through, manifests: revalidateAfter 0 asks every time", async () => {
  const { upstream, wire } = pulledThrough({ revalidateAfter: 0 });
  await upstream.image("v1");
  for (let time = 1; time <= 3; time++) {
    await wire.send("HEAD", tagPath("v1"));
    assertEquals(upstream.calls.filter((call) => call === "resolve v1").length, time);
  }
});

Deno.test("pull-through, manifests: a tag that is gone upstream is gone here", async () => {
  const { upstream, wire, later } = pulledThrough();
  const image = await upstream.image("v1");
  await wire.send("GET", tagPath("v1"));
  upstream.resolve = () => Promise.reject(new ContentNotFoundError("Cannot find v1"));
  later(MINUTE);
  const answer = await wire.send("GET", tagPath("v1"));
  assertEquals([answer.status, answer.code], [404, "MANIFEST_UNKNOWN"]);
  upstream.down = DOWN;
  assertEquals((await wire.send("GET", tagPath(image.digest))).status, 200);
});

Deno.test("pull-through, manifests: the upstream down: what is cached, with a Warning", async () => {
  const { upstream, wire, later, errors } = pulledThrough();
  const image = await upstream.image("v1");
  const fresh = await wire.send("GET", tagPath("v1"));
  assertEquals(fresh.headers.get("warning"), null);
  upstream.down = DOWN;
  later(MINUTE);
  upstream.calls.length = 0;
  for (const method of ["GET", "HEAD", "GET"]) {
    const { status, headers } = await wire.send(method, tagPath("v1"));
    assertEquals([status, headers.get("docker-content-digest")], [200, image.digest]);
    assertEquals(headers.get("warning"), STALE);
  }
  assertEquals(upstream.calls, ["resolve v1"], "an upstream that failed is left alone for a time");
  assertEquals(errors, [DOWN]);
  assertEquals((await wire.send("GET", tagPath(image.digest))).headers.get("warning"), null);

  later(10_000);
  upstream.down = undefined;
  assertEquals((await wire.send("GET", tagPath("v1"))).headers.get("warning"), null);
});

Deno.test("pull-through, manifests: the upstream down, and nothing cached: 502, and asked again", async () => {
  const { upstream, wire, errors } = pulledThrough();
  const image = await upstream.image("v1");
  upstream.down = DOWN;
  for (const reference of ["v1", image.digest, "v1"]) {
    const answer = await wire.send("GET", tagPath(reference));
    assertEquals([answer.status, answer.code], [502, "UNKNOWN"]);
    assert(!answer.text.includes("secret.test"));
  }
  assertEquals([upstream.calls.length, errors], [3, [DOWN, DOWN, DOWN]]);
  upstream.down = undefined;
  assertEquals((await wire.send("GET", tagPath("v1"))).status, 200);
});

const MISSING: [string, Error, string][] = [
  ["the store says so", new ContentNotFoundError("no"), "MANIFEST_UNKNOWN"],
  ["a registry says so", notFound("MANIFEST_UNKNOWN"), "MANIFEST_UNKNOWN"],
  ["a registry does not know the repository", notFound("NAME_UNKNOWN"), "NAME_UNKNOWN"],
  [
    "a store says why",
    new ContentNotFoundError("no", { cause: notFound("NAME_UNKNOWN") }),
    "NAME_UNKNOWN",
  ],
];

for (const [name, error, code] of MISSING) {
  for (const reference of ["v1", UNKNOWN_DIGEST]) {
    Deno.test(`pull-through, manifests: ${name}: 404 ${code} (${reference.slice(0, 6)})`, async () => {
      const { upstream, wire, errors } = pulledThrough();
      upstream.down = error;
      const answer = await wire.send("GET", tagPath(reference));
      assertEquals([answer.status, answer.code, errors], [404, code, []]);
    });
  }
}

Deno.test("pull-through, manifests: a blob is no manifest: 404", async () => {
  const { upstream, wire } = pulledThrough();
  const blob = await upstream.blob("hello");
  const answer = await wire.send("GET", tagPath(blob.digest));
  assertEquals([answer.status, answer.code], [404, "MANIFEST_UNKNOWN"]);
  assertEquals(upstream.count("open"), 1);
});

const WRONG: [string, (text: string) => string][] = [
  ["other bytes", (text) => text.replace('"one"', '"two"')],
  ["more bytes", (text) => `${text} `],
  ["no bytes", () => ""],
];

for (const [name, change] of WRONG) {
  Deno.test(`pull-through, manifests: ${name} are neither served nor kept`, async () => {
    const { upstream, wire, errors } = pulledThrough();
    const image = await upstream.image("v1", { annotations: { is: "one" } });
    const text = await new Response(await upstream.store.open(image)).text();
    upstream.body = () => {
      return new Blob([encodeText(change(text))]).stream() as ReadableStream<Bytes>;
    };
    for (const reference of ["v1", image.digest]) {
      assertEquals((await wire.send("GET", tagPath(reference))).status, 502);
    }
    assertEquals(errors.length, 2);
    upstream.body = undefined;
    assertEquals((await wire.send("GET", tagPath("v1"))).status, 200);
  });
}

Deno.test("pull-through, manifests: what is no manifest by its own words: 502", async () => {
  const { upstream, wire } = pulledThrough();
  const image = await upstream.image("v1");
  const resolve = upstream.resolve.bind(upstream);
  upstream.resolve = async (reference) => ({
    ...await resolve(reference),
    mediaType: MEDIA_TYPES.ociIndex,
  });
  assertEquals((await wire.send("GET", tagPath(image.digest))).status, 502);
});

Deno.test("pull-through, manifests: one over the limit: 502, and read no further", async () => {
  const { upstream, wire } = pulledThrough({ manifestLimit: 1_000 });
  const image = await upstream.image("v1", { annotations: { long: "x".repeat(2_000) } });
  assertEquals((await wire.send("GET", tagPath(image.digest))).status, 502);
});

Deno.test("pull-through, manifests: sha512, and an index with its image", async () => {
  const { upstream, wire } = pulledThrough();
  const image = await upstream.image("v1", {}, "sha512");
  const answer = await wire.send("GET", tagPath("v1"));
  assertEquals(answer.headers.get("docker-content-digest"), image.digest);
  assertEquals((await wire.send("GET", tagPath(image.digest))).bytes, answer.bytes);
});

Deno.test({
  name: "pull-through, manifests: an upstream that hangs keeps no reader from what is cached",
  fn: async () => {
    const { upstream, wire, later } = pulledThrough();
    await upstream.image("v1");
    await wire.send("GET", tagPath("v1"));
    later(MINUTE);
    const { promise, resolve } = gate();
    upstream.wait = promise;
    const clock = shortTimers();
    try {
      const { status, headers } = await wire.send("GET", tagPath("v1"));
      assertEquals([status, headers.get("warning")], [200, STALE]);
    } finally {
      clock.restore();
      resolve();
    }
  },
});

Deno.test("pull-through, tags: the upstream's, in ASCII order, a page at a time, asked for once", async () => {
  const { upstream, wire, later } = pulledThrough({ tagPageSize: 2 });
  for (const tag of ["c", "B", "a", "10", "9"]) await upstream.image(tag);
  const all: string[] = [];
  let path: string | undefined = "/v2/app/tags/list";
  while (path !== undefined) {
    const { json, headers } = await wire.send("GET", path);
    all.push(...json.tags);
    path = /<([^>]+)>/.exec(headers.get("link") ?? "")?.[1];
  }
  assertEquals(all, ["10", "9", "B", "a", "c"]);
  assertEquals(upstream.count("tags"), 1);
  await upstream.image("d");
  later(MINUTE);
  const { json } = await wire.send("GET", "/v2/app/tags/list?last=b");
  assertEquals([json.tags, upstream.count("tags")], [["c", "d"], 2]);
});

Deno.test("pull-through, tags: 404 NAME_UNKNOWN, 502, and what was known with a Warning", async () => {
  const { upstream, wire, later } = pulledThrough();
  upstream.down = notFound("NAME_UNKNOWN");
  const missing = await wire.send("GET", "/v2/app/tags/list");
  assertEquals([missing.status, missing.code], [404, "NAME_UNKNOWN"]);
  upstream.down = DOWN;
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).status, 502);
  upstream.down = undefined;
  await upstream.image("v1");
  await upstream.image("v2");
  await wire.send("GET", "/v2/app/tags/list");
  upstream.down = DOWN;
  later(MINUTE);
  const stale = await wire.send("GET", "/v2/app/tags/list");
  assertEquals([stale.json.tags, stale.headers.get("warning")], [["v1", "v2"], STALE]);
});

Deno.test("pull-through, tags: without a list, those that were pulled, with a Warning", async () => {
  const { upstream, wire } = pulledThrough();
  await upstream.image("v1");
  await upstream.image("v2");
  await wire.send("GET", tagPath("v1"));
  upstream.down = DOWN;
  const { json, headers } = await wire.send("GET", "/v2/app/tags/list");
  assertEquals([json.tags, headers.get("warning")], [["v1"], STALE]);
});

Deno.test("pull-through, referrers: the upstream's, filtered, and kept for a time", async () => {
  const { upstream, wire, later } = pulledThrough();
  const subject = await upstream.image("v1");
  const path = `/v2/app/referrers/${subject.digest}`;
  assertEquals((await wire.send("GET", path)).json.manifests, []);
  const one = await upstream.image(undefined, { subject, artifactType: "a/one" });
  const two = await upstream.image(undefined, { subject, artifactType: "a/two" });
  later(MINUTE);
  const digests = (json: { manifests: { digest: string }[] }) =>
    json.manifests.map((m) => m.digest);
  assertEquals(digests((await wire.send("GET", path)).json), [one.digest, two.digest].sort());
  const filtered = await wire.send("GET", `${path}?artifactType=a/two`);
  assertEquals(digests(filtered.json), [two.digest]);
  assertEquals(upstream.count("referrers"), 2);
  upstream.down = DOWN;
  later(MINUTE);
  const stale = await wire.send("GET", path);
  assertEquals([stale.json.manifests.length, stale.headers.get("warning")], [2, STALE]);
  const never = await wire.send("GET", `/v2/app/referrers/${UNKNOWN_DIGEST}`);
  assertEquals(never.status, 502, "an empty list would say that there are none");
});

Deno.test("pull-through: a source that has neither tags nor referrers", async () => {
  const store = new MemoryStore();
  const source = {
    resolve: store.resolve.bind(store),
    exists: store.exists.bind(store),
    open: store.open.bind(store),
  };
  const { wire } = pulledThrough({ upstream: source });
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, []);
  const { json } = await wire.send("GET", `/v2/app/referrers/${UNKNOWN_DIGEST}`);
  assertEquals(json.manifests, []);
});

Deno.test("pull-through, catalog: the repositories that were pulled from", async () => {
  const { upstream, wire } = pulledThrough();
  await upstream.image("v1");
  assertEquals((await wire.send("GET", "/v2/_catalog")).json.repositories, []);
  await wire.send("GET", tagPath("v1"));
  assertEquals((await wire.send("GET", "/v2/_catalog")).json.repositories, ["app"]);
});

Deno.test("pull-through, pushes: refused with 405 where there is an upstream, before it is asked", async () => {
  const upstream = pulledThrough().upstream;
  const { wire } = pulledThrough({ upstream: (name) => name === "theirs" ? upstream : undefined });
  const manifest = (await wire.manifest("ours")).text;
  assertEquals(
    await wire.pushManifest("ours", "v1").then((digest) => digest.slice(0, 7)),
    "sha256:",
  );
  assertEquals((await wire.send("GET", "/v2/ours/manifests/v1")).status, 200);
  const refused: [string, string][] = [
    ["POST", "/v2/theirs/blobs/uploads/"],
    ["POST", `/v2/theirs/blobs/uploads/?mount=${UNKNOWN_DIGEST}&from=ours`],
    ["PATCH", "/v2/theirs/blobs/uploads/some"],
    ["PUT", "/v2/theirs/manifests/v1"],
    ["DELETE", "/v2/theirs/manifests/v1"],
    ["DELETE", `/v2/theirs/blobs/${UNKNOWN_DIGEST}`],
  ];
  for (const [method, path] of refused) {
    const body = method === "PUT" ? { body: manifest } : {};
    const answer = await wire.send(method, path, body);
    assertEquals([answer.status, answer.code], [405, "UNSUPPORTED"], `${method} ${path}`);
    assertEquals(answer.headers.get("allow"), "GET, HEAD");
  }
  assertEquals(upstream.calls, []);
});

Deno.test("pull-through, pushes: taken here, beside what the upstream has", async () => {
  const { upstream, wire, later } = pulledThrough({ upstreamPushes: true, revalidateAfter: 0 });
  const theirs = await upstream.image("v1");
  await upstream.image("v2");
  const pull = async (tag: string) =>
    (await wire.send("GET", tagPath(tag))).headers.get("docker-content-digest");
  assertEquals(await pull("v1"), theirs.digest);
  const ours = await wire.pushManifest("app", "v1", { annotations: { is: "ours" } });
  await wire.pushManifest("app", "own", { annotations: { is: "own" } });
  later(MINUTE);
  assertEquals([await pull("v1"), await pull("own")], [ours, await pull("own")]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["own", "v1", "v2"]);
  const first = await wire.send("GET", "/v2/app/tags/list?n=1&last=own");
  assertEquals(first.json.tags, ["v1"]);
  assertStringIncludes(first.headers.get("link")!, "last=v1");

  assertEquals((await wire.send("DELETE", tagPath("v1"))).status, 202);
  assertEquals(await pull("v1"), theirs.digest, "the upstream's shows again");
  assertEquals((await wire.send("DELETE", tagPath("own"))).status, 202);
  assertEquals((await wire.send("GET", tagPath("own"))).status, 404);
});

Deno.test("pull-through, pushes: a manifest may need what the upstream has", async () => {
  const { upstream, wire } = pulledThrough({ upstreamPushes: true });
  const layer = await upstream.blob("a layer");
  await wire.pushManifest("app", "v1", { layers: [layer] });
  assertEquals(upstream.count("open"), 0);
  const { text } = await wire.manifest("app", { layers: [{ ...layer, digest: UNKNOWN_DIGEST }] });
  const answer = await wire.putManifest("app", "v2", text);
  assertEquals([answer.status, answer.code], [404, "MANIFEST_BLOB_UNKNOWN"]);
});

Deno.test("pull-through, pushes: a repository that the upstream does not know is our own", async () => {
  const { upstream, wire, later } = pulledThrough({ upstreamPushes: true });
  upstream.down = notFound("NAME_UNKNOWN");
  const digest = await wire.pushManifest("app", "v1");
  later(MINUTE);
  assertEquals((await wire.send("GET", tagPath("v1"))).status, 200);
  assertEquals((await wire.send("GET", tagPath(digest))).status, 200);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["v1"]);
  assertEquals((await wire.send("GET", tagPath("v2"))).code, "MANIFEST_UNKNOWN");
});

Deno.test("pull-through: a repository that is gone upstream is gone, and not out of date", async () => {
  const { upstream, wire, later } = pulledThrough();
  await upstream.image("v1");
  await wire.send("GET", tagPath("v1"));
  await wire.send("GET", "/v2/app/tags/list");
  upstream.down = notFound("NAME_UNKNOWN");
  later(MINUTE);
  for (const path of [tagPath("v1"), tagPath("v1"), "/v2/app/tags/list", "/v2/app/tags/list"]) {
    const answer = await wire.send("GET", path);
    assertEquals([answer.status, answer.code], [404, "NAME_UNKNOWN"], path);
  }
  const { status, json } = await wire.send("GET", `/v2/app/referrers/${UNKNOWN_DIGEST}`);
  assertEquals([status, json.manifests], [200, []]);
});

Deno.test("pull-through: a function that throws is an upstream that failed", async () => {
  const error = new Error("secret.test");
  const { wire, errors } = pulledThrough({
    upstream: () => {
      throw error;
    },
  });
  assertEquals((await wire.send("GET", tagPath("v1"))).status, 502);
  assertEquals(errors, [error]);
});

function notFound(code: string): NotFoundError {
  const resp = new DockerResponse(null, { status: 404 });
  const asked = { method: "GET", url: "https://secret.test/" };
  return new NotFoundError(resp, [{ code, message: "" }], "Cannot find it", asked);
}

function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => resolve = done);
  return { promise, resolve };
}

/** Every timer ends at once: for what waits for seconds. */
function shortTimers(): { restore: () => void } {
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((fn: () => void) => setTimeout(fn, 0)) as typeof setTimeout;
  return { restore: () => globalThis.setTimeout = setTimeout };
}
