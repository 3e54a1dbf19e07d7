/** What the stores' contract writes: bodies of every kind, good and bad, and small images. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ContentNotFoundError } from "../errors.ts";
import type { Body } from "./body.ts";
import { type Bytes, encodeText } from "./bytes.ts";
import type { Descriptor } from "./descriptor.ts";
import { describeBytes } from "./describe_bytes.ts";
import { MEDIA_TYPES } from "./media_types.ts";
import type { ContentStore, OpenOptions } from "./store.ts";

/**
 * A rule of the contract; `damage` changes a stored byte as it is read, and `spoil` where it rests,
 * where the store can be damaged.
 */
export type Case = [
  title: string,
  run: (
    store: ContentStore,
    damage?: (descriptor: Descriptor) => Promise<void>,
    spoil?: (descriptor: Descriptor) => Promise<void>,
  ) => Promise<void>,
];

/** The four kinds of body, over the same bytes. */
export function bodies(): [kind: string, make: (content: Bytes) => Body][] {
  return [
    ["a Uint8Array", (content) => content],
    ["a Blob", (content) => new Blob([content])],
    ["a byte stream", (content) => stream(content)],
    ["a stream of pieces", (content) => pieces(content)],
    ["a body that can be opened again", (content) => ({
      size: content.byteLength,
      open: (offset = 0) => stream(content, offset),
    })],
    ["a body of unknown size that can be opened again", (content) => ({
      open: (offset = 0) => pieces(content.slice(offset)),
    })],
  ];
}

/** Bodies that are not what the descriptor of `content` says. */
export function mismatches(): [what: string, make: (content: Bytes) => Body][] {
  const wrong = (content: Bytes) => content.map((byte) => byte ^ 1);
  const long = (content: Bytes) => new Uint8Array(content.byteLength + 1);
  return [
    ["other bytes", wrong],
    ["a stream of other bytes", (content) => stream(wrong(content))],
    ["too few bytes", (content) => content.slice(1)],
    ["a stream that is too short", (content) => stream(content.slice(0, -1))],
    ["a stream without any bytes", () => stream(encodeText(""))],
    ["too many bytes", long],
    ["a stream that is too long", (content) => stream(long(content))],
    [
      "an endless stream",
      (content) =>
        new ReadableStream({ pull: (controller) => controller.enqueue(content.slice()) }),
    ],
    ["a stream that fails in the middle", (content) => {
      let pulls = 0;
      return new ReadableStream({
        pull(controller) {
          if (pulls++ === 3) throw new Error("the disk is gone");
          controller.enqueue(content.slice(0, 1000));
        },
      });
    }],
    ["a stream that was read before", (content) => {
      const used = stream(content);
      void used.cancel();
      return used;
    }],
    ["a body that cannot be opened", () => ({
      open: () => Promise.reject(new Error("the disk is gone")),
    })],
  ];
}

/** A byte stream over a copy of some bytes. */
export function stream(content: Bytes, offset = 0): ReadableStream<Bytes> {
  return new Blob([content.subarray(offset)]).stream();
}

/** A stream of pieces of uneven sizes, which are not a byte stream's. */
function pieces(content: Bytes): ReadableStream<Bytes> {
  let offset = 0;
  let length = 1;
  return new ReadableStream({
    pull(controller) {
      if (offset === content.byteLength) return controller.close();
      const piece = content.slice(offset, offset + length);
      offset += piece.byteLength;
      length = length * 3 + 1;
      controller.enqueue(piece);
    },
  });
}

/** Bytes that do not repeat within any buffer's size. */
export function pattern(size: number): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 0x9e3779b9 ^ size;
  for (let index = 0; index < words.length; index++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + index | 0;
    words[index] = state;
  }
  return new Uint8Array(words.buffer).slice(0, size);
}

export async function describe(content: Bytes): Promise<Descriptor> {
  return await describeBytes(content, MEDIA_TYPES.octetStream);
}

export function blob(text: string): Promise<Descriptor> {
  return describe(encodeText(text));
}

/** A manifest with a configuration and no layers: the smallest that registries take. */
export async function image(
  label: string,
  extra: { subject?: Descriptor; artifactType?: string } = {},
): Promise<{ descriptor: Descriptor; bytes: Bytes; config: Descriptor; configBytes: Bytes }> {
  const configBytes = encodeText(JSON.stringify({ label }));
  const config = { ...await describe(configBytes), mediaType: MEDIA_TYPES.ociConfig };
  const bytes = encodeText(JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    ...(extra.artifactType && { artifactType: extra.artifactType }),
    config,
    layers: [],
    ...(extra.subject && { subject: pick(extra.subject) }),
    annotations: { "example.label": label },
  }));
  const descriptor = { ...await describe(bytes), mediaType: MEDIA_TYPES.ociManifest };
  return { descriptor, bytes, config, configBytes };
}

export function pick({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

export async function readWhole(
  store: ContentStore,
  descriptor: Descriptor,
  options?: OpenOptions,
): Promise<Bytes> {
  return new Uint8Array(await new Response(await store.open(descriptor, options)).arrayBuffer());
}

export async function textOf(
  store: ContentStore,
  descriptor: Descriptor,
  options?: OpenOptions,
): Promise<string> {
  return new TextDecoder().decode(await readWhole(store, descriptor, options));
}

export async function assertAbsent(store: ContentStore, descriptor: Descriptor): Promise<void> {
  assertEquals(await store.exists(descriptor), false);
  await rejects(readWhole(store, descriptor), ContentNotFoundError);
}

/** What a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await assertRejects(() => promise);
}

export async function rejects(
  promise: Promise<unknown>,
  errorClass: abstract new (...args: never[]) => Error,
): Promise<void> {
  const error = await failure(promise);
  assert(
    error instanceof errorClass,
    `expected ${errorClass.name}, got ${error instanceof Error ? error.stack : error}`,
  );
}
