/**
 * A registry on Cloudflare R2: a Worker with a bucket as `BUCKET`, and a password as a secret.
 *
 *     npx wrangler deploy examples/object_store/r2_registry.ts
 */
import { createRegistry, objectBackend, type ObjectStore } from "@davit/registry-client/server";

/** The part of R2's binding that is used; Cloudflare's own types have the rest. */
export interface R2Bucket {
  get(
    key: string,
    options?: { range?: { offset: number; length: number } },
  ): Promise<{ body: ReadableStream<Uint8Array<ArrayBuffer>> } | null>;
  put(key: string, value: Uint8Array<ArrayBuffer>): Promise<unknown>;
  delete(keys: string[]): Promise<void>;
  list(options: { prefix: string; startAfter: string }): Promise<{
    objects: { key: string; size: number }[];
    truncated: boolean;
  }>;
}

/** R2 deletes no more at once. */
const MAX_DELETES = 1_000;

/** A bucket, as the registry wants it. */
export function r2Store(bucket: R2Bucket): ObjectStore {
  return {
    async get(key, range) {
      const object = await bucket.get(key, range && { range });
      return object?.body;
    },
    async put(key, bytes) {
      await bucket.put(key, bytes);
    },
    async delete(keys) {
      for (let at = 0; at < keys.length; at += MAX_DELETES) {
        await bucket.delete(keys.slice(at, at + MAX_DELETES));
      }
    },
    async list(prefix, startAfter) {
      const { objects, truncated } = await bucket.list({ prefix, startAfter });
      return { objects: objects.map(({ key, size }) => ({ key, size })), more: truncated };
    },
  };
}

export default {
  /** Answers a request: whoever knows the password pushes, and everybody pulls. */
  fetch(request: Request, env: { BUCKET: R2Bucket; PASSWORD: string }): Promise<Response> {
    const registry = createRegistry({
      backend: objectBackend(r2Store(env.BUCKET)),
      auth: { basic: { users: { admin: env.PASSWORD }, anonymous: ["pull"] } },
    });
    return registry.fetch(request);
  },
};
