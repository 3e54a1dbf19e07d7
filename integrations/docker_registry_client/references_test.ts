import { assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { VERSION } from "../../content/version.ts";
import { InvalidOptionError, InvalidReferenceError } from "../../errors.ts";
import {
  DEFAULT_INDEX_NAME,
  DEFAULT_INDEX_URL,
  DEFAULT_LOGIN_SERVERNAME,
  DEFAULT_TAG,
  DEFAULT_USERAGENT,
  isLocalhost,
  parseIndex,
  parseRepo,
  parseRepoAndRef,
  parseRepoAndTag,
  type RegistryIndex,
  splitIntoTwo,
  urlFromIndex,
} from "./references.ts";

const HUB: RegistryIndex = { name: "docker.io", official: true, scheme: "https" };
const LOCAL: RegistryIndex = { name: "localhost:5000", official: false, scheme: "http" };
const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;

Deno.test("the constants of docker_registry_client", () => {
  assertEquals(DEFAULT_INDEX_NAME, "docker.io");
  assertEquals(DEFAULT_TAG, "latest");
  assertEquals(DEFAULT_INDEX_URL, "https://registry-1.docker.io");
  assertEquals(DEFAULT_LOGIN_SERVERNAME, "https://index.docker.io/v1/");
  assertEquals(DEFAULT_USERAGENT, `davit/${VERSION}`);
});

const indexes: [arg: string | undefined, expected: RegistryIndex][] = [
  [undefined, HUB],
  ["", HUB],
  ["docker.io", HUB],
  ["docker.io/", HUB],
  ["https://docker.io", HUB],
  ["index.docker.io", HUB],
  ["registry-1.docker.io", HUB],
  [DEFAULT_LOGIN_SERVERNAME, HUB],
  ["quay.io", { name: "quay.io", official: false, scheme: "https" }],
  ["http://quay.io", { name: "quay.io", official: false, scheme: "http" }],
  ["localhost:5000", LOCAL],
  ["https://localhost:5000", { ...LOCAL, scheme: "https" }],
  ["127.0.0.1", { name: "127.0.0.1", official: false, scheme: "http" }],
  ["::1", { name: "[::1]", official: false, scheme: "http" }],
  ["[::1]:5000", { name: "[::1]:5000", official: false, scheme: "http" }],
  ["[2001:db8::1]", { name: "[2001:db8::1]", official: false, scheme: "https" }],
];

for (const [arg, expected] of indexes) {
  Deno.test(`parseIndex: ${arg}`, () => assertEquals(parseIndex(arg), expected));
}

const badIndexes: [arg: string, problem: string][] = [
  ["http://docker.io", "disallowed"],
  ["https://", "empty"],
  ["foo", "does not look like a host"],
  ["https://foo", "does not look like a host"],
  ["docker.io/foo", "a path follows the host"],
  ["ftp://quay.io", "neither http nor https"],
];

for (const [arg, problem] of badIndexes) {
  Deno.test(`parseIndex: ${arg}: ${problem}`, () => {
    const error = assertThrows(() => parseIndex(arg), InvalidReferenceError, problem);
    assertMatch(error.message, /^invalid index: Cannot parse "/);
  });
}

Deno.test("parseRepoAndRef: busybox, every field of it", () => {
  assertEquals(parseRepoAndRef("busybox"), {
    index: { name: "docker.io", official: true, scheme: "https" },
    official: true,
    remoteName: "library/busybox",
    localName: "busybox",
    canonicalName: "docker.io/busybox",
    tag: "latest",
    digest: null,
    canonicalRef: "docker.io/busybox:latest",
  });
});

Deno.test("parseRepoAndTag is the same function", () => {
  assertStrictEquals(parseRepoAndTag, parseRepoAndRef);
});

type Names = [
  arg: string,
  index: string,
  official: boolean,
  remoteName: string,
  localName: string,
  canonicalName: string,
];

const GITLAB = "registry.gitlab.com/user.name/a/b";
const repositories: Names[] = [
  ["localhost:5000/blarg", "localhost:5000", "blarg"],
  ["http://localhost:5000/blarg", "localhost:5000", "blarg"],
  ["[::1]:5000/x", "[::1]:5000", "x"],
  ["gcr.io/a/b", "gcr.io", "a/b"],
  ["ghcr.io/library/x", "ghcr.io", "library/x"],
  [GITLAB, "registry.gitlab.com", "user.name/a/b"],
].map(([arg, index, name]) => {
  const whole = `${index}/${name}`;
  return [arg!, index!, false, name!, whole, whole];
});

for (
  const [arg, name] of [
    ["busybox", "busybox"],
    ["docker.io/ubuntu", "ubuntu"],
    ["library/ubuntu", "ubuntu"],
    ["registry-1.docker.io/x", "x"],
  ] as const
) repositories.push([arg, "docker.io", true, `library/${name}`, name, `docker.io/${name}`]);

for (
  const [arg, name] of [
    ["google/python", "google/python"],
    ["library/a/b", "library/a/b"],
    ["docker.io/a.b/c", "a.b/c"],
    ["my--org/x", "my--org/x"],
  ] as const
) repositories.push([arg, "docker.io", false, name, arg, `docker.io/${name}`]);

for (const [arg, index, official, remoteName, localName, canonicalName] of repositories) {
  Deno.test(`parseRepo: ${arg} is ${canonicalName}`, () => {
    const repo = parseRepo(arg);
    const expected = { official, remoteName, localName, canonicalName };
    assertEquals(repo, { index: parseIndex(index), ...expected });
    assertEquals(parseRepoAndRef(arg), {
      ...repo,
      tag: "latest",
      digest: null,
      canonicalRef: `${canonicalName}:latest`,
    });
    assertEquals(parseRepo(canonicalName), repo);
  });
}

const images: [arg: string, tag: string | null, digest: string | null, canonicalRef: string][] = [
  ["busybox:1", "1", null, "docker.io/busybox:1"],
  [`busybox@${SHA256}`, null, SHA256, `docker.io/busybox@${SHA256}`],
  [`busybox:1@${SHA256}`, "1", SHA256, `docker.io/busybox:1@${SHA256}`],
  ["localhost:5000/blarg:mytag", "mytag", null, "localhost:5000/blarg:mytag"],
  [`localhost:5000/a@${SHA256}`, null, SHA256, `localhost:5000/a@${SHA256}`],
  [`localhost:5000/a:b@${SHA256}`, "b", SHA256, `localhost:5000/a:b@${SHA256}`],
  ["https://ghcr.io/a/b:c", "c", null, "ghcr.io/a/b:c"],
  ["[::1]:5000/x:y", "y", null, "[::1]:5000/x:y"],
];

for (const [arg, tag, digest, canonicalRef] of images) {
  Deno.test(`parseRepoAndRef: ${arg}`, () => {
    const image = parseRepoAndRef(arg);
    assertEquals(image, { ...parseRepo(image.canonicalName), ...image, tag, digest, canonicalRef });
    assertEquals(parseRepoAndRef(canonicalRef).canonicalRef, canonicalRef);
  });
}

Deno.test("a scheme before a reference, or this machine, is the index's scheme", () => {
  assertEquals(parseRepo("http://quay.io/a/b").index.scheme, "http");
  assertEquals(parseRepo("quay.io/a/b").index.scheme, "https");
  assertEquals(parseRepo("localhost/a").index.scheme, "http");
  assertEquals(parseRepo("127.0.0.1:5000/a").index.scheme, "http");
  assertEquals(parseRepo("https://localhost/a").index.scheme, "https");
});

const MINE: RegistryIndex = { name: "myreg.example.com:1234", official: false, scheme: "https" };
const defaults: [
  name: string,
  index: string | RegistryIndex | undefined,
  expected: RegistryIndex,
][] = [
  ["none", undefined, HUB],
  ["an empty text", "", HUB],
  ["docker.io", "docker.io", HUB],
  ["the login server's name", DEFAULT_LOGIN_SERVERNAME, HUB],
  ["a URL", "https://myreg.example.com:1234", MINE],
  ["a host on this machine", "localhost:5000", LOCAL],
  ["what parseIndex gave", parseIndex("myreg.example.com:1234"), MINE],
  ["an object with http", { ...MINE, scheme: "http" }, { ...MINE, scheme: "http" }],
  ["an object for https here", { ...LOCAL, scheme: "https" }, { ...LOCAL, scheme: "https" }],
  ["an object that is Docker Hub", { ...HUB, name: "index.docker.io" }, HUB],
  ["an object without a scheme", { name: "localhost:5000" } as RegistryIndex, LOCAL],
  ["an object with a bare name", { name: "registry", official: false, scheme: "http" }, {
    name: "registry:80",
    official: false,
    scheme: "http",
  }],
];

for (const [name, index, expected] of defaults) {
  Deno.test(`the default index: ${name}`, () => {
    const before = structuredClone(index);
    const repo = parseRepo("foo/bar", index);
    assertEquals(repo.index, expected);
    assertEquals(repo.remoteName, "foo/bar");
    assertEquals(repo.canonicalName, `${expected.name}/foo/bar`);
    assertEquals(parseRepoAndRef("foo/bar:1", index).index, expected);
    assertEquals(parseRepo("quay.io/foo/bar", index).index.name, "quay.io");
    assertEquals(index, before);
  });
}

Deno.test("library/ belongs to Docker Hub alone", () => {
  const repo = parseRepo("foo", "myreg.example.com");
  assertEquals(repo.remoteName, "foo");
  assertEquals(repo.official, false);
});

const badRepositories: [arg: string, problem: string][] = [
  ["busybox:latest", "it has a tag or a digest"],
  [`busybox@${SHA256}`, "it has a tag or a digest"],
  ["http://docker.io/x", "disallowed"],
  ["https://quay.io", "no repository follows the host"],
  ["registry.gitlab.com/user@name/repo-a/repo-b", '"@" stands elsewhere'],
  ["https://foo/bar", "does not look like a host"],
  ["Busybox", "upper-case"],
  ["a/../b", "dots alone"],
  ["", "it is empty"],
];

for (const [arg, problem] of badRepositories) {
  Deno.test(`parseRepo: ${arg.slice(0, 40)}: ${problem}`, () => {
    const error = assertThrows(() => parseRepo(arg), InvalidReferenceError, problem);
    assertEquals(error.code, "INVALID_REFERENCE");
    assertMatch(error.message, /^invalid repository namespace or name: Cannot parse "/);
  });
}

Deno.test("parseRepoAndRef: a tag and a digest are checked", () => {
  assertThrows(() => parseRepoAndRef("a:"), InvalidReferenceError, 'the tag "" is empty');
  assertThrows(() => parseRepoAndRef("a@sha256:cafe"), InvalidReferenceError, "is not a digest");
});

Deno.test("urlFromIndex", () => {
  assertEquals(urlFromIndex(HUB), "https://registry-1.docker.io");
  assertEquals(urlFromIndex(HUB, "https"), "https://registry-1.docker.io");
  assertEquals(urlFromIndex(LOCAL), "http://localhost:5000");
  assertEquals(urlFromIndex(LOCAL, "https"), "https://localhost:5000");
  assertEquals(urlFromIndex(MINE), "https://myreg.example.com:1234");
  assertEquals(urlFromIndex(parseIndex("[::1]:5000")), "http://[::1]:5000");
  assertEquals(
    urlFromIndex({ name: "registry", official: false, scheme: "http" }),
    "http://registry",
  );
  assertThrows(() => urlFromIndex(HUB, "http"), InvalidOptionError, "Docker Hub");
  assertThrows(() => urlFromIndex(LOCAL, "ftp" as "http"), InvalidOptionError, "'scheme' must be");
});

Deno.test("isLocalhost: an address that ends in ::1 is not enough", () => {
  for (const host of ["localhost", "localhost:5000", "127.0.0.1:1", "::1", "[::1]:5000"]) {
    assertEquals(isLocalhost(host), true, host);
  }
  for (const host of ["[2001:db8::1]:5000", "localhost.example.com", "docker.io"]) {
    assertEquals(isLocalhost(host), false, host);
  }
});

Deno.test("splitIntoTwo: at the first separator, of any length", () => {
  assertEquals(splitIntoTwo("a/b/c", "/"), ["a", "b/c"]);
  assertEquals(splitIntoTwo("a", "/"), ["a"]);
  assertEquals(splitIntoTwo("/a", "/"), ["", "a"]);
  assertEquals(splitIntoTwo("a/", "/"), ["a", ""]);
  assertEquals(splitIntoTwo("a::b::c", "::"), ["a", "b::c"]);
});
