import { assertEquals, assertRejects } from "@std/assert";
import { bytesStream } from "../../content/body.ts";
import { encodeText } from "../../content/bytes.ts";
import type { Digest } from "../../content/digest.ts";
import { digestOf } from "../../content/digest_of.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import { memoryWire } from "../fixture_test.ts";
import { MemoryObjects } from "./memory_objects_test.ts";
import { objectBackend } from "./object_backend.ts";
import { testRegistryBackend } from "./test_registry_backend.ts";

testRegistryBackend("objectBackend", () => {
  const objects = new MemoryObjects();
  return Promise.resolve({
    backend: objectBackend(objects, { segmentBytes: 1_000_000 }),
    reopen: () => Promise.resolve(objectBackend(objects)),
  });
});

const APP = "app" as RepositoryName;

Deno.test("objectBackend: no key is longer than it says", async () => {
  const objects = new MemoryObjects();
  const backend = objectBackend(objects);
  const name = "n".repeat(255) as RepositoryName;
  const bytes = encodeText("x");
  const digest = await digestOf(bytes, "sha512");
  const referrer = {
    subject: digest,
    descriptor: { mediaType: "x/y", digest, size: 1 },
  };
  const manifest = { digest, contentType: "x/y", bytes, referrer };
  await backend.putManifest(name, manifest, ["t".repeat(128) as never]);
  const upload = await backend.createUpload(name);
  await upload.finish(digest);
  assertEquals(Math.max(...objects.keys("").map((key) => key.length)) <= 600, true);
});

Deno.test("objectBackend: collect removes what no repository has, and nothing else", async () => {
  const objects = new MemoryObjects();
  const backend = objectBackend(objects, { segmentBytes: 4 });
  const push = async (text: string, name = APP) => {
    const upload = await backend.createUpload(name);
    await upload.append(pieceReader(bytesStream(encodeText(text))), () => {});
    const digest = await digestOf(encodeText(text));
    await upload.finish(digest);
    return digest;
  };
  const read = async (digest: Digest, name = APP) => {
    const blob = (await backend.blob(name, digest))!;
    return await new Response(await blob.open(0, blob.size)).text();
  };
  const other = "other" as RepositoryName;
  const [gone, shared] = [await push("0123456789"), await push("shared by two")];
  await backend.linkBlob(other, shared, APP);
  const upload = await backend.createUpload(APP);
  await upload.append(pieceReader(bytesStream(encodeText("on its way"))), () => {});
  assertEquals(await backend.collect(), 0);
  await backend.deleteBlob(APP, gone);
  await backend.deleteBlob(APP, shared);
  assertEquals(await backend.collect(), 3);
  assertEquals(await backend.collect(), 0);
  assertEquals(await read(shared, other), "shared by two");
  const digest = await digestOf(encodeText("on its way"));
  await upload.finish(digest);
  assertEquals(await read(digest), "on its way");
  await backend.deleteBlob(APP, digest);
  await backend.deleteBlob(other, shared);
  await backend.collect();
  assertEquals(objects.keys("segments/"), []);
});

Deno.test("objectBackend: an object that the storage has lost is an error, and no clean end", async () => {
  const objects = new MemoryObjects();
  const backend = objectBackend(objects, { segmentBytes: 4 });
  const upload = await backend.createUpload(APP);
  await upload.append(pieceReader(bytesStream(encodeText("0123456789"))), () => {});
  const digest = await digestOf(encodeText("0123456789"));
  await upload.finish(digest);
  objects.objects.delete(objects.keys("segments/")[1]!);
  const blob = (await backend.blob(APP, digest))!;
  const stream = await blob.open(0, 10);
  await assertRejects(() => new Response(stream).text(), Error, "the storage has lost it");
});

/** What a storage may do to an object. */
const LOSSES: [name: string, lose: (objects: MemoryObjects, key: string) => void][] = [
  ["lost", (objects, key) => void objects.objects.delete(key)],
  ["emptied", (objects, key) => void objects.objects.set(key, new Uint8Array())],
  ["cut", (objects, key) => void objects.objects.set(key, objects.objects.get(key)!.slice(0, 1))],
];

for (const [name, lose] of LOSSES) {
  Deno.test(`objectBackend: an object that is ${name} is not there, does not spread, and a push repairs it`, async () => {
    const objects = new MemoryObjects();
    const wire = memoryWire({ backend: objectBackend(objects, { segmentBytes: 4 }) });
    const blob = await wire.pushBlob("app", "hello world");
    const { digest, text } = await wire.manifest("app", { annotations: { a: "b" } });
    await wire.putManifest("app", "v1", text);
    const keys = objects.keys("").filter((key) =>
      key.startsWith("segments/") || key === `blobs/${blob}/app` || key.startsWith("manifests/")
    );
    for (const key of keys) {
      const isManifest = key.startsWith("manifests/");
      const isOther = !isManifest && key.startsWith("segments/") &&
        !new TextDecoder().decode(objects.objects.get(`blobs/${blob}/app`)).includes(key);
      if (isOther) continue; // of the configuration
      lose(objects, key);
      const path = isManifest ? "/v2/app/manifests/v1" : `/v2/app/blobs/${blob}`;
      assertEquals((await wire.send("HEAD", path)).status, 404, key);
      if (!isManifest) {
        const mount = `/v2/copy/blobs/uploads/?mount=${blob}&from=app`;
        assertEquals((await wire.send("POST", mount)).status, 202, key);
      }
      if (isManifest) assertEquals((await wire.putManifest("app", "v1", text)).status, 201);
      else await wire.pushBlob("app", "hello world");
      const { status, text: served } = await wire.send("GET", path);
      assertEquals([status, served], [200, isManifest ? text : "hello world"], key);
    }
    assertEquals((await wire.send("HEAD", `/v2/app/manifests/${digest}`)).status, 200);
  });
}

Deno.test("objectBackend: a pull reads no object that says only that the repository is there", async () => {
  const objects = new MemoryObjects();
  const wire = memoryWire({ backend: objectBackend(objects) });
  const blob = await wire.pushBlob("app", "hello world");
  await wire.pushManifest("app", "v1");
  const read: string[] = [];
  const get = objects.get.bind(objects);
  objects.get = (key, range) => (read.push(key.split("/")[0]!), get(key, range));
  for (
    const [method, path, ...expected] of [
      ["HEAD", `blobs/${blob}`, "blobs"],
      ["GET", `blobs/${blob}`, "blobs", "segments"],
      ["HEAD", "manifests/v1", "tags", "manifests"],
      ["GET", "manifests/v1", "tags", "manifests"],
    ] as const
  ) {
    assertEquals((await wire.send(method, `/v2/app/${path}`)).status, 200);
    assertEquals(read.splice(0), expected, `${method} ${path}`);
  }
  assertEquals((await wire.send("GET", "/v2/other/manifests/v1")).code, "NAME_UNKNOWN");
  assertEquals((await wire.send("GET", "/v2/app/manifests/v2")).code, "MANIFEST_UNKNOWN");
  assertEquals((await wire.send("GET", `/v2/other/blobs/${blob}`)).code, "NAME_UNKNOWN");
});
