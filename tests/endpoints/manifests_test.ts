import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  BadDigestError,
  buildIndex,
  buildManifest,
  childrenOf,
  ContentNotFoundError,
  digestOf,
  EMPTY_CONFIG_BYTES,
  HttpError,
  InvalidDigestError,
  InvalidManifestError,
  InvalidOptionError,
  InvalidReferenceError,
  ManifestVerificationError,
  MEDIA_TYPES,
  NotFoundError,
  RegistryResponseError,
  UnsupportedError,
} from "../../mod.ts";
import { testRegistries } from "./on_registries.ts";
import {
  assertBytes,
  newArtifact,
  NOWHERE,
  PLATFORMS,
  pushArtifact,
  pushImage,
  randomBytes,
  text,
} from "./samples.ts";

/** The least that the specification asks registries to take. */
const MANIFEST_BYTES = 4 * 1024 * 1024;

testRegistries("manifests", [
  ["end-7 PUT, end-3 GET and HEAD: by tag and by digest, to the byte", async (on) => {
    const client = on.client();
    const { bytes, descriptor } = await newArtifact(client);
    // Whitespace is part of the bytes: nothing is serialised again on the way.
    const manifestData = text(`${new TextDecoder().decode(bytes)} \n`);
    const digest = await digestOf(manifestData);
    const expected = { mediaType: descriptor.mediaType, digest, size: manifestData.byteLength };
    const put = await client.putManifest({ manifestData, ref: "v1" });
    assertEquals(put.digest, digest);
    if (put.location !== null) assert(put.location.endsWith(digest), put.location);
    await client.putManifest({
      manifestData,
      ref: digest,
      schemaVersion: 2,
      mediaType: descriptor.mediaType,
    });
    for (const ref of ["v1", digest]) {
      assertEquals(await client.headManifest({ ref }), expected);
      const found = await client.getManifest({ ref });
      const raw = await client.getManifestBytes({ ref });
      assertEquals([raw.digest, raw.mediaType], [digest, descriptor.mediaType]);
      assertBytes(raw.bytes, manifestData);
      assertEquals([found.digest, found.mediaType], [digest, descriptor.mediaType]);
      assertEquals(found.bytes, manifestData);
      assertEquals(found.manifest, JSON.parse(new TextDecoder().decode(bytes)));
      assertEquals(found.resp.status, 200);
      assertEquals(await found.resp.dockerJson<unknown>(), found.manifest);
    }
  }],
  ["end-7 PUT: a tag moves", async (on) => {
    const client = on.client();
    const first = await pushArtifact(client, { tag: "latest" });
    const second = await pushArtifact(client, { tag: "latest" });
    assertEquals((await client.headManifest({ ref: "latest" })).digest, second.digest);
    assertEquals((await client.headManifest({ ref: first.digest })).digest, first.digest);
  }],
  ["end-3 GET: an index, and the image for a platform", async (on) => {
    const client = on.client();
    const { index, images } = await pushImage(client, "latest");
    const found = await client.getManifest({ ref: "latest" });
    assertEquals([found.mediaType, found.digest], [MEDIA_TYPES.ociIndex, index.descriptor.digest]);
    assertEquals(childrenOf(found.manifest).map(({ platform }) => platform), PLATFORMS);
    const platforms = ["linux/amd64", "linux/arm64/v8", "linux/arm64", PLATFORMS[1]!];
    for (const [at, platform] of platforms.entries()) {
      const image = await client.getManifest({ ref: "latest", platform });
      const expected = images[Math.min(at, 1)]!;
      assertEquals([image.mediaType, image.digest], [
        MEDIA_TYPES.ociManifest,
        expected.descriptor.digest,
      ]);
      assertEquals(image.bytes, expected.bytes);
      assertEquals(image.manifest.layers.length, 2);
    }
    const error = await assertRejects(
      () => client.getManifest({ ref: "latest", platform: "windows/amd64" }),
      ContentNotFoundError,
    );
    assertEquals(error.code, "CONTENT_NOT_FOUND");
    // An index in an index is followed, too.
    const outer = await buildIndex({ manifests: [index.descriptor] });
    await client.putManifest({ manifestData: outer.bytes, ref: "outer" });
    const inner = await client.getManifest({ ref: "outer", platform: "linux/arm64" });
    assertEquals(inner.digest, images[1]!.descriptor.digest);
    // One image has the platform that it has.
    const [{ descriptor }] = images as [typeof images[0]];
    const single = await client.getManifest({ ref: descriptor.digest, platform: "linux/arm64" });
    assertEquals(single.digest, descriptor.digest);
  }],
  ["end-3 GET: Docker's image and list", async (on) => {
    const client = on.client();
    const layer = await client.putBlob(randomBytes(1000), {
      mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    });
    const config = await client.putBlob(text("{}"), {
      mediaType: "application/vnd.docker.container.image.v1+json",
    });
    const { dockerManifest: mediaType } = MEDIA_TYPES;
    const image = await buildManifest({ config, layers: [layer], mediaType });
    await client.putManifest({ manifestData: image.bytes, ref: "image" });
    const { digest, size } = image.descriptor;
    const list = text(JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.dockerManifestList,
      manifests: [{ mediaType, digest, size, platform: PLATFORMS[0] }],
    }));
    await client.putManifest({ manifestData: list, ref: "list" });
    const found = await client.getManifest({ ref: "list" });
    assertEquals([found.mediaType, found.digest], [
      MEDIA_TYPES.dockerManifestList,
      await digestOf(list),
    ]);
    const chosen = await client.getManifest({ ref: "list", platform: "linux/amd64" });
    assertEquals([chosen.mediaType, chosen.digest], [mediaType, digest]);
    const single = await client.getManifest({ ref: "image", acceptOCIManifests: false });
    assertBytes(single.bytes, image.bytes);
  }],
  ["end-7 PUT: exactly 4 MiB", async (on) => {
    const client = on.client();
    await client.putBlob(EMPTY_CONFIG_BYTES);
    const layer = await client.putBlob(randomBytes(10), { mediaType: "text/plain" });
    const build = (length: number) =>
      buildManifest({
        artifactType: "application/vnd.example.big",
        layers: [layer],
        annotations: { pad: "x".repeat(length) },
      });
    const rest = MANIFEST_BYTES - (await build(0)).bytes.byteLength;
    const { bytes, descriptor } = await build(rest);
    assertEquals(bytes.byteLength, MANIFEST_BYTES);
    await client.putManifest({ manifestData: bytes, ref: "big" });
    const found = await client.getManifest({ ref: "big" });
    assertEquals(found.digest, descriptor.digest);
    assertBytes(found.bytes, bytes);
  }],
  ["end-7 PUT: under a sha512 digest", async (on) => {
    const client = on.client();
    const { bytes, descriptor } = await newArtifact(client, { digestAlgorithm: "sha512" });
    const { digest } = descriptor;
    const put = client.putManifest({ manifestData: bytes, ref: digest });
    if (!on.can("sha512 manifests")) {
      const error = await assertRejects(() => put, RegistryResponseError, "DIGEST_INVALID");
      assertEquals([error.code, error.statusCode], ["REGISTRY_RESPONSE", 400]);
      return;
    }
    assertEquals((await put).digest, digest);
    assertEquals((await client.headManifest({ ref: digest })).digest, digest);
    const found = await client.getManifest({ ref: digest });
    assertEquals([found.digest, found.bytes], [digest, bytes]);
  }],
  ["end-7 PUT: a blob that is not there is MANIFEST_BLOB_UNKNOWN", async (on) => {
    const client = on.client();
    await client.putBlob(EMPTY_CONFIG_BYTES);
    const { bytes } = await buildManifest({
      artifactType: "text/plain",
      layers: [{ mediaType: "text/plain", digest: NOWHERE, size: 7 }],
    });
    const put = client.putManifest({ manifestData: bytes, ref: "missing" });
    if (!on.can("check of children")) {
      assertEquals((await put).digest, await digestOf(bytes));
      return;
    }
    const error = await assertRejects(() => put, HttpError);
    // The specification names the code, and no status for it.
    const expected = on.kind === "embedded" ? ["NOT_FOUND", 404] : ["REGISTRY_RESPONSE", 400];
    assertEquals([error.code, error.statusCode], expected);
    assertEquals(error.codes, ["MANIFEST_BLOB_UNKNOWN"]);
    const { remoteName } = client.repo;
    assertStringIncludes(error.message, `manifest ${on.registry.host}/${remoteName}:missing: `);
    assertStringIncludes(error.message, NOWHERE);
    await assertRejects(() => client.headManifest({ ref: "missing" }), NotFoundError);
  }],
  ["end-7 PUT: what cannot be right is refused, and nothing is sent", async (on) => {
    const client = on.client();
    const { bytes, descriptor } = await newArtifact(client);
    const before = on.sent(client).length;
    const manifestData = bytes;
    const ref = "v1";
    const { digest } = descriptor;
    type Class = Parameters<typeof assertRejects>[1] & (new (...args: never[]) => Error);
    const bad: [Parameters<typeof client.putManifest>[0], Class][] = [
      [{ manifestData, ref: NOWHERE }, BadDigestError as Class],
      [{ manifestData, ref, mediaType: MEDIA_TYPES.ociIndex }, ManifestVerificationError as Class],
      [{ manifestData, ref, schemaVersion: 1 }, InvalidOptionError as Class],
      [{ manifestData, ref: "a tag" }, InvalidReferenceError as Class],
      [{ manifestData, ref: `${digest}0` }, InvalidDigestError as Class],
      [{ manifestData: text("hello"), ref }, InvalidManifestError as Class],
      [{ manifestData: text("{}"), ref }, InvalidManifestError as Class],
    ];
    for (const [options, errorClass] of bad) {
      await assertRejects(() => client.putManifest(options), errorClass as typeof Error);
    }
    assertEquals(on.sent(client).length, before);
  }],
  ["end-3: a tag, digest or repository that is not there is a NotFoundError", async (on) => {
    const [client, unused] = [on.client(), on.client()];
    await pushArtifact(client, { tag: "v1" });
    const places: [typeof client, string][] = [
      [client, "v2"],
      [client, NOWHERE],
      [unused, "v1"],
      [unused, NOWHERE],
    ];
    for (const [where, ref] of places) {
      const error = await assertRejects(() => where.getManifest({ ref }), NotFoundError);
      assertEquals([error.code, error.statusCode, error.retryable], ["NOT_FOUND", 404, false]);
      const name = where === unused && on.can("unknown repositories on pull");
      assertEquals(error.codes, [name ? "NAME_UNKNOWN" : "MANIFEST_UNKNOWN"]);
      const head = await assertRejects(() => where.headManifest({ ref }), NotFoundError);
      assertEquals(head.codes, []); // the answer to a HEAD has no body to say it in
    }
  }],
  ["end-9 DELETE by digest: the manifest and its tags are gone", async (on) => {
    const client = on.client();
    const kept = await pushArtifact(client, { tag: "kept" });
    const { digest } = await pushArtifact(client, { tag: "v1" });
    await client.deleteManifest({ ref: digest });
    await assertRejects(() => client.headManifest({ ref: digest }), NotFoundError);
    const tagged = client.getManifest({ ref: "v1" });
    if (on.can("delete a manifest's tags")) await assertRejects(() => tagged, NotFoundError);
    else assertEquals((await tagged).digest, digest);
    assertEquals((await client.headManifest({ ref: "kept" })).digest, kept.digest);
    const error = await assertRejects(() => client.deleteManifest({ ref: digest }), NotFoundError);
    assertEquals(error.codes, ["MANIFEST_UNKNOWN"]);
  }],
  ["end-9 DELETE by tag: the tag is gone, and the manifest stays", async (on) => {
    const client = on.client();
    const { digest } = await pushArtifact(client, { tag: "v1" });
    await pushArtifact(client, { tag: "v2" });
    if (!on.can("delete tags")) {
      for (const ref of ["v1", "v3"]) {
        const error = await assertRejects(() => client.deleteManifest({ ref }), UnsupportedError);
        assertEquals([error.code, error.statusCode], ["UNSUPPORTED", 400]);
        assertEquals(error.codes, ["DIGEST_INVALID"]);
      }
      assertEquals((await client.headManifest({ ref: "v1" })).digest, digest);
      return;
    }
    await client.deleteManifest({ ref: "v1" });
    assertEquals((await client.listTags()).tags, ["v2"]);
    assertEquals((await client.headManifest({ ref: digest })).digest, digest);
    const error = await assertRejects(() => client.deleteManifest({ ref: "v1" }), HttpError);
    assertEquals([error.code, error.codes], ["NOT_FOUND", ["MANIFEST_UNKNOWN"]]);
  }],
]);
