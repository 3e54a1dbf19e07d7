import type { Digest } from "../content/digest.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { ContentNotFoundError } from "../errors.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import type { StoredBlob } from "./backends/backend.ts";
import { byteRange } from "../content/byte_range.ts";
import { digestFrom, type Exchange, requireRepository } from "./exchange.ts";
import { emptyResponse, Refusal } from "./refusal.ts";

interface BlobRoute {
  repository: RepositoryName;
  digest: string;
}

/**
 * end-2 GET blobs: the bytes, or a part of them.
 *
 * @throws {Refusal} 404 when the repository does not have it; 416 when the range is outside it.
 */
export async function getBlob(exchange: Exchange, route: BlobRoute): Promise<Response> {
  const { blob, headers } = await findBlob(exchange, route, false); // clients verify what they read
  const { request, observation } = exchange;
  const wanted = request.headers;
  // Nothing here has an entity tag or a date, so that a condition on one cannot hold.
  const range = wanted.has("if-range") ? undefined : byteRange(wanted.get("range"), blob.size);
  if (range === "unsatisfiable") {
    throw new Refusal(
      416,
      "SIZE_INVALID",
      `Cannot give that range of ${route.digest}: it has ${blob.size} bytes`,
      { headers: { "content-range": `bytes */${blob.size}` } },
    );
  }
  const { offset, length } = range ?? { offset: 0, length: blob.size };
  headers["content-length"] = String(length);
  if (range !== undefined) {
    headers["content-range"] = `bytes ${offset}-${offset + length - 1}/${blob.size}`;
  }
  const opened = await blob.open(offset, length).catch((error) => {
    throw error instanceof ContentNotFoundError ? unknownBlob(route) : error; // deleted meanwhile
  });
  const stream = observation.countOut(opened);
  return new Response(stream, { status: range === undefined ? 200 : 206, headers });
}

/**
 * end-2 HEAD blobs: whether it is there, and its size. What is damaged is not there: clients ask this
 * before they push.
 *
 * @throws {Refusal} 404 when the repository does not have it.
 */
export async function headBlob(exchange: Exchange, route: BlobRoute): Promise<Response> {
  const { blob, headers } = await findBlob(exchange, route, true);
  headers["content-length"] = String(blob.size);
  return new Response(null, { headers });
}

/**
 * end-10 DELETE blobs: takes the blob from this repository; others keep it.
 *
 * @throws {Refusal} 404 when the repository does not have it; 405 when deletes are off.
 */
export async function deleteBlob(exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = digestFrom(route.digest);
  await requireRepository(exchange, route.repository);
  if (!await exchange.backend.deleteBlob(route.repository, digest)) throw unknownBlob(route);
  return emptyResponse(202);
}

/** The headers of a response that made a blob, or found it. */
export function createdBlob(repository: RepositoryName, digest: Digest): Response {
  return emptyResponse(201, {
    "location": `/v2/${repository}/blobs/${digest}`,
    "docker-content-digest": digest,
  });
}

async function findBlob(
  exchange: Exchange,
  route: BlobRoute,
  verified: boolean,
): Promise<{ blob: StoredBlob; headers: Record<string, string> }> {
  const digest = digestFrom(route.digest);
  const blob = await exchange.backend.blob(route.repository, digest, { verified });
  if (blob === undefined) {
    await requireRepository(exchange, route.repository);
    throw unknownBlob(route);
  }
  const headers = {
    "accept-ranges": "bytes",
    "content-type": MEDIA_TYPES.octetStream,
    "docker-content-digest": digest,
  };
  return { blob, headers };
}

function unknownBlob({ repository, digest }: BlobRoute): Refusal {
  return new Refusal(404, "BLOB_UNKNOWN", `Cannot find the blob ${digest} in ${repository}`);
}
