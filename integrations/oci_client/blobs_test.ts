import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { digestOf } from "../../content/digest_of.ts";
import { BadDigestError } from "../../errors.ts";
import { createTestRegistry } from "../../testing/mod.ts";
import { HELLO, HELLO_DIGEST, MISSING, sha256, world } from "./fixture_test.ts";
import { Chunk, ClientV2, Codes, Digest, Ref, ResError } from "./mod.ts";

Deno.test("end-2 HEAD blobs: 200, 404, and ResError beyond", async () => {
  const { repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  const found = await repo.blobs.exists(HELLO_DIGEST);
  assertEquals([found.ok, found.raw.status, found.raw.headers.get("content-length")], [
    true,
    200,
    "5",
  ]);
  const missing = await repo.blobs.exists(Digest.parse(MISSING));
  assertEquals([missing.ok, missing.raw.status], [false, 404]);
  const { repo: closed } = world({ auth: { basic: { users: { you: "secret" } } } });
  const error = await assertRejects(() => closed.blobs.exists(MISSING), ResError);
  assertEquals(error.res.status, 401);
});

Deno.test("end-2 GET blobs: 200 and its bytes, verified; 404", async () => {
  const { repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  const { raw } = await repo.blobs.get(HELLO_DIGEST).unwrap();
  assertEquals([raw.status, await raw.text()], [200, "hello"]);
  const missing = repo.blobs.get(MISSING);
  assertEquals((await missing).raw.status, 404);
  assertEquals(await missing.unwrapOr((_res, errors) => errors.map(({ code }) => code)), [
    Codes.BlobUnknown,
  ]);
  const error = await assertRejects(() => missing.unwrap(), ResError, "BLOB_UNKNOWN");
  assertEquals((error.cause as Error).name, "NotFoundError");
  const wrong = new ClientV2("registry.test", {
    transport: () => Promise.resolve(new Response("other")),
  });
  const blob = await wrong.repo("app").blobs.get(HELLO_DIGEST).unwrap();
  await assertRejects(() => blob.raw.text(), BadDigestError);
});

Deno.test("end-4a, 5, 13, 6: an upload in chunks", async () => {
  const { repo } = world({ chunkMinLength: 2 });
  const started = repo.blobs.initUpload();
  assertEquals((await started).raw.status, 202);
  const { location, chunkMinLength } = await started.unwrap();
  assertInstanceOf(location, URL);
  assertEquals(chunkMinLength, 2);
  const first = repo.blobs.uploadChunk(location, new Chunk(HELLO.subarray(0, 3)));
  assertEquals((await first).raw.status, 202);
  const { location: next, range } = await first.unwrap();
  assertEquals([range?.pos, range?.length], [0, 3]);
  const status = repo.blobs.getUploadStatus(next);
  assertEquals((await status).raw.status, 204);
  const known = await status.unwrap();
  assertEquals([known.range.pos, known.range.length], [0, 3]);
  assertInstanceOf(known.location, URL);
  const href = next.href;
  const rest = new Chunk(HELLO.subarray(3), 3);
  const closed = repo.blobs.closeUpload(next, Digest.parse(HELLO_DIGEST), rest);
  assertEquals((await closed).raw.status, 201);
  assertEquals((await closed.unwrap()).location.pathname, `/v2/test/app/blobs/${HELLO_DIGEST}`);
  assertEquals(next.href, href);
});

Deno.test("end-5 PATCH blobs/uploads: 416 for a chunk out of place", async () => {
  const { repo } = world();
  const { location } = await repo.blobs.initUpload().unwrap();
  const refused = repo.blobs.uploadChunk(location, new Chunk(HELLO, 1));
  assertEquals((await refused).raw.status, 416);
  assert(await refused.unwrapOr((_res, errors) => errors.length > 0));
});

Deno.test("end-6 PUT blobs/uploads: with data of every kind; a wrong digest is refused", async () => {
  const { repo } = world();
  const datas = [
    HELLO,
    HELLO.slice().buffer,
    new DataView(HELLO.slice().buffer),
    new Blob([HELLO]),
  ];
  for (
    const data of [...datas, new Blob([HELLO]).stream(), new Chunk(new Blob([HELLO]).stream(), 5)]
  ) {
    const { location } = await repo.blobs.initUpload().unwrap();
    await repo.blobs.closeUpload(location.href, HELLO_DIGEST, data).unwrap();
  }
  const { location } = await repo.blobs.initUpload().unwrap();
  const wrong = repo.blobs.closeUpload(location, MISSING, HELLO);
  assertEquals(await wrong.unwrapOr((res, [error]) => [res.status, error?.code]), [
    400,
    Codes.DigestInvalid,
  ]);
});

Deno.test("end-4b POST blobs/uploads?digest: one request", async () => {
  const { registry, repo } = world();
  const stored = repo.blobs.upload(HELLO_DIGEST, HELLO);
  assertEquals((await stored).raw.status, 201);
  assertEquals((await stored.unwrap()).location?.pathname, `/v2/test/app/blobs/${HELLO_DIGEST}`);
  await repo.blobs.upload(HELLO_DIGEST, new Blob([HELLO]), 0).unwrap();
  await repo.blobs.upload(HELLO_DIGEST, new Chunk(HELLO)).unwrap();
  assertEquals(registry.requests.map(({ method }) => method), ["POST", "POST", "POST"]);
});

Deno.test("end-4b: a stream goes out once authentication is settled", async () => {
  const auth = { bearer: { users: { you: "secret" } } };
  const { repo } = world({ auth }, { username: "you", password: "secret" });
  const chunk = new Chunk(new Blob([HELLO]).stream(), 5);
  await repo.blobs.upload(HELLO_DIGEST, chunk).unwrap();
  assertEquals((await repo.blobs.exists(HELLO_DIGEST)).ok, true);
});

Deno.test("end-4b: 202 stores nothing, and says where to go on", async () => {
  const registry = createTestRegistry({ quirks: { singlePost: 202 } });
  const { blobs } = new ClientV2("registry.test", { transport: registry }).repo("app");
  const posted = blobs.upload(HELLO_DIGEST, HELLO);
  assertEquals((await posted).raw.status, 202);
  const { location } = await posted.unwrap();
  await blobs.closeUpload(location!, HELLO_DIGEST, HELLO).unwrap();
  assertEquals((await blobs.exists(HELLO_DIGEST)).ok, true);
});

Deno.test("end-4a, 5, 6 in one: startUpload sends chunks as large as the registry wants", async () => {
  const MiB = 1024 * 1024;
  for (const [chunkMinLength, sizes] of [[8 * MiB, [8, 2]], [1, [4, 4, 2]]] as const) {
    const { registry, repo } = world({ chunkMinLength });
    const bytes = new Uint8Array(10 * MiB).map((_, at) => at * 7 + (at >> 12));
    const upload = repo.blobs.startUpload(sha256());
    void upload.write(bytes.subarray(0, 3)); // in order, though nobody waits for it
    await upload.write(new Blob([bytes.subarray(3, 5 * MiB)]).stream());
    await upload.write(bytes.subarray(5 * MiB));
    const location = await upload.close();
    assertEquals(await upload.close(), location, "once");
    assertEquals(location.pathname, `/v2/test/app/blobs/${await digestOf(bytes)}`);
    await assertRejects(() => upload.write(bytes), TypeError);
    const sent = registry.requests.filter(({ method }) => method === "PATCH" || method === "PUT");
    assertEquals(sent.map(({ bytesIn }) => bytesIn), sizes.map((size) => size * MiB));
  }
});

Deno.test("end-4a, 6: startUpload of nothing", async () => {
  const { repo } = world();
  const location = await repo.blobs.startUpload(sha256()).close();
  assert(location.pathname.endsWith(await digestOf(new Uint8Array(0))));
});

Deno.test("end-10 DELETE blobs: 202, 404", async () => {
  const { repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  const deleted = repo.blobs.delete(HELLO_DIGEST);
  assertEquals((await deleted).raw.status, 202);
  await deleted.unwrap();
  assertEquals((await repo.blobs.delete(Digest.parse(HELLO_DIGEST))).raw.status, 404);
});

Deno.test("end-11 POST blobs/uploads?mount&from: 201; 202 is no success", async () => {
  const { client, registry, repo } = world();
  await repo.blobs.upload(HELLO_DIGEST, HELLO).unwrap();
  for (const from of ["test/app", Ref.parse("other.test/test/app:v1")]) {
    const mounted = client.repo("other").blobs.mount(HELLO_DIGEST, from);
    assertEquals((await mounted).raw.status, 201);
    assertEquals((await mounted.unwrap()).location.pathname, `/v2/other/blobs/${HELLO_DIGEST}`);
    assert(registry.requests.at(-1)!.path.endsWith("&from=test%2Fapp"));
  }
  const missing = repo.blobs.mount(MISSING, "other");
  assertEquals((await missing).raw.status, 202);
  const error = await assertRejects(() => missing.unwrap(), ResError);
  assert(error.res.headers.has("location"));
});
