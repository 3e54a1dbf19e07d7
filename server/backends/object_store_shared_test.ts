/** Several registries over one storage of objects, as Workers are: every request may meet another. */
import { assert, assertEquals } from "@std/assert";
import { digest, memoryWire, TestClock, until, Wire } from "../fixture_test.ts";
import { MemoryObjects } from "./memory_objects_test.ts";
import { objectBackend } from "./object_backend.ts";

interface World {
  /** Each request goes to the next one of two registries. */
  turns: Wire;
  one: Wire;
  other: Wire;
  objects: MemoryObjects;
}

function world(): World {
  const objects = new MemoryObjects();
  const backend = () => objectBackend(objects, { segmentBytes: 4 });
  const [one, other] = [memoryWire({ backend: backend() }), memoryWire({ backend: backend() })];
  let turn = 0;
  const turns = new Wire(
    one.registry,
    one.origin,
    (url, init) => (turn++ % 2 === 0 ? one : other).fetch(url, init),
  );
  return { turns, one, other, objects };
}

const HELLO = await digest("hello world");

Deno.test("two registries, one storage: each request of an upload meets another", async () => {
  const { turns } = world();
  const location = await turns.startUpload("app");
  for (const [index, chunk] of ["hel", "lo", " ", "wor", "ld"].entries()) {
    const { status, headers } = await turns.send("PATCH", location, { body: chunk });
    assertEquals([status, headers.get("range")], [202, `0-${[2, 4, 5, 8, 10][index]}`]);
  }
  assertEquals((await turns.send("GET", location)).headers.get("range"), "0-10");
  const outside = await turns.send("PATCH", location, {
    body: "x",
    headers: { "content-range": "3-3" },
  });
  assertEquals([outside.status, outside.headers.get("range")], [416, "0-10"]);
  assertEquals((await turns.send("PUT", `${location}?digest=${HELLO}`)).status, 201);
  for (const _ of [1, 2]) {
    assertEquals((await turns.send("GET", `/v2/app/blobs/${HELLO}`)).text, "hello world");
    assertEquals((await turns.send("GET", location)).code, "BLOB_UPLOAD_UNKNOWN");
  }
});

Deno.test("two registries, one storage: what one deletes, the other has not", async () => {
  const { one, other } = world();
  const manifest = await one.pushManifest("app", "v1");
  const hello = await one.pushBlob("app", "hello world");
  assertEquals((await other.send("GET", "/v2/app/tags/list")).json.tags, ["v1"]);
  assertEquals((await other.send("DELETE", "/v2/app/manifests/v1")).status, 202);
  assertEquals((await one.send("GET", "/v2/app/manifests/v1")).status, 404);
  assertEquals((await one.send("GET", "/v2/app/tags/list")).json.tags, []);
  assertEquals((await other.send("DELETE", `/v2/app/manifests/${manifest}`)).status, 202);
  assertEquals((await one.send("HEAD", `/v2/app/manifests/${manifest}`)).status, 404);
  assertEquals((await other.send("DELETE", `/v2/app/blobs/${hello}`)).status, 202);
  assertEquals((await one.send("HEAD", `/v2/app/blobs/${hello}`)).status, 404);
});

Deno.test("two registries, one storage: pages of tags go on where the other one ended", async () => {
  const { turns } = world();
  const tags = Array.from({ length: 40 }, (_, index) => `v${String(index).padStart(2, "0")}`);
  const { text } = await turns.manifest("app");
  await Promise.all(tags.map((tag) => turns.putManifest("app", tag, text)));
  const found: string[] = [];
  for (let last = ""; found.length < tags.length;) {
    const { json } = await turns.send("GET", `/v2/app/tags/list?n=7&last=${last}`);
    found.push(...json.tags);
    last = found.at(-1)!;
  }
  assertEquals(found, tags);
});

Deno.test("two registries, one storage: a mount, and referrers, of what the other has", async () => {
  const { one, other } = world();
  const hello = await one.pushBlob("app", "hello world");
  const mount = await other.send("POST", `/v2/b/blobs/uploads/?mount=${hello}&from=app`);
  assertEquals(mount.status, 201);
  const subject = await one.manifest("app");
  const referrer = await other.pushManifest("app", undefined, {
    subject: { mediaType: "application/vnd.oci.image.manifest.v1+json", ...subject },
  });
  const { json } = await one.send("GET", `/v2/app/referrers/${subject.digest}`);
  assertEquals(json.manifests.map((each: { digest: string }) => each.digest), [referrer]);
});

Deno.test("two registries, one storage: chunks at once are never a blob with other bytes", async () => {
  for (let round = 0; round < 20; round++) {
    const { one, other } = world();
    const location = await one.startUpload("app");
    await Promise.all([
      one.send("PATCH", location, { body: "hello world" }),
      other.send("PATCH", location, { body: "HELLO WORLD" }),
    ]);
    const closes = await Promise.all([
      one.send("PUT", `${location}?digest=${HELLO}`),
      other.send("PUT", `${location}?digest=${await digest("HELLO WORLD")}`),
    ]);
    for (const [index, text] of ["hello world", "HELLO WORLD"].entries()) {
      const { status } = closes[index]!;
      assert([201, 400, 404].includes(status), `${status}`);
      const blob = await other.send("GET", `/v2/app/blobs/${await digest(text)}`);
      if (status === 201) assertEquals(blob.text, text);
      else assertEquals(blob.status, 404);
    }
  }
});

Deno.test("two registries, one storage: an upload ends when neither is asked for it", async () => {
  const { now, later, pass } = new TestClock(Date.now());
  const objects = new MemoryObjects();
  const hour = 60 * 60 * 1_000;
  const registry = () =>
    memoryWire({
      backend: objectBackend(objects, { uploadExpiry: 2 * hour, now }),
      ...{ now, later },
    });
  const [one, other] = [registry(), registry()];
  const [used, left] = [await one.startUpload("app"), await one.startUpload("app")];
  await one.send("PATCH", left, { body: "left" });
  await pass(1.5 * hour);
  assertEquals((await other.send("PATCH", used, { body: "used" })).status, 202);
  await pass(hour);
  await until(() => objects.keys("uploads/").length === 1);
  assertEquals((await other.send("GET", left)).code, "BLOB_UPLOAD_UNKNOWN");
  assertEquals((await one.send("GET", used)).headers.get("range"), "0-3");
  await pass(2 * hour);
  await until(() => objects.keys("").length === 0);
});
