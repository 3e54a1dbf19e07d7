import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm, isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { readAll } from "../content/piece_reader.ts";
import { LimitError } from "../errors.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import { isTag, type Tag } from "../reference/tag.ts";
import type { StoredManifest } from "./backends/backend.ts";
import {
  contentLength,
  digestFrom,
  type Exchange,
  requestBody,
  requireRepository,
  supportedDigest,
} from "./exchange.ts";
import { afterBroken, BrokenBody, StalledBody } from "./listen/watched_body.ts";
import { mediaTypeIn } from "./media_type.ts";
import { readManifest } from "./read_manifest.ts";
import { emptyResponse, Refusal } from "./refusal.ts";

interface ManifestRoute {
  repository: RepositoryName;
  reference: string;
}

/** Ten are asked for by the specification; a URL of more than 8 KB fits few servers in between. */
const MAX_TAGS = 50;

/**
 * end-3 GET manifests: the bytes that were pushed, and their media type.
 *
 * @throws {Refusal} 404 when the repository has no such tag or digest.
 */
export async function getManifest(exchange: Exchange, route: ManifestRoute): Promise<Response> {
  const manifest = await findManifest(exchange, route);
  return new Response(manifest.bytes, { headers: manifestHeaders(manifest) });
}

/**
 * end-3 HEAD manifests: the descriptor, in headers.
 *
 * @throws {Refusal} 404 when the repository has no such tag or digest.
 */
export async function headManifest(exchange: Exchange, route: ManifestRoute): Promise<Response> {
  return new Response(null, { headers: manifestHeaders(await findManifest(exchange, route)) });
}

/**
 * end-7 PUT manifests, by tag or digest, and end-7b with further tags in the query.
 *
 * @throws {Refusal} 413 when it is too large; 414 when there are too many tags; 400 when it is no
 * manifest or not the digest's; 404 MANIFEST_BLOB_UNKNOWN when something it needs is not there.
 */
export async function putManifest(exchange: Exchange, route: ManifestRoute): Promise<Response> {
  const { backend, request, settings } = exchange;
  const { repository } = route;
  const reference = pushReference(route.reference);
  const extraTags = isDigest(reference) ? tagsOf(exchange.url) : [];
  const bytes = await readBody(exchange);
  const digest = await digestOf(bytes, isDigest(reference) ? hashAlgorithm(reference) : "sha256");
  if (isDigest(reference) && reference !== digest) {
    throw new Refusal(
      400,
      "DIGEST_INVALID",
      `Cannot take the manifest as ${reference}: its bytes have the digest ${digest}`,
    );
  }
  const { contentType, children, referrer } = readManifest(
    bytes,
    digest,
    request.headers.get("content-type"),
  );
  for (const child of settings.sparse ? [] : children) {
    const there = await backend.blob(repository, child.digest, { verified: true }) ??
      (child.mayBeManifest ? await backend.manifest(repository, child.digest) : undefined);
    if (there !== undefined) continue;
    throw new Refusal(
      404,
      "MANIFEST_BLOB_UNKNOWN",
      `Cannot take the manifest: ${repository} does not have ${child.digest}`,
      { detail: { digest: child.digest } },
    );
  }
  const tags = isDigest(reference) ? extraTags : [reference];
  await backend.putManifest(
    repository,
    { digest, contentType, bytes, ...(referrer && { referrer }) },
    tags,
  );
  const headers = new Headers({
    "location": `/v2/${repository}/manifests/${digest}`,
    "docker-content-digest": digest,
  });
  if (referrer !== undefined && settings.referrersApi) {
    headers.set("oci-subject", referrer.subject);
  }
  for (const tag of extraTags) headers.append("oci-tag", tag);
  return emptyResponse(201, headers);
}

/**
 * end-9 DELETE manifests: by digest the manifest and its tags, by tag the tag alone.
 *
 * @throws {Refusal} 404 when it is not there; 405 when deletes are off.
 */
export async function deleteManifest(exchange: Exchange, route: ManifestRoute): Promise<Response> {
  const { backend } = exchange;
  const { repository } = route;
  const reference = pullReference(route);
  await requireRepository(exchange, repository);
  const deleted = isDigest(reference)
    ? await backend.deleteManifest(repository, reference)
    : await backend.deleteTag(repository, reference);
  if (!deleted) throw unknownManifest(route);
  return emptyResponse(202);
}

async function findManifest(exchange: Exchange, route: ManifestRoute): Promise<StoredManifest> {
  const reference = pullReference(route);
  const manifest = await exchange.backend.manifest(route.repository, reference);
  if (manifest !== undefined) return manifest;
  await requireRepository(exchange, route.repository);
  throw unknownManifest(route);
}

function manifestHeaders({ bytes, contentType, digest }: StoredManifest): Record<string, string> {
  return {
    "content-length": String(bytes.byteLength),
    // Older versions kept whatever a client said.
    "content-type": mediaTypeIn(contentType) ?? MEDIA_TYPES.octetStream,
    "docker-content-digest": digest,
  };
}

/** What cannot be a tag names nothing, and so is not found; what looks like a digest is checked. */
function pullReference(route: ManifestRoute): Digest | Tag {
  const { reference } = route;
  if (reference.includes(":")) return digestFrom(reference);
  if (isTag(reference)) return reference;
  throw unknownManifest(route);
}

function pushReference(reference: string): Digest | Tag {
  if (reference.includes(":")) return supportedDigest(reference);
  if (isTag(reference)) return reference;
  throw invalidTag(reference);
}

function tagsOf(url: URL): Tag[] {
  const tags = [...new Set(url.searchParams.getAll("tag"))];
  if (tags.length > MAX_TAGS) {
    throw new Refusal(
      414,
      "UNSUPPORTED",
      `Cannot tag the manifest: ${tags.length} tags are more than the ${MAX_TAGS} of one request`,
    );
  }
  return tags.map((tag) => {
    if (isTag(tag)) return tag;
    throw invalidTag(tag);
  });
}

async function readBody(exchange: Exchange): Promise<Bytes> {
  const { manifestLimit } = exchange.settings;
  const declared = contentLength(exchange.request);
  if (declared !== undefined && declared > manifestLimit) throw tooLarge(manifestLimit);
  let bytes: Bytes;
  try {
    bytes = await readAll(requestBody(exchange), {
      name: "manifestLimit",
      bytes: manifestLimit,
      what: "the manifest",
    });
  } catch (cause) {
    if (cause instanceof LimitError) throw tooLarge(manifestLimit);
    if (!(cause instanceof BrokenBody)) throw cause;
    const status = cause instanceof StalledBody ? 408 : 400;
    const why = `Cannot read the rest of the manifest: ${cause.message}`;
    throw new Refusal(status, "MANIFEST_INVALID", why, { cause, headers: afterBroken(cause) });
  }
  if (declared === undefined || declared === bytes.byteLength) return bytes;
  throw new Refusal(
    400,
    "SIZE_INVALID",
    `Cannot take the manifest: ${bytes.byteLength} bytes came, and Content-Length says ${declared}`,
  );
}

function tooLarge(limit: number): Refusal {
  return new Refusal(
    413,
    "SIZE_INVALID",
    `Cannot take the manifest: it is larger than ${limit} bytes`,
  );
}

function invalidTag(tag: string): Refusal {
  return new Refusal(
    400,
    "MANIFEST_INVALID",
    `Cannot use ${JSON.stringify(tag.slice(0, 200))} as a tag: ` +
      "a tag is [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}",
  );
}

function unknownManifest({ repository, reference }: ManifestRoute): Refusal {
  return new Refusal(
    404,
    "MANIFEST_UNKNOWN",
    `Cannot find ${JSON.stringify(reference.slice(0, 200))} in ${repository}`,
  );
}
