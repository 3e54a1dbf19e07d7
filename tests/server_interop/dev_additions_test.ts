/** end-4c and end-7b, davit's client against the embedded registry and the real ones. */
import { assertEquals, assertRejects } from "@std/assert";
import { type Bytes, digestOf, InvalidOptionError, RegistryStore } from "../../mod.ts";
import { type OnRegistry, testRegistries } from "../endpoints/on_registries.ts";
import { assertBytes, newArtifact, randomBytes } from "../endpoints/samples.ts";

/** The requests that a client's repository was sent with `PUT`. */
function puts(on: OnRegistry, repository: string): string[] {
  return on.events.flatMap((event) =>
    event.type === "response" && event.method === "PUT" && event.url.includes(`/${repository}/`)
      ? `${new URL(event.url).pathname.split("/").at(-1)!.slice(0, 9)}${new URL(event.url).search}`
      : []
  );
}

/** Whether a registry takes tags beside a digest. */
const TAKES_TAGS = ["embedded", "olareg"];

testRegistries("the specification's additions", [
  ["end-7b PUT: a manifest under its digest, with tags", async (on) => {
    const client = on.client();
    const { bytes, descriptor } = await newArtifact(client);
    const tags = ["one", "two.2", "_three"];
    const put = await client.putManifest({ manifestData: bytes, ref: descriptor.digest, tags });
    assertEquals(put.digest, descriptor.digest);
    for (const tag of tags) {
      assertEquals((await client.headManifest({ ref: tag })).digest, descriptor.digest);
    }
    assertEquals([...(await client.listTags()).tags].sort(), [...tags].sort());
    const manifests = puts(on, client.repo.remoteName).filter((put) => !put.includes("digest="));
    const first = `${descriptor.digest.slice(0, 9)}?tag=one&tag=two.2&tag=_three`;
    assertEquals(manifests, TAKES_TAGS.includes(on.kind) ? [first] : [first, ...tags]);
  }],
  ["end-7b PUT: more tags than a request takes", async (on) => {
    const client = on.client();
    const { bytes, descriptor } = await newArtifact(client);
    const tags = Array.from({ length: 60 }, (_, at) => `v1.${at}`);
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest, tags });
    assertEquals([...(await client.listTags()).tags].sort(), [...tags].sort());
  }],
  ["end-7b PUT: a tag of a sha512 manifest", async (on) => {
    if (!on.can("sha512 manifests")) return;
    const client = on.client();
    const store = new RegistryStore(client);
    const { bytes, descriptor } = await newArtifact(client, { digestAlgorithm: "sha512" });
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest, tags: ["one"] });
    await store.tag(descriptor, "two");
    const named = TAKES_TAGS.includes(on.kind) ? descriptor.digest : await digestOf(bytes);
    for (const tag of ["one", "two"]) {
      const found = await client.getManifest({ ref: tag });
      assertEquals(found.digest, named);
      assertBytes(found.bytes, bytes);
      assertEquals((await store.resolve(tag)).digest, named);
    }
  }],
  ["end-7b PUT: tags without a digest", async (on) => {
    const client = on.client();
    const { bytes } = await newArtifact(client);
    await assertRejects(
      () => client.putManifest({ manifestData: bytes, ref: "one", tags: ["two"] }),
      InvalidOptionError,
    );
  }],
  ["end-4c POST: a sha512 blob in chunks, by hand", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_001);
    const digest = await digestOf(bytes, "sha512");
    let session = await client.startBlobUpload({ digestAlgorithm: "sha512" });
    for (let at = 0; at < bytes.byteLength; at += 100_000) {
      const data: Bytes = bytes.slice(at, at + 100_000);
      session = await client.uploadBlobChunk({ session, data });
    }
    assertEquals(session.offset, bytes.byteLength);
    await client.completeBlobUpload({ session, digest });
    const blob = await client.getBlob(digest);
    assertEquals([blob.size, blob.verified], [bytes.byteLength, true]);
    assertBytes(await blob.bytes(), bytes);
  }],
  ["end-2, end-3: a store resolves blobs by digest too", async (on) => {
    const client = on.client();
    const store = new RegistryStore(client);
    const { digest } = await client.putBlob(randomBytes(1_234));
    const descriptor = await store.resolve(digest);
    assertEquals(descriptor, { mediaType: "application/octet-stream", digest, size: 1_234 });
    assertEquals(await store.exists(descriptor), true);
  }],
], ["none", "bearer"]);
