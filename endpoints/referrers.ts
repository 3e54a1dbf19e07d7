import { NotFoundError } from "../errors.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { type Digest, parseDigest } from "../content/digest.ts";
import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { addReferrer, filterReferrers, removeReferrer } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { responseError } from "../transport/expect.ts";
import { changeFallback, readFallback } from "./fallback_tag.ts";
import { type ListOptions, pages } from "./pages.ts";
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

/**
 * Makes a pushed manifest findable from its subject: done already where the registry answers
 * `OCI-Subject` and has the API, else written to the fallback tag.
 *
 * @param ociSubject The `OCI-Subject` header of the push's answer; `undefined` where the answer was
 * lost.
 * @param options `newIndex` is what the first referrer is put into, where the tag is missing.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject
 */
export async function recordReferrer(
  channel: Channel,
  repository: string,
  subject: string,
  referrer: Descriptor,
  ociSubject: string | null | undefined,
  options: EndpointOptions & { newIndex?: ImageIndex } = {},
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
    (index = options.newIndex) => addReferrer(index, referrer),
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
