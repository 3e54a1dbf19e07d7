import type { RepositoryName } from "../reference/repository_name.ts";
import type { Page, PageRequest } from "./backends/backend.ts";
import { type Exchange, itemCount, requireRepository } from "./exchange.ts";
import { jsonResponse } from "./refusal.ts";

/**
 * end-8 GET tags/list: the tags in ASCII order, `n` of them after `last`.
 *
 * @throws {Refusal} 404 NAME_UNKNOWN when the repository is not there.
 */
export async function listTags(
  exchange: Exchange,
  { repository }: { repository: RepositoryName },
): Promise<Response> {
  await requireRepository(exchange, repository);
  return await namesPage(
    exchange,
    (page) => exchange.backend.tags(repository, page),
    (tags) => ({ name: repository, tags }),
  );
}

/** GET _catalog: the repositories in ASCII order, `n` of them after `last`. */
export async function listRepositories(exchange: Exchange): Promise<Response> {
  return await namesPage(
    exchange,
    (page) => exchange.backend.repositories(page),
    (repositories) => ({ repositories }),
  );
}

async function namesPage(
  { url, settings }: Exchange,
  list: (page: PageRequest) => Promise<Page<string>>,
  body: (names: string[]) => unknown,
): Promise<Response> {
  const limit = Math.min(itemCount(url) ?? Infinity, settings.tagPageSize);
  const after = url.searchParams.get("last") ?? undefined;
  const { items, more } = await list({ limit, ...(after !== undefined && { after }) });
  const last = items.at(-1);
  const headers: Record<string, string> = {};
  if (more && last !== undefined) {
    headers["link"] = nextLink(url, { n: String(limit), last });
  }
  return jsonResponse(JSON.stringify(body(items)), { headers });
}

/** A `Link` header to the next page, on the same path, of the same upstream. */
export function nextLink({ pathname, searchParams }: URL, query: Record<string, string>): string {
  const ns = searchParams.get("ns");
  const all = new URLSearchParams({ ...query, ...(ns !== null && { ns }) });
  return `<${pathname}?${all}>; rel="next"`;
}
