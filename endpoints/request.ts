import { HostRefusedError, InvalidContentError, InvalidReferenceError } from "../errors.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Digest } from "../content/digest.ts";
import { parseDigest } from "../content/digest.ts";
import { checkRepositoryName } from "../reference/repository_name.ts";
import { quoteInput } from "../reference/quote_input.ts";
import { checkTag } from "../reference/tag.ts";
import type {
  Action,
  Channel,
  ChannelRequest,
  ChannelResponse,
  Intent,
} from "../transport/channel.ts";
import {
  contentLength,
  encodingsOf,
  plainAnswer,
  plainLength,
} from "../transport/content_encoding.ts";
import { headerFields } from "../transport/header_fields.ts";
import { namedUrl } from "../transport/named_url.ts";

/** Options that every endpoint takes. */
export interface EndpointOptions {
  /** Ends the call; it then throws the signal's reason. */
  signal?: AbortSignal;
}

/** Their names. */
export const ENDPOINT_OPTIONS: OptionNames<EndpointOptions> = names("signal");

/** What an endpoint says about its request. */
export interface RequestParts {
  /** The method. */
  method: string;
  /** The repository. */
  repository: string;
  /** The path after the repository's name: "tags/list"; or the URL that an answer named. */
  path: string | URL;
  /** Query parameters; those that are undefined are left out. */
  query?: Record<string, string | number | undefined>;
  /** Headers. */
  headers?: Record<string, string>;
  /** What is done with the repository. */
  actions: readonly Action[];
  /** The repository a mount takes its blob from. */
  mountFrom?: string | undefined;
  /** What is being done, for messages. */
  what: string;
  /** Ends the request. */
  signal?: AbortSignal | undefined;
}

/**
 * Refuses what is no channel, as a program without types may give its client.
 *
 * @throws {InvalidOptionError} When it has no `send`.
 */
export function checkChannel(channel: Channel): void {
  if (!channel?.send) checkOptions({ channel: channel ?? null }, { channel: "made by connect()" });
}

/**
 * A repository's name with its registry's host, for messages: `registry.example.com:5000/app`. What is
 * no channel is refused here, as every endpoint of a repository names it before it does something.
 */
export function fullName(channel: Channel, repository: string): string {
  checkChannel(channel);
  return `${channel.origin.split("//")[1]}/${repository}`;
}

/**
 * A request about a repository.
 *
 * @throws {InvalidReferenceError} When the repository's name breaks the grammar.
 */
export function repositoryRequest(channel: Channel, parts: RequestParts): ChannelRequest {
  const { method, path, query, actions, mountFrom, what, signal } = parts;
  const repository = checkRepositoryName(parts.repository);
  const url = path instanceof URL ? path : new URL(`${channel.origin}/v2/${repository}/${path}`);
  for (const name in query) {
    const value = query[name];
    if (value !== undefined) url.searchParams.set(name, `${value}`);
  }
  const intent: Intent = { repository, actions };
  if (mountFrom !== undefined) intent.mountFrom = checkRepositoryName(mountFrom);
  return {
    ...{ method, url, headers: headerFields(parts.headers), intent, purpose: "registry", what },
    ...(signal && { signal }),
  };
}

/** A manifest's reference: a digest or a tag. */
type ManifestReference = { digest: Digest; tag?: undefined } | {
  digest?: undefined;
  tag: string;
};

/**
 * Distinguishes a tag from a digest and checks either one's grammar.
 *
 * @throws {InvalidDigestError} When it has a colon and is no digest.
 * @throws {InvalidReferenceError} When it is no tag.
 */
export function manifestReference(reference: string): ManifestReference {
  if (typeof reference !== "string") {
    throw new InvalidReferenceError(
      `Cannot use ${quoteInput(reference)} as a tag or digest: it is not a string`,
    );
  }
  if (reference.includes(":")) return { digest: parseDigest(reference) };
  return { tag: checkTag(reference) };
}

/**
 * A URL out of a `Location` or `Link` header, against the one that answered. The registry's own
 * host behind a proxy that ends TLS says "http": the connection stays on https.
 *
 * @throws {InvalidContentError} When it is not an HTTP URL.
 * @throws {HostRefusedError} When it leads from https to http on another host.
 */
export function resolveUrl(
  { origin }: Channel,
  target: string,
  base: URL | string,
  what: string,
): URL {
  return namedUrl(target, base, origin, origin.startsWith("https:"), (problem, url, cause) => {
    if (problem === "not secure") {
      return new HostRefusedError(
        `Cannot ${what}: the registry points from https to http, ${url!.origin}`,
        { host: url!.host },
      );
    }
    const answered = `Cannot ${what}: the registry answered with a`;
    return problem === "not HTTP"
      ? new InvalidContentError(`${answered} URL that is not HTTP`)
      : new InvalidContentError(`${answered} bad URL`, { cause });
  });
}

/** The part that a 206 holds: its first and last byte, and the size of the whole where that is said. */
interface ContentRange {
  first: number;
  last: number;
  total: number | undefined;
}

/** An answer's `Content-Range`, where it is one of bytes; some write it as requests write theirs. */
export function contentRange(headers: Headers): ContentRange | undefined {
  const match = /^bytes[ =] *(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i
    .exec(headers.get("content-range")?.trim() ?? "");
  if (match === null) return undefined;
  const [first, last, total] = match.slice(1).map(Number) as [number, number, number];
  return last < first ? undefined : { first, last, total: total >= 0 ? total : undefined };
}

/** What is wrong with a 206 that does not begin where it was asked to, for messages. */
export function otherRange(headers: Headers, from: number): string {
  return `the registry answered another range than the one from ${from}, with the Content-Range ` +
    quoteInput(headers.get("content-range") ?? "");
}

/**
 * Statuses that say of a HEAD that it is not answered, and nothing of what was asked for: some
 * registries know no HEAD or say no content to it, some redirect it to a URL that is signed for GET.
 */
export const HEAD_REFUSED: readonly number[] = [204, 403, 405, 501];

/**
 * How large something is by a HEAD's answer, where that can be right: an empty one is no answer of
 * some front ends, and an encoded one has another size.
 */
export function sizeByHead(headers: Headers): number | undefined {
  return plainLength(headers) || undefined;
}

/** An answer with some content, or a part of it, without an encoding that was not asked for. */
export async function plainBody(
  answer: ChannelResponse,
  size: number | undefined,
  what: string,
): Promise<ChannelResponse> {
  const { status, headers } = answer.response;
  const isPart = status === 206;
  // What storages repeat of a file that was compressed before it came to them.
  const says = isPart ? contentRange(headers)?.total : contentLength(headers);
  const asIs = size !== undefined && says === size;
  if (isPart && !asIs && encodingsOf(headers).length > 0) {
    throw new InvalidContentError(
      `Cannot ${what}: the registry answered a part of it with the Content-Encoding ` +
        encodingsOf(headers).join(", "),
    );
  }
  return await plainAnswer(answer, asIs, what);
}
