import {
  HttpError,
  ManifestVerificationError,
  NotFoundError,
  ReferrersListError,
} from "../errors.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { type Digest, hashAlgorithm } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { manifestObject } from "../manifest/manifest_object.ts";
import { settleManifest } from "../manifest/parse_manifest.ts";
import { fallbackTag, readReferrers } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import type { Channel } from "../transport/channel.ts";
import { Retries } from "../transport/retries.ts";
import type { RetryPolicy } from "../transport/retry_policy.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import {
  deleteManifestRequest,
  fetchManifestBytes,
  headManifestRequest,
  manifestName,
  namedFailure,
  namesManifest,
  putManifestBytes,
  strangely,
} from "./manifest_requests.ts";
import { type EndpointOptions, fullName } from "./request.ts";

/** The last write to each fallback tag, whoever's client it is, so that the next one waits for it. */
const FALLBACK_WRITES = new Map<string, Promise<void>>();

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

/** A change to a fallback index; the same index, or none, when nothing is to be done. */
export type IndexChange = (index: ImageIndex | undefined) => ImageIndex | undefined;

/**
 * One write at a time to a fallback tag, for one referrer; looked at again afterwards in case another
 * writer won.
 *
 * @throws {ReferrersListError} When other writers won each time.
 */
export async function changeFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  referrer: string,
  options: EndpointOptions,
  change: IndexChange,
): Promise<void> {
  const key = `${channel.origin} ${repository} ${subject}`;
  const before = FALLBACK_WRITES.get(key) ?? Promise.resolve();
  const turn = before.then(() =>
    writeFallback(channel, repository, subject, referrer, options, change)
  );
  const settled: Promise<void> = turn.catch(() => {}).then(() => {
    if (FALLBACK_WRITES.get(key) === settled) FALLBACK_WRITES.delete(key);
  });
  FALLBACK_WRITES.set(key, settled);
  await untilAborted(turn, options.signal);
}

/**
 * Tries to win the fallback tag against other writers. The waits are as long as a read and a write
 * take, at random and then longer, so that two writers do not meet again.
 */
function fallbackPolicy(took: number): RetryPolicy {
  return { maxAttempts: 10, minDelay: 2 * took, maxDelay: 10 * took };
}

/**
 * Reads, changes and writes the tag, until it names what was written. It is written on the condition
 * that it is what was read, which no registry is known to look at: another client that read the same
 * index before this write may still overwrite it. Its read and write take about as long as these, so
 * the tag is looked at after that time again.
 */
async function writeFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  referrer: string,
  options: EndpointOptions,
  change: IndexChange,
): Promise<void> {
  const { clock } = channel;
  const tag = fallbackTag(subject);
  let retries: Retries | undefined;
  for (;;) {
    const started = clock.now();
    const { index, digest, etag } = await readFallback(channel, repository, subject, options);
    const changed = change(index);
    if (changed === undefined || changed === index) return;
    if (changed.manifests.length === 0 && digest !== undefined) {
      if (await deleteTag(channel, repository, tag, options)) return;
    }
    const putting = { ...options, ...(etag !== undefined && { ifMatch: etag }) };
    const written = await putIndex(channel, repository, tag, changed, putting);
    const took = clock.now() - started;
    await clock.sleep(took, options.signal);
    if (written && await namesManifest(channel, repository, tag, written, options)) return;
    retries ??= new Retries({ ...channel, retry: fallbackPolicy(took) });
    const delay = retries.failed();
    if (delay === undefined) {
      throw new ReferrersListError(
        `Cannot write the fallback tag ${
          fullName(channel, repository)
        }:${tag}: other writers won ` +
          `${retries.failures} times`,
        { digest: referrer, subject, pushed: false, retryable: true },
      );
    }
    await clock.sleep(delay, options.signal);
  }
}

/**
 * PUT an index. Whoever deleted an entry may have left the index as it was: registries
 * that look for the entries take the index without it alone. Answers the digest of what was put;
 * `undefined` where the tag has moved since it was read.
 */
async function putIndex(
  channel: Channel,
  repository: string,
  tag: string,
  index: ImageIndex,
  options: EndpointOptions & { ifMatch?: string },
): Promise<Digest | undefined> {
  const bytes = encodeText(JSON.stringify(index));
  const { ociIndex } = MEDIA_TYPES;
  try {
    return (await putManifestBytes(channel, repository, tag, bytes, ociIndex, options)).digest;
  } catch (error) {
    if (error instanceof HttpError && error.statusCode === 412) return undefined;
    if (!lacksEntry(error)) throw error;
    const kept = await existing(channel, repository, index, options);
    if (kept.manifests.length === index.manifests.length) throw error;
    return await putIndex(channel, repository, tag, kept, options);
  }
}

/** Whether a push was refused for want of something in it: 400 by the specification, crane 404. */
function lacksEntry(error: unknown): boolean {
  return error instanceof HttpError &&
    error.codes.some((code) => code === "MANIFEST_BLOB_UNKNOWN" || code === "MANIFEST_UNKNOWN");
}

/** The index without the entries that the repository does not have. */
async function existing(
  channel: Channel,
  repository: string,
  index: ImageIndex,
  options: EndpointOptions,
): Promise<ImageIndex> {
  const there = await Promise.all(index.manifests.map(async ({ digest }) => {
    try {
      await headManifestRequest(channel, repository, digest, options);
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }));
  return { ...index, manifests: index.manifests.filter((_, at) => there[at]) };
}

async function deleteTag(
  channel: Channel,
  repository: string,
  tag: string,
  options: EndpointOptions,
): Promise<boolean> {
  try {
    await deleteManifestRequest(channel, repository, tag, options);
    return true;
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    // A registry that keeps tags, in whatever words, gets an empty index: it says the same.
    if (error instanceof HttpError) return false;
    throw error;
  }
}
