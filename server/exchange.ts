import { bytesStream } from "../content/body.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import { type Digest, DIGEST_GRAMMAR, hashAlgorithm, isDigest } from "../content/digest.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import type { Access } from "./access/access.ts";
import type { RegistryBackend } from "./backends/backend.ts";
import type { Deadlines } from "./listen/deadlines.ts";
import { watchedBody } from "./listen/watched_body.ts";
import type { Observation } from "./observation.ts";
import type { RegistrySettings } from "./options.ts";
import { Refusal } from "./refusal.ts";
import type { UploadSessions } from "./upload_sessions.ts";

/** One request on its way through the registry. */
export interface Exchange {
  /** The request. */
  readonly request: Request;
  /** Its URL. */
  readonly url: URL;
  /** What is noted of it. */
  readonly observation: Observation;
  /** What its client may do. */
  readonly access: Access;
  /** The registry's settings. */
  readonly settings: RegistrySettings;
  /** The registry's content. */
  readonly backend: RegistryBackend;
  /** Who is woken when a client has stopped in the middle of a body. */
  readonly deadlines: Deadlines;
  /** The registry's uploads. */
  readonly uploads: UploadSessions;
}

/**
 * The request's body: what is read of it is counted. A read fails with {@linkcode BrokenBody} when it breaks,
 * or brings nothing for long.
 */
export function requestBody(
  { request, observation, settings, deadlines }: Pick<
    Exchange,
    "request" | "observation" | "settings" | "deadlines"
  >,
): PieceReader {
  const { stallTimeout, now } = settings;
  return watchedBody(observation.countIn(bodyReader(request)), { stallTimeout, now, deadlines });
}

/** A request's body, which is empty where there is none. */
export function bodyReader({ body }: Request): PieceReader {
  return pieceReader(body === null ? bytesStream(EMPTY) : body as ReadableStream<Bytes>);
}

/**
 * The request's `Content-Length`.
 *
 * @throws {Refusal} 400 SIZE_INVALID when it is no count of bytes.
 */
export function contentLength(request: Request): number | undefined {
  const text = request.headers.get("content-length");
  if (text === null) return undefined;
  const length = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(length)) return length;
  throw new Refusal(
    400,
    "SIZE_INVALID",
    "Cannot read the body: Content-Length is no count of bytes",
  );
}

/** What a parameter of the query says of how many items there should be; `undefined` for none. */
export function itemCount(url: URL): number | undefined {
  const text = url.searchParams.get("n");
  if (text === null) return undefined;
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  throw new Refusal(
    400,
    "PAGINATION_NUMBER_INVALID",
    `Cannot list: n must be a count of items: current value is ${
      JSON.stringify(text.slice(0, 100))
    }`,
  );
}

/**
 * Checks a digest of the path or the query.
 *
 * @throws {Refusal} 400 DIGEST_INVALID when it is none.
 */
export function digestFrom(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(
    400,
    "DIGEST_INVALID",
    `Cannot use ${JSON.stringify(text.slice(0, 200))} as a digest: it must be ${DIGEST_GRAMMAR}`,
  );
}

/**
 * A digest that can be verified here.
 *
 * @throws {Refusal} 400 DIGEST_INVALID when it is malformed, or of another algorithm.
 */
export function supportedDigest(text: string): Digest {
  const digest = digestFrom(text);
  try {
    hashAlgorithm(digest);
    return digest;
  } catch (cause) {
    throw new Refusal(400, "DIGEST_INVALID", (cause as Error).message, { cause });
  }
}

/**
 * Checks that a repository is there.
 *
 * @throws {Refusal} 404 NAME_UNKNOWN when it is not.
 */
export async function requireRepository(
  { backend }: Exchange,
  repository: RepositoryName,
): Promise<void> {
  if (await backend.hasRepository(repository)) return;
  throw new Refusal(
    404,
    "NAME_UNKNOWN",
    `Cannot find the repository ${repository}: nothing was pushed to it`,
  );
}
