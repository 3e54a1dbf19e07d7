/**
 * Clients that push, tag, delete and upload in chunks until the registry dies, and remember what it
 * answered: that must be there afterwards.
 */
import { RegistryClientV2 } from "../../mod.ts";
import { sha256 as digestOf } from "../bytes.ts";

export { digestOf };

/** Numbers that look random and are the same for a seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A number from 0 up to, and without, a limit. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((this.#state ^ (this.#state >>> 13)) >>> 0) % limit;
  }

  /** Bytes of any values. */
  bytes(size: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil(size / 4));
    const start = this.below(2 ** 31);
    for (let at = 0; at < words.length; at++) words[at] = Math.imul(start + at, 2_654_435_761);
    return new Uint8Array(words.buffer, 0, size);
  }
}

/** An upload in chunks that goes on over the registry's deaths. */
interface ChunkedUpload {
  repository: string;
  /** Its path, once the registry has told it. */
  path: string;
  content: Uint8Array<ArrayBuffer>;
  digest: string;
  /** How many bytes the registry has said it has. */
  acknowledged: number;
}

/** What the registry has answered. */
export class Answered {
  /** The repositories' blobs. */
  readonly blobs = new Map<string, Set<string>>();
  /** The repositories' manifests. */
  readonly manifests = new Map<string, Set<string>>();
  /** Tags that never move, with what they name. */
  readonly tags = new Map<string, Map<string, string>>();
  /** Everything that was ever pushed as a manifest, answered or not. */
  readonly tried = new Set<string>();
  /** Manifests whose deletion was asked for: they may be there or not. */
  readonly deleting = new Set<string>();
  /** How many answers there were. */
  count = 0;
  /** The upload that is under way. */
  upload: ChunkedUpload | undefined;

  add(to: Map<string, Set<string>>, repository: string, digest: string): void {
    to.set(repository, (to.get(repository) ?? new Set()).add(digest));
    this.count++;
  }
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** A client of a repository. */
export function clientOf(origin: string, repository: string): RegistryClientV2 {
  return new RegistryClientV2({
    name: `${origin}/${repository}`,
    scopes: ["pull", "push"],
    retry: { maxAttempts: 1 },
  });
}

/** Pushes an image of a few blobs, under a tag of its own and one that moves. */
export async function pushImage(
  origin: string,
  repository: string,
  dice: Dice,
  answered: Answered,
): Promise<void> {
  const client = clientOf(origin, repository);
  const layers = await Promise.all(
    Array.from({ length: 1 + dice.below(3) }, async () => {
      const layer = await client.putBlob(dice.bytes(1 + dice.below(1_500_000)));
      answered.add(answered.blobs, repository, layer.digest);
      return layer;
    }),
  );
  const config = await client.putBlob(new TextEncoder().encode("{}"));
  answered.add(answered.blobs, repository, config.digest);
  const manifest = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { ...config, mediaType: "application/vnd.oci.empty.v1+json" },
    layers,
  }));
  const digest = digestOf(manifest);
  answered.tried.add(digest);
  const tag = `t${digest.slice(7, 19)}`;
  await client.putManifest({ manifestData: manifest, ref: tag });
  answered.add(answered.manifests, repository, digest);
  answered.tags.set(
    repository,
    (answered.tags.get(repository) ?? new Map<string, string>()).set(tag, digest),
  );
  await client.putManifest({ manifestData: manifest, ref: "latest" });
  if (dice.below(4) > 0) return;
  answered.deleting.add(digest);
  answered.manifests.get(repository)!.delete(digest);
  answered.tags.get(repository)!.delete(tag);
  await client.deleteManifest({ ref: digest });
  answered.count++;
}

/** Goes on with an upload in chunks, from where the registry says it is; or starts one. */
export async function pushChunks(
  origin: string,
  repository: string,
  dice: Dice,
  answered: Answered,
): Promise<void> {
  const upload = answered.upload ??= newUpload(repository, dice.bytes(6_000_000));
  if (upload.path === "") {
    const response = await send(origin, "POST", `/v2/${repository}/blobs/uploads/`);
    upload.path = response.headers.get("location")!;
    answered.count++;
  }
  const status = await send(origin, "GET", upload.path);
  if (status.status !== 204) throw new Error(`the upload is ${status.status}`);
  let offset = upload.acknowledged = sizeFrom(status, upload.acknowledged);
  while (offset < upload.content.byteLength) {
    const chunk = upload.content.subarray(offset, offset + 1 + dice.below(800_000));
    const response = await send(origin, "PATCH", upload.path, chunk, {
      "content-range": `${offset}-${offset + chunk.byteLength - 1}`,
      "content-type": "application/octet-stream",
    });
    if (response.status !== 202) throw new Error(`the chunk is ${response.status}`);
    offset += chunk.byteLength;
    upload.acknowledged = offset;
    answered.count++;
  }
  const closed = await send(origin, "PUT", `${upload.path}?digest=${upload.digest}`);
  if (closed.status !== 201) throw new Error(`the blob is ${closed.status}`);
  answered.add(answered.blobs, upload.repository, upload.digest);
  answered.upload = undefined;
}

/** How far an upload is, by its `Range`: an empty one says `0-0`, as one of a byte does. */
export function sizeFrom(response: Response, atLeast: number): number {
  const last = Number(/^0-([0-9]+)$/.exec(response.headers.get("range") ?? "")?.[1]);
  return last === 0 ? Math.min(atLeast, 1) : last + 1;
}

function newUpload(repository: string, content: Uint8Array<ArrayBuffer>): ChunkedUpload {
  return { repository, path: "", content, digest: digestOf(content), acknowledged: 0 };
}

/** Sends a request; its answer's body is read. */
export async function send(
  origin: string,
  method: string,
  path: string,
  body?: BodyInit,
  headers?: HeadersInit,
): Promise<Response> {
  const response = await fetch(origin + path, {
    method,
    ...(body !== undefined && { body }),
    ...(headers !== undefined && { headers }),
  });
  await response.arrayBuffer();
  return response;
}
