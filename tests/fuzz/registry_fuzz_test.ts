/**
 * Whole requests, a few at a time, against a registry that has something in it: whatever comes, the
 * answer is the specification's, the registry stays whole, and nobody gets what is not theirs.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Digest, digestOf, isDigest, isRepositoryName, isTag } from "../../mod.ts";
import {
  createRegistry,
  createTokenKey,
  type RegistryAuth,
  type RegistryOptions,
  tokenService,
} from "../../server/mod.ts";
import { fc, fuzz, nearlyDigest, nearlyName, nearlyTag, parts, text } from "./fuzz.ts";

/** The specification's codes, and those of distribution for what the specification has none. */
const CODES = new Set([
  ...["BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID"],
  ...["MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID"],
  ...["NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED"],
  "PAGINATION_NUMBER_INVALID",
]);

const ORIGIN = "http://registry.test";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const BLOB = "hello";
const BLOB_DIGEST = await digestOf(new TextEncoder().encode(BLOB));
const IMAGE = JSON.stringify({
  schemaVersion: 2,
  mediaType: MANIFEST,
  config: { mediaType: "application/vnd.oci.empty.v1+json", digest: BLOB_DIGEST, size: 5 },
  layers: [],
  subject: { mediaType: MANIFEST, digest: `sha256:${"0".repeat(64)}`, size: 7 },
});
const IMAGE_DIGEST = await digestOf(new TextEncoder().encode(IMAGE));

const SECRET = "what nobody else may read";
const SECRET_DIGEST = await digestOf(new TextEncoder().encode(SECRET));
const SECRET_TAG = "only-for-its-owner";

/** Tags that a page may have; what is left out on one page stands on the next. */
const TAGS = ["a", "b", "v1"];

interface Case {
  method: string;
  path: string;
  headers: [string, string][];
  body: Uint8Array | undefined;
}

type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

const digests = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<string>(BLOB_DIGEST, IMAGE_DIGEST) },
  nearlyDigest(),
);
const names = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("app", "app", "app/x", "secret") },
  nearlyName(),
);
const references = fc.oneof(fc.constantFrom(...TAGS), digests, nearlyTag(), text("ab/%:.?#"));

const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      names,
      fc.oneof(
        references.map((reference) => `manifests/${reference}`),
        digests.map((digest) => `blobs/${digest}`),
        fc.constantFrom("blobs/uploads/", "blobs/uploads", "tags/list", "blobs/uploads/UPLOAD"),
        fc.constantFrom("blobs/uploads/UPLOAD", "blobs/uploads/x", "tags/list/", "tags", ""),
        digests.map((digest) => `referrers/${digest}`),
      ),
    ).map(([name, rest]) => `/v2/${name}/${rest}`),
  },
  fc.constantFrom("/v2/", "/v2", "/", "", "/v2/_catalog", "/token", "/v1/", "//v2/", "/v2//"),
  parts("/v2/", "app", "/", "..", "%2e%2e", "%00", "%2f", "tags", "blobs", "\\", "%", text("/a.%")),
);

const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  fc.array(
    fc.oneof(
      digests.map((digest) => `digest=${digest}`),
      digests.map((digest) => `mount=${digest}`),
      names.map((name) => `from=${name}`),
      fc.constantFrom(
        ...["n=0", "n=1", "n=-1", "n=x", "n=99999999999999999999", "n=", "last=a", "last="],
        ...[
          "last=%ff",
          "digest-algorithm=sha512",
          "digest-algorithm=md5",
          "tag=x",
          "tag=",
          "tag=-",
        ],
        ...[
          "artifactType=a/b",
          "artifactType=%",
          "service=davit",
          "service=x",
          "offline_token=true",
        ],
        ...["scope=repository:app:pull,push", "scope=repository:secret:*", "scope=%00", "scope=:"],
      ),
      text("abn=&%?#1"),
    ),
    { minLength: 1, maxLength: 4 },
  ).map((all) => `?${all.join("&")}`),
);

const header: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.tuple(
    fc.constant("content-type"),
    fc.oneof(fc.constantFrom(MANIFEST, "application/json", "", ";", "a/b; c"), text("a/;=b ")),
  ),
  fc.tuple(
    fc.constant("content-range"),
    fc.oneof(fc.constantFrom("0-4", "0-0", "5-9", "4-0", "bytes 0-4/5"), text("0123-/ bytes")),
  ),
  fc.tuple(
    fc.constant("range"),
    fc.oneof(fc.constantFrom("bytes=0-1", "bytes=-2", "bytes=9-"), text("bytes=0-,9")),
  ),
  fc.tuple(
    fc.constant("content-length"),
    fc.oneof(fc.constantFrom("0", "5", "-1", "1e3", "99999999999999999999"), text("0-9x")),
  ),
  fc.tuple(
    fc.constantFrom("accept", "if-range", "if-none-match", "origin", "host"),
    text("a/*;=,"),
  ),
  fc.tuple(
    fc.constant("authorization"),
    fc.oneof(
      fc.constantFrom(
        "LOGIN",
        "LOGIN",
        "Basic",
        "Bearer",
        "Bearer x.y.z",
        "Basic OjpA",
        "Basic Og==",
      ),
      text("Basicer =+/."),
    ),
  ),
);

const body = fc.oneof(
  fc.constant(undefined),
  fc.oneof(
    fc.constantFrom(BLOB, IMAGE, "{}", "[]", "null", "{", '{"schemaVersion":2}', "x".repeat(2_000)),
    fc.constantFrom(
      "grant_type=password&username=me&password=secret",
      "grant_type=password",
      "grant_type=refresh_token&refresh_token=x",
    ),
    fc.json(),
  ).map((content) => new TextEncoder().encode(content)),
  fc.uint8Array({ maxLength: 50 }),
);

/** What a good client sends, in pieces that fit each other or do not. */
const likely: fc.Arbitrary<Case> = fc.tuple(
  fc.constantFrom<[method: string, path: string, body?: string]>(
    ["POST", "/v2/app/blobs/uploads/"],
    ["POST", `/v2/app/blobs/uploads/?digest=${BLOB_DIGEST}`, BLOB],
    ["POST", `/v2/app/x/blobs/uploads/?mount=${BLOB_DIGEST}&from=app`],
    ["POST", `/v2/app/blobs/uploads/?mount=${SECRET_DIGEST}&from=secret`],
    ["POST", `/v2/app/blobs/uploads/?mount=${SECRET_DIGEST}`],
    ["PATCH", "/v2/app/blobs/uploads/UPLOAD", BLOB],
    ["PATCH", "/v2/app/blobs/uploads/UPLOAD", ""],
    ["PUT", `/v2/app/blobs/uploads/UPLOAD?digest=${BLOB_DIGEST}`, BLOB],
    ["PUT", `/v2/app/blobs/uploads/UPLOAD?digest=${BLOB_DIGEST}`],
    ["GET", "/v2/app/blobs/uploads/UPLOAD"],
    ["DELETE", "/v2/app/blobs/uploads/UPLOAD"],
    ["PUT", "/v2/app/manifests/v2", IMAGE],
    ["PUT", `/v2/app/manifests/${IMAGE_DIGEST}?tag=x&tag=y`, IMAGE],
    ["GET", `/v2/app/blobs/${BLOB_DIGEST}`],
    ["GET", `/v2/app/blobs/${SECRET_DIGEST}`],
    ["GET", `/v2/secret/blobs/${SECRET_DIGEST}`],
    ["GET", `/v2/secret/manifests/${SECRET_TAG}`],
    ["GET", "/v2/secret/tags/list"],
    ["GET", "/v2/_catalog?n=1"],
    ["GET", "/v2/app/tags/list?n=1&last=a"],
    ["GET", `/v2/app/referrers/sha256:${"0".repeat(64)}?artifactType=a/b`],
    ["DELETE", "/v2/app/manifests/a"],
    ["DELETE", `/v2/app/manifests/${IMAGE_DIGEST}`],
    ["DELETE", `/v2/app/blobs/${BLOB_DIGEST}`],
  ),
  fc.constantFrom<[string, string][]>(
    [],
    [["range", "bytes=1-2"]],
    [["content-range", "0-4"]],
    [["content-type", MANIFEST]],
    [["content-type", MANIFEST]],
  ),
  fc.array(header, { maxLength: 1 }),
).map(([[method, path, content], usual, more]) => ({
  method,
  path,
  headers: [["authorization", "LOGIN"], ...usual, ...more],
  body: content === undefined ? undefined : new TextEncoder().encode(content),
}));

const unlikely: fc.Arbitrary<Case> = fc.record({
  method: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE") },
    fc.constantFrom("OPTIONS", "QUERY", "get", "toString", "__proto__", "PUT\u00e9", "M-SEARCH"),
  ),
  path: fc.tuple(path, query).map(([before, after]) => before + after),
  headers: fc.array(header, { maxLength: 4 }),
  body,
});

const request = fc.oneof(likely, unlikely);

const users = {
  root: "secret",
  me: { password: "secret", repositories: ["app", "app/*"] },
};

/** How clients log in, and what they then send. */
interface Way {
  title: string;
  cases: number;
  auth?: RegistryAuth;
  /** The header of who may do everything, and of who may do everything in `app`. */
  root: string;
  me: string;
}

const key = await createTokenKey();

async function tokenOf(user: string): Promise<string> {
  const scopes = ["app", "app/x", "secret"].map((name) => `scope=repository:${name}:*`).join("&");
  const headers = { authorization: basic(user) };
  const service = tokenService({ key, users });
  const response = await service(new Request(`${ORIGIN}/token?${scopes}`, { headers }));
  return `Bearer ${(await response.json()).token}`;
}

function basic(user: string): string {
  return `Basic ${btoa(`${user}:secret`)}`;
}

const WAYS: Way[] = [
  { title: "open", cases: 6_000, root: basic("root"), me: basic("me") },
  {
    title: "with Basic",
    cases: 2_000,
    auth: { basic: { users, anonymous: { actions: ["pull"], repositories: ["app"] } } },
    root: basic("root"),
    me: basic("me"),
  },
  {
    title: "with Bearer",
    cases: 2_000,
    auth: { bearer: { users, key } },
    root: await tokenOf("root"),
    me: await tokenOf("me"),
  },
];

/** A registry with a repository of ours, and one of somebody else's. */
async function filled(way: Way, onError: (error: unknown) => void): Promise<Fetch> {
  const { auth, root } = way;
  const options: RegistryOptions = { onError, manifestLimit: 1_000, tagPageSize: 2 };
  const { fetch } = createRegistry({ ...options, ...(auth && { auth }) });
  const headers = { authorization: root, "content-type": MANIFEST };
  const put = async (method: string, path: string, body: string) =>
    assertEquals((await fetch(`${ORIGIN}/v2/${path}`, { method, headers, body })).status, 201);
  await put("POST", `app/blobs/uploads/?digest=${BLOB_DIGEST}`, BLOB);
  for (const tag of TAGS) await put("PUT", `app/manifests/${tag}`, IMAGE);
  await put("POST", `secret/blobs/uploads/?digest=${SECRET_DIGEST}`, SECRET);
  await put("POST", `secret/blobs/uploads/?digest=${BLOB_DIGEST}`, BLOB);
  await put("PUT", `secret/manifests/${SECRET_TAG}`, IMAGE);
  return fetch;
}

async function checkAnswer(
  { method }: Case,
  response: Response,
  url: URL,
): Promise<Uint8Array> {
  const { status, headers } = response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  assert(status >= 200 && status < 500, `${status}`);
  const length = headers.get("content-length");
  if (method === "HEAD" || status === 204) assertEquals(bytes.byteLength, 0);
  else if (length !== null) assertEquals(bytes.byteLength, Number(length));
  if (status >= 400 && method !== "HEAD") {
    assertEquals(headers.get("content-type"), "application/json");
    const { errors } = JSON.parse(new TextDecoder().decode(bytes));
    assert(errors.length > 0);
    for (const { code, message } of errors) {
      assert(CODES.has(code), code);
      assert(message.length < 1_500 && message.startsWith("Cannot "), message);
    }
  }
  if (status === 401 && url.pathname !== "/token") {
    assertMatch(headers.get("www-authenticate")!, /^(?:Basic|Bearer) realm="/);
  }
  if (status === 405) assert(headers.get("allow") !== null);
  if (status === 416 && method === "GET") assertMatch(headers.get("content-range")!, /^bytes \*\//);
  if (status === 206) assertMatch(headers.get("content-range")!, /^bytes \d+-\d+\/\d+$/);
  const digest = headers.get("docker-content-digest");
  if (digest !== null) {
    assert(isDigest(digest));
    if (status === 200 && method === "GET") assertEquals(await digestLike(digest, bytes), digest);
  }
  if (status === 201) assertMatch(headers.get("location")!, /^\/v2\/.+\/(?:blobs|manifests)\/sha/);
  return bytes;
}

async function digestLike(digest: Digest, bytes: Uint8Array): Promise<Digest> {
  return await digestOf(bytes, digest.startsWith("sha512:") ? "sha512" : "sha256");
}

/** Follows a list's pages to its end. */
async function pages(fetch: Fetch, path: string, init: RequestInit, key: string) {
  const found: string[] = [];
  for (let next: string | undefined = path, count = 0; next !== undefined; count++) {
    assert(count < 20, "a list comes to its end");
    const response: Response = await fetch(ORIGIN + next, init);
    if (response.status === 404) return found;
    found.push(...(await response.json())[key]);
    next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return found;
}

/** Whatever a registry says that it has, it gives. */
async function checkWhole(fetch: Fetch, authorization: string | undefined): Promise<void> {
  const init = { headers: { ...(authorization !== undefined && { authorization }) } };
  const repositories = authorization === undefined
    ? await pages(fetch, "/v2/_catalog", init, "repositories")
    : ["app"];
  assertEquals(repositories, [...new Set(repositories)].sort());
  for (const name of repositories) {
    assert(isRepositoryName(name));
    const tags = await pages(fetch, `/v2/${name}/tags/list`, init, "tags");
    assertEquals(tags, [...new Set(tags)].sort());
    for (const tag of tags) {
      assert(isTag(tag));
      const response = await fetch(`${ORIGIN}/v2/${name}/manifests/${tag}`, init);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const digest = response.headers.get("docker-content-digest") as Digest;
      assertEquals([response.status, await digestLike(digest, bytes)], [200, digest], tag);
    }
  }
}

for (const way of WAYS) {
  fuzz(
    `a registry ${way.title}: the specification's answers, and a registry that is whole`,
    way.cases,
    fc.array(request, { minLength: 1, maxLength: 4 }),
    async (requests) => {
      const failures: unknown[] = [];
      const fetch = await filled(way, (error) => failures.push(error));
      const begun = await fetch(`${ORIGIN}/v2/app/blobs/uploads/`, {
        method: "POST",
        headers: { authorization: way.me },
      });
      let upload = begun.headers.get("docker-upload-uuid")!;
      for (const each of requests) {
        const path = each.path.replace("UPLOAD", upload);
        const init = requestInit(each, way.me);
        if (init === undefined || !URL.canParse(ORIGIN + path)) continue;
        const url = new URL(ORIGIN + path);
        const response = await fetch(url.href, init);
        const bytes = await checkAnswer(each, response, url);
        if (way.auth !== undefined) {
          const said = new TextDecoder().decode(bytes) + JSON.stringify([...response.headers]);
          assert(!said.includes(SECRET), "another's blob");
          const made = response.status === 201 && response.headers.get("location");
          assert(!made || !made.includes(SECRET_DIGEST), "another's blob, by a mount");
          // Who names the tag may hear that it is nothing of theirs.
          if (!path.includes(SECRET_TAG)) assert(!said.includes(SECRET_TAG), "another's tag");
        }
        upload = response.headers.get("docker-upload-uuid") ?? upload;
      }
      assertEquals(failures, [], "the registry itself failed");
      await checkWhole(fetch, way.auth && way.me);
    },
  );
}

/** What `fetch` takes; nothing for what it cannot send. */
function requestInit({ method, headers, body }: Case, login: string): RequestInit | undefined {
  const all = headers.map(([name, value]): [string, string] => [
    name,
    value === "LOGIN" ? login : value,
  ]);
  const bodied = method !== "GET" && method !== "HEAD" && body !== undefined;
  const init: RequestInit = { method, headers: all, ...(bodied && { body: body as BodyInit }) };
  try {
    new Request(ORIGIN, init);
    return init;
  } catch {
    return undefined;
  }
}
