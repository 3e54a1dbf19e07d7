import {
  ApiError,
  InvalidOptionError,
  ManifestVerificationError,
  ReferrersListError,
  TagImmutableError,
} from "../errors.ts";
import { type Bytes, toBytes } from "../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, isDigest } from "../content/digest.ts";
import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { subjectOf } from "../manifest/children.ts";
import { namedFailure } from "../manifest/named_failure.ts";
import { quoted } from "../manifest/quoted.ts";
import { manifestObject } from "../manifest/manifest_object.ts";
import { objectMediaType } from "../manifest/media_type_of.ts";
import { settleManifest } from "../manifest/parse_manifest.ts";
import { referrerDescriptor } from "../manifest/referrers_index.ts";
import { isIndex, type Manifest } from "../manifest/types.ts";
import type { Platform } from "../content/descriptor.ts";
import type { Channel } from "../transport/channel.ts";
import {
  deleteManifestRequest,
  FETCH_MANIFEST_OPTIONS,
  type FetchedManifest,
  fetchManifest,
  type FetchManifestOptions,
  manifestName,
  putManifestBytes,
} from "./manifest_requests.ts";
import { putTaggedManifest, tagsToPut } from "./manifest_tags.ts";
import { forgetReferrer, putReferrer, type PutReferrerAnswer } from "./put_referrer.ts";
import {
  checkChannel,
  ENDPOINT_OPTIONS,
  type EndpointOptions,
  fullName,
  manifestReference,
} from "./request.ts";

export { headManifest } from "./manifest_requests.ts";

/** Options of {@linkcode getManifest}. */
export interface GetManifestOptions extends FetchManifestOptions {
  /** Follow an index, and indexes in it, to the one image for this platform: `"linux/arm64"`. */
  platform?: string | Platform;
}

const GET_MANIFEST_OPTIONS: OptionNames<GetManifestOptions> = names(
  "platform",
  FETCH_MANIFEST_OPTIONS,
);

/**
 * A manifest by tag or digest (end-3): typed, and with its bytes, which are verified.
 *
 * @throws {NotFoundError} When there is none.
 * @throws {BadDigestError} When the bytes have another digest than the one asked for or answered.
 * @throws {InvalidManifestError} When it is not a manifest.
 * @throws {ManifestVerificationError} When header, body and descriptor disagree.
 * @throws {ContentNotFoundError} When an index has no image for the platform.
 * @throws {LimitError} When it follows more than 16 indexes, one in the other.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
 */
export async function getManifest(
  channel: Channel,
  repository: string,
  ref: string,
  options: GetManifestOptions = {},
): Promise<FetchedManifest> {
  checkOptions(options, GET_MANIFEST_OPTIONS);
  const { platform, ...fetching } = options;
  const found = await fetchManifest(channel, repository, ref, fetching);
  if (platform === undefined || !isIndex(found.manifest)) return found;
  const { followPlatform } = await import("../manifest/choosing.ts"); // few name one
  const { descriptor: _index, ...rest } = fetching;
  return await followPlatform(
    found,
    platform,
    (digest = ref) => manifestName(channel, repository, digest),
    (descriptor) => fetchManifest(channel, repository, descriptor.digest, { ...rest, descriptor }),
  );
}

/** Options of {@linkcode putManifest}. */
export interface PutManifestOptions extends EndpointOptions {
  /** The media type to put it under. @default {the manifest's own} */
  mediaType?: string;
  /**
   * Tags for a manifest that is put under its digest (end-7b): in the same request where the
   * registry does that, else one by one. This is the only way to make a tag name a sha512 digest;
   * a registry that does not know it names the sha256 digest of the same bytes instead.
   * @default {[]}
   */
  tags?: readonly string[];
}

const PUT_MANIFEST_OPTIONS: OptionNames<PutManifestOptions> = names(
  "mediaType tags",
  ENDPOINT_OPTIONS,
);

/** What {@linkcode putManifest} answers. */
export interface PutManifestResult {
  /** The manifest's descriptor. */
  descriptor: Descriptor;
  /** Where the registry says that it is, where it says so. */
  location?: string;
  /**
   * Why the manifest is not on its subject's list of referrers, although it was pushed: the list is
   * kept under a tag where the registry has no referrers API. To push it again tries again.
   */
  referrersError?: ReferrersListError;
}

/**
 * Pushes a manifest under a tag or its own digest (end-7), to the byte. One with a subject is made
 * findable from it, through the fallback tag where the registry has no referrers API; when that fails
 * the manifest has landed all the same, and the answer's `referrersError` says why.
 *
 * @throws {BadDigestError} When the reference is a digest, and not that of the bytes.
 * @throws {InvalidOptionError} When there are `tags`, and the reference is no digest.
 * @throws {InvalidManifestError} When the bytes are not a manifest; nothing is sent then.
 * @throws {ManifestVerificationError} When `mediaType` is not the one in the manifest.
 * @throws {TagImmutableError} When the tag names another manifest and cannot be moved.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
 */
export async function putManifest(
  channel: Channel,
  repository: string,
  ref: string,
  data: Uint8Array,
  options: PutManifestOptions = {},
): Promise<PutManifestResult> {
  checkOptions(options, PUT_MANIFEST_OPTIONS);
  manifestReference(ref);
  const bytes = manifestBytes(data);
  const tags = tagsToPut(ref, options.tags ?? []);
  const name = manifestName(channel, repository, ref);
  const read = <T>(what: () => T): T => {
    try {
      return what();
    } catch (cause) {
      throw namedFailure(cause, name);
    }
  };
  // Who names the type of an abandoned format means it: some registries take it still.
  const object = read(() => manifestObject(bytes, options.mediaType !== undefined));
  const own = read(() => objectMediaType(object));
  const mediaType = options.mediaType ?? own;
  if (bareMediaType(mediaType) !== own) {
    throw new ManifestVerificationError(
      `Cannot put the manifest ${name} as ${quoted(mediaType)}: it says of itself that it is ` +
        quoted(own),
    );
  }
  const isOci = own === MEDIA_TYPES.ociManifest || own === MEDIA_TYPES.ociIndex;
  if (isOci) read(() => settleManifest(object, { mediaType: own }));
  const manifest = isOci ? object as unknown as Manifest : undefined;
  const put = () =>
    isDigest(ref)
      ? putTaggedManifest(channel, repository, ref, tags, bytes, mediaType, options)
      : putManifestBytes(channel, repository, ref, bytes, mediaType, options);
  const descriptorOf = (digest: Digest) => ({ mediaType: own, digest, size: bytes.byteLength });
  const subject = manifest && subjectOf(manifest);
  const { digest, headers, error }: PutReferrerAnswer = subject === undefined
    ? await put()
    : await putReferrer(
      channel,
      repository,
      subject.digest,
      put,
      (digest) => referrerDescriptor(manifest!, descriptorOf(digest)),
      options,
    );
  const location = headers?.get("location") ?? undefined;
  return {
    descriptor: descriptorOf(digest),
    ...(location !== undefined && { location }),
    ...(error !== undefined && {
      referrersError: notListed(fullName(channel, repository), subject!.digest, digest, error),
    }),
  };
}

/** A manifest's bytes out of what a caller gave for them. */
function manifestBytes(data: unknown): Bytes {
  if (data instanceof Uint8Array) return toBytes(data);
  const came = data === null ? "null" : typeof data;
  throw new InvalidOptionError(
    `Cannot put the manifest as its bytes must be a Uint8Array: current value is ${came}. ` +
      "buildManifest and encodeManifest make them. Give them as 'manifestData'",
  );
}

function notListed(
  name: string,
  subject: string,
  digest: string,
  cause: ApiError,
): ReferrersListError {
  const advice = cause instanceof TagImmutableError
    ? "; let tags that begin with sha256- be moved, as the list is kept under one"
    : "";
  return new ReferrersListError(
    `Cannot list ${digest} among the referrers of ${subject} in ${name}: it is pushed, but ` +
      `its subject's list is not written: ${cause.message}${advice}`,
    { cause, digest, subject, pushed: true },
  );
}

/**
 * Deletes a manifest by digest, or a tag (end-9). A manifest with a subject is also taken out of
 * the subject's fallback tag, where the registry has no referrers API.
 *
 * @throws {UnsupportedError} When the registry does not delete.
 * @throws {NotFoundError} When there is none.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#deleting-manifests
 */
export async function deleteManifest(
  channel: Channel,
  repository: string,
  ref: string,
  options: EndpointOptions = {},
): Promise<void> {
  checkChannel(channel);
  checkOptions(options, ENDPOINT_OPTIONS);
  const subject = isDigest(ref) && channel.capabilities.referrersApi !== true
    ? await subjectBeforeDelete(channel, repository, ref, options)
    : undefined;
  await deleteManifestRequest(channel, repository, ref, options);
  if (subject !== undefined) {
    await forgetReferrer(channel, repository, subject.digest, ref, options);
  }
}

async function subjectBeforeDelete(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions,
): Promise<Descriptor | undefined> {
  try {
    const { manifest } = await fetchManifest(channel, repository, digest, options);
    return subjectOf(manifest);
  } catch {
    options.signal?.throwIfAborted();
    return undefined; // what cannot be read can still be deleted, or not: the DELETE will tell
  }
}
