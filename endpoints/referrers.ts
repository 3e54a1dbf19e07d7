import {
  HttpError,
  InvalidContentError,
  ManifestVerificationError,
  NotFoundError,
} from "../errors.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { type Digest, digestOf, hashAlgorithm, parseDigest } from "../content/digest.ts";
import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import type { ImageIndex } from "../manifest/types.ts";
import {
  addReferrer,
  fallbackTag,
  filterReferrers,
  removeReferrer,
} from "../manifest/referrers_index.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { responseError } from "../transport/expect.ts";
import { Retries } from "../transport/retries.ts";
import type { RetryPolicy } from "../transport/retry_policy.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { type ListOptions, pages } from "./pages.ts";
import {
  deleteManifestRequest,
  fetchManifest,
  headManifestRequest,
  namesManifest,
  putManifestBytes,
} from "./manifest_requests.ts";
import { type EndpointOptions, repositoryRequest } from "./request.ts";

/** Options of {@linkcode listReferrers} and {@linkcode referrers}. */
export interface ListReferrersOptions extends ListOptions {
  /** Only referrers of this type. */
  artifactType?: string;
}

/** What {@linkcode listReferrers} answers. */
export interface ReferrersList {
  /** The referrers' descriptors, already filtered. */
  manifests: Descriptor[];
  /** The filters that the registry applied itself. */
  filtersApplied: string[];
  /** Whether they come from the fallback tag, as the registry has no referrers API. */
  fromTag: boolean;
}

/** Statuses that say there is no referrers API: 404 by the specification, the rest as seen. */
const NO_API = [400, 404, 405, 406, 501];

/** Repositories whose OCI-Subject is trusted: one that is forgotten costs one request more. */
const TRUSTED_KEPT = 1_000;

/**
 * Tries to win the fallback tag against other writers. The waits are as long as a read and a write
 * take, at random and then longer, so that two writers do not meet again.
 */
function fallbackPolicy(took: number): RetryPolicy {
  return { maxAttempts: 10, minDelay: 2 * took, maxDelay: 10 * took };
}

/**
 * The manifests whose subject is this digest (end-12), from the referrers API, or from the fallback
 * tag where the registry has none. Filtered here when the registry did not.
 *
 * @throws {NotFoundError} When there is no such repository.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
 */
export async function listReferrers(
  channel: Channel,
  repository: string,
  digest: string,
  options: ListReferrersOptions = {},
): Promise<ReferrersList> {
  const list: ReferrersList = { manifests: [], filtersApplied: [], fromTag: false };
  for await (const page of referrersPages(channel, repository, parseDigest(digest), options)) {
    for (const manifest of page.manifests) list.manifests.push(manifest);
    list.filtersApplied = page.filtersApplied;
    list.fromTag = page.fromTag;
  }
  return list;
}

/** The manifests whose subject is this digest, one by one, a page at a time (end-12). */
export async function* referrers(
  channel: Channel,
  repository: string,
  digest: string,
  options: ListReferrersOptions = {},
): AsyncGenerator<Descriptor> {
  for await (const page of referrersPages(channel, repository, parseDigest(digest), options)) {
    yield* page.manifests;
  }
}

/** Whether the registry has the referrers API; asked once, then remembered. */
export async function supportsReferrers(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<boolean> {
  if (channel.capabilities.referrersApi !== undefined) return channel.capabilities.referrersApi;
  const request = referrersRequest(channel, repository, parseDigest(digest), options);
  const answer = await askApi(channel, request);
  await answer?.response.body?.cancel();
  return answer !== undefined;
}

async function* referrersPages(
  channel: Channel,
  repository: string,
  digest: Digest,
  options: ListReferrersOptions,
): AsyncGenerator<ReferrersList> {
  const { artifactType } = options;
  const request = referrersRequest(channel, repository, digest, options);
  const first = await askApi(channel, request);
  if (first === undefined) {
    const { index } = await readFallback(channel, repository, digest, options);
    yield {
      manifests: filterReferrers(index?.manifests ?? [], artifactType),
      filtersApplied: [],
      fromTag: true,
    };
    return;
  }
  for await (const { json, headers } of pages(channel, request, options, first)) {
    const applied = (headers.get("oci-filters-applied") ?? "").split(",")
      .map((name) => name.trim()).filter((name) => name !== "");
    const all = Array.isArray(json.manifests) ? json.manifests : [];
    const manifests = all.map((entry, at) => checkDescriptor(entry, `referrer ${at}`));
    yield {
      manifests: applied.includes("artifactType")
        ? manifests
        : filterReferrers(manifests, artifactType),
      filtersApplied: applied,
      fromTag: false,
    };
  }
}

function referrersRequest(
  channel: Channel,
  repository: string,
  digest: Digest,
  { artifactType, signal, pageSize }: ListReferrersOptions,
): ChannelRequest {
  return repositoryRequest(channel, {
    method: "GET",
    repository,
    path: `referrers/${digest}`,
    query: { artifactType, n: pageSize },
    actions: ["pull"],
    headers: { accept: MEDIA_TYPES.ociIndex, "accept-encoding": "identity" },
    what: `list the referrers of ${repository}@${digest}`,
    ...(signal && { signal }),
  });
}

/** The API's first page; `undefined` where there is no API. */
async function askApi(
  channel: Channel,
  request: ChannelRequest,
): Promise<ChannelResponse | undefined> {
  if (channel.capabilities.referrersApi === false) return undefined;
  const answer = await channel.send(request);
  const { status, headers, body } = answer.response;
  const isIndex = bareMediaType(headers.get("content-type")) === MEDIA_TYPES.ociIndex;
  if (status === 200 && isIndex) {
    channel.capabilities.referrersApi = true;
    return answer;
  }
  if (status === 200) {
    await body?.cancel();
    channel.capabilities.referrersApi = false;
    return undefined;
  }
  const error = await responseError(channel, request, answer);
  if (!NO_API.includes(status)) throw error;
  // A missing repository looks like a missing API: this says nothing of the next repository.
  if (!error.codes.includes("NAME_UNKNOWN")) channel.capabilities.referrersApi = false;
  return undefined;
}

/** The fallback tag's index; none where the tag is missing or a registry made it up. */
async function readFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: EndpointOptions,
): Promise<{ index: ImageIndex | undefined; digest: Digest | undefined }> {
  const tag = fallbackTag(subject);
  let found;
  try {
    found = await fetchManifest(channel, repository, tag, options);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    if (error.codes.includes("NAME_UNKNOWN")) throw error;
    return { index: undefined, digest: undefined };
  }
  // GitLab resolves the tag to the subject itself: such a tag does not exist.
  if (await hasDigest(found.bytes, subject)) return { index: undefined, digest: undefined };
  if (found.mediaType !== MEDIA_TYPES.ociIndex) {
    throw new ManifestVerificationError(
      `Cannot read the referrers of ${subject}: the tag ${tag} names a ${found.mediaType}, ` +
        `not an OCI index`,
    );
  }
  return { index: found.manifest as ImageIndex, digest: found.digest };
}

/** Whether bytes have a digest, whatever digest the registry gave them. */
async function hasDigest(bytes: Bytes, digest: Digest): Promise<boolean> {
  // Nothing can be computed for another algorithm, and so nothing compared.
  if (!/^sha(256|512):/.test(digest)) return false;
  return await digestOf(bytes, hashAlgorithm(digest)) === digest;
}

/**
 * Makes a pushed manifest findable from its subject: done already where the registry answers
 * `OCI-Subject` and has the API, else written to the fallback tag.
 *
 * @param ociSubject The `OCI-Subject` header of the push's answer; `undefined` where the answer was
 * lost.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject
 */
export async function recordReferrer(
  channel: Channel,
  repository: string,
  subject: string,
  referrer: Descriptor,
  ociSubject: string | null | undefined,
  options: EndpointOptions = {},
): Promise<void> {
  const digest = parseDigest(subject);
  if (ociSubject !== null) {
    // The header has lied: some registries sent it and had no API. Asked once for a repository.
    const trustedSubject = channel.capabilities.trustedSubject ??= new Set();
    if (trustedSubject.has(repository)) return;
    if (await supportsReferrers(channel, repository, digest, options)) {
      if (trustedSubject.size >= TRUSTED_KEPT) trustedSubject.clear();
      trustedSubject.add(repository);
      return;
    }
  }
  await changeFallback(
    channel,
    repository,
    digest,
    options,
    (index) => addReferrer(index, referrer),
  );
}

/** Takes a deleted manifest out of its subject's fallback tag, where the registry has no API. */
export async function forgetReferrer(
  channel: Channel,
  repository: string,
  subject: string,
  referrer: string,
  options: EndpointOptions = {},
): Promise<void> {
  const digest = parseDigest(subject);
  if (await supportsReferrers(channel, repository, digest, options)) return;
  try {
    await changeFallback(
      channel,
      repository,
      digest,
      options,
      (index) => index && removeReferrer(index, referrer),
    );
  } catch (error) {
    // With its last manifest the repository may be gone, and its fallback tags with it.
    if (!(error instanceof NotFoundError)) throw error;
  }
}

/** The last write to each fallback tag of a registry, so that the next one waits for it. */
const FALLBACK_WRITES = new WeakMap<Channel, Map<string, Promise<void>>>();

/** A change to a fallback index; the same index, or none, when nothing is to be done. */
type Change = (index: ImageIndex | undefined) => ImageIndex | undefined;

/** One write at a time to a fallback tag; looked at again afterwards in case another writer won. */
async function changeFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: EndpointOptions,
  change: Change,
): Promise<void> {
  const fallbackWrites = FALLBACK_WRITES.get(channel) ?? new Map<string, Promise<void>>();
  FALLBACK_WRITES.set(channel, fallbackWrites);
  const key = `${repository} ${subject}`;
  const before = fallbackWrites.get(key) ?? Promise.resolve();
  const turn = before.then(() => writeFallback(channel, repository, subject, options, change));
  const settled: Promise<void> = turn.catch(() => {}).then(() => {
    if (fallbackWrites.get(key) === settled) fallbackWrites.delete(key);
  });
  fallbackWrites.set(key, settled);
  await untilAborted(turn, options.signal);
}

/**
 * Reads, changes and writes the tag, until it names what was written. Tags cannot be written on a
 * condition: another client that read the same index before this write may still overwrite it. Its
 * read and write take about as long as these, so the tag is looked at after that time again.
 */
async function writeFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: EndpointOptions,
  change: Change,
): Promise<void> {
  const { clock } = channel;
  const tag = fallbackTag(subject);
  let retries: Retries | undefined;
  for (;;) {
    const started = clock.now();
    const { index, digest } = await readFallback(channel, repository, subject, options);
    const changed = change(index);
    if (changed === undefined || changed === index) return;
    if (changed.manifests.length === 0 && digest !== undefined) {
      if (await deleteTag(channel, repository, tag, options)) return;
    }
    const written = await putIndex(channel, repository, tag, changed, options);
    const took = clock.now() - started;
    await clock.sleep(took, options.signal);
    if (await namesManifest(channel, repository, tag, written, options)) return;
    retries ??= new Retries({ ...channel, retry: fallbackPolicy(took) });
    const delay = retries.failed();
    if (delay === undefined) {
      throw new InvalidContentError(
        `Cannot write the fallback tag ${tag} of ${repository}: other writers won ` +
          `${retries.failures} times`,
      );
    }
    await clock.sleep(delay, options.signal);
  }
}

/**
 * PUT an index. Whoever deleted an entry may have left the index as it was: registries
 * that look for the entries take the index without it alone. Answers the digest of what was put.
 */
async function putIndex(
  channel: Channel,
  repository: string,
  tag: string,
  index: ImageIndex,
  options: EndpointOptions,
): Promise<Digest> {
  const bytes = encodeText(JSON.stringify(index));
  const { ociIndex } = MEDIA_TYPES;
  try {
    return (await putManifestBytes(channel, repository, tag, bytes, ociIndex, options)).digest;
  } catch (error) {
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
