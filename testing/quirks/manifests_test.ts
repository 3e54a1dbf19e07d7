import { assert, assertEquals } from "@std/assert";
import { EMPTY_DIGEST, specTest, type Wire } from "../fixture_test.ts";
import type { QuirkOptions } from "./options.ts";

async function pushSubject(wire: Wire): Promise<{ digest: string; size: number }> {
  const { digest, size, text } = await wire.manifest("app", { annotations: { is: "subject" } });
  assertEquals((await wire.putManifest("app", digest, text)).status, 201);
  return { digest, size };
}

const IMMUTABLE: [whose: QuirkOptions["immutableTags"], status: number, code: string][] = [
  ["ecr", 400, "TAG_INVALID"],
  ["harbor", 412, "PRECONDITION"],
  ["dockerHub", 403, "DENIED"],
];
for (const [immutableTags, status, code] of IMMUTABLE) {
  specTest(`quirk: end-7 PUT: an immutable tag, as ${immutableTags} says it`, async (wire) => {
    const { text } = await wire.manifest("app");
    assertEquals((await wire.putManifest("app", "v1", text)).status, 201);
    const again = await wire.putManifest("app", "v1", text);
    assertEquals([again.status, again.code], [status, code]);
    assert(again.text.includes("immutable"), again.text);
    const { digest } = await wire.manifest("app");
    assertEquals((await wire.putManifest("app", digest, text)).status, 201);
  }, { quirks: { immutableTags } });
}

specTest("quirk: end-9, end-10 DELETE: refused", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const manifest = await wire.pushManifest("app", "v1");
  for (const path of [`blobs/${hello}`, `manifests/${manifest}`, "manifests/v1"]) {
    const { status, code } = await wire.send("DELETE", `/v2/app/${path}`);
    assertEquals([status, code], [405, "UNSUPPORTED"], path);
  }
  const upload = await wire.startUpload("app");
  assertEquals((await wire.send("DELETE", upload)).status, 204);
}, { quirks: { deletes: 405 } });

specTest("quirk: end-9 DELETE of a tag: misses a digest", async (wire) => {
  const manifest = await wire.pushManifest("app", "v1");
  const { status, code } = await wire.send("DELETE", "/v2/app/manifests/v1");
  assertEquals([status, code], [400, "DIGEST_INVALID"]);
  assertEquals((await wire.send("DELETE", `/v2/app/manifests/${manifest}`)).status, 202);
}, { quirks: { tagDeletes: 400 } });

specTest("quirk: end-7 PUT: types that are not an image's", async (wire) => {
  const artifact = await wire.manifest("app"); // whose configuration is the empty one
  const refused = await wire.putManifest("app", "v1", artifact.text);
  assertEquals([refused.status, refused.code], [415, "UNSUPPORTED"]);
  const image = await wire.manifest("app", {
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: await wire.pushBlob("app", "{}"),
      size: 2,
    },
  });
  assertEquals((await wire.putManifest("app", "v1", image.text)).status, 201);
  assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).text, image.text);
}, { quirks: { unknownTypes: 415 } });

specTest("quirk: repositories must exist", async (wire) => {
  for (const [name, status] of [["app", 202], ["team/new", 202], ["team", 404], ["b", 404]]) {
    const answer = await wire.send("POST", `/v2/${name}/blobs/uploads/`);
    assertEquals([name, answer.status], [name, status]);
    if (status === 404) assertEquals(answer.code, "NAME_UNKNOWN");
  }
}, { quirks: { repositories: ["app", "team/*"] } });

const NO_API: [how: QuirkOptions["noReferrers"], status: number, type: string, body: string][] = [
  ["text", 404, "text/plain; charset=utf-8", "404 page not found\n"],
  ["name-unknown", 404, "application/json", "NAME_UNKNOWN"],
  ["html", 200, "text/html", "<!doctype html>"],
];
for (const [noReferrers, status, type, body] of NO_API) {
  specTest(`quirk: end-12 GET referrers: ${noReferrers}`, async (wire) => {
    const subject = await pushSubject(wire);
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const referrer = await wire.manifest("app", { subject: { mediaType, ...subject } });
    const put = await wire.putManifest("app", referrer.digest, referrer.text);
    assertEquals([put.status, put.headers.get("oci-subject")], [201, null]);
    const answer = await wire.send("GET", `/v2/app/referrers/${subject.digest}`);
    assertEquals([answer.status, answer.headers.get("content-type")], [status, type]);
    assert(answer.text.includes(body), answer.text);
  }, { quirks: { noReferrers } });
}

specTest("quirk: end-7 PUT: OCI-Subject lies", async (wire) => {
  const subject = await pushSubject(wire);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const referrer = await wire.manifest("app", { subject: { mediaType, ...subject } });
  const put = await wire.putManifest("app", referrer.digest, referrer.text);
  assertEquals(put.headers.get("oci-subject"), subject.digest);
  assertEquals((await wire.send("GET", `/v2/app/referrers/${subject.digest}`)).status, 404);
}, { quirks: { noReferrers: "text", lyingSubject: true } });

specTest("quirk: end-3 GET: the fallback tag names its subject", async (wire) => {
  const { digest } = await pushSubject(wire);
  const tag = digest.replace(":", "-");
  const answer = await wire.send("GET", `/v2/app/manifests/${tag}`);
  assertEquals(answer.headers.get("docker-content-digest"), digest);
  const none = EMPTY_DIGEST.replace(":", "-");
  assertEquals((await wire.send("GET", `/v2/app/manifests/${none}`)).status, 404);
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [],
  });
  await wire.putManifest("app", tag, index, "application/vnd.oci.image.index.v1+json");
  assertEquals((await wire.send("GET", `/v2/app/manifests/${tag}`)).text, index);
}, { quirks: { noReferrers: "text", fallbackTagIsSubject: true } });
