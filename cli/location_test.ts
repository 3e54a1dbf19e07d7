import { assertEquals, assertThrows } from "@std/assert";
import { formatReference, InvalidReferenceError } from "../mod.ts";
import { formatLocation, type Location, parseLocation, referenceOf } from "./location.ts";
import { targetReferences } from "./target_references.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

/** A place in short: registries by their reference, others by kind, path and reference. */
function short(location: Location): string[] {
  if (location.kind === "registry") return ["registry", formatReference(location.reference)];
  const { kind, path, reference } = location;
  return [location.kind === "archive" ? location.format ?? kind : kind, path, reference];
}

const cases: [text: string, ...expected: string[]][] = [
  ["alpine", "registry", "docker.io/library/alpine"],
  ["alpine:3", "registry", "docker.io/library/alpine:3"],
  ["localhost:5000/a/b:v1", "registry", "localhost:5000/a/b:v1"],
  ["http://localhost:5000/a", "registry", "http://localhost:5000/a"],
  ["https://localhost:5000/a", "registry", "https://localhost:5000/a"],
  [`ghcr.io/a/b@${DIGEST}`, "registry", `ghcr.io/a/b@${DIGEST}`],
  ["oci://ghcr.io/a/b:v1", "registry", "ghcr.io/a/b:v1"],
  ["docker://alpine:3", "registry", "docker.io/library/alpine:3"],
  ["oci:dir", "layout", "dir", ""],
  ["oci:dir:v1", "layout", "dir", "v1"],
  ["oci:/a/b.c:v1", "layout", "/a/b.c", "v1"],
  ["oci:dir:localhost:5000/a/b:v1", "layout", "dir", "localhost:5000/a/b:v1"],
  [`oci:dir@${DIGEST}`, "layout", "dir", DIGEST],
  [`oci:dir:v1@${DIGEST}`, "layout", "dir", DIGEST],
  [`oci:dir:${DIGEST}`, "layout", "dir", DIGEST],
  ["oci:user@host:v1", "layout", "user@host", "v1"],
  ["oci:C:\\images\\a:v1", "layout", "C:\\images\\a", "v1"],
  ["oci:c:/images/a", "layout", "c:/images/a", ""],
  ["oci:C:v1", "layout", "C", "v1"],
  ["oci-archive:a.tar:v1", "oci", "a.tar", "v1"],
  ["oci-archive:-", "oci", "-", ""],
  ["oci-archive:/tmp/x y.tar.gz", "oci", "/tmp/x y.tar.gz", ""],
  ["docker-archive:a.tar", "docker", "a.tar", ""],
  ["docker-archive:a.tar:app:1", "docker", "a.tar", "app:1"],
  ["docker-archive:a.tar:localhost:5000/app:1", "docker", "a.tar", "localhost:5000/app:1"],
  ["docker-archive:D:\\a.tar:localhost:5000/app:1", "docker", "D:\\a.tar", "localhost:5000/app:1"],
  ["docker-archive:-:app:1", "docker", "-", "app:1"],
  ["-", "archive", "-", ""],
];

for (const [text, ...expected] of cases) {
  Deno.test(`parseLocation: ${text}`, () => assertEquals(short(parseLocation(text)), expected));
}

const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;

const meant = (text: string) => `; did you mean "${text}"?`;

const refused: [text: string, message: string][] = [
  ...[" you/app:V1", "you/app:V1\n", "\u200byou/app:V1\u00a0", "'you/app:V1'", "“you/app:V1”"]
    .map((text): [string, string] => [text, meant("you/app:V1")]),
  ...["ghcr.io/a/b/", "ghcr.io/a/b:", "ghcr.io/a/b@", "ghcr.io/A/B", " <ghcr.io/A/b/> "]
    .map((text): [string, string] => [text, meant("ghcr.io/a/b")]),
  ["https://ghcr.io/a/b/", meant("https://ghcr.io/a/b")],
  ["https://ghcr.io/a/b:v1/", meant("https://ghcr.io/a/b:v1")],
  ["Example/A", meant("Example/a")],
  ["Alpine:V3", meant("alpine:V3")],
  [`ghcr.io/a:${SHA256}`, meant(`ghcr.io/a@${SHA256}`)],
  [`a@${SHA256.slice("sha256:".length)}`, meant(`a@${SHA256}`)],
  [SHA256, "it is a digest, and no repository stands before it"],
  ["https://hub.docker.com/_/alpine", meant("docker.io/alpine")],
  ["hub.docker.com/r/you/app/tags?page=1", meant("docker.io/you/app")],
  ["https://hub.docker.com/r/you/app/tags", "hub.docker.com has Docker Hub's pages"],
  ["docker:ghcr.io/a:v1", meant("docker://ghcr.io/a:v1")],
  ["", "it is empty"],
  ["oci:", 'no folder follows "oci:"'],
  ["oci::v1", 'no folder follows "oci:"'],
  ["docker-archive::v1", 'no file follows "docker-archive:"'],
  ["oci://", "Cannot parse"],
  ["docker://", 'Cannot parse "docker://"'],
  ["oci://mydir", "no repository follows the host"],
  ["oci://mydir:v1", "; a folder is oci:DIR"],
  ["oci://registry/a", "; a folder is oci:DIR"],
  ...[
    "oci:///tmp/a",
    "oci://./a:v1",
    "oci://../a",
    "file:///tmp/a.tar",
    "a.tar",
    "a.tar.gz",
    "a.tgz",
  ]
    .map((text): [string, string] => [text, "it looks like a path; is it oci:DIR"]),
  ["oci-archive://a.tar:v1", 'is it "oci-archive:a.tar:v1"?'],
  ["docker-archive:///tmp/a.tar", 'is it "docker-archive:/tmp/a.tar"?'],
  ...["ghcr.io", "https://ghcr.io", "localhost", "localhost:5000", "[::1]:5000", "docker.io"]
    .map((text): [string, string] => [text, `are ${text}/NAME, and davit ls ${text} lists them`]),
  ["docker-daemon:app", "; docker save NAME | davit copy docker-archive:- TARGET"],
  ["docker-daemon:app:v1", "davit copy SOURCE docker-archive:- | docker load"],
  ["containers-storage:app", "; podman save NAME | davit copy docker-archive:- TARGET"],
  ["dir:a", '"dir:" is not known here; is it oci:DIR'],
  ["sif:a.sif", '"sif:" is not known here'],
  ["ostree:a", '"ostree:" is not known here'],
  ["tarball:a.tar", '"tarball:" is not known here'],
  ["ocidir://a:v1", "is it oci:DIR?"],
  ["oci-archiv:a.tar", 'is it "oci-archive:"?'],
  ["OCI:dir", 'did you mean "oci:dir"?'],
  ["UPPER", "Cannot parse"],
  ["oci:~/images:v1", 'no shell expands "~" there; write "oci:$HOME/images:v1", or ./~'],
  ["oci-archive:~", 'write "oci-archive:$HOME"'],
  ["https://registry:5000", "it is a registry; its repositories are https://registry:5000/NAME"],
  ["dir:/tmp/x", "is it oci:DIR, oci-archive:FILE, docker-archive:FILE or a registry's"],
  ["docker-daemon:alpine:3", "is not known here"],
  ["docker-archve:/tmp/a.tar", 'is it "docker-archive:"?'],
  ["oci-archiv:./a.tar", 'is it "oci-archive:"?'],
];

for (const [text, message] of refused) {
  Deno.test(`parseLocation refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => parseLocation(text), InvalidReferenceError, message);
  });
}

Deno.test("formatLocation: what it writes names the same place again", () => {
  const places: [text: string, reference: string, expected: string][] = [
    ["alpine", "3", "docker.io/library/alpine:3"],
    ["alpine:3", DIGEST, `docker.io/library/alpine@${DIGEST}`],
    ["oci:dir:v1", "v2", "oci:dir:v2"],
    ["oci:dir", DIGEST, `oci:dir@${DIGEST}`],
    ["docker-archive:a.tar", "localhost:5000/a:1", "docker-archive:a.tar:localhost:5000/a:1"],
    ["oci-archive:a.tar", "", "oci-archive:a.tar"],
  ];
  for (const [text, reference, expected] of places) {
    const written = formatLocation(parseLocation(text), reference);
    assertEquals(written, expected);
    const again = parseLocation(written);
    if (again.kind === "registry" || reference !== "") assertEquals(referenceOf(again), reference);
  }
  assertEquals(formatLocation(parseLocation("-"), "v1"), "-");
});

const targets: [from: string, to: string, more: string[], expected: string[]][] = [
  ["alpine:3", "localhost:5000/a", [], ["latest"]],
  ["alpine:3", "localhost:5000/a:v1", [], ["v1"]],
  ["alpine:3", "localhost:5000/a", ["v1", "v2"], ["v1", "v2"]],
  ["alpine:3", "localhost:5000/a:v1", ["v1", "v2"], ["v1", "v2"]],
  ["alpine:3", `localhost:5000/a@${DIGEST}`, ["v1"], [DIGEST, "v1"]],
  ["alpine:3", "oci:dir", [], ["3"]],
  ["alpine:3", "oci:dir:v1", ["v2"], ["v1", "v2"]],
  ["alpine", "oci-archive:a.tar", [], ["latest"]],
  ["alpine:3", "-", [], ["3"]],
  [`alpine@${DIGEST}`, "oci:dir", [], ["latest"]],
  ["oci:dir", "oci:other", [], ["latest"]],
  ["oci:dir:v1", "oci:other", [], ["v1"]],
  [`oci:dir@${DIGEST}`, "oci:other", [], ["latest"]],
  ["oci:dir:localhost:5000/a:v1", "oci:other", [], ["v1"]],
  ["docker-archive:a.tar:localhost:5000/a:v1", "oci:dir", [], ["v1"]],
  ["docker-archive:a.tar:localhost:5000/a:v1", "docker-archive:b.tar", [], ["localhost:5000/a:v1"]],
  ["alpine:3", "docker-archive:a.tar", [], ["docker.io/library/alpine:3"]],
  ["alpine", "docker-archive:a.tar:app:1", [], ["app:1"]],
  [`alpine@${DIGEST}`, "docker-archive:a.tar", [], []],
  ["oci:dir", "docker-archive:a.tar", [], []],
  ["oci:dir:v1", "docker-archive:a.tar", [], []],
  ["alpine:3", "docker-archive:a.tar:app", [], ["app:latest"]],
  ["alpine:3", "docker-archive:a.tar", ["v2"], ["docker.io/library/alpine:v2"]],
  ["oci:dir:v1", "docker-archive:a.tar:app:1", ["v2"], ["app:1", "docker.io/library/app:v2"]],
];

for (const [from, to, more, expected] of targets) {
  Deno.test(`targetReferences: ${from} → ${to} ${more}`, () => {
    assertEquals(targetReferences(parseLocation(from), parseLocation(to), more), expected);
  });
}

Deno.test("targetReferences: the name in a tar may have a digest, which is no tag", () => {
  const names: [name: string, tag: string, full: string[]][] = [
    [`app@${DIGEST}`, "latest", []],
    [`localhost:5000/a@${DIGEST}`, "latest", []],
    [`localhost:5000/a:1@${DIGEST}`, "1", ["localhost:5000/a:1"]],
  ];
  for (const [reference, tag, full] of names) {
    const from = { ...parseLocation("docker-archive:a.tar"), reference } as Location;
    assertEquals(targetReferences(from, parseLocation("oci:dir"), []), [tag]);
    assertEquals(targetReferences(from, parseLocation("docker-archive:b.tar"), []), full);
  }
});

Deno.test("referenceOf: the digest before the tag, latest of a repository", () => {
  assertEquals(referenceOf(parseLocation("alpine")), "latest");
  assertEquals(referenceOf(parseLocation(`alpine:3@${DIGEST}`)), DIGEST);
  assertEquals(referenceOf(parseLocation("oci:dir")), "");
});
