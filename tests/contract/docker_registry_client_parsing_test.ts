/** The contract of docker_registry_client: its section on parsing, through the public names. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  InvalidReferenceError,
  parseIndex,
  parseRepo,
  parseRepoAndRef,
  parseRepoAndTag,
  RegistryClientV2,
} from "@davit/registry-client";
import type { RegistryImage, RegistryIndex } from "@davit/registry-client/types";

const HUB: RegistryIndex = { name: "docker.io", official: true, scheme: "https" };
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

Deno.test("busybox, every field", () => {
  const expected: RegistryImage = {
    index: HUB,
    official: true,
    remoteName: "library/busybox",
    localName: "busybox",
    canonicalName: "docker.io/busybox",
    tag: "latest",
    digest: null,
    canonicalRef: "docker.io/busybox:latest",
  };
  assertEquals(parseRepoAndRef("busybox"), expected);
  const { tag: _tag, digest: _digest, canonicalRef: _ref, ...repo } = expected;
  assertEquals(parseRepo("busybox"), repo);
  assertStrictEquals(parseRepoAndTag, parseRepoAndRef);
});

const hubs = [
  "docker.io",
  "index.docker.io",
  "https://index.docker.io/v1/",
  "registry-1.docker.io",
];

for (const name of hubs) {
  Deno.test(`${name} is docker.io`, () => {
    assertEquals(parseIndex(name), HUB);
    assertEquals(parseRepo("busybox", name).index, HUB);
    if (!name.startsWith("https")) assertEquals(parseRepo(`${name}/busybox`), parseRepo("busybox"));
  });
}

for (const name of ["http://docker.io", "http://index.docker.io", "http://registry-1.docker.io"]) {
  Deno.test(`${name} is an error`, () => {
    assertThrows(() => parseIndex(name), InvalidReferenceError);
    assertThrows(() => parseRepo(`${name}/library/busybox`), InvalidReferenceError);
    assertThrows(
      () => new RegistryClientV2({ name: `${name}/library/busybox` }),
      InvalidReferenceError,
    );
  });
}

const schemes: [text: string, name: string, scheme: "http" | "https"][] = [
  ["localhost/a", "localhost", "http"],
  ["localhost:5000/a", "localhost:5000", "http"],
  ["127.0.0.1:5000/a", "127.0.0.1:5000", "http"],
  ["[::1]:5000/a", "[::1]:5000", "http"],
  ["https://localhost:5000/a", "localhost:5000", "https"],
  ["http://quay.io/a", "quay.io", "http"],
  ["https://quay.io/a", "quay.io", "https"],
  ["quay.io/a", "quay.io", "https"],
];

for (const [text, name, scheme] of schemes) {
  Deno.test(`${text}: is on ${name}, by ${scheme}`, () => {
    assertEquals(parseRepoAndRef(text).index, { name, official: false, scheme });
    assertEquals(parseRepoAndRef(`${text}:1`).tag, "1");
  });
}

for (const host of ["localhost", "127.0.0.1", "::1"]) {
  Deno.test(`parseIndex(${host}): http`, () => assertEquals(parseIndex(host).scheme, "http"));
}

const references: [text: string, tag: string | null, digest: string | null, ref: string][] = [
  ["busybox:1.36", "1.36", null, "docker.io/busybox:1.36"],
  [`busybox:1.36@${DIGEST}`, "1.36", DIGEST, `docker.io/busybox:1.36@${DIGEST}`],
  [`busybox@${DIGEST}`, null, DIGEST, `docker.io/busybox@${DIGEST}`],
  ["localhost:5000/a", "latest", null, "localhost:5000/a:latest"],
  [`http://localhost:5000/a:1@${DIGEST}`, "1", DIGEST, `localhost:5000/a:1@${DIGEST}`],
];

for (const [text, tag, digest, canonicalRef] of references) {
  Deno.test(`${text}: tag ${tag}, digest ${digest}`, () => {
    const image = parseRepoAndRef(text);
    assertEquals([image.tag, image.digest, image.canonicalRef], [tag, digest, canonicalRef]);
  });
}

Deno.test("the default index: a text, or what parseIndex gave", () => {
  for (const index of ["quay.io", parseIndex("quay.io")]) {
    assertEquals(parseRepo("a/b", index).canonicalName, "quay.io/a/b");
    assertEquals(parseRepoAndRef("a/b", index).canonicalRef, "quay.io/a/b:latest");
    assertEquals(parseRepo("ghcr.io/a/b", index).index.name, "ghcr.io");
    assertEquals(parseRepo("a", index).official, false);
  }
  assertEquals(parseRepo("a/b", "http://quay.io").index.scheme, "http");
  const { index } = parseRepo("a/b", { name: "quay.io", official: false, scheme: "http" });
  assertEquals(index.scheme, "http");
});

const refusedBefore: [text: string, canonicalName: string][] = [
  ["gcr.io/a/b", "gcr.io/a/b"],
  ["my--org/app", "docker.io/my--org/app"],
  ["[::1]:5000/x", "[::1]:5000/x"],
  ["registry-1.docker.io/library/busybox", "docker.io/busybox"],
];

for (const [text, canonicalName] of refusedBefore) {
  Deno.test(`${text}: the specification allows it`, () => {
    assertEquals(parseRepo(text).canonicalName, canonicalName);
  });
}
