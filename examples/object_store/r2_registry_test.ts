import { assertEquals, assertRejects } from "@std/assert";
import { objectBackend } from "../../server/mod.ts";
import { testRegistryBackend } from "../../server/backends/test_registry_backend.ts";
import worker, { type R2Bucket, r2Store } from "./r2_registry.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * An R2 bucket in memory, with R2's own manners: keys of up to 1,024 bytes, lists of up to 1,000
 * objects in the order of their keys' bytes, no more than 1,000 deletes at once, and no range outside
 * an object. Here a list has three, so that every list has several pages.
 *
 * @see https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
 */
class MemoryBucket implements R2Bucket {
  readonly objects = new Map<string, Bytes>();

  async get(key: string, options?: { range?: { offset: number; length: number } }) {
    await this.#check(key);
    const bytes = this.objects.get(key);
    if (bytes === undefined) return null;
    const { offset, length } = options?.range ?? { offset: 0, length: bytes.byteLength };
    if (offset < 0 || length < 1 && bytes.byteLength > 0 || offset + length > bytes.byteLength) {
      throw new Error("get: The requested range is not satisfiable (10039)");
    }
    return { body: new Blob([bytes.slice(offset, offset + length)]).stream() };
  }

  async put(key: string, value: Bytes) {
    await this.#check(key);
    this.objects.set(key, value.slice());
    return { key };
  }

  async delete(keys: string[]) {
    if (keys.length > 1_000) throw new Error("delete: too many keys");
    for (const key of keys) {
      await this.#check(key);
      this.objects.delete(key);
    }
  }

  async list({ prefix, startAfter }: { prefix: string; startAfter: string }) {
    await this.#check(prefix);
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix) && key > startAfter)
      .sort(([one], [other]) => one < other ? -1 : 1)
      .map(([key, { byteLength }]) => ({ key, size: byteLength, etag: "x" }));
    return { objects: found.slice(0, 3), truncated: found.length > 3 };
  }

  async #check(key: string): Promise<void> {
    await Promise.resolve(); // nothing happens at once
    if (new TextEncoder().encode(key).byteLength > 1_024) {
      throw new Error("The specified key is too long (10020)");
    }
  }
}

testRegistryBackend("an R2 bucket", () => {
  const bucket = new MemoryBucket();
  const options = { segmentBytes: 1_000_000 };
  return Promise.resolve({
    backend: objectBackend(r2Store(bucket), options),
    reopen: () => Promise.resolve(objectBackend(r2Store(bucket), options)),
  });
});

Deno.test("an R2 bucket: 2,500 objects are deleted", async () => {
  const bucket = new MemoryBucket();
  const keys = Array.from({ length: 2_500 }, (_, index) => `key${index}`);
  for (const key of keys) bucket.objects.set(key, new Uint8Array(1));
  await assertRejects(() => bucket.delete(keys), Error, "too many");
  await r2Store(bucket).delete(keys);
  assertEquals(bucket.objects.size, 0);
});

Deno.test("the Worker: whoever knows the password pushes, and everybody pulls", async () => {
  const env = { BUCKET: new MemoryBucket(), PASSWORD: "secret" };
  const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const push = (headers: HeadersInit) =>
    worker.fetch(
      new Request(`https://registry.test/v2/app/blobs/uploads/?digest=${digest}`, {
        method: "POST",
        body: "hello",
        headers,
      }),
      env,
    );
  assertEquals((await push({})).status, 401);
  assertEquals((await push({ authorization: `Basic ${btoa("admin:secret")}` })).status, 201);
  const request = new Request(`https://registry.test/v2/app/blobs/${digest}`);
  assertEquals(await (await worker.fetch(request, env)).text(), "hello");
});
