import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { InvalidReferenceError } from "../errors.ts";
import {
  familiarReference,
  formatReference,
  isOfficial,
  MAX_REFERENCE_LENGTH,
  parseReference,
  type ReferenceParts,
} from "./reference.ts";

const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;
const SHA512 = `sha512:${"0123456789abcdef".repeat(8)}`;
const BLAKE3 = `blake3:${"0123456789abcdef".repeat(4)}`;
const HUB = "docker.io";
const TAG128 = "t".repeat(128);

/** The text, its parts, its canonical text, and its short one where that is another. */
const good: [text: string, parts: ReferenceParts, canonical: string, familiar?: string][] = [
  ["alpine", { registry: HUB, repository: "library/alpine" }, "docker.io/library/alpine", "alpine"],
  [
    "alpine:3",
    { registry: HUB, repository: "library/alpine", tag: "3" },
    "docker.io/library/alpine:3",
    "alpine:3",
  ],
  [
    `alpine@${SHA256}`,
    { registry: HUB, repository: "library/alpine", digest: SHA256 },
    `docker.io/library/alpine@${SHA256}`,
    `alpine@${SHA256}`,
  ],
  [
    `alpine:3@${SHA512}`,
    { registry: HUB, repository: "library/alpine", tag: "3", digest: SHA512 },
    `docker.io/library/alpine:3@${SHA512}`,
    `alpine:3@${SHA512}`,
  ],
  [
    "alpine@blake3:abc_=-",
    { registry: HUB, repository: "library/alpine", digest: "blake3:abc_=-" },
    "docker.io/library/alpine@blake3:abc_=-",
    "alpine@blake3:abc_=-",
  ],
  [
    "library/alpine",
    { registry: HUB, repository: "library/alpine" },
    "docker.io/library/alpine",
    "alpine",
  ],
  [
    "docker.io/alpine",
    { registry: HUB, repository: "library/alpine" },
    "docker.io/library/alpine",
    "alpine",
  ],
  [
    "Docker.IO/library/alpine",
    { registry: HUB, repository: "library/alpine" },
    "docker.io/library/alpine",
    "alpine",
  ],
  [
    "index.docker.io/alpine:3",
    { registry: HUB, repository: "library/alpine", tag: "3" },
    "docker.io/library/alpine:3",
    "alpine:3",
  ],
  [
    "registry-1.docker.io/library/alpine",
    { registry: HUB, repository: "library/alpine" },
    "docker.io/library/alpine",
    "alpine",
  ],
  [
    "registry-1.docker.io:443/alpine",
    { registry: HUB, repository: "library/alpine" },
    "docker.io/library/alpine",
    "alpine",
  ],
  [
    "https://docker.io/alpine",
    { scheme: "https", registry: HUB, repository: "library/alpine" },
    "https://docker.io/library/alpine",
    "alpine",
  ],
  [
    "https://index.docker.io/v1/alpine:3",
    { scheme: "https", registry: HUB, repository: "library/alpine", tag: "3" },
    "https://docker.io/library/alpine:3",
    "alpine:3",
  ],
  [
    "https://index.docker.io/v1/bitnami/redis",
    { scheme: "https", registry: HUB, repository: "bitnami/redis" },
    "https://docker.io/bitnami/redis",
    "bitnami/redis",
  ],
  [
    "https://docker.io/v1/alpine",
    { scheme: "https", registry: HUB, repository: "v1/alpine" },
    "https://docker.io/v1/alpine",
    "v1/alpine",
  ],
  [
    "index.docker.io/v1/alpine",
    { registry: HUB, repository: "v1/alpine" },
    "docker.io/v1/alpine",
    "v1/alpine",
  ],
  ["v1/alpine", { registry: HUB, repository: "v1/alpine" }, "docker.io/v1/alpine", "v1/alpine"],
  [
    "library",
    { registry: HUB, repository: "library/library" },
    "docker.io/library/library",
    "library",
  ],
  [
    "library/a/b",
    { registry: HUB, repository: "library/a/b" },
    "docker.io/library/a/b",
    "library/a/b",
  ],
  [
    "bitnami/redis",
    { registry: HUB, repository: "bitnami/redis" },
    "docker.io/bitnami/redis",
    "bitnami/redis",
  ],
  ["a/b", { registry: HUB, repository: "a/b" }, "docker.io/a/b", "a/b"],
  ["my--org/x", { registry: HUB, repository: "my--org/x" }, "docker.io/my--org/x", "my--org/x"],
  ["docker.io/a.b/c", { registry: HUB, repository: "a.b/c" }, "docker.io/a.b/c"],
  ["docker.io/localhost/c", { registry: HUB, repository: "localhost/c" }, "docker.io/localhost/c"],
  ["docker.io/docker.io/c", { registry: HUB, repository: "docker.io/c" }, "docker.io/docker.io/c"],
  [
    "ghcr.io",
    { registry: HUB, repository: "library/ghcr.io" },
    "docker.io/library/ghcr.io",
    "ghcr.io",
  ],
  [
    "localhost:5000",
    { registry: HUB, repository: "library/localhost", tag: "5000" },
    "docker.io/library/localhost:5000",
    "localhost:5000",
  ],
  ["a/b/c:d", { registry: HUB, repository: "a/b/c", tag: "d" }, "docker.io/a/b/c:d", "a/b/c:d"],
  ["gcr.io/a/b", { registry: "gcr.io", repository: "a/b" }, "gcr.io/a/b"],
  ["ghcr.io/x", { registry: "ghcr.io", repository: "x" }, "ghcr.io/x"],
  ["GHCR.IO/x:Y", { registry: "ghcr.io", repository: "x", tag: "Y" }, "ghcr.io/x:Y"],
  ["ghcr.io/library/x", { registry: "ghcr.io", repository: "library/x" }, "ghcr.io/library/x"],
  ["ghcr.io:443/x", { registry: "ghcr.io:443", repository: "x" }, "ghcr.io:443/x"],
  ["hub.docker.io/x", { registry: "hub.docker.io", repository: "x" }, "hub.docker.io/x"],
  [
    "https://ghcr.io/a/b:c",
    { scheme: "https", registry: "ghcr.io", repository: "a/b", tag: "c" },
    "https://ghcr.io/a/b:c",
    "ghcr.io/a/b:c",
  ],
  [
    "HTTPS://ghcr.io/a",
    { scheme: "https", registry: "ghcr.io", repository: "a" },
    "https://ghcr.io/a",
    "ghcr.io/a",
  ],
  [
    "http://registry.example.com:8080/a",
    { scheme: "http", registry: "registry.example.com:8080", repository: "a" },
    "http://registry.example.com:8080/a",
    "registry.example.com:8080/a",
  ],
  ["registry:5000/a", { registry: "registry:5000", repository: "a" }, "registry:5000/a"],
  ["localhost/a", { registry: "localhost", repository: "a" }, "localhost/a"],
  ["LOCALHOST/a", { registry: "localhost", repository: "a" }, "localhost/a"],
  ["EXAMPLE/img", { registry: "EXAMPLE", repository: "img" }, "EXAMPLE/img"],
  ["Example/img/a:v1", { registry: "EXAMPLE", repository: "img/a", tag: "v1" }, "EXAMPLE/img/a:v1"],
  [
    "https://Example/a",
    { scheme: "https", registry: "EXAMPLE", repository: "a" },
    "https://EXAMPLE/a",
    "EXAMPLE/a",
  ],
  ["EXAMPLE:5000/a", { registry: "example:5000", repository: "a" }, "example:5000/a"],
  [
    "oci://ghcr.io/you/app:v1",
    { registry: "ghcr.io", repository: "you/app", tag: "v1" },
    "ghcr.io/you/app:v1",
  ],
  [
    "docker://alpine",
    { registry: "docker.io", repository: "library/alpine" },
    "docker.io/library/alpine",
    "alpine",
  ],
  [
    "docker://you/app",
    { registry: "docker.io", repository: "you/app" },
    "docker.io/you/app",
    "you/app",
  ],
  [
    "OCI://localhost:5000/a/b",
    { registry: "localhost:5000", repository: "a/b" },
    "localhost:5000/a/b",
  ],
  [
    `Docker://alpine@${SHA256}`,
    { registry: "docker.io", repository: "library/alpine", digest: SHA256 },
    `docker.io/library/alpine@${SHA256}`,
    `alpine@${SHA256}`,
  ],
  [
    `OCI://localhost/a@${BLAKE3}`,
    { registry: "localhost", repository: "a", digest: BLAKE3 },
    `localhost/a@${BLAKE3}`,
  ],
  [
    "localhost:5000/a:5000",
    { registry: "localhost:5000", repository: "a", tag: "5000" },
    "localhost:5000/a:5000",
  ],
  [
    `localhost:5000/a/b:c@${SHA256}`,
    { registry: "localhost:5000", repository: "a/b", tag: "c", digest: SHA256 },
    `localhost:5000/a/b:c@${SHA256}`,
  ],
  ["127.0.0.1/a", { registry: "127.0.0.1", repository: "a" }, "127.0.0.1/a"],
  ["127.0.0.1:5000/a", { registry: "127.0.0.1:5000", repository: "a" }, "127.0.0.1:5000/a"],
  ["[::1]/a", { registry: "[::1]", repository: "a" }, "[::1]/a"],
  ["::1/a", { registry: "[::1]", repository: "a" }, "[::1]/a"],
  ["[::1]:5000/x", { registry: "[::1]:5000", repository: "x" }, "[::1]:5000/x"],
  [
    `[2001:DB8:0::1]:5000/x:y@${SHA256}`,
    { registry: "[2001:db8::1]:5000", repository: "x", tag: "y", digest: SHA256 },
    `[2001:db8::1]:5000/x:y@${SHA256}`,
  ],
  [
    "xn--bcher-kva.example/x",
    { registry: "xn--bcher-kva.example", repository: "x" },
    "xn--bcher-kva.example/x",
  ],
  [
    `ghcr.io/x:${TAG128}`,
    { registry: "ghcr.io", repository: "x", tag: TAG128 },
    `ghcr.io/x:${TAG128}`,
  ],
  [
    `ghcr.io/${"a".repeat(247)}`,
    { registry: "ghcr.io", repository: "a".repeat(247) },
    `ghcr.io/${"a".repeat(247)}`,
  ],
];

for (const [text, parts, canonical, familiar = canonical] of good) {
  Deno.test(`reference: ${text.slice(0, 60)} is ${canonical.slice(0, 60)}`, () => {
    const reference = parseReference(text);
    assertEquals<ReferenceParts>(reference, parts);
    assertEquals(Object.values(reference).includes(undefined as never), false);
    assertEquals(formatReference(reference), canonical);
    assertEquals(parseReference(canonical), reference);
    assertEquals(familiarReference(reference), familiar);
  });
}

const bad: [text: string, problem: string][] = [
  ["oci://alpine", "no repository follows the host"],
  ["oci://registry/a", 'as in "registry:443"'],
  ["oci:///tmp/a", "the host is empty"],
  ["", "it is empty"],
  [" ", 'the repository name " " holds the character " "'],
  [" alpine", 'holds the character " "'],
  ["alpine ", 'holds the character " "'],
  ["alpine\n", 'holds the character "\\n"'],
  ["alpine\0", 'holds the character "\\u0000"'],
  ["alpine:3\n", 'the tag "3\\n" holds the character "\\n"'],
  ["Alpine", 'the repository name "Alpine" has upper-case letters'],
  ["foo/Bar", "upper-case"],
  ["ghcr.io/Foo", "upper-case"],
  ["/", "empty component"],
  ["/alpine", "empty component"],
  ["alpine/", "empty component"],
  ["a//b", "empty component"],
  ["ghcr.io/", 'the repository name "" is empty'],
  ["ghcr.io//a", "empty component"],
  ["//ghcr.io/a", "empty component"],
  ["..", "dots alone"],
  ["../alpine", 'the host ".." is not one'],
  ["./alpine", 'the host "." is not one'],
  ["a/../b", "dots alone"],
  ["ghcr.io/..", "dots alone"],
  ["ghcr.io/a/../../_catalog", "dots alone"],
  ["ghcr.io/a%2fb", 'holds the character "%"'],
  ["ghcr.io/%2e%2e/b", 'holds the character "%"'],
  ["ghcr.io%2fa/b", "is not one"],
  ["ghcr.io/a\\b", 'holds the character "\\\\"'],
  ["ghcr.io\\a/b", "is not one"],
  ["-alpine", "on both sides"],
  ["alpine-", "on both sides"],
  ["a___b", "on both sides"],
  ["alpine:", 'the tag "" is empty'],
  ["alpine:.3", 'the tag ".3" starts with "."'],
  ["alpine:a:b", 'the repository name "alpine:a" holds the character ":"'],
  ["alpine:a%2f", 'the tag "a%2f" holds'],
  [`alpine:${"t".repeat(129)}`, "has 129 characters, of at most 128"],
  [":3", 'the repository name "" is empty'],
  ["alpine@", '"" is not a digest'],
  [`alpine:@${SHA256}`, 'the tag "" is empty'],
  [`@${SHA256}`, 'the repository name "" is empty'],
  ["alpine@latest", '"latest" is not a digest'],
  ["alpine@sha256:cafe", '"sha256:cafe" is not a digest'],
  [`alpine@${SHA256.toUpperCase()}`, "is not a digest"],
  [`alpine@${SHA256}0`, "is not a digest"],
  [`alpine@${SHA256}:3`, "is not a digest"],
  [`alpine@${SHA256}@${SHA256}`, "is not a digest"],
  ["user@ghcr.io/a", "user information"],
  ["user:hunter2@ghcr.io/a", "user information"],
  ["https://user:hunter2@ghcr.io/a", "user information"],
  ["https://hunter2@ghcr.io", "user information"],
  ["user:hunter2/@ghcr.io/a", '"@" stands elsewhere'],
  ["user:hunter2@ghcr.io", '"ghcr.io" is not a digest'],
  ["ghcr.io/user@name/a", '"@" stands elsewhere'],
  ["ghcr.io/a?token=hunter2", "a query or a fragment"],
  ["ghcr.io/a#hunter2", "a query or a fragment"],
  ["https://", "no repository follows the host"],
  ["https://ghcr.io", "no repository follows the host"],
  ["http://localhost:5000", "no repository follows the host"],
  ["https://ghcr.io/", 'the repository name "" is empty'],
  ["https:///a", "the host is empty"],
  ["https://index.docker.io/v1/", 'the repository name "" is empty'],
  ["https://foo/bar", '"foo" does not look like a host'],
  ["https:ghcr.io/a", 'the port "ghcr.io" is not'],
  ["https:/ghcr.io/a", 'the port "" is not'],
  ["dock://alpine", "neither http nor https"],
  ["oci://https://ghcr.io/a", "two schemes"],
  ["ftp://ghcr.io/a", "neither http nor https"],
  ["file:///etc/passwd", "neither http nor https"],
  ["http://docker.io/a", "plain HTTP to Docker Hub is disallowed"],
  ["http://registry-1.docker.io/a", "disallowed"],
  ["docker.io:80/a", "Docker Hub has no port but 443"],
  ["ghcr.io:0/a", 'the port "0" is not'],
  ["ghcr.io:65536/a", 'the port "65536" is not'],
  ["ghcr.io:/a", 'the port "" is not'],
  ["ghcr.io:x/a", 'the port "x" is not'],
  ["[::1/a", "is not one"],
  ["[::g]/a", "is not one"],
  ["[::1]:5000", "the repository name"],
  ["::1:5000/a", "is not one"],
  ["[fe80::1%25eth0]/a", "is not one"],
  ["2130706433:80/a", "is not one"],
  ["0x7f.0.0.1/a", "is not one"],
  ["127.1/a", "is not one"],
  ["bücher.example/a", 'the host "bücher.example" is not one'],
  ["a_b.example/a", "is not one"],
  ["ghcr.io./a", "is not one"],
  ["日本", 'holds the character "日"'],
  [`ghcr.io/${"a".repeat(248)}`, "registry and repository have 256 characters, of at most 255"],
  ["a".repeat(256), "has 256 characters, of at most 255"],
  ["a".repeat(238), "registry and repository have 256 characters"],
  [`a@b:${"c".repeat(1003)}`, "it has 1025 characters, of at most 1024"],
  ["a".repeat(MAX_REFERENCE_LENGTH + 1), "it has 1025 characters, of at most 1024"],
];

for (const [text, problem] of bad) {
  Deno.test(`reference: ${JSON.stringify(text.slice(0, 60))}: ${problem}`, () => {
    const error = assertThrows(() => parseReference(text), InvalidReferenceError, problem);
    assertEquals(error.code, "INVALID_REFERENCE");
    assertEquals(error.retryable, false);
    assert(error.message.startsWith('Cannot parse "'), error.message);
    assert(/; a (reference|registry|name|tag|digest) is /.test(error.message), error.message);
    assertEquals(/hunter2/.test(error.message), false, error.message);
    assertLess(error.message.length, 800);
  });
}

Deno.test("parseReference: what is not a string is no reference", () => {
  for (const value of [undefined, null, 3, {}, ["alpine"]]) {
    assertThrows(
      () => parseReference(value as unknown as string),
      InvalidReferenceError,
      "it is not a string",
    );
  }
});

const defaults: [text: string, registry: string, canonical: string][] = [
  ["a", "docker.io", "docker.io/library/a"],
  ["a", "index.docker.io", "docker.io/library/a"],
  ["a", "https://index.docker.io/v1/", "https://docker.io/library/a"],
  ["a", "ghcr.io", "ghcr.io/a"],
  ["a/b:c", "localhost:5000", "localhost:5000/a/b:c"],
  ["a/b", "http://registry.example.com/", "http://registry.example.com/a/b"],
  ["quay.io/a", "http://registry.example.com", "quay.io/a"],
  ["docker.io/a", "ghcr.io", "docker.io/library/a"],
];

for (const [text, defaultRegistry, canonical] of defaults) {
  Deno.test(`parseReference: ${text}, by default at ${defaultRegistry}`, () => {
    const options = Object.freeze({ defaultRegistry });
    assertEquals(formatReference(parseReference(text, options)), canonical);
  });
}

Deno.test("parseReference: a bad default registry is told, used or not", () => {
  for (const text of ["a", "ghcr.io/a"]) {
    assertThrows(
      () => parseReference(text, { defaultRegistry: "registry" }),
      InvalidReferenceError,
      'Cannot parse "registry" as a registry',
    );
  }
});

Deno.test("parseReference: the default tag is for references with neither tag nor digest", () => {
  const tagOf = (text: string) => parseReference(text, { defaultTag: "latest" }).tag;
  assertEquals<string | undefined>(tagOf("a"), "latest");
  assertEquals<string | undefined>(tagOf("a:1"), "1");
  assertEquals(tagOf(`a@${SHA256}`), undefined);
  assertThrows(
    () => parseReference("a", { defaultTag: ".x" }),
    InvalidReferenceError,
    'the tag ".x" starts with "."',
  );
});

Deno.test("formatReference, familiarReference: parts given by hand are normalised", () => {
  const parts: ReferenceParts = Object.freeze({ registry: "index.docker.io", repository: "a" });
  assertEquals(formatReference(parts), "docker.io/library/a");
  assertEquals(familiarReference(parts), "a");
  assertEquals(formatReference({ ...parts, registry: "https://ghcr.io/" }), "https://ghcr.io/a");
  assertEquals(
    formatReference({ ...parseReference("a:1@" + SHA256), tag: "2" }),
    `docker.io/library/a:2@${SHA256}`,
  );
});

const badParts: [name: string, parts: Record<string, unknown>, problem: string][] = [
  ["no registry", { repository: "a" }, "Cannot parse undefined as a registry"],
  ["no host", { registry: "ghcr", repository: "a" }, "does not look like a host"],
  ["no repository", { registry: "ghcr.io" }, "the repository name undefined is not a string"],
  ["a path", { registry: "ghcr.io", repository: "../a" }, "dots alone"],
  ["a tag in the name", { registry: "ghcr.io", repository: "a:1" }, 'the character ":"'],
  ["a bad tag", { registry: "ghcr.io", repository: "a", tag: "a/b" }, 'the tag "a/b" holds'],
  ["no string", { registry: "ghcr.io", repository: "a", tag: 3 }, "the tag number is not a string"],
  ["a bad digest", { registry: "ghcr.io", repository: "a", digest: "a" }, '"a" is not a digest'],
  ["a bad scheme", { registry: "ghcr.io", repository: "a", scheme: "ftp" }, "neither http nor"],
  ["http there", { registry: "docker.io", repository: "a", scheme: "http" }, "disallowed"],
];

for (const [name, parts, problem] of badParts) {
  Deno.test(`formatReference, familiarReference: ${name}: ${problem}`, () => {
    const reference = parts as unknown as ReferenceParts;
    assertThrows(() => formatReference(reference), InvalidReferenceError, problem);
    assertThrows(() => familiarReference(reference), InvalidReferenceError, problem);
  });
}

Deno.test("formatReference, familiarReference: nothing is no reference", () => {
  for (const value of [undefined, null, "alpine"]) {
    const reference = value as unknown as ReferenceParts;
    assertThrows(() => formatReference(reference), InvalidReferenceError, "not an object");
    assertThrows(() => familiarReference(reference), InvalidReferenceError, "not an object");
  }
});

Deno.test("isOfficial: one component under library/ of Docker Hub", () => {
  assertEquals(isOfficial(parseReference("alpine")), true);
  assertEquals(isOfficial(parseReference("a/alpine")), false);
  assertEquals(isOfficial(parseReference("library/a/alpine")), false);
  assertEquals(isOfficial(parseReference("ghcr.io/library/alpine")), false);
});

Deno.test("parseReference: texts made to be slow are not", () => {
  const start = performance.now();
  for (
    const slow of [
      "a/".repeat(10_000) + "a",
      "ghcr.io/" + "a/".repeat(500) + "!",
      "a" + "@a".repeat(500),
      "a" + ":a".repeat(500),
      "a-".repeat(500) + ".example/a",
      "a".repeat(1000) + ".example/a",
      `a@${"a+".repeat(500)}!`,
      `[${":".repeat(1000)}]/a`,
      "://".repeat(300),
      "@".repeat(10_000_000),
    ]
  ) {
    for (let i = 0; i < 10; i++) {
      assertThrows(() => parseReference(slow), InvalidReferenceError);
    }
  }
  assertLess(performance.now() - start, 20_000);
});
