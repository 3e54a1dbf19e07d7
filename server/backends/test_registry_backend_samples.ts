import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesStream } from "../../content/body.ts";
import { type Bytes, encodeText } from "../../content/bytes.ts";
import type { Digest } from "../../content/digest.ts";
import { digestOf } from "../../content/digest_of.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import { type PieceReader, pieceReader } from "../../content/piece_reader.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import type { Tag } from "../../reference/tag.ts";
import type { BackendUpload, RegistryBackend, StoredManifest } from "./backend.ts";

/** A backend under test. */
export interface RegistryBackendUnderTest {
  /** The backend; empty. */
  backend: RegistryBackend;
  /**
   * A second backend on the same storage, as after a restart: for one that keeps everything. What was
   * acknowledged by the first one must be there.
   */
  reopen?(): Promise<RegistryBackend>;
  /** Ends whatever was started for it. */
  close?(): Promise<void>;
}

/** A rule of the contract, and what shows whether it is kept. */
export type Case = [title: string, run: (test: RegistryBackendUnderTest) => Promise<void>];

export function repo(name: string): RepositoryName {
  return name as RepositoryName;
}

export function tag(name: string): Tag {
  return name as Tag;
}

export function digestOfText(text: string): Promise<Digest> {
  return digestOf(encodeText(text));
}

export async function append(
  upload: BackendUpload,
  text: string,
  maximum?: number,
): Promise<boolean> {
  const reader = pieceReader(bytesStream(encodeText(text)));
  return await upload.append(reader, () => {}, maximum);
}

export async function pushBlob(
  backend: RegistryBackend,
  name: string,
  content: string | Bytes,
): Promise<Digest> {
  const bytes = typeof content === "string" ? encodeText(content) : content;
  const upload = await backend.createUpload(repo(name));
  await upload.append(pieceReader(bytesStream(bytes)), () => {});
  const digest = await digestOf(bytes);
  await upload.finish(digest);
  return digest;
}

export async function readBlob(
  backend: RegistryBackend,
  name: string,
  digest: Digest,
): Promise<Bytes> {
  const blob = await backend.blob(repo(name), digest);
  assert(blob !== undefined, `${name} does not have ${digest}`);
  return await bytesOf(await blob.open(0, blob.size));
}

export async function textOf(
  backend: RegistryBackend,
  name: string,
  digest: Digest,
): Promise<string> {
  return new TextDecoder().decode(await readBlob(backend, name, digest));
}

export async function bytesOf(stream: ReadableStream<Bytes>): Promise<Bytes> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A manifest, as a backend gets it: what its bytes say is none of its business. */
export async function manifestOf(
  text: string,
  { contentType = MEDIA_TYPES.ociManifest, algorithm }: {
    contentType?: string;
    algorithm?: "sha256" | "sha512";
  } = {},
): Promise<StoredManifest> {
  const bytes = encodeText(text);
  return { digest: await digestOf(bytes, algorithm), contentType, bytes };
}

/** A manifest that refers to another: after a restart its bytes are all that a backend has. */
export async function referrerOf(artifactType: string, subject: Digest): Promise<StoredManifest> {
  const empty = { mediaType: MEDIA_TYPES.ociEmpty, digest: await digestOfText("{}"), size: 2 };
  const annotations = { "example.label": artifactType };
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: `example/${artifactType}`,
    config: empty,
    layers: [],
    subject: { mediaType: MEDIA_TYPES.ociManifest, digest: subject, size: 7 },
    annotations,
  });
  const manifest = await manifestOf(text);
  return {
    ...manifest,
    referrer: {
      subject,
      descriptor: {
        mediaType: MEDIA_TYPES.ociManifest,
        digest: manifest.digest,
        size: text.length,
        artifactType: `example/${artifactType}`,
        annotations,
      },
    },
  };
}

export function assertSame(actual: StoredManifest | undefined, expected: StoredManifest): void {
  const { digest, contentType, bytes } = expected;
  assertEquals(
    actual && { digest: actual.digest, type: actual.contentType, bytes: [...actual.bytes] },
    { digest, type: contentType, bytes: [...bytes] },
  );
}

/** Checks a list by pages of every size, and from places that are in it and not. */
export async function pagesOf(
  list: (page: { after?: string; limit: number }) => Promise<{ items: string[]; more: boolean }>,
  names: string[],
): Promise<void> {
  for (const limit of [1, 3, names.length, 99]) {
    const found: string[] = [];
    for (let more = true; more;) {
      const after = found.at(-1);
      const page = await list({ limit, ...(after !== undefined && { after }) });
      assert(page.items.length <= limit);
      found.push(...page.items);
      more = page.more;
      if (more) assertEquals(page.items.length, limit);
    }
    assertEquals(found, names, `by ${limit}`);
  }
  assertEquals(await list({ limit: 0 }), { items: [], more: true });
  for (const after of ["", "0", "a~", "zzz", names.at(-1)!]) {
    const rest = names.filter((name) => name > after);
    assertEquals(await list({ after, limit: 99 }), { items: rest, more: false }, after);
  }
}

export function pattern(size: number): Bytes {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761;
  return new Uint8Array(words.buffer, 0, size).slice();
}

/** A reader with pieces of its own, of many sizes, in memory that it uses again. */
export function ownPieces(content: Bytes): PieceReader {
  const memory = new Uint8Array(1024 * 1024);
  let [offset, length] = [0, 1];
  return {
    read() {
      const piece = content.subarray(offset, offset + length);
      memory.fill(0);
      memory.set(piece);
      offset += piece.byteLength;
      length = length * 3 % 1_000_003;
      const done = piece.byteLength === 0;
      return Promise.resolve({ done, value: memory.subarray(0, piece.byteLength) as Bytes });
    },
    cancel: () => Promise.resolve(),
  };
}

export function failing(texts: string[], error: Error): PieceReader {
  const left = texts.map(encodeText);
  return {
    read() {
      const value = left.shift();
      return value === undefined ? Promise.reject(error) : Promise.resolve({ done: false, value });
    },
    cancel: () => Promise.resolve(),
  };
}

export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await assertRejects(() => promise);
}
