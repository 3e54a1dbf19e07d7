import { assertEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { digest, specTest, streamOf, UNKNOWN_DIGEST } from "./fixture_test.ts";

const { ociManifest, ociIndex, dockerManifest } = MEDIA_TYPES;

specTest("end-7 PUT manifests by tag: 201 with Location and digest", async (wire) => {
  const { text, digest } = await wire.manifest("app");
  const { status, headers } = await wire.putManifest("app", "v1", text);
  assertEquals([status, headers.get("location")], [201, `/v2/app/manifests/${digest}`]);
  assertEquals(headers.get("docker-content-digest"), digest);
  assertEquals([headers.get("oci-subject"), headers.get("oci-tag")], [null, null]);
});

specTest("end-3 GET manifests by tag and digest: exact bytes and Content-Type", async (wire) => {
  const { text } = await wire.manifest("app");
  const odd = ` ${text.replace(",", " ,\n")}\n`;
  const pushed = await wire.putManifest("app", "v1", odd, `${ociManifest}; charset=utf-8`);
  const digest = pushed.headers.get("docker-content-digest")!;
  assertEquals(digest, await digestOf(encodeText(odd)));
  for (const reference of ["v1", digest, digest.replace(":", "%3A")]) {
    const { status, text, headers } = await wire.send("GET", `/v2/app/manifests/${reference}`);
    assertEquals([status, text], [200, odd], reference);
    assertEquals(headers.get("content-type"), ociManifest);
    assertEquals(headers.get("docker-content-digest"), digest);
    assertEquals(headers.get("content-length"), String(odd.length));
  }
});

specTest("end-3 HEAD manifests: the headers of GET, and no body", async (wire) => {
  const digest = await wire.pushManifest("app", "v1");
  const got = await wire.send("GET", "/v2/app/manifests/v1");
  const head = await wire.send("HEAD", "/v2/app/manifests/v1");
  assertEquals([head.status, head.bytes.byteLength], [200, 0]);
  assertEquals(head.headers.get("docker-content-digest"), digest);
  for (const name of ["content-length", "content-type", "docker-content-digest"]) {
    assertEquals(head.headers.get(name), got.headers.get(name), name);
  }
});

specTest("end-3 GET manifests: the Accept header changes nothing", async (wire) => {
  await wire.pushManifest("app", "v1");
  const headers = { accept: dockerManifest };
  const got = await wire.send("GET", "/v2/app/manifests/v1", { headers });
  assertEquals([got.status, got.headers.get("content-type")], [200, ociManifest]);
});

specTest("end-3 GET and HEAD manifests: 404 and 400", async (wire) => {
  const pushed = await wire.pushManifest("app", "v1");
  const cases: [path: string, status: number, code: string][] = [
    ["/v2/app/manifests/v2", 404, "MANIFEST_UNKNOWN"],
    [`/v2/app/manifests/${UNKNOWN_DIGEST}`, 404, "MANIFEST_UNKNOWN"],
    ["/v2/app/manifests/.bad", 404, "MANIFEST_UNKNOWN"],
    [`/v2/app/manifests/${"x".repeat(129)}`, 404, "MANIFEST_UNKNOWN"],
    ["/v2/app/manifests/", 404, "MANIFEST_UNKNOWN"],
    ["/v2/app/manifests/sha256:abc", 400, "DIGEST_INVALID"],
    ["/v2/other/manifests/v1", 404, "NAME_UNKNOWN"],
    [`/v2/other/manifests/${pushed}`, 404, "NAME_UNKNOWN"],
  ];
  for (const [path, status, code] of cases) {
    const got = await wire.send("GET", path);
    assertEquals([got.status, got.code], [status, code], path);
    assertEquals((await wire.send("HEAD", path)).status, status, path);
  }
});

specTest("end-7 PUT manifests by digest: kept without a tag", async (wire) => {
  const digest = await wire.pushManifest("app");
  assertEquals((await wire.send("HEAD", `/v2/app/manifests/${digest}`)).status, 200);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, []);
});

specTest(
  "end-7 PUT manifests by another digest: 400 DIGEST_INVALID, nothing kept",
  async (wire) => {
    const { text, digest } = await wire.manifest("app");
    for (const reference of [UNKNOWN_DIGEST, "sha256:abc", "md5:abc", ":", "a:b:c"]) {
      const { status, code } = await wire.putManifest("app", reference, text);
      assertEquals([status, code], [400, "DIGEST_INVALID"], reference);
    }
    assertEquals((await wire.send("HEAD", `/v2/app/manifests/${digest}`)).status, 404);
  },
);

specTest("end-7 PUT manifests by a sha512 digest: answered in sha512, tagged too", async (wire) => {
  const { text } = await wire.manifest("app");
  const sha512 = await digest(text, "sha512");
  const { status, headers } = await wire.putManifest("app", `${sha512}?tag=big`, text);
  assertEquals([status, headers.get("docker-content-digest")], [201, sha512]);
  for (const reference of ["big", sha512]) {
    const head = await wire.send("HEAD", `/v2/app/manifests/${reference}`);
    assertEquals(head.headers.get("docker-content-digest"), sha512);
  }
});

specTest("end-7 PUT manifests: a tag moves, and the old manifest stays", async (wire) => {
  const one = await wire.pushManifest("app", "latest", { annotations: { n: "1" } });
  const two = await wire.pushManifest("app", "latest", { annotations: { n: "2" } });
  const head = await wire.send("HEAD", "/v2/app/manifests/latest");
  assertEquals(head.headers.get("docker-content-digest"), two);
  assertEquals((await wire.send("HEAD", `/v2/app/manifests/${one}`)).status, 200);
});

specTest("end-7b PUT manifests with tags: 201 with OCI-Tag, every tag set", async (wire) => {
  const { text, digest } = await wire.manifest("app");
  const path = `${digest}?tag=a&tag=b&tag=a`;
  const { status, headers } = await wire.putManifest("app", path, text);
  assertEquals([status, headers.get("oci-tag")], [201, "a, b"]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["a", "b"]);
});

specTest("end-7b PUT manifests with a bad tag or too many: 400, 414, nothing set", async (wire) => {
  const { text, digest } = await wire.manifest("app");
  const bad = await wire.putManifest("app", `${digest}?tag=a&tag=.b`, text);
  assertEquals([bad.status, bad.code], [400, "MANIFEST_INVALID"]);
  const many = Array.from({ length: 51 }, (_, index) => `tag=t${index}`).join("&");
  const tooMany = await wire.putManifest("app", `${digest}?${many}`, text);
  assertEquals([tooMany.status, tooMany.code], [414, "UNSUPPORTED"]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, []);
});

specTest("end-7 PUT manifests by tag ignores further tags", async (wire) => {
  const { text } = await wire.manifest("app");
  const { status, headers } = await wire.putManifest("app", "v1?tag=a", text);
  assertEquals([status, headers.get("oci-tag")], [201, null]);
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["v1"]);
});

specTest("end-7 PUT manifests by a malformed tag: 400 MANIFEST_INVALID", async (wire) => {
  const { text } = await wire.manifest("app");
  for (const tag of [".bad", "-bad", "x".repeat(129), "a%20b", "a%2Fb", "%00", "%FF"]) {
    const { status, code } = await wire.putManifest("app", tag, text);
    assertEquals([status, code], [400, "MANIFEST_INVALID"], tag);
  }
});

specTest("end-7 PUT manifests: 4 MiB is taken, past the limit is 413", async (wire) => {
  const { text } = await wire.manifest("app");
  const size = 4 * 1024 * 1024;
  const padded = (length: number) => text + " ".repeat(length - text.length);
  assertEquals((await wire.putManifest("app", "large", padded(size))).status, 201);
  const got = await wire.send("GET", "/v2/app/manifests/large");
  assertEquals(got.headers.get("content-length"), String(size));
  assertEquals(got.text, padded(size));

  const limit = size + 64 * 1024;
  assertEquals((await wire.putManifest("app", "limit", padded(limit))).status, 201);
  for (const body of [padded(limit + 1), streamOf([padded(limit), " "])]) {
    const { status, code } = await wire.putManifest("app", "larger", body);
    assertEquals([status, code], [413, "SIZE_INVALID"]);
  }
  assertEquals((await wire.send("HEAD", "/v2/app/manifests/larger")).status, 404);
});

specTest("manifestLimit: a smaller one is enforced", async (wire) => {
  const { text } = await wire.manifest("app", { annotations: { long: "x".repeat(1000) } });
  const { status, code } = await wire.putManifest("app", "v1", text);
  assertEquals([status, code], [413, "SIZE_INVALID"]);
}, { manifestLimit: 1000 });

const config = { mediaType: MEDIA_TYPES.ociEmpty, digest: UNKNOWN_DIGEST, size: 2 };

specTest("end-7 PUT of what is no manifest: 400 MANIFEST_INVALID", async (wire) => {
  const good = (await wire.manifest("app")).text;
  const broken: [title: string, body: BodyInit, contentType?: string][] = [
    ["nothing", ""],
    ["no JSON", "hello"],
    ["half of it", good.slice(0, -5)],
    ["a string", '"manifest"'],
    ["a list", "[]"],
    ["null", "null"],
    ["an empty object", "{}"],
    ["some object", '{"schemaVersion":2,"hello":"world"}'],
    ["schema 1", '{"schemaVersion":1,"fsLayers":[],"history":[]}'],
    ["no config", `{"schemaVersion":2,"layers":[]}`],
    ["layers that are no list", JSON.stringify({ schemaVersion: 2, config, layers: {} })],
    ["a descriptor without a size", '{"schemaVersion":2,"config":{"digest":"x"},"layers":[]}'],
    ["both kinds", JSON.stringify({ schemaVersion: 2, config, layers: [], manifests: [] })],
    ["an image as an index", good, ociIndex],
    ["an image as Docker's", good, dockerManifest],
    ["another type than its own", good, "application/json"],
    ["a type that says nothing", good, "text/plain"],
    ["a name twice", good.replace("{", '{"config":{},')],
    ["no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["10,000 lists in each other", "[".repeat(10_000) + "]".repeat(10_000)],
  ];
  for (const [title, body, contentType] of broken) {
    const { status, code } = await wire.putManifest("app", "v1", body, contentType);
    assertEquals([status, code], [400, "MANIFEST_INVALID"], title);
  }
  assertEquals((await wire.send("HEAD", "/v2/app/manifests/v1")).status, 404);
});

specTest("end-7 PUT without a Content-Type: the manifest's own", async (wire) => {
  const { text } = await wire.manifest("app");
  const body = encodeText(text);
  assertEquals((await wire.send("PUT", "/v2/app/manifests/v1", { body })).status, 201);
  const got = await wire.send("HEAD", "/v2/app/manifests/v1");
  assertEquals(got.headers.get("content-type"), ociManifest);
});

specTest("end-7 PUT of another type that names itself: kept as it is", async (wire) => {
  await wire.pushBlob("app", "hello");
  const mediaType = "application/vnd.example.manifest.v9+json";
  const text = JSON.stringify({ mediaType, things: [1, 2] });
  assertEquals((await wire.putManifest("app", "odd", text, mediaType)).status, 201);
  const got = await wire.send("GET", "/v2/app/manifests/odd");
  assertEquals([got.text, got.headers.get("content-type")], [text, mediaType]);
});

specTest("end-7 PUT of odd but good manifests: 201", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const layer = { mediaType: "application/x.unheard-of", digest: hello, size: 5 };
  const foreign = (mediaType: string) => ({
    mediaType,
    digest: UNKNOWN_DIGEST,
    size: 12,
    urls: ["https://example.com/layer"],
  });
  const fields: Record<string, unknown>[] = [
    { layers: [] },
    { layers: [layer], unknown: { field: [1] } },
    { layers: [{ ...layer, "io.example": true }] },
    { layers: [foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")] },
    { layers: [foreign("application/vnd.oci.image.layer.nondistributable.v1.tar")] },
    { layers: [foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")] },
    { mediaType: undefined },
    { annotations: {} },
  ];
  for (const each of fields) await wire.pushManifest("app", "odd", each);
  const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
  assertEquals((await wire.putManifest("app", "index", index, ociIndex)).status, 201);
});

specTest("end-7 PUT that needs what is not there: 404 MANIFEST_BLOB_UNKNOWN", async (wire) => {
  const config = await wire.pushBlob("app", "{}");
  const elsewhere = await wire.pushBlob("other", "layer");
  const image = (configDigest: string, layers: string[]) =>
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: MEDIA_TYPES.ociConfig, digest: configDigest, size: 2 },
      layers: layers.map((digest) => ({ mediaType: "x/y", digest, size: 5 })),
    });
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: ociManifest, digest: UNKNOWN_DIGEST, size: 100 }],
  });
  const cases: [title: string, text: string, contentType: string, digest: string][] = [
    ["config", image(UNKNOWN_DIGEST, []), ociManifest, UNKNOWN_DIGEST],
    ["layer", image(config, [UNKNOWN_DIGEST]), ociManifest, UNKNOWN_DIGEST],
    ["layer elsewhere", image(config, [elsewhere]), ociManifest, elsewhere],
    ["child", index, ociIndex, UNKNOWN_DIGEST],
  ];
  for (const [title, text, contentType, missing] of cases) {
    const { status, code, json } = await wire.putManifest("app", "v1", text, contentType);
    assertEquals([status, code], [404, "MANIFEST_BLOB_UNKNOWN"], title);
    assertEquals(json.errors[0].detail, { digest: missing }, title);
  }
});

specTest("end-7 PUT of an index over manifests and blobs that are there: 201", async (wire) => {
  const image = await wire.pushManifest("app");
  const blob = await wire.pushBlob("app", "hello");
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [
      { mediaType: ociManifest, digest: image, size: 100 },
      { mediaType: "application/x.hello", digest: blob, size: 5 },
    ],
  });
  assertEquals((await wire.putManifest("app", "index", index, ociIndex)).status, 201);
});

specTest(
  "end-7 PUT with a subject: OCI-Subject, by tag and digest, image and index",
  async (wire) => {
    const subject = { mediaType: ociManifest, digest: UNKNOWN_DIGEST, size: 100 };
    const { text, digest } = await wire.manifest("app", { subject });
    const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], subject });
    const ways = [
      await wire.putManifest("app", "v1", text),
      await wire.putManifest("app", digest, text),
      await wire.putManifest("app", "index", index, ociIndex),
      await wire.putManifest("app", await digestOf(encodeText(index)), index, ociIndex),
    ];
    for (const { status, headers } of ways) {
      assertEquals([status, headers.get("oci-subject")], [201, UNKNOWN_DIGEST]);
    }
  },
);

specTest("end-7 PUT whose Content-Length is another: 400 SIZE_INVALID", async (wire) => {
  const { text } = await wire.manifest("app");
  for (const length of [String(text.length + 1), "1", "x", "-1"]) {
    const { status, code } = await wire.send("PUT", "/v2/app/manifests/v1", {
      body: encodeText(text),
      headers: { "content-type": ociManifest, "content-length": length },
    });
    assertEquals([status, code], [400, "SIZE_INVALID"], length);
  }
}, { memoryOnly: true });

specTest("end-7 PUT whose body breaks: 400, nothing kept", async (wire) => {
  const { text } = await wire.manifest("app");
  const body = streamOf([text.slice(0, 20)], new Error("gone"));
  const { status, code } = await wire.putManifest("app", "v1", body);
  assertEquals([status, code], [400, "MANIFEST_INVALID"]);
  assertEquals((await wire.send("HEAD", "/v2/app/manifests/v1")).status, 404);
}, { memoryOnly: true });

specTest(
  "end-9 DELETE manifests by tag: 202, the tag is gone, the manifest stays",
  async (wire) => {
    const digest = await wire.pushManifest("app", "v1");
    await wire.pushManifest("app", "v2");
    assertEquals((await wire.send("DELETE", "/v2/app/manifests/v1")).status, 202);
    assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).code, "MANIFEST_UNKNOWN");
    assertEquals((await wire.send("HEAD", `/v2/app/manifests/${digest}`)).status, 200);
    assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["v2"]);
  },
);

specTest("end-9 DELETE manifests by digest: 202, and its tags are gone at once", async (wire) => {
  const digest = await wire.pushManifest("app", "v1");
  await wire.pushManifest("app", "latest");
  await wire.pushManifest("app", "other", { annotations: { n: "2" } });
  assertEquals((await wire.send("DELETE", `/v2/app/manifests/${digest}`)).status, 202);
  for (const reference of ["v1", "latest", digest]) {
    assertEquals((await wire.send("HEAD", `/v2/app/manifests/${reference}`)).status, 404);
  }
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json.tags, ["other"]);
  const again = await wire.send("DELETE", `/v2/app/manifests/${digest}`);
  assertEquals([again.status, again.code], [404, "MANIFEST_UNKNOWN"]);
});

specTest("end-9 DELETE manifests: 404 and 400", async (wire) => {
  await wire.pushManifest("app", "v1");
  const cases: [path: string, status: number, code: string][] = [
    ["/v2/app/manifests/v2", 404, "MANIFEST_UNKNOWN"],
    ["/v2/app/manifests/.bad", 404, "MANIFEST_UNKNOWN"],
    ["/v2/app/manifests/sha256:abc", 400, "DIGEST_INVALID"],
    ["/v2/other/manifests/v1", 404, "NAME_UNKNOWN"],
  ];
  for (const [path, status, code] of cases) {
    const got = await wire.send("DELETE", path);
    assertEquals([got.status, got.code], [status, code], path);
  }
});

specTest("end-9 DELETE manifests with deletes off: 405 UNSUPPORTED", async (wire) => {
  const digest = await wire.pushManifest("app", "v1");
  for (const reference of ["v1", digest]) {
    const { status, code, headers } = await wire.send("DELETE", `/v2/app/manifests/${reference}`);
    assertEquals([status, code], [405, "UNSUPPORTED"]);
    assertEquals(headers.get("allow"), "GET, HEAD, PUT");
  }
  assertEquals((await wire.send("HEAD", "/v2/app/manifests/v1")).status, 200);
}, { deletes: false });

specTest("end-7 PUT: two writers of one tag, one of them wins whole", async (wire) => {
  const one = await wire.manifest("app", { annotations: { n: "1" } });
  const two = await wire.manifest("app", { annotations: { n: "2" } });
  const answers = await Promise.all(
    [one, two].map(({ text }) => wire.putManifest("app", "v1", text)),
  );
  assertEquals(answers.map(({ status }) => status), [201, 201]);
  const got = await wire.send("GET", "/v2/app/manifests/v1");
  const winner = [one, two].find(({ text }) => text === got.text);
  assertEquals(got.headers.get("docker-content-digest"), winner?.digest);
});
