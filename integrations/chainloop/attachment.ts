import { BadDigestError, ContentNotFoundError, NotFoundError } from "../../errors.ts";
import { type Body, type OpenBody, openBody } from "../../content/body.ts";
import { type Bytes, concatBytes, EMPTY } from "../../content/bytes.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { type Digest, digestEncoded, parseDigest } from "../../content/digest.ts";
import { hashPieces } from "../../content/hash_pieces.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import { pieceReader, readAll } from "../../content/piece_reader.ts";
import { passingStream } from "../../content/verifying_stream.ts";
import { getBlob } from "../../endpoints/blobs.ts";
import { getManifest, putManifest } from "../../endpoints/manifests.ts";
import { putBlob } from "../../endpoints/put_blob.ts";
import { type CallOptions, endedBy } from "../call_options.ts";
import { artifactImage, asInvalidArtifact, invalidArtifact, readImage } from "./artifact_image.ts";
import { ChainloopError } from "./chainloop_error.ts";
import { detectContentType, SNIFFED_BYTES } from "./detect_content_type.ts";
import { encodeEnvelope, type Envelope } from "./envelope.ts";
import type { Target } from "./target.ts";

/** What {@linkcode Registration.attach} takes; `attachmentSchema` validates it. */
export interface AttachmentRequest {
  /** What the names of the images begin with. @default {"chainloop"} */
  prefix?: string;
}

/** What is kept of an attachment between the steps, by the caller. */
export interface AttachmentState {
  /** What the names of the images begin with. */
  prefix: string;
}

/** An artifact's key: 64 hexadecimal digits of its SHA-256, or the same behind `sha256:`. */
export type ArtifactDigest = string;

/** An artifact in the repository. */
export interface StoredArtifact {
  /** The content's SHA-256: 64 hexadecimal digits. */
  digest: string;
  /** Its file name. */
  fileName: string;
  /** How many bytes it has. */
  size: number;
}

/** A workflow's place in a repository: what attestations are sent to. */
export interface Attachment {
  /** What to keep for {@linkcode Registration.attach}. */
  readonly state: AttachmentState;
  /**
   * Sends an attestation, as the file `attestation.json`. Answers the descriptor of the image that
   * it is stored as, and the artifact itself.
   *
   * @throws {ChainloopError} When it is not an envelope (INVALID_REQUEST).
   */
  send(
    envelope: Envelope,
    options?: CallOptions,
  ): Promise<Descriptor & { artifact: StoredArtifact }>;
  /**
   * Stores any content under any file name. The digest, when given, is checked. A stream is held in
   * memory, as its digest is its place; bytes, a `Blob` and `{open()}` are read twice.
   *
   * @throws {ChainloopError} `content is empty` · `resource metadata is not valid` (INVALID_REQUEST).
   * @throws {BadDigestError} When the content has another digest.
   */
  upload(
    content: Uint8Array | Body,
    artifact: { fileName: string; digest?: ArtifactDigest },
    options?: CallOptions,
  ): Promise<Descriptor & { artifact: StoredArtifact }>;
  /**
   * Whether a valid artifact is there; false on any error but the signal's.
   *
   * @throws {ChainloopError} `digest is empty` (INVALID_REQUEST).
   */
  exists(digest: ArtifactDigest, options?: CallOptions): Promise<boolean>;
  /**
   * An artifact's file name and size.
   *
   * @throws {ContentNotFoundError} When there is none.
   * @throws {ChainloopError} INVALID_ARTIFACT: not Chainloop's, no file name, not one layer, no content,
   * another digest.
   */
  describe(digest: ArtifactDigest, options?: CallOptions): Promise<StoredArtifact>;
  /** An artifact's content, verified as it streams. Errors are those of `describe`. */
  download(digest: ArtifactDigest, options?: CallOptions): Promise<ReadableStream<Bytes>>;
}

export function openAttachment(
  target: Target,
  prefix: string,
  signal: AbortSignal | undefined,
): Attachment {
  const { channel, place } = target;

  /** A call's options, ended by the registration's signal too. */
  const withSignal = (options: CallOptions) => endedBy(signal, options);

  async function find(digest: Digest, options: CallOptions) {
    const { repository, tag } = place(`${prefix}-${digestEncoded(digest)}`);
    const { manifest } = await getManifest(channel, repository, tag, options)
      .catch(notFound(digest));
    return { repository, ...readImage(manifest, digest) };
  }

  async function findComplete(digest: Digest, options: CallOptions) {
    const found = await find(digest, options);
    if (found.fileName === "") throw invalidArtifact(digest, "it has no file name");
    if (found.layer.size === 0) throw invalidArtifact(digest, "its content is empty");
    return found;
  }

  return {
    state: Object.freeze({ prefix }),

    async send(envelope, options) {
      const artifact = { fileName: "attestation.json" };
      return await this.upload(encodeEnvelope(envelope), artifact, options);
    },

    async upload(content, artifact, options = {}) {
      const { fileName, digest: given } = artifact ?? {};
      const valid = typeof fileName === "string" && fileName !== "" && given !== "";
      if (!valid) throw invalidRequest("resource metadata is not valid");
      const expected = given === undefined ? undefined : keyOf(given);
      const ending = withSignal(options);

      const { body, digest, size, mediaType } = await inspected(content, ending.signal);
      if (size === 0) throw invalidRequest("content is empty");
      if (expected !== undefined && expected !== digest) {
        throw new BadDigestError(
          `Cannot upload ${fileName} as ${expected}: its ${size} bytes have the digest ${digest}`,
          { expected, actual: digest },
        );
      }
      const hex = digestEncoded(digest);
      const { repository, tag } = place(`${prefix}-${hex}`);
      const image = await artifactImage({ mediaType, digest, size }, fileName);
      await putBlob(channel, repository, body, { ...ending, digest, size });
      await putBlob(channel, repository, image.config, { ...ending, digest: image.configDigest });
      const as = { ...ending, mediaType: MEDIA_TYPES.ociManifest };
      await putManifest(channel, repository, tag, image.manifest, as);
      return { ...image.descriptor, artifact: { digest: hex, fileName, size } };
    },

    async exists(digest, options = {}) {
      if (digest === "") throw invalidRequest("digest is empty");
      const ending = withSignal(options);
      try {
        await find(keyOf(digest), ending);
        return true;
      } catch {
        ending.signal?.throwIfAborted();
        return false;
      }
    },

    async describe(digest, options = {}) {
      const { layer, fileName } = await findComplete(keyOf(digest), withSignal(options));
      return { digest: digestEncoded(parseDigest(layer.digest)), fileName, size: layer.size };
    },

    async download(digest, options = {}) {
      const key = keyOf(digest);
      const ending = withSignal(options);
      const { layer: { size }, repository } = await findComplete(key, ending);
      const { stream } = await getBlob(channel, repository, key, { ...ending, size })
        .catch(notFound(key));
      return stream;
    },
  };
}

/** Content that has been read once: to be sent, with what its place and its layer are made of. */
interface Inspected {
  body: Body;
  digest: Digest;
  size: number;
  mediaType: string;
}

async function inspected(content: Body, signal: AbortSignal | undefined): Promise<Inspected> {
  const read = async (from: OpenBody) =>
    pieceReader(passingStream(await from.open(), signal && { signal }));
  const given = openBody(content);
  const body = given.reopenable ? content : await readAll(await read(given), {
    name: "memory",
    bytes: Number.MAX_SAFE_INTEGER, // the caller's own content, which memory alone limits
    what: "the content",
  });
  const reader = await read(given.reopenable ? given : openBody(body));
  let start = EMPTY;
  const { digest, size } = await hashPieces(reader, "sha256", (piece) => {
    const missing = SNIFFED_BYTES - start.byteLength;
    if (missing > 0) start = concatBytes([start, piece.subarray(0, missing)]);
  });
  return { body, digest, size, mediaType: detectContentType(start) };
}

/**
 * The digest of an artifact's key.
 *
 * @throws {ChainloopError} When it is not one.
 */
function keyOf(digest: ArtifactDigest): Digest {
  if (digest === "") throw invalidRequest("digest is empty");
  if (typeof digest === "string" && /^(?:sha256:)?[0-9a-f]{64}$/.test(digest)) {
    return parseDigest(`sha256:${digest.slice(-64)}`);
  }
  throw invalidRequest("digest is not valid: it must be the 64 hexadecimal digits of a SHA-256");
}

function invalidRequest(message: string): ChainloopError {
  return new ChainloopError(message, { code: "INVALID_REQUEST" });
}

/** What a registry that has no such artifact, or something else in its place, is answered with. */
function notFound(digest: Digest): (error: unknown) => never {
  return (cause) => {
    if (!(cause instanceof NotFoundError)) throw asInvalidArtifact(digest, cause);
    throw new ContentNotFoundError(`Cannot find the artifact ${digest}: ${cause.message}`, {
      cause,
    });
  };
}
