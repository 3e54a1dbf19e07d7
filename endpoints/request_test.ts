import { assertEquals, assertThrows } from "@std/assert";
import {
  HostRefusedError,
  InvalidContentError,
  InvalidDigestError,
  InvalidReferenceError,
} from "../errors.ts";
import { type ErrorClass, fakeRegistry, ORIGIN, steps } from "./fake_registry_test.ts";
import { manifestReference, repositoryRequest, type RequestParts, resolveUrl } from "./request.ts";

const HEX = "0123456789abcdef".repeat(4);

function channelOf(origin = ORIGIN) {
  return fakeRegistry(steps(), { origin }).channel;
}

const PARTS: RequestParts = {
  method: "GET",
  repository: "library/app",
  path: "tags/list",
  actions: ["pull"],
  what: "list it",
};

Deno.test("repositoryRequest: the least", () => {
  const { headers, url, ...rest } = repositoryRequest(channelOf(), PARTS);
  assertEquals([url.href, [...headers]], [`${ORIGIN}/v2/library/app/tags/list`, []]);
  assertEquals(rest, {
    method: "GET",
    intent: { repository: "library/app", actions: ["pull"] },
    purpose: "registry",
    what: "list it",
  });
});

Deno.test("repositoryRequest: query, headers, the source of a mount, the signal", () => {
  const { signal } = new AbortController();
  const request = repositoryRequest(channelOf(), {
    ...PARTS,
    query: { a: "x y&z", n: 5, left: undefined },
    headers: { accept: "a/b" },
    mountFrom: "base/image",
    signal,
  });
  assertEquals(request.url.search, "?a=x+y%26z&n=5");
  assertEquals(request.headers.get("accept"), "a/b");
  assertEquals([request.intent!.mountFrom, request.signal], ["base/image", signal]);
});

for (const name of ["..", "a/../b", "a?b", "a#b", "a%2fb", "A", "", "a//b", "@evil.test/a"]) {
  Deno.test(`repositoryRequest: ${JSON.stringify(name)} is no repository, nor a mount's source`, () => {
    const channel = channelOf();
    assertThrows(
      () => repositoryRequest(channel, { ...PARTS, repository: name }),
      InvalidReferenceError,
    );
    assertThrows(
      () => repositoryRequest(channel, { ...PARTS, mountFrom: name }),
      InvalidReferenceError,
    );
  });
}

const REFERENCES: [reference: string, expected: { tag?: string; digest?: string } | ErrorClass][] =
  [
    ["latest", { tag: "latest" }],
    ["sha256-abc", { tag: "sha256-abc" }],
    [`sha256:${HEX}`, { digest: `sha256:${HEX}` }],
    ["blake3:abc", { digest: "blake3:abc" }],
    ["sha256:abc", InvalidDigestError],
    ["app:latest", { digest: "app:latest" }],
    ["App:latest", InvalidDigestError],
    ["", InvalidReferenceError],
    ["..", InvalidReferenceError],
    ["a/b", InvalidReferenceError],
    [undefined as unknown as string, InvalidReferenceError],
  ];

for (const [reference, expected] of REFERENCES) {
  Deno.test(`manifestReference: ${reference}`, () => {
    if (typeof expected === "function") assertThrows(() => manifestReference(reference), expected);
    else assertEquals<unknown>(manifestReference(reference), expected);
  });
}

interface Resolution {
  target: string;
  origin?: string;
  expected: string | ErrorClass;
}

const BASE = "/v2/app/blobs/uploads/";

const RESOLUTIONS: Resolution[] = [
  { target: "/x?a=%2f", expected: "https://registry.test/x?a=%2f" },
  { target: "x", expected: "https://registry.test/v2/app/blobs/uploads/x" },
  { target: "//other.test/x", expected: "https://other.test/x" },
  { target: "http://registry.test/x", expected: "https://registry.test/x" },
  { target: "http://registry.test:80/x", expected: "https://registry.test/x" },
  {
    target: "http://registry.test/x",
    origin: "https://registry.test:5000",
    expected: "https://registry.test:5000/x",
  },
  {
    target: "http://registry.test:8080/x",
    origin: "https://registry.test:5000",
    expected: "https://registry.test:5000/x",
  },
  { target: "http://other.test/x", expected: HostRefusedError },
  { target: "http://registry.test.evil.test/x", expected: HostRefusedError },
  {
    target: "http://other.test/x",
    origin: "http://registry.test",
    expected: "http://other.test/x",
  },
  {
    target: "https://registry.test/x",
    origin: "http://registry.test",
    expected: "https://registry.test/x",
  },
  { target: "https://u:p@registry.test/x?a#b", expected: "https://registry.test/x?a" },
  { target: "https://", expected: InvalidContentError },
  { target: "ftp://registry.test/x", expected: InvalidContentError },
  { target: "javascript:alert(1)", expected: InvalidContentError },
];

for (const { target, origin = ORIGIN, expected } of RESOLUTIONS) {
  Deno.test(`resolveUrl: ${target} from ${origin}`, () => {
    const resolve = () =>
      resolveUrl(channelOf(origin), target, new URL(BASE, origin), "do the thing").href;
    if (typeof expected === "function") assertThrows(resolve, expected, "Cannot do the thing");
    else assertEquals(resolve(), expected);
  });
}
