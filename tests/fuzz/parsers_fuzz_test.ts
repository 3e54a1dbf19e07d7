/** The parsers that everybody can call, with whatever comes. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { parseChallenges } from "../../auth/mod.ts";
import {
  ApiError,
  checkRepositoryName,
  checkTag,
  digestOf,
  formatReference,
  InvalidDigestError,
  InvalidReferenceError,
  isDigest,
  isTag,
  parseDigest,
  parseManifest,
  parseReference,
} from "../../mod.ts";
import { fc, fuzz, nearlyDigest, nearlyName, nearlyTag, parts, quotable, text } from "./fuzz.ts";

// deno-lint-ignore no-explicit-any
type ErrorClass = new (...args: any[]) => Error;

/** What a function gives, or its error, which must be of a class and say something short. */
function attempt<T>(run: () => T, errorClass: ErrorClass): T | undefined {
  try {
    return run();
  } catch (error) {
    assertInstanceOf(error, errorClass);
    assert(error.message.startsWith("Cannot "), error.message);
    assert(error.message.length < 2_000, "a message is for people");
    return undefined;
  }
}

const host = fc.constantFrom(
  ...["", "docker.io/", "localhost:5000/", "[::1]:5000/", "http://a.test/", "https://a.test:1/"],
  ...["a.test:99999/", "HTTP://X/", "user@a.test/", "1.2.3.4/", "index.docker.io/v1/", "://"],
);

fuzz(
  "parseReference: what parses is checked, and its canonical text parses to the same",
  8_000,
  fc.oneof(
    fc.tuple(
      host,
      nearlyName(),
      fc.option(nearlyTag().map((tag) => `:${tag}`), { nil: "" }),
      fc.option(nearlyDigest().map((digest) => `@${digest}`), { nil: "" }),
    ).map((all) => all.join("")),
    parts(host, nearlyName(), ":", "@", "/", nearlyTag(), nearlyDigest()),
    text("ab:/@.-_[]0"),
  ),
  (input) => {
    const reference = attempt(() => parseReference(input), InvalidReferenceError);
    if (reference === undefined) return;
    const { repository, tag, digest } = reference;
    assertEquals<string>(checkRepositoryName(repository), repository);
    if (tag !== undefined) assert(isTag(tag));
    if (digest !== undefined) assert(isDigest(digest));
    const formatted = formatReference(reference);
    const { scheme: _, ...again } = parseReference(formatted);
    const { scheme: __, ...before } = reference;
    assertEquals(again, before);
    assertEquals(formatReference(parseReference(formatted)), formatted);
  },
);

fuzz(
  "checkRepositoryName: the specification's grammar, and no more than 255 characters",
  6_000,
  nearlyName(),
  (input) => {
    const name = attempt(() => checkRepositoryName(input), InvalidReferenceError);
    // By hand, component by component: no expression of the code under test.
    const component = (each: string) =>
      each !== "" && each.split(/\.|__|_|-+/).every((word) => /^[a-z0-9]+$/.test(word));
    const good = input.length <= 255 && input.split("/").every(component);
    assertEquals(name !== undefined, good, input);
    if (name !== undefined) assertEquals<string>(name, input);
  },
);

fuzz("tags: what checkTag takes is what isTag says", 4_000, nearlyTag(), (input) => {
  const tag = attempt(() => checkTag(input), InvalidReferenceError);
  assertEquals(tag !== undefined, isTag(input));
  if (tag === undefined) return;
  assert(tag.length > 0 && tag.length <= 128 && !/^[.-]/.test(tag));
  assertEquals(encodeURIComponent(tag), tag, "it needs no escape in a path");
});

fuzz(
  "digests: what parseDigest takes is what isDigest says, and fits a path",
  6_000,
  nearlyDigest(),
  (input) => {
    const digest = attempt(() => parseDigest(input), InvalidDigestError);
    assertEquals(digest !== undefined, isDigest(input));
    if (digest === undefined) return;
    const [algorithm, encoded, ...rest] = digest.split(":");
    assertEquals([rest.length, algorithm!.length > 0, encoded!.length > 0], [0, true, true]);
    assert(!/[/\\%?#\s]|\.\./.test(digest), "it cannot leave its place in a path");
    if (algorithm === "sha256") assertEquals(encoded!.length, 64);
    if (algorithm === "sha512") assertEquals(encoded!.length, 128);
  },
);

fuzz(
  "digestOf: always a digest of its algorithm",
  1_000,
  fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("sha256", "sha512")),
  async ([bytes, algorithm]) => {
    const digest = await digestOf(bytes, algorithm as "sha256");
    assertEquals(parseDigest(digest), digest);
    assert(digest.startsWith(`${algorithm}:`));
  },
);

const challenge = parts(
  ...["Bearer", "Basic", "basic ", "Bearer ", "realm", "=", '"', "\\", ",", " ", "scope", "error"],
  ...['realm="https://a.test/token"', 'service="a,b"', "a=b", "YWJj==", "=;", "\t", ";"],
  text('abB=",\\ ;é'),
);

fuzz(
  "parseChallenges: schemes and names are tokens, and what is written is read again",
  6_000,
  challenge,
  (header) => {
    for (const { scheme, params, token68 } of parseChallenges(header)) {
      assert(/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(scheme), scheme);
      for (const name of params.keys()) assertEquals(name, name.toLowerCase());
      assert(token68 === undefined || /^[A-Za-z0-9\-._~+/]+=*$/.test(token68));
    }
  },
);

fuzz(
  "parseChallenges: a challenge with any value in quotes comes out as it went in",
  3_000,
  fc.tuple(
    fc.constantFrom("Bearer", "basic", "X-1"),
    fc.dictionary(
      fc.constantFrom("realm", "service", "scope", "error"),
      quotable(),
      { minKeys: 1 },
    ),
  ),
  ([scheme, values]) => {
    const written = Object.entries(values)
      .map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`).join(",");
    const [first, ...others] = parseChallenges(`${scheme} ${written}`);
    assertEquals([first?.scheme, others.length], [scheme.toLowerCase(), 0]);
    assertEquals([...first!.params], Object.entries(values));
  },
);

const OCI = "application/vnd.oci.image";

/** JSON that is nearly a manifest. */
const nearlyManifest = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, 0, -1, 2, 1e21, 2 ** 53, "", "sha256:x", `${OCI}.manifest.v1+json`),
    nearlyDigest(),
    tie("descriptor"),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
  descriptor: fc.record({
    mediaType: fc.oneof(
      fc.constantFrom(`${OCI}.manifest.v1+json`, `${OCI}.config.v1+json`, "a/b", ""),
      tie("value"),
    ),
    digest: fc.oneof(nearlyDigest(), tie("value")),
    size: fc.oneof(fc.integer({ min: -1 }), tie("value")),
    annotations: tie("value"),
  }, { requiredKeys: [] }),
  manifest: fc.record({
    schemaVersion: fc.oneof({ weight: 9, arbitrary: fc.constant(2) }, tie("value")),
    mediaType: fc.constantFrom(
      `${OCI}.manifest.v1+json`,
      `${OCI}.index.v1+json`,
      "application/vnd.docker.distribution.manifest.v2+json",
      "a/b",
    ),
    config: fc.oneof(tie("descriptor"), tie("value")),
    layers: fc.oneof(fc.array(tie("descriptor"), { maxLength: 3 }), tie("value")),
    manifests: fc.oneof(fc.array(tie("descriptor"), { maxLength: 3 }), tie("value")),
    subject: fc.oneof(tie("descriptor"), tie("value")),
    annotations: tie("value"),
    artifactType: tie("value"),
    Layers: tie("value"),
  }, { requiredKeys: [] }),
})).manifest;

fuzz(
  "parseManifest: a manifest of one kind, whose bytes are those that came",
  6_000,
  fc.oneof(
    nearlyManifest.map((value) => JSON.stringify(value)),
    fc.tuple(nearlyManifest, fc.nat(400), fc.string({ maxLength: 3 })).map(([value, at, more]) => {
      const json = JSON.stringify(value);
      return json.slice(0, at) + more + json.slice(at);
    }),
    fc.json(),
    text('{}[]":,0'),
  ),
  (json) => {
    const bytes = new TextEncoder().encode(json);
    const parsed = attempt(() => parseManifest(bytes), ApiError);
    if (parsed === undefined) return;
    assertEquals(parsed.bytes, bytes);
    assertEquals(parsed.manifest.schemaVersion, 2);
    const { layers, manifests } = parsed.manifest as { layers?: unknown; manifests?: unknown };
    assert((layers === undefined) !== (manifests === undefined), "an image or an index, not both");
    for (const child of (layers ?? manifests) as { digest: string; size: number }[]) {
      assert(isDigest(child.digest));
      assert(Number.isSafeInteger(child.size) && child.size >= 0);
    }
  },
);
