/** What the tests of pulling through share: an upstream that counts, and fails on demand. */
import type { Body } from "../../content/body.ts";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { digestOf } from "../../content/digest_of.ts";
import type { HashAlgorithm } from "../../content/hasher.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import type {
  ContentSource,
  OpenOptions,
  ReferrersOptions,
  StoreOptions,
} from "../../content/store.ts";
import { MemoryStore } from "../../stores/memory_store.ts";
import { memoryWire, type Wire } from "../fixture_test.ts";
import type { RegistryOptions } from "../options.ts";

/** A store in memory as an upstream: every call is noted, and can be made to fail or to wait. */
export class FakeUpstream implements ContentSource {
  readonly store = new MemoryStore();
  /** What was asked, in order: `resolve v1`, `open sha256:…`. */
  readonly calls: string[] = [];
  /** What every call throws, where it is set. */
  down: Error | undefined;
  /** What a call waits for. */
  wait: Promise<void> | undefined;
  /** What is given instead of the bytes. */
  body: ((descriptor: Descriptor, options: OpenOptions) => ReadableStream<Bytes>) | undefined;

  /** How often something was asked. */
  count(verb: string): number {
    return this.calls.filter((call) => call.startsWith(`${verb} `)).length;
  }

  async resolve(reference: string, options?: StoreOptions): Promise<Descriptor> {
    await this.#note(`resolve ${reference}`);
    return await this.store.resolve(reference, options);
  }

  async exists(descriptor: Descriptor, options?: StoreOptions): Promise<boolean> {
    await this.#note(`exists ${descriptor.digest}`);
    return await this.store.exists(descriptor, options);
  }

  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<ReadableStream<Bytes>> {
    await this.#note(`open ${descriptor.digest}`);
    return this.body?.(descriptor, options) ?? await this.store.open(descriptor, options);
  }

  async *tags(options?: StoreOptions): AsyncGenerator<string> {
    await this.#note("tags ");
    yield* this.store.tags(options);
  }

  async *referrers(subject: Descriptor, options?: ReferrersOptions): AsyncGenerator<Descriptor> {
    await this.#note(`referrers ${subject.digest}`);
    yield* this.store.referrers(subject, options);
  }

  async #note(call: string): Promise<void> {
    this.calls.push(call);
    await this.wait;
    if (this.down !== undefined) throw this.down;
  }

  /** Puts a blob there. */
  async blob(body: string | Bytes, algorithm?: HashAlgorithm): Promise<Descriptor> {
    return await this.#write(MEDIA_TYPES.octetStream, body, algorithm);
  }

  /** Puts a manifest there, with its configuration and layers. */
  async image(
    tag?: string,
    fields: Record<string, unknown> = {},
    algorithm?: HashAlgorithm,
  ): Promise<Descriptor> {
    const config = await this.#write(MEDIA_TYPES.ociEmpty, "{}");
    const manifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config,
      layers: [],
      ...fields,
    };
    const text = JSON.stringify(manifest);
    const descriptor = await this.#write(MEDIA_TYPES.ociManifest, text, algorithm);
    if (tag !== undefined) await this.store.tag(descriptor, tag);
    return descriptor;
  }

  async #write(mediaType: string, body: Body | string, algorithm?: HashAlgorithm) {
    const bytes = typeof body === "string" ? encodeText(body) : body as Bytes;
    const digest = await digestOf(bytes, algorithm);
    const descriptor = { mediaType, digest, size: bytes.byteLength };
    await this.store.write(descriptor, bytes);
    return descriptor;
  }
}

/** A registry in front of a fake upstream. */
export interface PulledThrough {
  upstream: FakeUpstream;
  wire: Wire;
  /** The failures that the registry reported. */
  errors: unknown[];
  /** Moves the registry's clock on, by milliseconds. */
  later(milliseconds: number): void;
}

/** Makes a registry in front of a fake upstream. */
export function pulledThrough(options: RegistryOptions = {}): PulledThrough {
  const upstream = new FakeUpstream();
  const errors: unknown[] = [];
  let time = 1_000_000;
  const wire = memoryWire({
    upstream,
    now: () => time,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { upstream, wire, errors, later: (milliseconds) => void (time += milliseconds) };
}

/** Bytes that repeat only after a long time. */
export function noise(size: number): Bytes {
  const bytes = new Uint8Array(size);
  let state = 7;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
