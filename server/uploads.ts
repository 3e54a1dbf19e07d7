import type { Digest } from "../content/digest.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import type { PieceReader } from "../content/piece_reader.ts";
import { ContentNotFoundError } from "../errors.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import { createdBlob } from "./blobs.ts";
import { contentLength, type Exchange, requestBody, supportedDigest } from "./exchange.ts";
import { afterBroken, BrokenBody, StalledBody } from "./listen/watched_body.ts";
import { mountBlob } from "./mount.ts";
import { emptyResponse, Refusal } from "./refusal.ts";
import type { UploadSession } from "./upload_sessions.ts";

interface UploadRoute {
  repository: RepositoryName;
  id: string;
}

/**
 * end-4a POST uploads: a session; end-4b with `digest`: the whole blob at once; end-4c with
 * `digest-algorithm`: a session hashed with it; end-11 with `mount`: a blob of another repository.
 *
 * @throws {Refusal} 400 DIGEST_INVALID when a digest is malformed, or not that of the bytes.
 */
export async function startUpload(
  exchange: Exchange,
  { repository }: { repository: RepositoryName },
): Promise<Response> {
  const { uploads, url } = exchange;
  const query = url.searchParams;
  const mount = query.get("mount");
  if (mount !== null) {
    const mounted = await mountBlob(exchange, repository, mount, query.get("from"));
    if (mounted !== undefined) return mounted;
  }
  const text = query.get("digest");
  const digest = mount === null && text !== null ? supportedDigest(text) : undefined;
  const algorithm = hashAlgorithmFrom(query.get("digest-algorithm"));
  const session = await uploads.start(repository, exchange.access.user);
  if (algorithm !== undefined) await session.hashWith(algorithm);
  if (digest === undefined) return sessionResponse(exchange, session, 202);
  return await exclusive(exchange, session, async () => {
    try {
      await takeBody(exchange, session, digest);
      return await close(exchange, session, digest);
    } catch (error) {
      await uploads.cancel(session);
      throw withoutSession(error);
    }
  });
}

/**
 * end-5 PATCH: a chunk at the end of what is there.
 *
 * @throws {Refusal} 404 when there is no such session, 409 when it is being closed; 416 when the chunk
 * belongs at another offset, 408 when the client stopped in the middle of it: the session lives on.
 */
export async function patchUpload(exchange: Exchange, route: UploadRoute): Promise<Response> {
  const session = await findSession(exchange, route);
  return await exclusive(exchange, session, async () => {
    await takeBody(exchange, session);
    await requireSession(exchange, session);
    return sessionResponse(exchange, session, 202);
  });
}

/**
 * end-6 PUT with `digest`: the last bytes, where there are any, and the end of the upload.
 *
 * @throws {Refusal} 404 when there is no such session; 416 when the bytes belong at another offset, 400
 * when the digest is malformed: the session lives on; 400 DIGEST_INVALID when it is not that of the
 * bytes: the session ends.
 */
export async function putUpload(exchange: Exchange, route: UploadRoute): Promise<Response> {
  const session = await findSession(exchange, route);
  const digest = supportedDigest(exchange.url.searchParams.get("digest") ?? "");
  return await exclusive(exchange, session, async () => {
    await takeBody(exchange, session, digest);
    return await close(exchange, session, digest);
  });
}

/**
 * end-13 GET: how far an upload is.
 *
 * @throws {Refusal} 404 when there is no such session.
 */
export async function getUpload(exchange: Exchange, route: UploadRoute): Promise<Response> {
  return sessionResponse(exchange, await findSession(exchange, route), 204);
}

/**
 * end-14 DELETE: ends an upload.
 *
 * @throws {Refusal} 404 when there is no such session.
 */
export async function deleteUpload(exchange: Exchange, route: UploadRoute): Promise<Response> {
  await exchange.uploads.cancel(await findSession(exchange, route));
  return emptyResponse(204);
}

async function findSession(exchange: Exchange, route: UploadRoute): Promise<UploadSession> {
  const session = await exchange.uploads.find(route.repository, route.id);
  if (session === undefined) throw unknownUpload(route);
  if (session.closing) throw closingUpload(route);
  return session;
}

/** Checks that no other request has ended the session meanwhile. */
async function requireSession({ uploads }: Exchange, session: UploadSession): Promise<void> {
  if (!await uploads.has(session)) throw unknownUpload(session);
}

/** Lets one request write at a time: a second one would mix its bytes with the first one's. */
async function exclusive(
  exchange: Exchange,
  session: UploadSession,
  write: () => Promise<Response>,
): Promise<Response> {
  if (session.closing) throw closingUpload(session);
  if (session.busy) {
    throw outOfPlace(exchange, session, "another request is writing to it");
  }
  exchange.uploads.hold(session);
  try {
    return await write();
  } finally {
    exchange.uploads.release(session);
  }
}

/** Appends the request's body; `digest` is given where it is the last one. */
async function takeBody(
  exchange: Exchange,
  session: UploadSession,
  digest?: Digest,
): Promise<void> {
  const { request, settings } = exchange;
  const length = contentLength(request);
  const range = contentRange(exchange, session);
  if (range !== undefined) {
    if (range.first !== session.size) {
      throw outOfPlace(
        exchange,
        session,
        `the chunk starts at ${range.first}, and ${session.size} bytes are there`,
      );
    }
    if (length !== undefined && length !== range.length) {
      throw wrongSize(
        exchange,
        session,
        `its Content-Range has ${range.length}, of ${length} bytes`,
      );
    }
  }
  const expected = range?.length ?? length;
  const room = settings.blobLimit - session.size;
  if (expected !== undefined && expected > room) throw tooLarge(exchange, session);
  if (digest !== undefined) await session.hashWith(algorithmOf(digest));
  const before = session.size;
  const body = requestBody(exchange);
  const maximum = session.short ? 0 : expected ?? room;
  const ended = await append(exchange, session, body, maximum);
  const count = session.size - before;
  if (!ended) void body.cancel().catch(() => {});
  if (!ended && session.short) {
    throw wrongSize(exchange, session, "a chunk before it was shorter than OCI-Chunk-Min-Length");
  }
  if (!ended && expected === undefined) {
    await exchange.uploads.cancel(session); // nothing that goes on from here could be taken
    throw withoutSession(tooLarge(exchange, session));
  }
  if (!ended) {
    throw wrongSize(exchange, session, `more bytes came than the ${expected} declared`);
  }
  if (expected !== undefined && count < expected) {
    throw wrongSize(exchange, session, `${count} bytes came, of the ${expected} declared`);
  }
  if (count < settings.chunkMinLength && count > 0) session.short = true;
}

async function append(
  exchange: Exchange,
  session: UploadSession,
  body: PieceReader,
  maximum: number,
): Promise<boolean> {
  try {
    return await session.append(body, maximum);
  } catch (cause) {
    if (cause instanceof ContentNotFoundError) throw unknownUpload(session); // it ended meanwhile
    if (!(cause instanceof BrokenBody)) throw cause; // a full disk is not the client's fault
    throw new Refusal(
      cause instanceof StalledBody ? 408 : 400,
      "BLOB_UPLOAD_INVALID",
      `Cannot take the rest of the body: ${cause.message}, and ${session.size} bytes are there`,
      { cause, headers: { ...sessionHeaders(exchange, session), ...afterBroken(cause) } },
    );
  }
}

async function close(
  exchange: Exchange,
  session: UploadSession,
  digest: Digest,
): Promise<Response> {
  const { uploads } = exchange;
  session.ending = true; // from here on no byte is added: what is hashed is what is kept
  try {
    const actual = await session.digestLike(digest);
    await requireSession(exchange, session);
    if (actual !== digest) {
      const { size } = session;
      await uploads.cancel(session);
      throw new Refusal(
        400,
        "DIGEST_INVALID",
        `Cannot take the blob as ${digest}: its ${size} bytes have the digest ${actual}`,
      );
    }
    await uploads.finish(session, digest);
    return createdBlob(session.repository, digest);
  } catch (error) {
    if (error instanceof ContentNotFoundError) throw unknownUpload(session);
    throw error;
  } finally {
    session.ending = false; // where the backend failed, the client may close it again
  }
}

/** The place that a chunk says it has: `a-b`, without a unit. */
function contentRange(
  exchange: Exchange,
  session: UploadSession,
): { first: number; length: number } | undefined {
  const header = exchange.request.headers.get("content-range");
  if (header === null) return undefined;
  const match = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(header);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && first <= last) return { first, length: last - first + 1 };
  throw outOfPlace(
    exchange,
    session,
    `its Content-Range must be first-last: current value is ${
      JSON.stringify(header.slice(0, 100))
    }`,
  );
}

function hashAlgorithmFrom(text: string | null): HashAlgorithm | undefined {
  if (text === null || text === "sha256" || text === "sha512") return text ?? undefined;
  throw new Refusal(
    400,
    "DIGEST_INVALID",
    "Cannot start the upload: digest-algorithm must be sha256 or sha512: current value is " +
      JSON.stringify(text.slice(0, 100)),
  );
}

function algorithmOf(digest: Digest): HashAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

function sessionHeaders(
  { settings }: Exchange,
  session: UploadSession,
): Record<string, string> {
  return {
    "location": `/v2/${session.repository}/blobs/uploads/${session.id}`,
    // What an empty session says is not in the specification; this is what most registries do.
    "range": `0-${Math.max(session.size - 1, 0)}`,
    "docker-upload-uuid": session.id,
    ...(settings.chunkMinLength > 0 && { "oci-chunk-min-length": String(settings.chunkMinLength) }),
  };
}

function sessionResponse(exchange: Exchange, session: UploadSession, status: number): Response {
  return emptyResponse(status, sessionHeaders(exchange, session));
}

function outOfPlace(exchange: Exchange, session: UploadSession, why: string): Refusal {
  return new Refusal(416, "BLOB_UPLOAD_INVALID", `Cannot take the chunk: ${why}`, {
    headers: sessionHeaders(exchange, session),
  });
}

function wrongSize(exchange: Exchange, session: UploadSession, why: string): Refusal {
  return new Refusal(400, "SIZE_INVALID", `Cannot take the chunk: ${why}`, {
    headers: sessionHeaders(exchange, session),
  });
}

function tooLarge(exchange: Exchange, session: UploadSession): Refusal {
  const { blobLimit } = exchange.settings;
  return new Refusal(413, "SIZE_INVALID", `Cannot take the blob: it has over ${blobLimit} bytes`, {
    headers: sessionHeaders(exchange, session),
  });
}

/** A refusal of a single POST: its session has ended, so there is nothing to tell of it. */
function withoutSession(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error;
  const { status, code, message, cause } = error;
  const headers = cause instanceof BrokenBody ? afterBroken(cause) : {};
  return new Refusal(status, code, message, { cause: error, headers });
}

function closingUpload({ repository }: Pick<UploadRoute, "repository">): Refusal {
  return new Refusal(
    409,
    "BLOB_UPLOAD_INVALID",
    `Cannot use the upload in ${repository}: its last bytes have come, and it is being closed`,
  );
}

function unknownUpload({ repository }: Pick<UploadRoute, "repository">): Refusal {
  return new Refusal(
    404,
    "BLOB_UPLOAD_UNKNOWN",
    `Cannot find the upload in ${repository}: it was finished or cancelled, or never started`,
  );
}
