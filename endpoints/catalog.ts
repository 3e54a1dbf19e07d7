import { InvalidContentError } from "../errors.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Channel, ChannelRequest } from "../transport/channel.ts";
import { checkEntries, LIST_OPTIONS, type ListOptions, pages } from "./pages.ts";
import { checkChannel } from "./request.ts";
import { headerFields } from "../transport/header_fields.ts";

/** Options of {@linkcode listRepositories} and {@linkcode repositories}. */
export interface ListRepositoriesOptions extends ListOptions {
  /** Only repositories after this one, in the registry's order. */
  last?: string;
}

const LIST_REPOSITORIES_OPTIONS: OptionNames<ListRepositoriesOptions> = names("last", LIST_OPTIONS);

/**
 * All repositories of a registry, gathered from every page. Not part of the specification: many
 * hosted registries refuse it.
 *
 * @see https://distribution.github.io/distribution/spec/api/#listing-repositories
 */
export async function listRepositories(
  channel: Channel,
  options: ListRepositoriesOptions = {},
): Promise<{ repositories: string[] }> {
  const names: string[] = [];
  for await (const name of repositories(channel, options)) {
    checkEntries(channel, names.push(name), `list the repositories of ${channel.origin}`);
  }
  return { repositories: names };
}

/** The repositories of a registry, one by one, a page at a time. */
export async function* repositories(
  channel: Channel,
  options: ListRepositoriesOptions = {},
): AsyncGenerator<string> {
  checkChannel(channel);
  checkOptions(options, LIST_REPOSITORIES_OPTIONS);
  const { last, pageSize, signal } = options;
  const url = new URL("/v2/_catalog", channel.origin);
  if (last !== undefined) url.searchParams.set("last", last);
  if (pageSize !== undefined) url.searchParams.set("n", String(pageSize));
  const request: ChannelRequest = {
    method: "GET",
    url,
    headers: headerFields(),
    intent: { actions: ["pull"], catalog: true },
    purpose: "registry",
    what: `list the repositories of ${channel.origin}`,
    ...(signal && { signal }),
  };
  for await (const { json } of pages(channel, request, options)) {
    const { repositories } = json;
    if (repositories === null || repositories === undefined) continue;
    if (!Array.isArray(repositories)) {
      throw new InvalidContentError(
        `Cannot ${request.what}: the answer's repositories are not a list`,
      );
    }
    yield* repositories.filter((name): name is string => typeof name === "string");
  }
}
