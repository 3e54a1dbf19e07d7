import { HttpError, InvalidOptionError } from "../errors.ts";
import type { Bytes } from "../content/bytes.ts";
import { type Digest, isDigest } from "../content/digest.ts";
import { checkTag } from "../reference/tag.ts";
import type { Channel } from "../transport/channel.ts";
import { type PutAnswer, putManifestBytes } from "./manifest_requests.ts";
import type { EndpointOptions } from "./request.ts";

/** URL too long, and header fields too large: the specification's answers to too many tags. */
const TOO_MANY_TAGS = [414, 431];

/**
 * Checks the tags for a manifest that is put under its digest; each is there once.
 *
 * @throws {InvalidOptionError} When the manifest is put under a tag.
 * @throws {InvalidReferenceError} When one is no tag.
 */
export function tagsToPut(ref: string, tags: readonly string[]): string[] {
  if (!Array.isArray(tags)) {
    throw new InvalidOptionError(
      `Cannot put the manifest as 'tags' must be a list: current value is a ${typeof tags}`,
    );
  }
  if (tags.length > 0 && !isDigest(ref)) {
    throw new InvalidOptionError(
      `Cannot put the manifest as 'tags' needs a digest as the reference: current value is ${
        JSON.stringify(String(ref).slice(0, 200))
      }`,
    );
  }
  return [...new Set(tags.map(checkTag))];
}

/**
 * PUT a manifest under its digest, with tags in the query (end-7b). A registry that does not know
 * this ignores them: tags that its `OCI-Tag` does not list are put one by one.
 */
export async function putTaggedManifest(
  channel: Channel,
  repository: string,
  digest: Digest,
  tags: readonly string[],
  bytes: Bytes,
  mediaType: string,
  options: EndpointOptions,
): Promise<PutAnswer> {
  const put = (ref: string, query: readonly string[]) =>
    putManifestBytes(channel, repository, ref, bytes, mediaType, {
      ...options,
      // No character of a tag needs to be escaped.
      ...(query.length > 0 && { query: query.map((tag) => `tag=${tag}`).join("&") }),
    });

  let answer: PutAnswer;
  try {
    answer = await put(digest, tags);
  } catch (error) {
    if (!(error instanceof HttpError && TOO_MANY_TAGS.includes(error.statusCode))) throw error;
    answer = await put(digest, []);
  }
  const taken = takenTags(answer.headers);
  // A push by tag makes it name the sha256 digest, whatever the manifest was put under.
  const byTag = digest.startsWith("sha256:");
  for (const tag of tags) {
    if (taken.has(tag)) continue;
    if (!byTag && tags.length > 1 && takenTags((await put(digest, [tag])).headers).has(tag)) {
      continue;
    }
    await put(tag, []);
  }
  return answer;
}

/** The tags that an answer says were made; fetch joins repeated headers with a comma. */
function takenTags(headers: Headers | undefined): Set<string> {
  return new Set((headers?.get("oci-tag") ?? "").split(",").map((tag) => tag.trim()));
}
