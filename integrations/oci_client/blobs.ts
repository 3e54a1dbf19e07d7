import { HttpError } from "../../errors.ts";
import { parseDigest } from "../../content/digest.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import { checkAnsweredDigest } from "../../endpoints/answered_digest.ts";
import { deleteBlob, findBlob, getBlob, headBlob } from "../../endpoints/blobs.ts";
import { resolveUrl } from "../../endpoints/request.ts";
import {
  closeUpload,
  sendChunk,
  sessionOf,
  startBlobUpload,
  uploadProgress,
  uploadRequest,
} from "../../endpoints/uploads.ts";
import type { Channel } from "../../transport/channel.ts";
import { sendExpecting } from "../../transport/expect.ts";
import { answered, type CallOptions } from "./answers.ts";
import { BlobsV2Upload } from "./blobs_upload.ts";
import { Chunk, type Data, opened } from "./chunk.ts";
import type { Digest, Hasher } from "./digest.ts";
import { Range } from "./range.ts";
import { Ref } from "./ref.ts";
import { ResError } from "./res_error.ts";
import { type Req, request } from "./result.ts";

/** What `exists` answers. */
export interface Existence {
  /** The response: 200 or 404. */
  readonly raw: Response;
  /** Whether it is there. */
  readonly ok: boolean;
}

/** The blobs of a repository. */
export class BlobsApiV2 {
  readonly #channel: Channel;
  readonly #name: string;

  /** The blobs of a repository. */
  constructor(channel: Channel, { name }: Ref) {
    this.#channel = channel;
    this.#name = name;
  }

  /**
   * Asks whether a blob is there (end-2).
   *
   * @throws {ResError} For any other status than 200 and 404.
   */
  async exists(digest: string | Digest, options: CallOptions = {}): Promise<Existence> {
    return await existence(() => headBlob(this.#channel, this.#name, String(digest), options));
  }

  /** Pulls a blob (end-2): the bytes are `raw.body`, verified. A wrong blob's stream ends in an error. */
  get(digest: string | Digest, options: CallOptions = {}): Req<object> {
    return request(async () => {
      const blob = await getBlob(this.#channel, this.#name, String(digest), options);
      return { raw: new Response(blob.stream, blob.answer.response), read: () => ({}) };
    });
  }

  /** Starts an upload (end-4a). */
  initUpload(options: CallOptions = {}): Req<{ location: URL; chunkMinLength?: number }> {
    return request(async () => {
      const { raw, value: { location, minChunk } } = await answered(
        "POST",
        options,
        (ending) => startBlobUpload(this.#channel, this.#name, ending),
      );
      const read = () => ({
        location: new URL(location),
        ...(minChunk !== undefined && { chunkMinLength: minChunk }),
      });
      return { raw, read };
    });
  }

  /** Sends a chunk of an upload (end-5). */
  uploadChunk(
    location: URL | string,
    chunk: Chunk,
    options: CallOptions = {},
  ): Req<{ location: URL; range?: Range }> {
    return request(async () => {
      const { body, pos } = opened(chunk);
      const session = { location: String(location), offset: pos };
      const { raw, value } = await answered(
        "PATCH",
        options,
        (ending) => sendChunk(this.#channel, this.#name, session, body, ending),
      );
      const read = () => ({
        location: new URL(value.session.location),
        ...(value.taken !== undefined && { range: new Range(0, value.taken) }),
      });
      return { raw, read };
    });
  }

  /**
   * Closes an upload (end-6), with the last bytes where there are some; the digest is the whole blob's.
   * The URL given is not written to.
   */
  closeUpload(
    location: URL | string,
    digest: string | Digest,
    data: Chunk | Data | ReadableStream<Uint8Array> = new Uint8Array(0),
    options: CallOptions = {},
  ): Req<{ location: URL }> {
    return request(async () => {
      const { body, pos } = opened(data);
      const session = { location: String(location), offset: pos };
      const { raw } = await answered(
        "PUT",
        options,
        (ending) => closeUpload(this.#channel, this.#name, session, String(digest), body, ending),
      );
      return { raw, read: () => ({ location: this.#blobUrl(digest, raw) }) };
    });
  }

  /** Starts an upload, sends it and closes it (end-4a, 5 and 6), in chunks of the size wanted. */
  startUpload(hasher: Hasher, options: CallOptions = {}): BlobsV2Upload {
    return new BlobsV2Upload(this, hasher, options);
  }

  /** Asks how far an upload is (end-13). */
  getUploadStatus(
    location: URL | string,
    options: CallOptions = {},
  ): Req<{ location: URL; range: Range }> {
    return request(async () => {
      const session = { location: String(location), offset: 0 };
      const { raw, value: { session: { location: next, offset } } } = await answered(
        "GET",
        options,
        (ending) => uploadProgress(this.#channel, this.#name, session, ending),
      );
      return { raw, read: () => ({ location: new URL(next), range: new Range(0, offset) }) };
    });
  }

  /**
   * Pushes a blob in one request (end-4b). With status 202 nothing was stored: `location` is then the
   * upload to go on with.
   */
  upload(digest: string | Digest, data: Data, pos?: number): Req<{ location?: URL }>;
  /** Pushes a blob in one request (end-4b): a stream of known length, for instance. */
  upload(digest: string | Digest, chunk: Chunk, options?: CallOptions): Req<{ location?: URL }>;
  upload(
    digest: string | Digest,
    data: Data | Chunk,
    more: number | CallOptions = {},
  ): Req<{ location?: URL }> {
    const options = typeof more === "number" ? {} : more;
    const chunk = data instanceof Chunk
      ? data
      : new Chunk(data, typeof more === "number" ? more : 0);
    return request(async () => {
      const asked = parseDigest(String(digest));
      const { body, pos } = opened(chunk);
      const post = uploadRequest(this.#channel, this.#name, { digest: asked }, options);
      post.headers.set("content-type", MEDIA_TYPES.octetStream);
      if (pos > 0) post.headers.set("content-range", String(chunk.range));
      if (!body.reopenable) {
        // A stream goes out once: authentication is settled by a request that has none.
        const rights = { actions: ["pull", "push"] } as const;
        await findBlob(this.#channel, this.#name, asked, options, rights);
      }
      const answer = await sendExpecting(this.#channel, { ...post, body }, [201, 202]);
      const { response: raw } = answer;
      if (raw.status === 202) {
        const { location } = await sessionOf(this.#channel, post, answer);
        return { raw, read: () => ({ location: new URL(location) }) };
      }
      await raw.body?.cancel();
      checkAnsweredDigest(post.what, asked, raw.headers);
      return { raw, read: () => ({ location: this.#blobUrl(digest, raw) }) };
    });
  }

  /**
   * Takes a blob from another repository of the registry (end-11). `from` is a name; a `Ref`'s domain
   * and reference say nothing here. With status 202, which is no success, nothing was mounted: the
   * response's `Location` is the upload to go on with.
   */
  mount(
    digest: string | Digest,
    from?: Ref | string,
    options: CallOptions = {},
  ): Req<{ location: URL }> {
    return request(async () => {
      const name = from instanceof Ref ? from.name : from;
      const query = { mount: parseDigest(String(digest)), from: name };
      const post = uploadRequest(this.#channel, this.#name, query, options);
      const { response: raw } = await sendExpecting(this.#channel, post, [201]);
      await raw.body?.cancel();
      return { raw, read: () => ({ location: this.#blobUrl(digest, raw) }) };
    });
  }

  /** Deletes a blob (end-10). */
  delete(digest: string | Digest, options: CallOptions = {}): Req<object> {
    return request(async () => {
      const { raw } = await answered(
        "DELETE",
        options,
        (ending) => deleteBlob(this.#channel, this.#name, String(digest), ending),
      );
      return { raw, read: () => ({}) };
    });
  }

  /** Where an answer says that a blob is; some say nothing. */
  #blobUrl(digest: string | Digest, { headers }: Response): URL {
    const base = new URL(this.#channel.origin);
    const path = `/v2/${this.#name}/blobs/${digest}`;
    return resolveUrl(this.#channel, headers.get("location") ?? path, base, "find the blob");
  }
}

/** A HEAD's answer where it is 200 or 404. */
export async function existence(
  head: () => Promise<{ response: Response }>,
): Promise<Existence> {
  try {
    return { raw: (await head()).response, ok: true };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const { resp: raw, statusCode, message } = error;
    if (statusCode === 404) return { raw, ok: false };
    throw new ResError(raw, message, { cause: error });
  }
}
