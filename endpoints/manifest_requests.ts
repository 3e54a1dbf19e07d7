import { openBody } from "../content/body.ts";
import {
  BadDigestError,
  type HttpError,
  RateLimitedError,
  type RegistryError,
  SizeMismatchError,
  TagImmutableError,
} from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { bareMediaType, isManifestMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import { childrenOf } from "../manifest/children.ts";
import { namedFailure } from "../manifest/named_failure.ts";
import { isGenericType, type ParsedManifest, parseManifest } from "../manifest/parse_manifest.ts";
import type { Channel, ChannelRequest, ChannelResponse } from "../transport/channel.ts";
import { contentLength, encodingsOf } from "../transport/content_encoding.ts";
import { redactUrl } from "../transport/redact.ts";
import { leaveBody, sendExpecting } from "../transport/expect.ts";
import { readBody } from "../transport/read_body.ts";
import { isRetryable, Retries, RETRYABLE_STATUSES } from "../transport/retry.ts";
import { answeredDigest, checkAnsweredDigest, mayBePage } from "./answered_digest.ts";
import {
  ENDPOINT_OPTIONS,
  type EndpointOptions,
  fullName,
  HEAD_REFUSED,
  manifestReference,
  repositoryRequest,
  sizeByHead,
} from "./request.ts";

/** The manifest types that a request accepts when nothing else is said: OCI's and Docker's. */
export const ACCEPT_ALL: readonly string[] = [
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerManifest,
  MEDIA_TYPES.dockerManifestList,
];

const ACCEPTED = ACCEPT_ALL.join(", ");

/** What a HEAD of a manifest that is there may answer. */
const HEAD_ANSWERS: readonly number[] = [200, ...HEAD_REFUSED];

/** A manifest as it came: typed, and to the byte. */
export interface FetchedManifest extends ParsedManifest {
  /** The digest of the bytes: in the algorithm asked for, else the registry's, else sha256. */
  digest: Digest;
  /** The response; its body has been read. */
  answer: ChannelResponse;
}

/** Options of {@linkcode fetchManifest}. */
export interface FetchManifestOptions extends EndpointOptions {
  /** The media types to accept. */
  accept?: readonly string[];
  /** What the manifest must be, where that is known. */
  descriptor?: Descriptor;
  /** Whether redirects are followed. @default {true} */
  followRedirects?: boolean;
}

/** Their names. */
export const FETCH_MANIFEST_OPTIONS: OptionNames<FetchManifestOptions> = names(
  "accept descriptor followRedirects",
  ENDPOINT_OPTIONS,
);

// What tells what answered in a registry's place is loaded when something did.
const webPages = () => import("../transport/web_page.ts");

/** A manifest's bytes, verified and not yet parsed. */
type ManifestBytes = Pick<FetchedManifest, "bytes" | "digest" | "answer">;

/** GET a manifest (end-3) and verify it against the digest asked for and the one answered. */
export async function fetchManifest(
  channel: Channel,
  repository: string,
  ref: string,
  options: FetchManifestOptions = {},
): Promise<FetchedManifest> {
  const { descriptor } = options;
  const found = await fetchManifestBytes(channel, repository, ref, options);
  const { bytes, answer } = found;
  const mediaType = answer.response.headers.get("content-type") ?? undefined;
  try {
    const parsed = parseManifest(bytes, {
      ...(mediaType !== undefined && { mediaType }),
      ...(descriptor !== undefined && { descriptor }),
    });
    return { ...found, ...parsed };
  } catch (cause) {
    const name = manifestName(channel, repository, ref);
    throw namedFailure(cause, name, await strangely(found));
  }
}

/** What answered with something that is called no manifest, a sentence for messages. */
export async function strangely({ answer, bytes }: ManifestBytes): Promise<string> {
  if (isManifestMediaType(bareMediaType(answer.response.headers.get("content-type")))) return "";
  return `. ${(await webPages()).strangeAnswer(answer, bytes)}`;
}

/** {@linkcode fetchManifest} for a caller that reads the bytes in its own way. */
export async function fetchManifestBytes(
  channel: Channel,
  repository: string,
  ref: string,
  options: FetchManifestOptions = {},
): Promise<ManifestBytes> {
  const { followRedirects = true, descriptor } = options;
  if (isDigest(ref)) hashAlgorithm(ref); // what cannot be verified is not asked for
  const request: ChannelRequest = {
    ...manifestRequest(channel, "GET", repository, ref, options),
    redirect: followRedirects ? "follow" : "manual",
  };
  const answer = await sendExpecting(channel, request, [200]);
  const { response } = answer;
  const name = `the manifest ${manifestName(channel, repository, ref)}`;
  const bytes = await readBody(channel, response, "manifestBytes", name, request);
  const digest = await verifyManifest(request, ref, bytes, answer);
  if (descriptor !== undefined && descriptor.size !== bytes.byteLength) {
    throw new SizeMismatchError(
      `Cannot ${request.what}: it has ${bytes.byteLength} bytes, and its descriptor says ` +
        `${descriptor.size}`,
      { expected: descriptor.size, actual: bytes.byteLength },
    );
  }
  return { bytes, digest, answer };
}

/** HEAD a manifest (end-3): GET, whose body is left, where that is refused or says that it is empty. */
export async function headManifestRequest(
  channel: Channel,
  repository: string,
  ref: string,
  options: FetchManifestOptions = {},
): Promise<ChannelResponse> {
  const request = manifestRequest(channel, "HEAD", repository, ref, options);
  const answer = await sendExpecting(channel, request, HEAD_ANSWERS);
  const { status, headers, body } = answer.response;
  if (status === 200 && contentLength(headers) !== 0 && !mayBePage(headers)) return answer;
  await body?.cancel();
  const got = await sendExpecting(channel, { ...request, method: "GET" }, [200]);
  await leaveBody(channel, request, got);
  return got;
}

/**
 * A manifest's descriptor by tag or digest (end-3), by HEAD: Docker Hub does not count it against
 * the quota. Falls back to GET where the answer does not say digest, size and type.
 *
 * @throws {NotFoundError} When there is none.
 * @throws {BadDigestError} When the registry answers another digest than the one asked for.
 */
export async function headManifest(
  channel: Channel,
  repository: string,
  ref: string,
  options: FetchManifestOptions = {},
): Promise<Descriptor> {
  checkOptions(options, FETCH_MANIFEST_OPTIONS);
  const request = manifestRequest(channel, "HEAD", repository, ref, options);
  const { response } = await sendExpecting(channel, request, HEAD_ANSWERS);
  if (response.status === 200) {
    if (isDigest(ref)) checkAnsweredDigest(request.what, ref, response.headers);
    const descriptor = descriptorOf(ref, response.headers);
    if (descriptor !== undefined) return descriptor;
  }
  await response.body?.cancel();
  const { digest, bytes, mediaType } = await fetchManifest(channel, repository, ref, options);
  return { mediaType, digest, size: bytes.byteLength };
}

/** What a PUT of a manifest answers. */
export interface PutAnswer {
  /** The digest of what was put. */
  digest: Digest;
  /** The answer's headers; `undefined` where it was lost, or the tag named this manifest already. */
  headers: Headers | undefined;
}

/**
 * PUT a manifest (end-7). A PUT that died may have landed, and a tag that cannot be moved may name
 * this very manifest: so the tag is looked at before another try, and before such an error. Not
 * before the first try: a push that goes well costs one request, and most do.
 */
export async function putManifestBytes(
  channel: Channel,
  repository: string,
  ref: string,
  bytes: Bytes,
  mediaType: string,
  options: EndpointOptions & { query?: string; ifMatch?: string } = {},
): Promise<PutAnswer> {
  const digest = await digestOf(bytes, isDigest(ref) ? hashAlgorithm(ref) : "sha256");
  if (isDigest(ref) && digest !== ref) {
    throw mismatch(`put the manifest ${manifestName(channel, repository, ref)}`, ref, digest);
  }
  const base = manifestRequest(channel, "PUT", repository, ref, options);
  base.headers.set("content-type", mediaType);
  if (options.ifMatch !== undefined) base.headers.set("if-match", options.ifMatch);
  const request: ChannelRequest = { ...base, body: openBody(bytes), repeatable: false };
  if (options.query !== undefined) request.url.search = options.query;

  const retries = new Retries(channel);
  for (;;) {
    let error: unknown;
    try {
      const answer = await sendExpecting(channel, request, PUT_TAKEN, (errors) => {
        return missingContent(bytes, errors);
      });
      const { response } = answer;
      await leaveBody(channel, request, answer);
      const stored = await digestAsAnswered(bytes, response.headers, digest);
      checkAnsweredDigest(request.what, stored, response.headers);
      return { digest, headers: response.headers };
    } catch (thrown) {
      error = thrown;
    }
    options.signal?.throwIfAborted();
    const { retryAfter = 0, statusCode, message } = error as HttpError;
    const passing = isRetryable(error) || RETRYABLE_STATUSES.includes(statusCode);
    if (!passing && !(error instanceof TagImmutableError)) throw error;
    const delay = passing ? retries.failed(retryAfter) : undefined;
    const due = channel.clock.now() + (delay ?? 0);
    // What is refused for its number has not landed.
    const refused = error instanceof RateLimitedError;
    if (!refused && await namesManifest(channel, repository, ref, digest, options)) {
      return { digest, headers: undefined };
    }
    if (delay === undefined) throw error;
    const url = redactUrl(request.url);
    const attempt = retries.failures;
    channel.emit({ type: "retry", method: "PUT", url, attempt, delay, reason: message });
    // The look has waited for some of it, where the registry asked to be left alone.
    await channel.clock.sleep(Math.max(0, due - channel.clock.now()), options.signal);
  }
}

/** The statuses that take a manifest: 201 by the specification, the others as seen. */
const PUT_TAKEN = [200, 201, 202, 204];

/** What registries call a blob, or an index's manifest, that a manifest names and they lack; ECR the last. */
const MISSING_CODES = [
  "MANIFEST_BLOB_UNKNOWN",
  "BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
  "LAYERS_NOT_FOUND",
];

/** So many digests are named, of which one or more are missing. */
const DIGESTS_NAMED = 10;

/** What of a manifest may be missing, where a registry refuses it for that and does not say it. */
function missingContent(bytes: Bytes, errors: readonly RegistryError[]): string | undefined {
  if (!errors.some(({ code = "" }) => MISSING_CODES.includes(code))) return undefined;
  let digests: string[];
  try {
    digests = childrenOf(parseManifest(bytes).manifest).map(({ digest }) => digest);
  } catch {
    return undefined; // of a kind that is not known here
  }
  const said = JSON.stringify(errors);
  if (digests.length === 0 || digests.some((digest) => said.includes(digest))) return undefined;
  const more = digests.length - DIGESTS_NAMED;
  const named = digests.slice(0, DIGESTS_NAMED).join(", ");
  return `One of these, or more, is not in the repository: ${named}` +
    `${more > 0 ? ` and ${more} more` : ""}. A HEAD of each tells which`;
}

/** DELETE a manifest or a tag (end-9). */
export async function deleteManifestRequest(
  channel: Channel,
  repository: string,
  ref: string,
  options: EndpointOptions = {},
): Promise<void> {
  const request = manifestRequest(channel, "DELETE", repository, ref, options);
  await leaveBody(channel, request, await sendExpecting(channel, request, [200, 202, 204]));
}

function manifestRequest(
  channel: Channel,
  method: "GET" | "HEAD" | "PUT" | "DELETE",
  repository: string,
  ref: string,
  { accept, signal }: FetchManifestOptions,
): ChannelRequest {
  const { digest, tag } = manifestReference(ref);
  const { verb, actions } = METHODS[method];
  const reads = method === "GET" || method === "HEAD";
  return repositoryRequest(channel, {
    method,
    repository,
    path: `manifests/${digest ?? tag}`,
    actions,
    headers: reads ? { accept: accept?.join(", ") ?? ACCEPTED, "accept-encoding": "identity" } : {},
    what: `${verb} ${manifestName(channel, repository, ref)}`,
    signal,
  });
}

/** A manifest, for messages: `registry.example.com/app:latest`. */
export function manifestName(channel: Channel, repository: string, ref: string): string {
  return `${fullName(channel, repository)}${isDigest(ref) ? "@" : ":"}${ref}`;
}

const METHODS = {
  GET: { verb: "get the manifest", actions: ["pull"] },
  HEAD: { verb: "look at the manifest", actions: ["pull"] },
  PUT: { verb: "put the manifest", actions: ["pull", "push"] },
  DELETE: { verb: "delete the manifest", actions: ["delete"] },
} as const;

async function verifyManifest(
  request: ChannelRequest,
  ref: string,
  bytes: Bytes,
  answer: ChannelResponse,
): Promise<Digest> {
  const { headers } = answer.response;
  const answered = answeredDigest(headers);
  const actual = isDigest(ref)
    ? await digestOf(bytes, hashAlgorithm(ref))
    : await digestAsAnswered(bytes, headers);
  // What is asked for by tag has the digest that the registry says, where that can be computed.
  const computable = answered !== undefined && /^sha(256|512):/.test(answered);
  const expected = isDigest(ref) ? ref : computable ? answered : actual;
  if (actual !== expected) {
    const encoding = encodingsOf(headers).join(", ");
    const came = encoding === "" ? "" : ` (it came with the Content-Encoding ${encoding})`;
    const { isWebPage, strangeAnswer } = await webPages();
    const by = isWebPage(bytes) ? `. ${strangeAnswer(answer, bytes)}` : "";
    throw mismatch(`${request.what}${came}`, expected, actual, by);
  }
  return actual;
}

/** The bytes' digest in the algorithm that the registry answered with; sha256 where none is known. */
async function digestAsAnswered(bytes: Bytes, headers: Headers, known = ""): Promise<Digest> {
  const algorithm = answeredDigest(headers)?.startsWith("sha512:") ? "sha512" : "sha256";
  return known.startsWith(algorithm) ? known as Digest : await digestOf(bytes, algorithm);
}

function mismatch(what: string, expected: Digest, actual: Digest, more = ""): BadDigestError {
  return new BadDigestError(
    `Cannot ${what}: the digest should be ${expected}, and is ${actual}${more}`,
    { expected, actual },
  );
}

/** Whether a reference names a manifest of this digest by now; by HEAD where that says so. */
export async function namesManifest(
  channel: Channel,
  repository: string,
  ref: string,
  digest: Digest,
  options: EndpointOptions,
): Promise<boolean> {
  try {
    const { response } = await headManifestRequest(channel, repository, ref, options);
    if (isDigest(ref)) return true;
    const answered = answeredDigest(response.headers);
    const algorithm = hashAlgorithm(digest);
    if (answered?.startsWith(`${algorithm}:`)) return answered === digest;
    const { bytes } = await fetchManifest(channel, repository, ref, options);
    return await digestOf(bytes, algorithm) === digest;
  } catch {
    options.signal?.throwIfAborted();
    return false;
  }
}

/** A descriptor out of a HEAD's headers, where they say enough. */
function descriptorOf(ref: string, headers: Headers): Descriptor | undefined {
  const digest = isDigest(ref) ? ref : answeredDigest(headers);
  const size = sizeByHead(headers);
  const mediaType = bareMediaType(headers.get("content-type"));
  if (digest === undefined || size === undefined || isGenericType(mediaType)) return undefined;
  return { mediaType, digest, size };
}
