import { ManifestVerificationError, NotFoundError } from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import { type Digest, hashAlgorithm } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { manifestObject } from "../manifest/manifest_object.ts";
import { namedFailure } from "../manifest/named_failure.ts";
import { settleManifest } from "../manifest/parse_manifest.ts";
import { fallbackTag, readReferrers } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import type { Channel } from "../transport/channel.ts";
import { fetchManifestBytes, manifestName, strangely } from "./manifest_requests.ts";
import { type EndpointOptions, fullName } from "./request.ts";

/** Tells that something in a list of referrers was left out. */
export function skipReferrer(
  channel: Channel,
  repository: string,
  subject: Digest,
  reason: string,
  digest?: string,
): void {
  const entry = digest === undefined ? {} : { digest };
  channel.emit({ type: "referrer-skipped", repository, subject, ...entry, reason });
}

/**
 * The fallback tag's index without its broken entries; none where the tag is missing or a registry
 * made it up.
 *
 * @throws {ManifestVerificationError} When the tag names something else than an OCI index.
 */
export async function readFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: EndpointOptions,
): Promise<{ index: ImageIndex | undefined; digest: Digest | undefined; etag?: string }> {
  const tag = fallbackTag(subject);
  let found;
  try {
    found = await fetchManifestBytes(channel, repository, tag, options);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    if (error.codes.includes("NAME_UNKNOWN")) throw error;
    return { index: undefined, digest: undefined };
  }
  // GitLab resolves the tag to the subject itself: such a tag does not exist.
  if (await hasDigest(found.bytes, subject)) return { index: undefined, digest: undefined };
  const contentType = found.answer.response.headers.get("content-type") ?? "";
  let object: Record<string, unknown>;
  let manifests: unknown;
  let mediaType: string;
  try {
    object = manifestObject(found.bytes);
    manifests = object.manifests;
    if ("manifests" in object) object.manifests = []; // read one by one below: some may be broken
    mediaType = settleManifest(object, { mediaType: contentType });
  } catch (cause) {
    const name = manifestName(channel, repository, tag);
    throw namedFailure(cause, name, await strangely(found));
  }
  if (mediaType !== MEDIA_TYPES.ociIndex) {
    throw new ManifestVerificationError(
      `Cannot list the referrers of ${fullName(channel, repository)}@${subject}: the tag ${tag} ` +
        `names a ${mediaType}, ` +
        `not an OCI index`,
    );
  }
  const skip = (reason: string) => skipReferrer(channel, repository, subject, reason);
  const of = `${fullName(channel, repository)}@${subject}`;
  const entries = readReferrers(manifests, skip, of);
  const index = { ...object, manifests: entries } as unknown as ImageIndex;
  const etag = found.answer.response.headers.get("etag");
  return {
    index,
    digest: found.digest,
    ...(etag?.startsWith('"') && { etag }), // a weak one never matches (RFC 9110, If-Match)
  };
}

/** Whether bytes have a digest, whatever digest the registry gave them. */
async function hasDigest(bytes: Bytes, digest: Digest): Promise<boolean> {
  // Nothing can be computed for another algorithm, and so nothing compared.
  if (!/^sha(256|512):/.test(digest)) return false;
  return await digestOf(bytes, hashAlgorithm(digest)) === digest;
}
