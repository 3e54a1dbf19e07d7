/** @sigstore/oci's own cases 1 to 11 and the bytes that it writes: what attaching does. */
import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ApiError, InvalidDigestError } from "@davit/registry-client";
import * as face from "@davit/registry-client/sigstore-oci";
import type {
  AttachArtifactOptions,
  Credentials,
  Descriptor,
  GetImageDigestOptions,
} from "@davit/registry-client/sigstore-oci";
import {
  ARTIFACT,
  BASIC,
  BLOB,
  BUNDLE,
  challenged,
  CREDENTIALS,
  digestOf,
  EMPTY,
  INDEX,
  LINES,
  MANIFEST,
  NAME,
  noReferrers,
  SUBJECT,
  TAG,
  World,
} from "./sigstore_oci_world.ts";

const { getImageDigest, OCIError } = face;

Deno.test("sigstore-oci 1: the types can be imported", () => {
  const credentials: Credentials = { username: "you", password: "secret" };
  const image: GetImageDigestOptions = { imageName: NAME, imageTag: "v1", credentials };
  const options: AttachArtifactOptions = {
    ...image,
    imageDigest: SUBJECT,
    artifact: ARTIFACT,
    mediaType: BUNDLE,
    fetchOpts: { proxy: "http://proxy.test", noProxy: ["a.test"], retry: 1, timeout: 1 },
  };
  const descriptor: Descriptor = { mediaType: MANIFEST, digest: SUBJECT, size: 2 };
  assertEquals([options.imageName, descriptor.subjectDigest], [NAME, undefined]);
});

Deno.test("sigstore-oci 2: OCIError is a class, and the functions are there", () => {
  assertEquals(Object.keys(face).sort(), [
    "OCIError",
    "attachArtifactToImage",
    "attachArtifactToImages",
    "getImageDigest",
    "getRegistryCredentials",
  ]);
  const cause = new Error("why");
  const error = new OCIError({ message: "what", cause });
  assertInstanceOf(error, ApiError);
  assertEquals([error.name, error.message, error.cause, error.code], [
    "OCIError",
    "what",
    cause,
    "OCI_ERROR",
  ]);
  assertEquals(new OCIError({ message: "what" }).cause, undefined);
});

Deno.test("sigstore-oci 3: all is there: the manifest is put, and nothing else is sent", async () => {
  const world = new World(({ line }) => line === LINES.blob ? new Response(null) : undefined);
  const { digest, mediaType, size, subjectDigest } = await world.attach();
  assertMatch(digest, /^sha256:[0-9a-f]{64}$/);
  assertEquals([mediaType, subjectDigest], [MANIFEST, SUBJECT]);
  assertEquals(size, new TextEncoder().encode(world.manifest.body).byteLength);
  assertEquals(world.lines, [
    LINES.subject,
    LINES.blob,
    LINES.empty,
    `PUT /v2/you/app/manifests/${digest}`,
    LINES.referrers,
  ]);
});

const imageTag = { imageName: NAME, imageTag: "v1" };

Deno.test("sigstore-oci 4: getImageDigest by HEAD, which need not say more than the digest", async () => {
  const headers = { "docker-content-digest": SUBJECT };
  const world = new World(() => new Response(null, { headers }));
  assertEquals(await getImageDigest({ ...imageTag, fetch: world.fetch }), SUBJECT);
  assertEquals(world.lines, ["HEAD /v2/you/app/manifests/v1"]);
});

Deno.test("sigstore-oci: getImageDigest by GET, where HEAD says no digest", async () => {
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] });
  const world = new World(({ method }) =>
    new Response(method === "GET" ? body : null, { headers: { "content-type": INDEX } })
  );
  assertEquals(await getImageDigest({ ...imageTag, fetch: world.fetch }), await digestOf(body));
});

Deno.test("sigstore-oci 5: Basic and a missing artifact: uploaded, headers on every request", async () => {
  const world = new World(challenged('Basic realm="r"', BASIC));
  const { size } = await world.attach();
  assertEquals(size > 0, true);
  const [put] = world.seen.filter(({ url }) => url.pathname === "/upload/1");
  assertEquals([put?.method, put?.body, put?.headers.get("content-type")], [
    "PUT",
    "artifact",
    "application/octet-stream",
  ]);
  assertEquals(put?.url.searchParams.get("digest"), BLOB);
  for (const { headers, line } of world.seen) {
    assertEquals(headers.get("x-meta-team"), "build", line);
  }
});

Deno.test("sigstore-oci 6: no referrers API, no fallback tag: it is made, to the byte", async () => {
  const world = new World(noReferrers);
  const { digest, size, ...rest } = await world.attach({ annotations: { note: "grüße" } });
  assertEquals(rest, { mediaType: MANIFEST });
  const { annotations } = JSON.parse(world.manifest.body);
  assertEquals(
    world.index,
    `{"mediaType":"${INDEX}","schemaVersion":2,"manifests":[{"mediaType":"${MANIFEST}",` +
      `"digest":"${digest}","size":${size},"artifactType":"${BUNDLE}",` +
      `"annotations":${JSON.stringify(annotations)}}]}`,
  );
  // In bytes: the original counts the characters.
  assertEquals(size, new TextEncoder().encode(world.manifest.body).byteLength);
  assertEquals(digest, await digestOf(world.manifest.body));
});

Deno.test("sigstore-oci 7: no referrers API, a fallback tag of others: theirs stay", async () => {
  const world = new World(noReferrers);
  const theirs = { mediaType: MANIFEST, digest: EMPTY, size: 2, artifactType: "a/b" };
  world.index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [theirs] });
  const { digest } = await world.attach();
  const { manifests } = JSON.parse(world.index);
  assertEquals(manifests.map((each: Descriptor) => each.digest), [EMPTY, digest]);
  assertEquals(manifests[0], theirs);
});

Deno.test("sigstore-oci: OCI-Subject of a registry without the API (ECR): the tag is written", async () => {
  const world = new World(({ line }) =>
    line === LINES.referrers ? new Response("", { status: 404 }) : undefined
  );
  const { digest, subjectDigest } = await world.attach();
  assertEquals(subjectDigest, SUBJECT);
  assertEquals(JSON.parse(world.index!).manifests[0].digest, digest);
});

Deno.test("sigstore-oci 8: a fallback tag that is text/plain", async () => {
  const world = new World(
    noReferrers,
    ({ line }) =>
      line === LINES.readTag
        ? new Response("{}", { headers: { "content-type": "text/plain" } })
        : undefined,
  );
  const error = await world.refused(/./);
  assertMatch(error.message, /error uploading artifact/i);
  assertEquals(world.lines.includes(LINES.writeTag), false);
});

Deno.test("sigstore-oci 9: a fallback tag that answers 418", async () => {
  const world = new World(
    noReferrers,
    ({ line }) => line === LINES.readTag ? new Response("", { status: 418 }) : undefined,
  );
  await world.refused(/expected 200, received 418/);
});

Deno.test("sigstore-oci 10: getImageDigest of a tag that is not there", async () => {
  const { fetch } = new World();
  const error = await assertRejects(() => getImageDigest({ ...imageTag, fetch }), OCIError);
  assertMatch(error.message, /^Error retrieving image digest from container registry/);
  assertStringIncludes((error.cause as Error).message, "expected 200, received 404");
});

Deno.test("sigstore-oci 11: docker.io, by this name alone, is registry-1.docker.io", async () => {
  for (
    const [imageName, url] of [
      ["docker.io/path", "https://registry-1.docker.io/v2/path/manifests/v1"],
      ["notdocker.io/path", "https://notdocker.io/v2/path/manifests/v1"],
      ["localhost:5000/path", "http://localhost:5000/v2/path/manifests/v1"],
      ["127.0.0.1/path", "http://127.0.0.1/v2/path/manifests/v1"],
      ["Registry.Test:8443/path", "https://registry.test:8443/v2/path/manifests/v1"],
      ["a/b/c", "https://a/v2/b/c/manifests/v1"],
    ] as const
  ) {
    const world = new World();
    const { fetch } = world;
    const asked = getImageDigest({ imageName, imageTag: "v1", credentials: CREDENTIALS, fetch });
    await assertRejects(() => asked, OCIError);
    assertEquals(world.seen.map(({ url }) => url.href), [url]);
    assertEquals(world.seen[0]!.headers.get("x-meta-team"), "build");
  }
});

Deno.test("sigstore-oci: the manifest, to the byte", async () => {
  const world = new World();
  await world.attach({ annotations: { "dev.sigstore.bundle.content": "dsse-envelope" } });
  const created = JSON.parse(world.manifest.body).annotations["org.opencontainers.image.created"];
  assertMatch(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(
    world.manifest.body,
    `{"schemaVersion":2,"mediaType":"${MANIFEST}","artifactType":"${BUNDLE}",` +
      `"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"${EMPTY}","size":2},` +
      `"layers":[{"mediaType":"${BUNDLE}","digest":"${BLOB}","size":8}],` +
      `"subject":{"mediaType":"${MANIFEST}","digest":"${SUBJECT}","size":401},` +
      `"annotations":{"org.opencontainers.image.created":"${created}",` +
      `"dev.sigstore.bundle.content":"dsse-envelope"}}`,
  );
});

Deno.test("sigstore-oci: the caller's annotations win, and stay in the caller's object", async () => {
  const annotations = Object.freeze({ "org.opencontainers.image.created": "then" });
  const world = new World();
  await world.attach({ annotations });
  assertEquals(JSON.parse(world.manifest.body).annotations, annotations);
});

Deno.test("sigstore-oci: a Buffer in a pool, and one that threads share", async () => {
  const pool = new Uint8Array(100);
  pool.set(ARTIFACT, 17);
  const shared = new Uint8Array(new SharedArrayBuffer(ARTIFACT.byteLength));
  shared.set(ARTIFACT);
  for (const artifact of [pool.subarray(17, 17 + ARTIFACT.byteLength), shared]) {
    const world = new World();
    await world.attach({ artifact });
    assertEquals(JSON.parse(world.manifest.body).layers[0].digest, BLOB);
  }
});

Deno.test("sigstore-oci: a name or digest that cannot be used: nothing is sent", async () => {
  for (const imageDigest of ["", "sha256:deadbeef", "latest", `md5:${"0".repeat(32)}`]) {
    const world = new World();
    const error = await world.refused(/./, { imageDigest });
    assertInstanceOf(error.cause, InvalidDigestError);
    assertEquals(world.lines, []);
  }
  for (const imageName of ["", "repo", "registry.test/App", `${NAME}:v1`, `${NAME}@${SUBJECT}`]) {
    const world = new World();
    const error = await world.refused(/^Invalid image name: /, { imageName });
    assertEquals((error.cause as Error).message, `Invalid image name: ${imageName}`);
    assertEquals(world.lines, []);
  }
});

Deno.test("sigstore-oci: a subject that is not there is refused, in the registry's own words", async () => {
  const errors = JSON.stringify({
    errors: [{ code: "MANIFEST_UNKNOWN", message: "no such image" }],
  });
  const world = new World(({ line, method }) =>
    line === LINES.subject || method === "GET" ? new Response(errors, { status: 404 }) : undefined
  );
  const error = await world.refused(/expected 200, received 404/);
  assertEquals(world.lines, [LINES.subject]);
  const denied = new World(({ method }) =>
    method === "POST"
      ? Response.json({ errors: [{ code: "DENIED", message: "no writing" }] }, { status: 403 })
      : undefined
  );
  const { message, cause } = await denied.refused(/expected 202, received 403/);
  assertStringIncludes(message, "DENIED: no writing");
  assertEquals((cause as { codes: string[] }).codes, ["DENIED"]);
  assertEquals(error.retryable, false);
});

Deno.test("sigstore-oci: credentials for a registry that needs none are no failure", async () => {
  const world = new World();
  await world.attach();
  assertEquals(world.seen.filter(({ headers }) => headers.has("authorization")), []);
  await new World().attach({ credentials: undefined! });
});

Deno.test("sigstore-oci: 20 attaches at once through the fallback tag: none is lost", async () => {
  const world = new World(noReferrers);
  const attached = await Promise.all(
    Array.from({ length: 20 }, (_, at) => world.attach({ annotations: { at: String(at) } })),
  );
  const listed = JSON.parse(world.index!).manifests.map((each: Descriptor) => each.digest);
  assertEquals(listed.sort(), attached.map(({ digest }) => digest).sort());
});

Deno.test("sigstore-oci: several images and registries in one call", async () => {
  const stored = new Set<string>();
  const world = new World(({ method, url, line }) => {
    if (method === "PUT" && url.pathname === "/upload/1") stored.add(url.host);
    if (line.endsWith(`blobs/${BLOB}`) && stored.has(url.host)) return new Response(null);
    if (method === "HEAD" && url.pathname.endsWith(SUBJECT)) {
      const headers = { "content-type": MANIFEST, "content-length": "401" };
      return new Response(null, { headers });
    }
    if (method === "HEAD" && url.pathname.endsWith(EMPTY)) return new Response(null);
    return undefined;
  }, noReferrers);
  const other = `sha256:${"0".repeat(64)}`;
  const images = [
    { imageName: NAME, imageDigest: SUBJECT, credentials: CREDENTIALS },
    { imageName: NAME, imageDigest: other },
    { imageName: "not a name", imageDigest: SUBJECT },
    { imageName: "other.test/app", imageDigest: SUBJECT },
    { imageName: NAME, imageDigest: SUBJECT },
  ];
  const outcomes = await face.attachArtifactToImages({
    artifact: ARTIFACT,
    mediaType: BUNDLE,
    images,
    fetch: world.fetch,
  });
  assertEquals(
    outcomes.map(({ imageName, imageDigest }) => ({ imageName, imageDigest })),
    images.map(({ imageName, imageDigest }) => ({ imageName, imageDigest })),
  );
  assertEquals(outcomes.map(({ error }) => error?.name), [
    undefined,
    "OCIError",
    "OCIError",
    undefined,
    undefined,
  ]);
  assertEquals(outcomes.map(({ descriptor }) => descriptor?.mediaType), [
    MANIFEST,
    undefined,
    undefined,
    MANIFEST,
    MANIFEST,
  ]);
  const uploads = world.seen.filter(({ method, url }) =>
    method === "PUT" && url.pathname === "/upload/1"
  );
  assertEquals(uploads.map(({ url }) => url.host).sort(), ["other.test", "registry.test"]);
  assertEquals(world.lines.filter((line) => line.endsWith(TAG)).length > 0, true);
});

Deno.test("sigstore-oci: a signal that aborts ends the call with its reason", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const world = new World(() => {
    controller.abort(reason);
    return new Response("", { status: 500 });
  });
  const { signal } = controller;
  assertEquals(await world.attach({ signal }).catch((error) => error), reason);
  const images = [{ imageName: NAME, imageDigest: SUBJECT }];
  const call = { artifact: ARTIFACT, mediaType: BUNDLE, images, fetch: world.fetch, signal };
  assertEquals(await face.attachArtifactToImages(call).catch((error) => error), reason);
  assertEquals(
    await getImageDigest({ ...imageTag, fetch: world.fetch, signal }).catch((error) => error),
    reason,
  );
});
