/** Manifests that say two things, or are none. */
import { assertEquals } from "@std/assert";
import { type ErrorCode, MEDIA_TYPES } from "@davit/registry-client";
import { bodyOf, type Fault, faultTest, runFault, sha256, UNKNOWN, utf8, World } from "./world.ts";

const EMPTY = { mediaType: "application/vnd.oci.empty.v1+json", digest: UNKNOWN, size: 2 };
const IMAGE = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config: EMPTY, layers: [] };
const INDEX = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [] };

/** A registry whose manifests are all this one. */
function manifest(body: BodyInit | null, headers: Record<string, string> = {}): Fault {
  return (request, url) =>
    request.method === "GET" && url.pathname.includes("/manifests/")
      ? new Response(body, { headers: { "content-type": "application/json", ...headers } })
      : undefined;
}

const OCI = { "content-type": MEDIA_TYPES.ociManifest };

const bad: [
  name: string,
  body: unknown,
  headers: Record<string, string>,
  code: ErrorCode,
][] = [
  ["nothing", "", OCI, "INVALID_MANIFEST"],
  ["a web page", "<html><body>Sign in</body></html>", OCI, "INVALID_MANIFEST"],
  ["half of one", JSON.stringify(IMAGE).slice(0, 50), OCI, "INVALID_MANIFEST"],
  [
    "bytes that are not UTF-8",
    new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22]),
    OCI,
    "INVALID_MANIFEST",
  ],
  ["null", "null", OCI, "INVALID_MANIFEST"],
  ["a number", "1", OCI, "INVALID_MANIFEST"],
  ["a text", '"manifest"', OCI, "INVALID_MANIFEST"],
  ["a list", "[]", OCI, "INVALID_MANIFEST"],
  ["an empty object", {}, OCI, "INVALID_MANIFEST"],
  ["other JSON", { errors: [{ code: "X", message: "y" }] }, OCI, "INVALID_MANIFEST"],
  ["schema 1", { schemaVersion: 1, fsLayers: [] }, {}, "INVALID_MANIFEST"],
  ["schema 3", { ...IMAGE, schemaVersion: 3 }, OCI, "INVALID_MANIFEST"],
  ["an image configuration", { architecture: "amd64", os: "linux" }, {}, "INVALID_MANIFEST"],
  ["layers that are no list", { ...IMAGE, layers: {} }, OCI, "INVALID_MANIFEST"],
  ["a config that is none", { ...IMAGE, config: "x" }, OCI, "INVALID_MANIFEST"],
  [
    "a path for a digest",
    { ...IMAGE, config: { ...EMPTY, digest: "../../x" } },
    OCI,
    "INVALID_MANIFEST",
  ],
  ["a negative size", { ...IMAGE, config: { ...EMPTY, size: -1 } }, OCI, "INVALID_MANIFEST"],
  ["a size as text", { ...IMAGE, config: { ...EMPTY, size: "2" } }, OCI, "INVALID_MANIFEST"],
  [
    "10,000 lists in each other",
    `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
    OCI,
    "INVALID_MANIFEST",
  ],
  [
    "10,000 objects in each other",
    `{"a":${'{"a":'.repeat(10_000)}1${"}".repeat(10_001)}`,
    OCI,
    "INVALID_MANIFEST",
  ],
  ["a mediaType that its header contradicts", INDEX, OCI, "MANIFEST_VERIFICATION"],
  [
    "Docker's type in OCI's header",
    { ...IMAGE, mediaType: MEDIA_TYPES.dockerManifest },
    OCI,
    "MANIFEST_VERIFICATION",
  ],
  [
    "an index's members under an image's type",
    { ...INDEX, mediaType: undefined },
    OCI,
    "MANIFEST_VERIFICATION",
  ],
  ["layers beside manifests", { ...IMAGE, manifests: [] }, OCI, "MANIFEST_VERIFICATION"],
  [
    "Manifests in capitals beside layers",
    { ...IMAGE, Manifests: [] },
    OCI,
    "MANIFEST_VERIFICATION",
  ],
  ["layers twice, once in capitals", { ...IMAGE, LAYERS: [] }, OCI, "MANIFEST_VERIFICATION"],
  [
    "mediaType twice",
    JSON.stringify(IMAGE).replace("{", `{"mediaType":"${MEDIA_TYPES.ociIndex}",`),
    OCI,
    "MANIFEST_VERIFICATION",
  ],
];

function bytesOf(body: unknown): BodyInit {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? body.slice() : JSON.stringify(body);
}

for (const [name, body, headers, code] of bad) {
  faultTest(`end-3 getManifest: ${name}`, {
    fault: manifest(bytesOf(body), headers),
    call: ({ client }) => client.getManifest({ ref: "latest" }),
    code,
    is: { retryable: false },
  });
}

const image = utf8(JSON.stringify(IMAGE));

faultTest("end-3 getManifest: other bytes than the digest asked for", {
  fault: manifest(image, OCI),
  call: ({ client }) => client.getManifest({ ref: UNKNOWN }),
  code: "BAD_DIGEST",
  is: { expected: UNKNOWN, actual: await sha256(image) },
});

faultTest("end-3 getManifest: other bytes than the header's digest", {
  fault: manifest(image, { ...OCI, "docker-content-digest": UNKNOWN }),
  call: ({ client }) => client.getManifest({ ref: "latest" }),
  code: "BAD_DIGEST",
  is: { expected: UNKNOWN },
});

faultTest("end-3 getManifest: the header repeats the digest asked for, the bytes do not", {
  fault: manifest(image, { ...OCI, "docker-content-digest": UNKNOWN }),
  call: ({ client }) => client.getManifest({ ref: UNKNOWN }),
  code: "BAD_DIGEST",
});

faultTest("end-3 headManifest: another digest than the one asked for", {
  fault: ({ method }) =>
    method === "HEAD"
      ? new Response(null, {
        headers: {
          ...OCI,
          "content-length": "2",
          "docker-content-digest": `sha256:${"1".repeat(64)}`,
        },
      })
      : undefined,
  call: ({ client }) => client.headManifest({ ref: UNKNOWN }),
  code: "BAD_DIGEST",
});

const child = utf8(JSON.stringify(IMAGE));
const childDigest = await sha256(child);

function indexOver(entry: Record<string, unknown>): Fault {
  const index = JSON.stringify({
    ...INDEX,
    manifests: [{
      mediaType: MEDIA_TYPES.ociManifest,
      digest: childDigest,
      size: child.byteLength,
      platform: { os: "linux", architecture: "amd64" },
      ...entry,
    }],
  });
  return (request, url) => {
    if (request.method !== "GET" || !url.pathname.includes("/manifests/")) return undefined;
    const latest = url.pathname.endsWith("/latest");
    const type = latest ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest;
    return new Response(latest ? index : child, { headers: { "content-type": type } });
  };
}

const children: [name: string, entry: Record<string, unknown>, code: ErrorCode][] = [
  ["its descriptor has another digest", { digest: UNKNOWN }, "BAD_DIGEST"],
  [
    "its descriptor has another type",
    { mediaType: MEDIA_TYPES.dockerManifest },
    "MANIFEST_VERIFICATION",
  ],
  ["its descriptor has another size", { size: child.byteLength + 1 }, "SIZE_MISMATCH"],
  ["its descriptor has a path for a digest", { digest: "sha256:../x" }, "INVALID_MANIFEST"],
  [
    "its descriptor is for another platform",
    { platform: { os: "linux", architecture: "s390x" } },
    "CONTENT_NOT_FOUND",
  ],
];

for (const [name, entry, code] of children) {
  faultTest(`end-3 getManifest of a platform: ${name}`, {
    fault: indexOver(entry),
    call: ({ client }) => client.getManifest({ ref: "latest", platform: "linux/amd64" }),
    code,
  });
}

const inner = utf8(JSON.stringify(INDEX));
const outer = JSON.stringify({
  ...INDEX,
  manifests: [{
    mediaType: MEDIA_TYPES.ociIndex,
    digest: await sha256(inner),
    size: inner.byteLength,
    platform: { os: "linux", architecture: "amd64" },
  }],
});

faultTest("end-3 getManifest of a platform: it is an index again, which has none for it", {
  fault: ({ method }, url) =>
    method !== "GET" || !url.pathname.includes("/manifests/")
      ? undefined
      : new Response(url.pathname.endsWith("/latest") ? outer : inner),
  call: ({ client }) => client.getManifest({ ref: "latest", platform: "linux/amd64" }),
  code: "CONTENT_NOT_FOUND",
  says: "it names no platforms",
});

faultTest("end-3 getManifest: larger than manifestBytes", {
  fault: manifest(bodyOf(Array.from({ length: 100 }, () => new Uint8Array(1_000)))),
  client: { limits: { manifestBytes: 5_000 } },
  call: ({ client }) => client.getManifest({ ref: "latest" }),
  code: "LIMIT_EXCEEDED",
  is: { limit: "manifestBytes", maximum: 5_000 },
});

Deno.test("end-3 getManifest: nothing is read past manifestBytes, whatever is declared", async () => {
  let pulled = 0;
  const body = new ReadableStream({
    pull(controller) {
      pulled += 1_000;
      controller.enqueue(new Uint8Array(1_000));
    },
  }, { highWaterMark: 0 });
  await runFault({
    fault: manifest(body, { ...OCI, "content-length": "9007199254740991" }),
    client: { limits: { manifestBytes: 5_000 } },
    call: ({ client }) => client.getManifest({ ref: "latest" }),
    code: "LIMIT_EXCEEDED",
  });
  assertEquals(pulled <= 6_000, true, `${pulled} bytes were read`);
});

const cut: [name: string, ending: "breaks" | "stalls", code: ErrorCode][] = [
  ["breaks", "breaks", "NETWORK"],
  ["stalls", "stalls", "TIMEOUT"],
];

for (const [name, ending, code] of cut) {
  const impatient = ending === "stalls";
  const body = () => bodyOf([image.slice(0, 20)], ending);
  faultTest(`end-3 getManifest: a body that ${name}`, {
    impatient,
    fault: (request, url) =>
      request.method === "GET" && url.pathname.includes("/manifests/")
        ? new Response(body(), { headers: OCI })
        : undefined,
    call: ({ client }) => client.getManifest({ ref: "latest" }),
    code,
    is: { retryable: true },
  });
  faultTest(`end-8 listTags: a page that ${name}`, {
    impatient,
    fault: (_request, url) =>
      url.pathname.endsWith("/tags/list") ? new Response(body()) : undefined,
    call: ({ client }) => client.listTags(),
    code,
    is: { retryable: true },
  });
  faultTest(`a token whose answer ${name}`, {
    impatient,
    fault: (_request, url) => url.pathname === "/token" ? new Response(body()) : undefined,
    call: ({ client }) => client.listTags(),
    code,
    is: { retryable: true },
  });
  faultTest(`end-1 ping: a body that ${name}`, {
    impatient,
    auth: false,
    fault: () => new Response(body()),
    call: ({ client }) => client.ping(),
    code,
    is: { retryable: true },
  });
}

const put: [
  name: string,
  body: unknown,
  options: { mediaType?: string; ref?: string },
  code: ErrorCode,
][] = [
  ["what is not JSON", "<html>", {}, "INVALID_MANIFEST"],
  ["what is not a manifest", {}, {}, "INVALID_MANIFEST"],
  ["another mediaType", IMAGE, { mediaType: MEDIA_TYPES.ociIndex }, "MANIFEST_VERIFICATION"],
  ["another digest", IMAGE, { ref: UNKNOWN }, "BAD_DIGEST"],
  ["layers beside manifests", { ...IMAGE, manifests: [] }, {}, "MANIFEST_VERIFICATION"],
];

for (const [name, body, options, code] of put) {
  faultTest(`end-7 putManifest: ${name}`, {
    call: ({ client }) =>
      client.putManifest({ manifestData: utf8(String(bytesOf(body))), ref: "latest", ...options }),
    code,
    after: ({ seen }) => assertEquals(seen, [], "nothing is sent"),
  });
}

faultTest("end-7 putManifest: the registry stored other bytes", {
  fault: ({ method }) =>
    method === "PUT"
      ? new Response(null, { status: 201, headers: { "docker-content-digest": UNKNOWN } })
      : undefined,
  call: ({ client }) => client.putManifest({ manifestData: image, ref: "latest" }),
  code: "BAD_DIGEST",
});

const pages: [name: string, body: string, code: ErrorCode][] = [
  ["what is not JSON", "<html>", "INVALID_CONTENT"],
  ["a list", "[]", "INVALID_CONTENT"],
  ["null", "null", "INVALID_CONTENT"],
  ["tags that are no list", '{"tags":{"a":1}}', "INVALID_CONTENT"],
  ["repositories that are no list", '{"repositories":"a"}', "INVALID_CONTENT"],
  ["nothing", "", "INVALID_CONTENT"],
];

for (const [name, body, code] of pages) {
  const list = body.includes("repositories") ? "listRepositories" : "listTags";
  faultTest(`${list}: ${name}`, {
    auth: false,
    fault: () => new Response(body),
    call: ({ client }) => client[list](),
    code,
  });
}

const referrers: [name: string, manifests: unknown][] = [
  ["an object", { 0: EMPTY }],
  ["a text", "x"],
];

for (const [name, manifests] of referrers) {
  faultTest(`end-12 listReferrers: ${name}`, {
    auth: false,
    fault: () =>
      Response.json({ ...INDEX, manifests }, { headers: { "content-type": MEDIA_TYPES.ociIndex } }),
    call: ({ client }) => client.listReferrers({ digest: UNKNOWN }),
    code: "INVALID_CONTENT",
  });
}

Deno.test("end-12 listReferrers: a path for a digest is skipped, and nothing is asked for by it", async () => {
  const manifests = [{ ...EMPTY, digest: "sha256:../../x" }];
  const headers = { "content-type": MEDIA_TYPES.ociIndex };
  const world = new World({
    auth: false,
    fault: () => Response.json({ ...INDEX, manifests }, { headers }),
  });
  const list = await world.client.listReferrers({ digest: UNKNOWN });
  assertEquals(list.manifests, []);
  assertEquals(world.seen.length, 2);
  const skipped = world.events.filter(({ type }) => type === "referrer-skipped");
  assertEquals(skipped.length, 2, "once in each list");
});
