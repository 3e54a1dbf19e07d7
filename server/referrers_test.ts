import { assert, assertEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { nextPage, specTest, UNKNOWN_DIGEST, type Wire } from "./fixture_test.ts";

const { ociManifest, ociIndex } = MEDIA_TYPES;
const subject = { mediaType: ociManifest, digest: UNKNOWN_DIGEST, size: 100 };
const path = `/v2/app/referrers/${UNKNOWN_DIGEST}`;

function attach(wire: Wire, type: string, annotations?: Record<string, string>): Promise<string> {
  return wire.pushManifest("app", undefined, {
    subject,
    artifactType: type,
    ...(annotations && { annotations }),
  });
}

function emptyIndex(manifests: unknown[] = []) {
  return { schemaVersion: 2, mediaType: ociIndex, manifests };
}

specTest("end-12 GET referrers of what was never seen: 200, an empty index", async (wire) => {
  await wire.pushBlob("app", "hello");
  for (const repository of ["app", "never/seen"]) {
    const url = `/v2/${repository}/referrers/${UNKNOWN_DIGEST}`;
    const { status, json, headers } = await wire.send("GET", url);
    assertEquals([status, json], [200, emptyIndex()], repository);
    assertEquals(headers.get("content-type"), ociIndex);
    assertEquals(headers.get("oci-filters-applied"), null);
  }
});

specTest("end-12 GET referrers with a malformed digest: 400 DIGEST_INVALID", async (wire) => {
  for (const bad of ["sha256:abc", "hello", "v1", "sha256:"]) {
    const { status, code } = await wire.send("GET", `/v2/app/referrers/${bad}`);
    assertEquals([status, code], [400, "DIGEST_INVALID"], bad);
  }
});

specTest("end-12 GET referrers: descriptors with type and annotations", async (wire) => {
  const own = await attach(wire, "example/sbom", { "example.by": "me" });
  const { text, digest } = await wire.manifest("app", { subject });
  await wire.putManifest("app", "tagged", text);
  const index = JSON.stringify({ ...emptyIndex(), subject, annotations: { a: "b" } });
  await wire.putManifest("app", "index", index, ociIndex);
  const indexDigest = await digestOf(encodeText(index));

  const { json } = await wire.send("GET", path);
  assertEquals(
    json.manifests.map((entry: { digest: string }) => entry.digest),
    [
      own,
      digest,
      indexDigest,
    ].sort(),
  );
  const find = (digest: string) =>
    json.manifests.find((entry: { digest: string }) => entry.digest === digest);
  const { size: _size, ...entry } = find(own);
  assertEquals(entry, {
    mediaType: ociManifest,
    digest: own,
    artifactType: "example/sbom",
    annotations: { "example.by": "me" },
  });
  assertEquals(find(digest), {
    mediaType: ociManifest,
    digest,
    size: text.length,
    artifactType: MEDIA_TYPES.ociEmpty,
  });
  assertEquals(find(indexDigest), {
    mediaType: ociIndex,
    digest: indexDigest,
    size: index.length,
    annotations: { a: "b" },
  });
});

specTest("end-12 GET referrers of a subject that came later: listed", async (wire) => {
  const later = await wire.manifest("app", { annotations: { n: "1" } });
  const referrer = await wire.pushManifest("app", undefined, {
    subject: { mediaType: ociManifest, digest: later.digest, size: later.size },
  });
  await wire.putManifest("app", "v1", later.text);
  const { json } = await wire.send("GET", `/v2/app/referrers/${later.digest}`);
  assertEquals(json.manifests.map((entry: { digest: string }) => entry.digest), [referrer]);
});

specTest("end-12 GET referrers with artifactType: filtered, and says so", async (wire) => {
  const sbom = await attach(wire, "example/sbom");
  await attach(wire, "example/scan");
  const cases: [type: string, digests: string[]][] = [
    ["example/sbom", [sbom]],
    ["example%2Fsbom", [sbom]],
    ["example/none", []],
  ];
  for (const [type, digests] of cases) {
    const { status, json, headers } = await wire.send("GET", `${path}?artifactType=${type}`);
    assertEquals(status, 200);
    assertEquals(json.manifests.map((entry: { digest: string }) => entry.digest), digests, type);
    assertEquals(headers.get("oci-filters-applied"), "artifactType", type);
  }
  const nowhere = `/v2/never/referrers/${UNKNOWN_DIGEST}?artifactType=a/b`;
  const { headers } = await wire.send("GET", nowhere);
  assertEquals(headers.get("oci-filters-applied"), "artifactType");
});

specTest("end-12 GET referrers: pages with Link, which keep the filter", async (wire) => {
  const digests: string[] = [];
  for (let index = 0; index < 5; index++) {
    digests.push(await attach(wire, "example/sbom", { n: String(index) }));
    await attach(wire, "example/scan", { n: String(index) });
  }
  const seen: string[] = [];
  let pages = 0;
  let next: string | undefined = `${path}?artifactType=example/sbom`;
  while (next !== undefined) {
    const { json, headers } = await wire.send("GET", next);
    assertEquals(headers.get("oci-filters-applied"), "artifactType");
    assert(json.manifests.length <= 2);
    seen.push(...json.manifests.map((entry: { digest: string }) => entry.digest));
    next = nextPage(headers);
    pages++;
  }
  assertEquals([pages, seen], [3, digests.sort()]);
}, { referrersPageSize: 2 });

specTest("end-12 GET referrers: no page is larger than 4 MiB", async (wire) => {
  for (let index = 0; index < 3; index++) {
    await attach(wire, "example/large", { n: String(index), long: "x".repeat(2_000_000) });
  }
  const first = await wire.send("GET", path);
  assertEquals(first.json.manifests.length, 2);
  const second = await wire.send("GET", nextPage(first.headers)!);
  assertEquals([second.json.manifests.length, nextPage(second.headers)], [1, undefined]);
});

specTest("end-12 GET referrers: a deleted one leaves the list", async (wire) => {
  const sbom = await attach(wire, "example/sbom");
  const scan = await attach(wire, "example/scan");
  assertEquals((await wire.send("DELETE", `/v2/app/manifests/${sbom}`)).status, 202);
  const { json } = await wire.send("GET", path);
  assertEquals(json.manifests.map((entry: { digest: string }) => entry.digest), [scan]);
});

specTest("end-12 GET referrers: each repository has its own", async (wire) => {
  await attach(wire, "example/sbom");
  await wire.pushManifest("other", "v1");
  const { json } = await wire.send("GET", `/v2/other/referrers/${UNKNOWN_DIGEST}`);
  assertEquals(json, emptyIndex());
});

specTest("end-12 GET referrers: a manifest of another type is listed too", async (wire) => {
  const mediaType = "application/vnd.example.manifest.v9+json";
  const fields = { mediaType, subject, artifactType: "example/odd", annotations: { a: "b" } };
  const text = JSON.stringify(fields);
  const { headers } = await wire.putManifest("app", "odd", text, mediaType);
  assertEquals(headers.get("oci-subject"), UNKNOWN_DIGEST);
  assertEquals((await wire.send("GET", path)).json.manifests, [{
    mediaType,
    digest: await digestOf(encodeText(text)),
    size: text.length,
    artifactType: "example/odd",
    annotations: { a: "b" },
  }]);
});

specTest("end-12 GET referrers with referrersApi off: 404, and no OCI-Subject", async (wire) => {
  const { text } = await wire.manifest("app", { subject });
  const pushed = await wire.putManifest("app", "v1", text);
  assertEquals([pushed.status, pushed.headers.get("oci-subject")], [201, null]);
  const { status, json, headers } = await wire.send("GET", path);
  assertEquals([status, json], [404, undefined]);
  assertEquals(headers.get("content-type"), "text/plain; charset=utf-8");
}, { referrersApi: false });
