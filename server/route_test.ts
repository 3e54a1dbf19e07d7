import { assertEquals } from "@std/assert";
import { EMPTY_DIGEST as D, specTest } from "./fixture_test.ts";
import { Refusal } from "./refusal.ts";
import { routeOf } from "./route.ts";

const longest = "a".repeat(255);

for (
  const [path, expected] of [
    ["/v2", { kind: "ping" }],
    ["/v2/", { kind: "ping" }],
    ["/v2/_catalog", { kind: "catalog" }],
    ["/v2/app/manifests/v1", { kind: "manifest", repository: "app", reference: "v1" }],
    ["/v2/a/b/c/blobs/x", { kind: "blob", repository: "a/b/c", digest: "x" }],
    ["/v2/app/blobs/sha256%3Ax", { kind: "blob", repository: "app", digest: "sha256:x" }],
    ["/v2/app/blobs/%E0%A4%A", { kind: "blob", repository: "app", digest: "%E0%A4%A" }],
    ["/v2/app/blobs/uploads/", { kind: "uploads", repository: "app" }],
    ["/v2/app/blobs/uploads", { kind: "uploads", repository: "app" }],
    ["/v2/app/blobs/uploads/1-2", { kind: "upload", repository: "app", id: "1-2" }],
    ["/v2/app/tags/list", { kind: "tags", repository: "app" }],
    [`/v2/app/referrers/${D}`, { kind: "referrers", repository: "app", digest: D }],
    // Repositories that are called like parts of the API.
    ["/v2/tags/tags/list", { kind: "tags", repository: "tags" }],
    ["/v2/tags/list/tags/list", { kind: "tags", repository: "tags/list" }],
    ["/v2/manifests/manifests/manifests", {
      kind: "manifest",
      repository: "manifests",
      reference: "manifests",
    }],
    ["/v2/blobs/uploads/manifests/v1", {
      kind: "manifest",
      repository: "blobs/uploads",
      reference: "v1",
    }],
    ["/v2/blobs/blobs/uploads/", { kind: "uploads", repository: "blobs" }],
    ["/v2/app/uploads/blobs/x", { kind: "blob", repository: "app/uploads", digest: "x" }],
    ["/v2/referrers/blobs/uploads/blobs/uploads/x", {
      kind: "upload",
      repository: "referrers/blobs/uploads",
      id: "x",
    }],
    [`/v2/${longest}/tags/list`, { kind: "tags", repository: longest }],
  ] as const
) {
  Deno.test(`routeOf: ${path.slice(0, 80)}`, () => {
    assertEquals<unknown>(routeOf(path), expected);
  });
}

const invalid: [status: number, code: string] = [400, "NAME_INVALID"];
const unknown: [status: number, code: string] = [404, "UNSUPPORTED"];

for (
  const [path, [status, code]] of [
    ["/", unknown],
    ["/v1/app/tags/list", unknown],
    ["/v2/app", unknown],
    ["/v2/app/tags", unknown],
    ["/v2/app/tags/other", unknown],
    ["/v2/app/uploads/x", unknown],
    ["/v2x/", unknown],
    ["/v2/_catalog/", unknown],
    [`/v2/${"a/".repeat(10_000)}b`, unknown],
    ["/v2/tags/list", invalid],
    ["/v2//tags/list", invalid],
    ["/v2/manifests/v1", invalid],
    ["/v2/blobs/uploads/", invalid],
    ["/v2/App/tags/list", invalid],
    ["/v2/a//b/tags/list", invalid],
    ["/v2/app//tags/list", invalid],
    ["/v2/-app/tags/list", invalid],
    ["/v2/app-/tags/list", invalid],
    ["/v2/a___b/tags/list", invalid],
    ["/v2/a..b/tags/list", invalid],
    ["/v2/../tags/list", invalid],
    ["/v2/a%2fb/tags/list", invalid],
    ["/v2/a%2Fb/tags/list", invalid],
    ["/v2/%2e%2e/tags/list", invalid],
    ["/v2/a%00b/tags/list", invalid],
    ["/v2/%61/tags/list", invalid],
    ["/v2/ä/tags/list", invalid],
    [`/v2/${"a".repeat(256)}/tags/list`, invalid],
    [`/v2/${"a/".repeat(10_000)}b/manifests/v1`, invalid],
  ] as [string, [number, string]][]
) {
  Deno.test(`routeOf: ${path.slice(0, 80)} is refused: ${status} ${code}`, () => {
    let refusal: unknown;
    try {
      routeOf(path);
    } catch (error) {
      refusal = error;
    }
    assertEquals<unknown>(refusal instanceof Refusal && [refusal.status, refusal.code], [
      status,
      code,
    ]);
  });
}

specTest("end-1 GET /v2/: 200 and an empty object", async (wire) => {
  for (const path of ["/v2/", "/v2"]) {
    const { status, text, headers } = await wire.send("GET", path);
    assertEquals([status, text], [200, "{}"]);
    assertEquals(headers.get("docker-distribution-api-version"), "registry/2.0");
  }
  const head = await wire.send("HEAD", "/v2/");
  assertEquals([head.status, head.headers.get("content-length")], [200, "2"]);
});

specTest("every path with another method: 405 UNSUPPORTED with Allow", async (wire) => {
  const cases: [method: string, path: string, allow: string][] = [
    ["POST", "/v2/", "GET, HEAD"],
    ["DELETE", "/v2/_catalog", "GET, HEAD"],
    ["POST", "/v2/app/manifests/v1", "GET, HEAD, PUT, DELETE"],
    ["PATCH", `/v2/app/blobs/${D}`, "GET, HEAD, DELETE"],
    ["GET", "/v2/app/blobs/uploads/", "POST"],
    ["POST", "/v2/app/blobs/uploads/x", "PATCH, PUT, GET, DELETE"],
    ["PUT", "/v2/app/tags/list", "GET, HEAD"],
    ["DELETE", `/v2/app/referrers/${D}`, "GET, HEAD"],
    ["OPTIONS", "/v2/app/tags/list", "GET, HEAD"],
  ];
  for (const [method, path, allow] of cases) {
    const { status, code, headers } = await wire.send(method, path);
    assertEquals([status, code, headers.get("allow")], [405, "UNSUPPORTED", allow], path);
  }
});

specTest("repositories called like parts of the API work", async (wire) => {
  for (const name of ["tags", "tags/list", "blobs/uploads", "manifests", "referrers", "v2"]) {
    const digest = await wire.pushManifest(name, "list");
    const head = await wire.send("HEAD", `/v2/${name}/manifests/list`);
    assertEquals(head.headers.get("docker-content-digest"), digest, name);
    const tags = await wire.send("GET", `/v2/${name}/tags/list`);
    assertEquals(tags.json, { name, tags: ["list"] });
  }
});
