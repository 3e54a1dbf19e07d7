import { InvalidContentError } from "../errors.ts";
import { isObject } from "../content/json_object.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { TagList } from "../manifest/types.ts";
import type { Channel } from "../transport/channel.ts";
import { checkEntries, LIST_OPTIONS, type ListOptions, pages } from "./pages.ts";
import { fullName, repositoryRequest } from "./request.ts";

/** Options of {@linkcode listTags} and {@linkcode tags}. */
export interface ListTagsOptions extends ListOptions {
  /** Only tags after this one, in the registry's order; it need not exist. */
  last?: string;
}

/** Their names. */
export const LIST_TAGS_OPTIONS: OptionNames<ListTagsOptions> = names("last", LIST_OPTIONS);

/**
 * All tags of a repository, gathered from every page (end-8).
 *
 * @throws {NotFoundError} When there is no such repository.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
 */
export async function listTags(
  channel: Channel,
  repository: string,
  options: ListTagsOptions = {},
): Promise<TagList> {
  const list: TagList = { name: repository, tags: [] };
  for await (const { name, tags, child, manifest } of tagPages(channel, repository, options)) {
    list.name = name;
    for (const tag of tags) list.tags.push(tag);
    checkEntries(channel, list.tags.length, listing(channel, repository));
    if (child) list.child = [...list.child ?? [], ...child];
    if (manifest) list.manifest = { ...list.manifest, ...manifest };
  }
  return list;
}

/** The tags of a repository as the registry's pages (end-8). */
export async function* tagPages(
  channel: Channel,
  repository: string,
  options: ListTagsOptions = {},
): AsyncGenerator<TagList> {
  checkOptions(options, LIST_TAGS_OPTIONS);
  const { last, pageSize, signal } = options;
  const request = repositoryRequest(channel, {
    method: "GET",
    repository,
    path: "tags/list",
    query: { last, n: pageSize },
    actions: ["pull"],
    what: listing(channel, repository),
    signal,
  });
  for await (const { json } of pages(channel, request, options)) {
    const { name, child, manifest } = json as Partial<TagList>;
    yield {
      name: typeof name === "string" ? name : repository,
      tags: tagsOf(json, request.what),
      ...(Array.isArray(child) && { child }),
      ...(isObject(manifest) && { manifest }),
    };
  }
}

/** The tags of a repository, one by one, a page at a time (end-8). */
export async function* tags(
  channel: Channel,
  repository: string,
  options: ListTagsOptions = {},
): AsyncGenerator<string> {
  for await (const { tags } of tagPages(channel, repository, options)) yield* tags;
}

function listing(channel: Channel, repository: string): string {
  return `list the tags of ${fullName(channel, repository)}`;
}

/** The tags of a page. Registries answer `null` for no tags; Nexus puts nulls, Artifactory digests among the tags. */
export function tagsOf({ tags }: Record<string, unknown>, what: string): string[] {
  if (tags === null || tags === undefined) return [];
  if (!Array.isArray(tags)) {
    throw new InvalidContentError(`Cannot ${what}: the answer's tags are not a list`);
  }
  return tags.filter((tag): tag is string => typeof tag === "string" && !tag.includes(":"));
}
