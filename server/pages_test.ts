import { assertEquals } from "@std/assert";
import { nextPage, specTest, type Wire } from "./fixture_test.ts";

const TAGS = ["v2", "V1", "latest", "1.0", "_a", "v10"];
const SORTED = ["1.0", "V1", "_a", "latest", "v10", "v2"];

async function pushTags(wire: Wire, tags = TAGS): Promise<void> {
  const { text } = await wire.manifest("app");
  for (const tag of tags) await wire.putManifest("app", tag, text);
}

specTest("end-8 GET tags/list: every tag in ASCII order, no Link", async (wire) => {
  await pushTags(wire);
  const { status, json, headers } = await wire.send("GET", "/v2/app/tags/list");
  assertEquals([status, json], [200, { name: "app", tags: SORTED }]);
  assertEquals(headers.get("link"), null);
  assertEquals(headers.get("content-type"), "application/json");
});

specTest("end-8 GET tags/list with n and last", async (wire) => {
  await pushTags(wire);
  const cases: [query: string, tags: string[], next: string | undefined][] = [
    ["n=2", ["1.0", "V1"], "n=2&last=V1"],
    ["n=2&last=V1", ["_a", "latest"], "n=2&last=latest"],
    ["n=2&last=latest", ["v10", "v2"], undefined],
    ["n=6", SORTED, undefined],
    ["n=7", SORTED, undefined],
    ["n=99999999999999999999", SORTED, undefined],
    ["n=0", [], undefined],
    ["n=0&last=V1", [], undefined],
    ["last=latest", ["v10", "v2"], undefined],
    ["last=v2", [], undefined],
    ["last=not-there", ["v10", "v2"], undefined],
    ["last=zzz", [], undefined],
    ["last=", SORTED, undefined],
    ["n=1&last=%2e%2e%2f", ["1.0"], "n=1&last=1.0"],
  ];
  for (const [query, tags, next] of cases) {
    const { status, json, headers } = await wire.send("GET", `/v2/app/tags/list?${query}`);
    assertEquals([status, json.tags], [200, tags], query);
    assertEquals(nextPage(headers), next && `/v2/app/tags/list?${next}`, query);
  }
});

specTest("end-8 GET tags/list: following Link gives every tag once", async (wire) => {
  await pushTags(wire);
  const seen: string[] = [];
  let path: string | undefined = "/v2/app/tags/list?n=1";
  while (path !== undefined) {
    const { json, headers } = await wire.send("GET", path);
    seen.push(...json.tags);
    path = nextPage(headers);
  }
  assertEquals(seen, SORTED);
});

specTest("end-8 GET tags/list: tagPageSize bounds every page", async (wire) => {
  await pushTags(wire);
  for (const query of ["", "?n=100"]) {
    const { json, headers } = await wire.send("GET", `/v2/app/tags/list${query}`);
    assertEquals(json.tags, SORTED.slice(0, 4));
    assertEquals(nextPage(headers), "/v2/app/tags/list?n=4&last=latest");
  }
}, { tagPageSize: 4 });

specTest("end-8 GET tags/list with a bad n: 400 PAGINATION_NUMBER_INVALID", async (wire) => {
  await pushTags(wire);
  for (const n of ["-1", "x", "1.5", "", "1e3", "0x10"]) {
    const { status, code } = await wire.send("GET", `/v2/app/tags/list?n=${n}`);
    assertEquals([status, code], [400, "PAGINATION_NUMBER_INVALID"], n);
  }
});

specTest("end-8 GET tags/list: 404 NAME_UNKNOWN", async (wire) => {
  const { status, code } = await wire.send("GET", "/v2/app/tags/list");
  assertEquals([status, code], [404, "NAME_UNKNOWN"]);
});

specTest("end-8 GET tags/list: a repository without tags has none", async (wire) => {
  await wire.pushBlob("app", "hello");
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).json, { name: "app", tags: [] });
});

specTest("end-8 HEAD tags/list: the length of GET, and no body", async (wire) => {
  await pushTags(wire);
  const got = await wire.send("GET", "/v2/app/tags/list");
  const head = await wire.send("HEAD", "/v2/app/tags/list");
  assertEquals([head.status, head.bytes.byteLength], [200, 0]);
  assertEquals(head.headers.get("content-length"), String(got.bytes.byteLength));
});

specTest("GET _catalog: every repository in ASCII order, with n, last and Link", async (wire) => {
  for (const name of ["b", "a/c", "a", "a-b"]) await wire.pushBlob(name, "hello");
  const cases: [query: string, repositories: string[], next: string | undefined][] = [
    ["", ["a", "a-b", "a/c"], "n=3&last=a%2Fc"],
    ["?n=2", ["a", "a-b"], "n=2&last=a-b"],
    ["?n=2&last=a-b", ["a/c", "b"], undefined],
    ["?last=a%2Fc", ["b"], undefined],
    ["?n=0", [], undefined],
  ];
  for (const [query, repositories, next] of cases) {
    const { status, json, headers } = await wire.send("GET", `/v2/_catalog${query}`);
    assertEquals([status, json], [200, { repositories }], query);
    assertEquals(nextPage(headers), next && `/v2/_catalog?${next}`, query);
  }
  const bad = await wire.send("GET", "/v2/_catalog?n=x");
  assertEquals([bad.status, bad.code], [400, "PAGINATION_NUMBER_INVALID"]);
}, { tagPageSize: 3 });
