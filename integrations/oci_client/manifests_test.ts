import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { digestOf } from "../../content/digest_of.ts";
import { encodeText } from "../../content/bytes.ts";
import { InvalidManifestError } from "../../errors.ts";
import { fallbackTag } from "../../manifest/referrers_index.ts";
import { manifestOf, MISSING, pushed, world } from "./fixture_test.ts";
import { mediaType, oci } from "./media_types/mod.ts";
import { ClientV2, Codes, Digest, Ref } from "./mod.ts";

Deno.test("end-3 HEAD manifests: 200 and 404; the Ref's own, else latest", async () => {
  const { client, registry, digest } = await pushed();
  const repo = client.repo("test/app:v1");
  assertEquals((await repo.manifests.exists()).ok, true);
  assertEquals((await repo.manifests.exists(Digest.parse(digest))).ok, true);
  const missing = await repo.manifests.exists("v2");
  assertEquals([missing.ok, missing.raw.status], [false, 404]);
  assertEquals((await client.repo("test/app").manifests.exists()).ok, false);
  assertEquals(registry.requests.at(-1)!.path, "/v2/test/app/manifests/latest");
  assertEquals((await client.repo(Ref.parse(`test/app@${digest}`)).manifests.exists()).ok, true);
});

Deno.test("end-3 GET manifests: the JSON, its response, and as()", async () => {
  const { repo, digest } = await pushed();
  const opaque = await repo.manifests.get("v1").unwrap();
  assertEquals({ ...opaque }, JSON.parse(manifestOf()));
  assertEquals(opaque.as(oci.image.manifestV1)?.config.digest, oci.empty.digest);
  assertEquals(opaque.as(oci.image.indexV1), undefined);
  assertEquals(opaque.as(mediaType({ name: "" }, "application/vnd.other")), undefined);
  assertEquals(await digestOf(encodeText(await opaque.raw.text())), digest, "to the byte");
  const missing = repo.manifests.get("v2");
  assertEquals((await missing).raw.status, 404);
  assertEquals(await missing.unwrapOr((_res, errors) => errors[0]?.code), Codes.ManifestUnknown);
});

Deno.test("end-3 GET manifests: every manifest type is accepted, after a challenge too", async () => {
  const bearer = { users: { you: "secret" }, anonymous: ["pull"] } as const;
  const accepted: (string | null)[] = [];
  const { registry } = world({ auth: { bearer: { ...bearer, anonymous: ["pull"] } } });
  const client = new ClientV2("registry.test", {
    transport(input, init) {
      const request = new Request(input, init);
      if (request.url.includes("/manifests/")) accepted.push(request.headers.get("accept"));
      return registry.fetch(request);
    },
  });
  assertEquals((await client.repo("app").manifests.get("v1")).raw.status, 404);
  assertEquals(accepted.length > 1, true);
  for (const accept of accepted) {
    for (const type of ["oci.image.manifest.v1", "oci.image.index.v1", "manifest.list.v2"]) {
      assert(accept?.includes(type), String(accept));
    }
  }
});

Deno.test("end-7 PUT manifests: to the byte, and its location", async () => {
  const { repo, digest } = await pushed();
  const spaced = `${manifestOf()}\n`;
  const put = repo.manifests.put("v2", oci.image.manifestV1, spaced);
  assertEquals((await put).raw.status, 201);
  assert((await put.unwrap()).location?.includes("/v2/test/app/manifests/"));
  const { raw } = await repo.manifests.get("v2").unwrap();
  assertEquals(await raw.text(), spaced);
  for (const body of [encodeText(manifestOf()), new Blob([manifestOf()])]) {
    await repo.manifests.put(Digest.parse(digest), oci.image.manifestV1, body).unwrap();
  }
  await assertRejects(
    () => repo.manifests.put("v3", oci.image.manifestV1, "{}").unwrap(),
    InvalidManifestError,
  );
  const layers = [{ mediaType: "text/plain", digest: MISSING, size: 1 }];
  const refused = repo.manifests.put("v3", oci.image.manifestV1, manifestOf({ layers }));
  assertEquals(await refused.unwrapOr((_res, [error]) => error?.code), Codes.ManifestBlobUnknown);
});

Deno.test("end-8a GET tags/list: all pages; 404", async () => {
  const { client, registry, repo } = await pushed({ tagPageSize: 2 });
  for (const tag of ["v2", "v3", "v4", "v5"]) {
    await repo.manifests.put(tag, oci.image.manifestV1, manifestOf()).unwrap();
  }
  const asked = registry.requests.length;
  const list = repo.tags.list();
  assertEquals((await list).raw.status, 200);
  const value = await list.unwrap();
  assertEquals({ ...value }, { name: "test/app", tags: ["v1", "v2", "v3", "v4", "v5"] });
  assertEquals(registry.requests.length - asked, 3);
  const missing = client.repo("none").tags.list();
  assertEquals(await missing.unwrapOr((res, [error]) => [res.status, error?.code]), [
    404,
    Codes.NameUnknown,
  ]);
});

Deno.test("end-8b GET tags/list?n&last: one page", async () => {
  const { registry, repo } = await pushed();
  for (const tag of ["v2", "v3"]) {
    await repo.manifests.put(tag, oci.image.manifestV1, manifestOf()).unwrap();
  }
  assertEquals((await repo.tags.list({ n: 1, last: "v1" }).unwrap()).tags, ["v2"]);
  assertEquals(registry.requests.at(-1)!.path, "/v2/test/app/tags/list?n=1&last=v1");
  assertEquals((await repo.tags.list({ n: 0 }).unwrap()).tags, []);
  assertEquals((await repo.tags.list({ last: "v1" }).unwrap()).tags, ["v2", "v3"]);
  assert((await repo.tags.list({ n: 2 })).raw.headers.get("link")?.includes('rel="next"'));
  assertThrows(() => repo.tags.list({ n: -1 }), Error, "'n'");
});

Deno.test("end-9 DELETE manifests: 202, 404", async () => {
  const { repo, digest } = await pushed();
  const deleted = repo.manifests.delete(digest);
  assertEquals((await deleted).raw.status, 202);
  await deleted.unwrap();
  assertEquals((await repo.manifests.delete(Digest.parse(digest))).raw.status, 404);
});

for (const referrersApi of [true, false]) {
  const from = referrersApi ? "the API" : "the fallback tag";
  Deno.test(`end-12a, 12b GET referrers: from ${from}`, async () => {
    const { repo, digest } = await pushed({ referrersApi, referrersPageSize: 1 });
    const subject = { mediaType: oci.image.manifestV1, digest, size: manifestOf().length };
    const types = ["application/a", "application/b"];
    await Promise.all(types.map(async (artifactType) => {
      const put = repo.manifests.put(
        await digestOf(encodeText(manifestOf({ artifactType, subject }))),
        oci.image.manifestV1,
        manifestOf({ artifactType, subject }),
      );
      const { raw } = await put;
      assertEquals(raw.headers.get("oci-subject"), referrersApi ? digest : null);
      const own = await digestOf(encodeText(manifestOf({ artifactType, subject })));
      assert(raw.headers.get("location")?.endsWith(own), "not the fallback tag's answer");
    }));
    const all = repo.referrers.get(digest);
    assertEquals((await all).raw.status, 200);
    const { manifests, mediaType } = await all.unwrap();
    assertEquals(manifests.map(({ artifactType }) => artifactType).sort(), types);
    assertEquals(mediaType, oci.image.indexV1 as string);
    assertEquals((await (await all).raw.json()).manifests, manifests);
    const some = await repo.referrers.get(Digest.parse(digest), { artifactType: types[1]! })
      .unwrap();
    assertEquals(some.manifests.map(({ artifactType }) => artifactType), [types[1]]);
    assertEquals((await repo.manifests.exists(fallbackTag(digest))).ok, !referrersApi);
  });
}

Deno.test("end-7 PUT manifests: an answer that is lost is no failure when the manifest is there", async () => {
  const { registry, repo: { manifests } } = await pushed();
  let lost = 0;
  const client = new ClientV2("registry.test", {
    retry: { minDelay: 1 },
    async transport(input, init) {
      const request = new Request(input, init);
      const response = await registry.fetch(request);
      if (request.method !== "PUT") return response;
      lost++;
      throw new TypeError("connection reset");
    },
  });
  const put = client.repo("test/app").manifests.put("v9", oci.image.manifestV1, manifestOf());
  assertEquals((await put.unwrap()).location, null);
  assertEquals([lost, (await put).raw.status, (await manifests.exists("v9")).ok], [1, 200, true]);
});
