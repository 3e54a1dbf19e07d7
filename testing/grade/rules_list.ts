import type { RouteKind } from "../../server/route.ts";
import { after, type GradeEntry, type GradeJournal, jsonIn, nextLinkOf } from "./journal.ts";
import { broken, type Finding, type GradeRule, verdict } from "./rule.ts";

/** What a client does with lists that come in pages. */
export const LIST_RULES: readonly GradeRule[] = [
  {
    id: "list.link",
    level: "SHOULD",
    section: "Listing tags (end-8)",
    duty: "follows Link to the next page, also of a short page, and makes no URL of its own",
    seenWhen: "a page of tags or repositories has a Link; with small pages",
    judge: (journal) => followed(journal, ["tags", "catalog"]),
  },
  {
    id: "list.link-relative",
    level: "SHOULD",
    section: "Listing tags (end-8), RFC 3986 section 5",
    duty: "resolves a relative Link against the URL of its page",
    seenWhen: "opaque-links: a Link such as <list?cursor=…> is followed, or the run fails at it",
    *judge(journal) {
      for (const { page, next, later } of links(journal)) {
        if (/^([a-z]+:|\/)/i.test(next.target)) continue;
        const cursor = next.url.searchParams.get("cursor");
        if (cursor === null) continue;
        const following = later.filter(({ url }) => url.searchParams.get("cursor") === cursor);
        if (following.length === 0 && journal.outcome === "failed") {
          yield broken(page, "its Link has no path but the page's, and the run failed");
        }
        for (const entry of following) {
          yield verdict(
            entry.url.pathname === page.url.pathname,
            entry,
            `the Link <${next.target.split("?")[0]}?…> is below its page's path`,
          );
        }
      }
    },
  },
  {
    id: "list.link-query",
    level: "SHOULD",
    section: "Listing tags (end-8)",
    duty: "keeps the query of Link byte for byte",
    seenWhen: "opaque-links: a Link is followed",
    *judge(journal) {
      for (const { next, later } of links(journal)) {
        const cursor = next.url.searchParams.get("cursor");
        if (cursor === null) continue;
        for (const entry of later) {
          if (entry.url.searchParams.get("cursor") !== cursor) continue;
          yield verdict(
            entry.url.search === next.url.search,
            entry,
            "the query of the Link was written anew",
          );
        }
      }
    },
  },
  {
    id: "referrers.link",
    level: "MUST",
    section: "Listing referrers (end-12)",
    duty: "follows Link to the next page of referrers",
    seenWhen: "a page of referrers has a Link; with small pages",
    judge: (journal) => followed(journal, ["referrers"]),
  },
];

interface Linked {
  page: GradeEntry;
  next: { target: string; url: URL };
  later: GradeEntry[];
}

/** Every Link to a page of the registry's own, and what came after it. */
function* links(journal: GradeJournal): Iterable<Linked> {
  for (const page of journal.entries) {
    const next = page.status === 200 && page.method === "GET" ? nextLinkOf(page) : undefined;
    if (next === undefined || page.provoked.has("foreign-links")) continue;
    yield { page, next, later: after(journal, page) };
  }
}

function* followed(journal: GradeJournal, kinds: readonly RouteKind[]): Iterable<Finding> {
  for (const { page, next, later } of links(journal)) {
    if (page.route === undefined || !kinds.includes(page.route.kind)) continue;
    const onPath = later.filter(({ method, url }) =>
      method === "GET" && url.pathname === page.url.pathname
    );
    if (onPath.some(({ url }) => sameQuery(url, next.url))) {
      yield "kept";
      continue;
    }
    const own = onPath.find(({ url }) => url.searchParams.has("last"));
    if (own !== undefined) {
      yield broken(own, "the page before it had a Link to somewhere else");
      continue;
    }
    // A run that failed here has not taken one page for all of them.
    if (journal.outcome === "failed") continue;
    // A client that asks for a number of items and gets them may want no more.
    const wanted = Number(page.url.searchParams.get("n") ?? Infinity);
    if (itemCount(page) >= wanted) continue;
    yield broken(page, "its Link was not followed");
  }
}

function sameQuery(a: URL, b: URL): boolean {
  const sorted = ({ searchParams }: URL) => JSON.stringify([...searchParams].sort());
  return sorted(a) === sorted(b);
}

function itemCount({ answerBody }: GradeEntry): number {
  const list = jsonIn(answerBody) ?? {};
  const items = list.tags ?? list.repositories ?? list.manifests;
  return Array.isArray(items) ? items.length : 0;
}
