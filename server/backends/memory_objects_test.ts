import { bytesStream } from "../../content/body.ts";
import type { Bytes } from "../../content/bytes.ts";
import type { ObjectStore } from "./object_backend.ts";

/** A storage of objects in memory, whose lists have two at most: every list has several pages. */
export class MemoryObjects implements ObjectStore {
  readonly objects = new Map<string, Bytes>();

  get(key: string, range = { offset: 0, length: Infinity }) {
    const bytes = this.objects.get(key);
    const { offset, length } = range;
    return Promise.resolve(bytes && bytesStream(bytes.subarray(offset, offset + length)));
  }

  put(key: string, bytes: Bytes): Promise<void> {
    this.objects.set(key, bytes.slice());
    return Promise.resolve();
  }

  delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
    return Promise.resolve();
  }

  list(prefix: string, after: string) {
    const keys = this.keys(prefix).filter((key) => key > after);
    const objects = keys.slice(0, 2).map((key) => ({
      key,
      size: this.objects.get(key)!.byteLength,
    }));
    return Promise.resolve({ objects, more: keys.length > 2 });
  }

  keys(prefix: string): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}
