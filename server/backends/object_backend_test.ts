import { assertEquals, assertRejects } from "@std/assert";
import { bytesStream } from "../../content/body.ts";
import { encodeText } from "../../content/bytes.ts";
import { type Digest, digestOf } from "../../content/digest.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
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
