import { ApiError, HttpError, NotFoundError } from "../errors.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, parseDigest } from "../content/digest.ts";
import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { readReferrers, referrerDescriptor, saysItsType } from "../manifest/referrers_index.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { responseError } from "../transport/expect.ts";
import { readFallback, skipReferrer } from "./fallback_tag.ts";
import { inOrder } from "./in_order.ts";
import { fetchManifest, headManifestRequest } from "./manifest_requests.ts";
import { checkEntries, LIST_OPTIONS, type ListOptions, pages } from "./pages.ts";
import {
  checkChannel,
  ENDPOINT_OPTIONS,
  type EndpointOptions,
  fullName,
  repositoryRequest,
} from "./request.ts";

/** Options of {@linkcode listReferrers} and {@linkcode referrers}. */
export interface ListReferrersOptions extends ListOptions {
  /** Only referrers of this type. */
  artifactType?: string;
  /**
   * Whether a registry that has the API is asked for the fallback tag too: `false` where the tags were
   * listed, and it is not among them.
   * @default {true}
   */
  fallback?: boolean;
}

const LIST_REFERRERS_OPTIONS: OptionNames<ListReferrersOptions> = names(
  "artifactType fallback",
  LIST_OPTIONS,
);

/** What {@linkcode listReferrers} answers. */
export interface ReferrersList {
  /** The referrers' descriptors, already filtered. */
  manifests: Descriptor[];
  /** The filters that the registry applied itself. */
  filtersApplied: string[];
  /** Whether any of them comes from the fallback tag, as the registry's own list lacks it. */
  fromTag: boolean;
}

/** Statuses that say there is no referrers API: 404 by the specification, the rest as seen. */
const NO_API = [400, 404, 405, 406, 501];

/** So many entries are looked at at once, ahead of a reader that may stop at any. */
const ENTRIES_AT_ONCE = 8;

/** A fallback tag that is not there. */
const NO_FALLBACK = { index: undefined, digest: undefined };

/**
 * The manifests whose subject is this digest (end-12), from the referrers API and from the fallback
 * tag, which are asked for at once: a registry may have an API and know nothing of what others put
 * under the tag. Each is there once, as the API has it where both do.
 *
 * Where an entry's artifact type says nothing, its manifest is read, and the type in it is answered
 * and filtered by. What only the tag names is looked at by HEAD, and left out where it is gone. So a
 * list costs two requests, one where there is no API, and one for each entry of those two kinds:
 * eight at once, ahead of the reader of {@linkcode referrers}. What is left out is an event.
 *
 * A registry that refuses the API (401, 403) or fails (5xx) counts as one without it as long as its
 * API never answered, if the tag is there.
 *
 * @throws {NotFoundError} When there is no such repository.
 * @throws {ManifestVerificationError} When there is no API, and the tag names something else than an
 * OCI index.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
 */
export async function listReferrers(
  channel: Channel,
  repository: string,
  digest: string,
  options: ListReferrersOptions = {},
): Promise<ReferrersList> {
  const list: ReferrersList = { manifests: [], filtersApplied: [], fromTag: false };
  for await (const each of readBoth(channel, repository, parseDigest(digest), options, list)) {
    checkEntries(channel, list.manifests.push(each), listing(channel, repository, digest));
  }
  return list;
}

/**
 * The manifests whose subject is this digest (end-12), one by one, a page at a time, as
 * {@linkcode listReferrers} finds them.
 */
export async function* referrers(
  channel: Channel,
  repository: string,
  digest: string,
  options: ListReferrersOptions = {},
): AsyncGenerator<Descriptor> {
  const origin = { filtersApplied: [], fromTag: false };
  yield* readBoth(channel, repository, parseDigest(digest), options, origin);
}

/** Whether the registry has the referrers API; asked once, then remembered. */
export async function supportsReferrers(
  channel: Channel,
  repository: string,
  digest: string,
  options: EndpointOptions = {},
): Promise<boolean> {
  checkChannel(channel);
  checkOptions(options, ENDPOINT_OPTIONS);
  if (channel.capabilities.referrersApi !== undefined) return channel.capabilities.referrersApi;
  const request = referrersRequest(channel, repository, parseDigest(digest), options);
  const answer = await askApi(channel, request);
  await answer?.response.body?.cancel();
  return answer !== undefined;
}

/** The digests of all manifests that the API lists for a subject. */
export async function listedByApi(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: EndpointOptions,
): Promise<ReadonlySet<unknown>> {
  const listed = new Set<unknown>();
  const request = referrersRequest(channel, repository, subject, options);
  for await (const { json } of pages(channel, request, {})) {
    if (!Array.isArray(json.manifests)) continue;
    for (const entry of json.manifests) listed.add(entry?.digest);
  }
  return listed;
}

/** The referrers in the API's list and in the tag's; what is known of the lists goes to `origin`. */
async function* readBoth(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: ListReferrersOptions,
  origin: Pick<ReferrersList, "filtersApplied" | "fromTag">,
): AsyncGenerator<Descriptor> {
  checkOptions(options, LIST_REFERRERS_OPTIONS);
  const skip = (reason: string, digest?: string) =>
    skipReferrer(channel, repository, subject, reason, digest);
  const request = referrersRequest(channel, repository, subject, options);
  const asked = askApi(channel, request);
  const readTag = () => readFallback(channel, repository, subject, options);
  const [api, fallback] = await Promise.allSettled([
    asked,
    options.fallback === false
      ? asked.then((answer) => answer === undefined ? readTag() : NO_FALLBACK, readTag)
      : readTag(),
  ]);
  let tagged: Descriptor[] = [];
  if (fallback.status === "fulfilled") tagged = fallback.value.index?.manifests ?? [];
  if (api.status === "rejected") {
    const found = fallback.status === "fulfilled" && fallback.value.index !== undefined;
    if (!found || !mayLackApi(channel, api.reason)) throw api.reason;
  } else if (fallback.status === "rejected") {
    const { reason } = fallback;
    // The API's list stands by itself: a tag of no use does not hide it, one that may come does.
    if (api.value === undefined || !isFinal(reason)) {
      await api.value?.response.body?.cancel();
      throw reason;
    }
    if (!(reason instanceof NotFoundError)) skip(reason.message);
  }

  const inTag = new Map(tagged.map((entry) => [entry.digest, entry]));
  const seen = new Set<string>();
  const unseen = ({ digest }: Descriptor) => !seen.has(digest) && seen.add(digest);
  const settled = async function* (entries: Descriptor[], fromTag: boolean) {
    const settle = (entry: Descriptor) =>
      settleEntry(channel, repository, entry, fromTag, options, skip);
    for await (const entry of inOrder(entries.filter(unseen), ENTRIES_AT_ONCE, settle)) {
      if (entry !== undefined) yield entry;
    }
  };
  if (api.status === "fulfilled" && api.value !== undefined) {
    for await (const { json, headers } of pages(channel, request, options, api.value)) {
      origin.filtersApplied = (headers.get("oci-filters-applied") ?? "").split(",")
        .map((name) => name.trim()).filter((name) => name !== "");
      const of = `${fullName(channel, repository)}@${subject}`;
      const entries = readReferrers(json.manifests, skip, of);
      yield* settled(entries.map((entry) => typeFrom(inTag.get(entry.digest), entry)), false);
    }
  }
  for await (const entry of settled(tagged, true)) {
    origin.fromTag = true;
    yield entry;
  }
}

/** An entry with the other one's artifact type, where only that says something. */
function typeFrom(other: Descriptor | undefined, entry: Descriptor): Descriptor {
  if (other === undefined || saysItsType(entry) || !saysItsType(other)) return entry;
  return { ...entry, artifactType: other.artifactType! };
}

/**
 * An entry as it is answered: with its manifest's own type where its own says nothing; none where it
 * is not of the type asked for, or only the tag names it and it is gone.
 */
async function settleEntry(
  channel: Channel,
  repository: string,
  entry: Descriptor,
  fromTag: boolean,
  { artifactType, signal }: ListReferrersOptions,
  skip: (reason: string, digest: string) => void,
): Promise<Descriptor | undefined> {
  const { digest } = entry;
  const isWanted = (each: Descriptor) => !artifactType || each.artifactType === artifactType;
  const ending = signal && { signal };
  try {
    if (saysItsType(entry)) {
      if (!isWanted(entry)) return undefined;
      if (fromTag) await headManifestRequest(channel, repository, digest, { ...ending });
      return entry;
    }
    const { manifest } = await fetchManifest(channel, repository, digest, { ...ending });
    const own = referrerDescriptor(manifest, entry).artifactType;
    const typed = own === undefined ? entry : { ...entry, artifactType: own };
    return isWanted(typed) ? typed : undefined;
  } catch (error) {
    if (!isFinal(error)) throw error;
    const gone = fromTag && error instanceof NotFoundError;
    if (!gone && isWanted(entry)) return entry;
    skip(error.message, digest);
    return undefined;
  }
}

/** Whether an error would come again; not so an abort's reason. */
function isFinal(error: unknown): error is ApiError {
  return error instanceof ApiError && !error.retryable;
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
    what: listing(channel, repository, digest),
    signal,
  });
}

function listing(channel: Channel, repository: string, digest: string): string {
  return `list the referrers of ${fullName(channel, repository)}@${digest}`;
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
    channel.capabilities.referrersApi ??= false;
    return undefined;
  }
  const error = await responseError(channel, request, answer);
  if (!NO_API.includes(status)) throw error;
  // A missing repository looks like a missing API: this says nothing of the next repository.
  if (!error.codes.includes("NAME_UNKNOWN")) channel.capabilities.referrersApi ??= false;
  return undefined;
}

/** Whether an error may come of a registry that has no API, and says so in its own way. */
export function mayLackApi(channel: Channel, error: unknown): boolean {
  if (channel.capabilities.referrersApi === true || !(error instanceof HttpError)) return false;
  const { statusCode } = error;
  return statusCode === 401 || statusCode === 403 || statusCode >= 500;
}
