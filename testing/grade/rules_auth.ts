import { encodeText } from "../../content/bytes.ts";
import { parseScopes } from "../../server/access/scopes.ts";
import {
  after,
  type GradeEntry,
  type GradeJournal,
  type GradeProvocation,
  isSameRequest,
  provokedBy,
} from "./journal.ts";
import { broken, type Finding, type GradeRule, verdict } from "./rule.ts";

/** As often as this, a request may be answered 401 in spite of its credentials. */
const DENIED_AT_MOST = 2;

const TOKEN_SECTION = "Token authentication";

/** What a client does when it is asked who it is. */
export const AUTH_RULES: readonly GradeRule[] = [
  {
    id: "auth.answered",
    level: "SHOULD",
    section: TOKEN_SECTION,
    duty: "answers a 401 with credentials, and does not only ask again",
    seenWhen: "a request without Authorization is answered 401, and the client goes on or ends",
    *judge(journal) {
      for (const entry of journal.entries) {
        if (entry.status !== 401 || entry.authorization !== 0 || isToken(entry)) continue;
        const later = after(journal, entry).filter((each) => !each.byOtherOrigin);
        if (later.some((each) => each.authorization !== 0)) yield "kept";
        else if (later.some((each) => isSameRequest(entry, each))) {
          yield broken(entry, "it was asked again without credentials");
        } else if (journal.outcome === "failed") yield broken(entry, "nothing came after its 401");
      }
    },
  },
  {
    id: "auth.renewed",
    level: "advice",
    section: TOKEN_SECTION,
    duty: "gets a new token when one is refused that had been good, before its time",
    seenWhen: "expire-tokens: a token ends while the client works",
    *judge(journal) {
      for (const entry of provokedBy(journal, "expire-tokens")) {
        const later = after(journal, entry).filter((each) => !each.byOtherOrigin && !isToken(each));
        const other = later.find(({ authorization }) =>
          authorization !== 0 && authorization !== entry.authorization
        );
        if (other !== undefined) yield "kept";
        else if (later.some((each) => isSameRequest(entry, each))) {
          yield broken(entry, "it was sent again with the token that had ended");
        } else if (journal.outcome === "failed") yield broken(entry, "no new token was used");
      }
    },
  },
  {
    id: "auth.once",
    level: "advice",
    section: TOKEN_SECTION,
    duty: "gives up when its credentials are refused, and does not go on asking",
    seenWhen: "deny-tokens: every request with credentials is answered 401",
    *judge({ entries }) {
      const counts = new Map<string, number>();
      for (const entry of entries) {
        if (!entry.provoked.has("deny-tokens") || entry.status !== 401) continue;
        const key = `${entry.method} ${entry.url.href}`;
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        yield verdict(
          count <= DENIED_AT_MOST,
          entry,
          `its credentials were refused more than ${DENIED_AT_MOST} times`,
        );
      }
    },
  },
  {
    id: "auth.scopes",
    level: "advice",
    section: "Token scopes",
    duty: "asks for no scope that it does not use, and that no challenge has named",
    seenWhen: "a token is asked for with a scope",
    *judge(journal) {
      for (const entry of journal.entries) {
        if (!isToken(entry)) continue;
        for (const { type, name, actions } of scopesOf(entry)) {
          if (type !== "repository") continue;
          const needed = neededActions(journal, name);
          const extra = actions.find((action) => !needed.has(action));
          yield verdict(
            extra === undefined,
            entry,
            `it asks for ${extra} on ${name}, which nothing needed`,
          );
        }
      }
    },
  },
  {
    id: "auth.before-body",
    level: "advice",
    section: TOKEN_SECTION,
    duty: "has its credentials taken by a request without a body before it sends a blob",
    seenWhen: "a blob is pushed where the registry asks for credentials",
    *judge({ entries }) {
      for (const entry of entries) {
        const { kind } = entry.route ?? {};
        if ((kind !== "upload" && kind !== "uploads") || entry.byOtherOrigin) continue;
        if (!entry.hasBody || entry.provoked.has("expire-tokens")) continue;
        if (entry.status === 401) yield broken(entry, "it has a body, and was answered 401");
        else if (entry.authorization !== 0 && entry.status < 300) yield "kept";
      }
    },
  },
  foreign(
    "auth.redirect",
    "redirect-blobs",
    "MUST",
    "API: redirects",
    "sends no Authorization where a redirect to another origin leads",
  ),
  foreign(
    "auth.location",
    "foreign-locations",
    "advice",
    "POST then PUT: the Location may be another origin (CVE-2020-15157's kind)",
    "sends no Authorization to a Location of another origin",
  ),
  foreign(
    "auth.link",
    "foreign-links",
    "advice",
    "Listing tags (GHSA-298f-872v-2rcx)",
    "sends no Authorization to a Link of another origin",
  ),
  {
    id: "auth.realm",
    level: "advice",
    section: "Security (GHSA-xf85-363p-868w): the token specification allows it",
    duty: "gives no password to a token service of another origin that the user did not name",
    seenWhen: "foreign-realm: a token is asked for there, or the run fails without",
    *judge(journal) {
      for (const entry of provokedBy(journal, "foreign-realm")) {
        if (entry.byOtherOrigin) continue;
        const asked = after(journal, entry).filter((each) => each.byOtherOrigin && isToken(each));
        const given = asked.find((each) => each.authorization !== 0 || hasSecret(each));
        if (given !== undefined) yield broken(given, "the credentials went with it");
        else if (asked.length > 0 || journal.outcome === "failed") yield "kept";
      }
    },
  },
];

/** A rule about what goes with a request to another origin, which the registry has named. */
function foreign(
  id: string,
  provocation: GradeProvocation,
  level: GradeRule["level"],
  section: string,
  duty: string,
): GradeRule {
  return {
    id,
    level,
    section,
    duty,
    seenWhen: `${provocation}: a client with credentials is sent to another origin`,
    *judge(journal) {
      for (const entry of provokedBy(journal, provocation)) {
        if (entry.authorization === 0) continue;
        if (entry.byOtherOrigin) continue;
        yield* leakAfter(journal, entry, provocation);
      }
    },
  };
}

function* leakAfter(
  journal: GradeJournal,
  entry: GradeEntry,
  provocation: GradeProvocation,
): Iterable<Finding> {
  const there = after(journal, entry).filter((each) =>
    each.byOtherOrigin && each.provoked.has(provocation)
  );
  const leak = there.find(({ authorization }) => authorization !== 0);
  if (leak !== undefined) yield broken(leak, "Authorization went with it to another origin");
  // A client that does not go there gives nothing away, but for the report to say so it must end.
  else if (there.length > 0 || journal.outcome !== undefined) yield "kept";
}

function isToken({ url, route }: GradeEntry): boolean {
  return route === undefined && url.pathname === "/token";
}

function hasSecret({ body }: GradeEntry): boolean {
  const form = formOf(body);
  return form.has("password") || form.has("refresh_token");
}

function formOf(body: GradeEntry["body"]): URLSearchParams {
  return new URLSearchParams(new TextDecoder().decode(body ?? encodeText("")));
}

function scopesOf({ url, body, method }: GradeEntry): ReturnType<typeof parseScopes> {
  const parameters = method === "POST" ? formOf(body) : url.searchParams;
  return parseScopes(parameters.getAll("scope"));
}

/** What a repository's requests need, and what challenges have named. */
function neededActions({ entries }: GradeJournal, repository: string): Set<string> {
  const needed = new Set<string>();
  for (const { method, url, route, answer } of entries) {
    const challenge = answer.get("www-authenticate") ?? "";
    const named = [...challenge.matchAll(/scope="([^"]*)"/g)].map((match) => match[1]!);
    for (const { name, actions } of parseScopes(named)) {
      if (name === repository) actions.forEach((action) => needed.add(action));
    }
    if (url.searchParams.get("from") === repository) needed.add("pull");
    if (route === undefined || !("repository" in route) || route.repository !== repository) {
      continue;
    }
    if (method === "GET" || method === "HEAD") needed.add("pull");
    else if (method === "DELETE" && route.kind !== "upload") needed.add("delete");
    else needed.add("push").add("pull");
  }
  return needed;
}
