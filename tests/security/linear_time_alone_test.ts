/**
 * Whatever reads what strangers send takes linear time: headers, challenges, error bodies, links,
 * references, ranges, of the client and the server. Each is given repeats of what hurts a parser that
 * goes back: 64 KiB may cost six times as much as 16 KiB, where a quadratic one costs sixteen.
 */
import process from "node:process";
import { assert } from "@std/assert";
import { RegistryClientV2 } from "../../mod.ts";
import { createRegistry } from "../../server/mod.ts";

/** A file of the rooms' own, by its URL: these functions are nobody's to import, and read it all. */
// deno-lint-ignore no-explicit-any
const own = (path: string): Promise<any> => import(new URL(`../../${path}`, import.meta.url).href);

const { parseChallenges } = await own("auth/challenge.ts");
const { serviceWords } = await own("auth/providers/service_words.ts");
const { coversScopes, formatScopes, mergeScopes, parseScopes } = await own("auth/scope.ts");
const { chooseScheme } = await own("auth/auth_scheme.ts");
const { readGetAnswer } = await own("auth/credentials/helper_protocol.ts");
const { configKey } = await own("auth/credentials/config_keys.ts");
const { isInternal } = await own("auth/internal_hosts.ts");
const { parseToken } = await own("auth/token_answer.ts");
const { byteRange } = await own("content/byte_range.ts");
const { isDigest } = await own("content/digest.ts");
const { isLoopback } = await own("content/loopback.ts");
const { bareMediaType } = await own("content/media_types.ts");
const { checkLinkTarget } = await own("content/safe_path.ts");
const { parseRepoAndRef } = await own("integrations/docker_registry_client/references.ts");
const { parseManifest } = await own("manifest/parse_manifest.ts");
const { quoteInput } = await own("reference/quote_input.ts");
const { parseReference } = await own("reference/reference.ts");
const { parseRegistry } = await own("reference/registry.ts");
const { repoOrRegistry } = await own("reference/registry_repo.ts");
const { isRepositoryName } = await own("reference/repository_name.ts");
const { nextLink } = await own("transport/link.ts");
const { redactUrl } = await own("transport/redact.ts");
const { parseRateLimit } = await own("transport/rate_limit.ts");
const { registryErrors } = await own("transport/registry_errors.ts");
const { parseRetryAfter } = await own("transport/retry.ts");
const { Secrets } = await own("transport/secrets.ts");
const { parseWarnings } = await own("transport/warning.ts");
const { parseHtpasswd } = await own("server/access/htpasswd.ts");
const { parseScopes: serverScopes, scopesOfClaim } = await own("server/access/scopes.ts");
const { mediaTypeIn } = await own("server/media_type.ts");
const { requestUrl } = await own("server/request_url.ts");
const { routeOf } = await own("server/route.ts");

const SMALL = 16 * 1024;
const LARGE = 64 * 1024;

/** Four times the characters may cost six times the time. */
const FACTOR = 6;

/** What takes less, in milliseconds, is not quadratic: 64 KiB would be billions of steps. */
const QUICK_MS = 20;

/** So often at most is each size run until what is linear shows it, on a machine that is busy. */
const ROUNDS = 20;

/** Repeats of each class of characters that some parser looks for. */
const REPEATED = [
  ...[" ", "\t", "a", "A", "0", ",", ";", "=", '"', "'", "\\", "/", ":", ".", "-", "_", "@", "%"],
  ...["&", "?", "#", "<", ">", "(", "[", "{", "*", "+", "~", "é"],
  ...["a ", "a=", "a,", "a;", "a:", "a/", "a.", "a-", "a@", ", ", "; ", '="', '",', '\\"', "\\\\"],
  ...[
    'a="b",',
    "a=b,",
    "a:b ",
    "a:b,",
    "eyJ-",
    "eyJ.",
    "eyJabcde.",
    "http://",
    "https://a?",
    "../",
  ],
  ...["%41", "<a>;", "<a>, ", "; rel=next", '; rel="a"', '299 - "', "0-", "-0", "0-0,", "sha256:"],
  ...["a:pull,push ", "Bearer ", "Basic ", ";w=", "[::1]", "{}", '{"a":', "[", " from ", " for ("],
];

/** Those of them for what takes a whole call. */
const FEW = REPEATED.filter((repeated, index) => index % 3 === 0 || /[ "=<]./.test(repeated));

/** What makes the end of all that a mismatch, or a match: in turn. */
const ENDS = ["\x7fx", "", '"'];

function shape(repeated: string, end: string, characters: number): string {
  return repeated.repeat(characters / repeated.length) + end;
}

type Parser = (text: string) => unknown;

const header = (name: string) => (text: string) => {
  const headers = new Headers();
  headers.set(name, text); // throws for what no header carries
  return headers;
};
const bytes = (text: string) => new TextEncoder().encode(text);

const known = new Secrets();
known.learn(`Basic ${btoa("you:a password")}`);
known.learn(`Basic ${btoa("you:aa")}`);
known.add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.");

const PARSERS: Record<string, Parser> = {
  parseChallenges: (text) => parseChallenges(`Bearer realm="${text}`),
  "parseChallenges, bare": (text) => parseChallenges(text),
  "parseChallenges, token68": (text) => parseChallenges(`Negotiate ${text}`),
  chooseScheme: (text) => chooseScheme(parseChallenges(`Bearer realm="${text}"`), "https://r.test"),
  scopes: (text) => {
    const scopes = parseScopes(text);
    return [coversScopes(scopes, scopes), formatScopes(mergeScopes(scopes, scopes))];
  },
  "scopes, distinct": ({ length }) => {
    const scopes = parseScopes(Array.from({ length: length / 8 }, (_, at) => `${at}:p`).join(" "));
    return coversScopes(scopes, scopes);
  },
  "actions, distinct": ({ length }) => {
    const scopes = parseScopes(`a:${Array.from({ length: length / 6 }, (_, at) => at)}`);
    return coversScopes(scopes, mergeScopes(scopes, scopes));
  },
  parseToken: (text) =>
    parseToken(bytes(JSON.stringify({ token: text, issued_at: text })), "x", text),
  "parseToken, no JSON": (text) => parseToken(bytes(text), "x", null),
  readGetAnswer: (text) =>
    readGetAnswer({ code: 0, stdout: text }, { helper: "h", server: "r.test" }),
  configKey,
  "configKey, URL": (text) => configKey(`https://${text}`),
  isInternal,
  isLoopback,
  serviceWords: (text) => serviceWords(bytes(text)),
  "Secrets.redact": (text) => known.redact(text, new URL("https://s.test/?sig=0123456789")),
  "Secrets.hide": (text) => known.hide(text),
  nextLink,
  "nextLink, in brackets": (text) => nextLink(`<${text}`),
  "nextLink, parameters": (text) => nextLink(`<a>; rel${text}`),
  parseWarnings,
  "parseWarnings, a text": (text) => parseWarnings(`299 - "${text}`),
  parseRetryAfter: (text) => parseRetryAfter(text, 0),
  parseRateLimit: (text) => parseRateLimit(header("ratelimit-limit")(text)),
  "parseRateLimit, a window": (text) => parseRateLimit(header("ratelimit-limit")(`100;${text}`)),
  registryErrors: (text) => registryErrors(bytes(text), (words: string) => known.redact(words)),
  "registryErrors, a page": (text) => registryErrors(bytes(`<html><title>${text}`)),
  "registryErrors, JSON": (text) =>
    registryErrors(
      bytes(JSON.stringify({ errors: [{ message: text, detail: [text] }] })),
      (words: string) => known.redact(words),
    ),
  redactUrl,
  "redactUrl, a query": (text) => redactUrl(`https://r.test/?${text}`),
  byteRange: (text) => byteRange(`bytes=${text}`, 10),
  "byteRange, a unit": (text) => byteRange(text, 10),
  "byteRange, an end": (text) => byteRange(`bytes=1-${text}`, 10),
  isDigest,
  "isDigest, an encoded part": (text) => isDigest(`sha256:${text}`),
  bareMediaType,
  checkLinkTarget: (text) => checkLinkTarget("a", text),
  parseReference: (text) => parseReference(text),
  "parseReference, behind a host": (text) => parseReference(`https://r.test/${text}`),
  "parseReference, a tag": (text) => parseReference(`a:${text}`),
  parseRegistry: (text) => parseRegistry(text),
  repoOrRegistry,
  parseRepoAndRef: (text) => parseRepoAndRef(text),
  isRepositoryName,
  quoteInput: (text) => quoteInput(text),
  "quoteInput, a URL": (text) => quoteInput(`https://a@${text}`),
  parseManifest: (text) => parseManifest(bytes(text) as never),
  requestUrl: (text) => requestUrl(`http://r.test/${text}`, "r.test"),
  "requestUrl, a host": (text) => requestUrl("http://r.test/", text),
  routeOf: (text) => routeOf(`/v2/${text}`),
  "routeOf, tags": (text) => routeOf(`/v2/${text}/tags/list`),
  mediaTypeIn,
  parseHtpasswd,
  "scopes of the server": (text) => serverScopes([text]),
  scopesOfClaim: (text) => scopesOfClaim([{ type: "repository", name: text, actions: [text] }]),
};

/**
 * The processor's time of one run, in milliseconds, whatever comes of it: the program's and the
 * system's, for what share of them is which the system only guesses.
 */
async function timeOf(run: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  try {
    await run();
  } catch { /* most of this is refused */ }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Checks one reader with all shapes; a quick run needs no second one. */
async function checkLinear(name: string, run: (text: string) => unknown, repeated = REPEATED) {
  for (const [index, repeat] of repeated.entries()) {
    const end = ENDS[index % ENDS.length]!;
    const [small, large] = [shape(repeat, end, SMALL), shape(repeat, end, LARGE)];
    // What else runs only adds to a time: the least one of some rounds, by turns, is the run's own.
    let [least, most] = [Infinity, await timeOf(() => run(large))];
    for (let round = 0; most >= QUICK_MS && !(most <= FACTOR * least); round++) {
      assert(
        round < ROUNDS,
        `${name}: repeats of ${JSON.stringify(repeat)} and ${JSON.stringify(end)}: ` +
          `16 KiB take ${least.toFixed(1)} ms, 64 KiB ${most.toFixed(1)} ms`,
      );
      least = Math.min(least, await timeOf(() => run(small)));
      most = Math.min(most, await timeOf(() => run(large)));
    }
  }
}

Deno.test("linear time: every function that reads what strangers send", async (t) => {
  for (const [name, parser] of Object.entries(PARSERS)) {
    await t.step(name, () => checkLinear(name, parser));
  }
});

/** What is put where: a client's calls, all answered alike. */
const ANSWERS: Record<string, (text: string) => Response> = {
  ...Object.fromEntries(
    [
      ...["www-authenticate", "link", "location", "content-type", "content-range", "warning"],
      ...["docker-content-digest", "retry-after", "range", "oci-subject", "content-length"],
      ...["oci-chunk-max-length", "oci-chunk-min-length", "content-encoding", "etag", "date"],
    ].map((name) => [name, (text: string) => {
      const status = { "www-authenticate": 401, location: 202, "content-range": 206 }[name] ?? 200;
      return new Response('{"tags":[]}', { status, headers: header(name)(text) });
    }]),
  ),
  "a redirect": (text) => new Response(null, { status: 307, headers: header("location")(text) }),
  "an error": (text) => new Response(text, { status: 404 }),
  "a body": (text) => new Response(text),
  "a status text": (text) => new Response(null, { status: 400, statusText: text }),
};

const DIGEST = `sha256:${"a".repeat(64)}`;

Deno.test("linear time: a client's calls, whatever they are answered", async (t) => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    await t.step(name, () =>
      checkLinear(name, async (text) => {
        const response = answer(text); // throws for what no header carries
        const client = new RegistryClientV2({
          name: "r.test/app",
          username: "you",
          password: "a password",
          retry: { maxAttempts: 1 },
          onEvent: () => {},
          fetch: () => Promise.resolve(response.clone()),
        });
        for (
          const call of [
            () => client.listTags({ maxPages: 2 }),
            () => client.getBlob(DIGEST, { range: { length: 5 } }).then((blob) => blob.bytes()),
            () => client.putBlob(new Uint8Array(5)),
          ]
        ) await call().catch(() => {});
      }, FEW));
  }
});

const USERS = { you: "a password" };
const manifest =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}';

/** Where a request to a server has something to read. */
const REQUESTS: Record<string, (text: string) => Request> = {
  ...Object.fromEntries(
    [
      ...["authorization", "range", "content-range", "content-type", "accept", "content-length"],
      ...[
        "if-none-match",
        "origin",
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-proto",
        "cookie",
      ],
    ].map((name) => [name, (text: string) => {
      const method = name.startsWith("content") ? "PUT" : "GET";
      return new Request(`http://r.test/v2/app/manifests/${method === "PUT" ? "a" : "latest"}`, {
        method,
        headers: header(name)(text),
        ...(method === "PUT" && { body: manifest }),
      });
    }]),
  ),
  "Basic": (text) =>
    new Request("http://r.test/v2/", { headers: header("authorization")(`Basic ${text}`) }),
  "Bearer": (text) =>
    new Request("http://r.test/v2/", { headers: header("authorization")(`Bearer ${text}`) }),
  "Basic of base64": (text) =>
    new Request("http://r.test/v2/", {
      headers: { authorization: `Basic ${btoa(text.replace(/[^\0-\xff]/g, ""))}` },
    }),
  "a blob's range": (text) =>
    new Request(`http://r.test/v2/app/blobs/${DIGEST}`, {
      headers: header("range")(`bytes=${text}`),
    }),
  "a name": (text) => new Request(`http://r.test/v2/${encodeURI(text)}/tags/list`),
  "a tag": (text) => new Request(`http://r.test/v2/app/manifests/${encodeURIComponent(text)}`),
  "a digest": (text) =>
    new Request(`http://r.test/v2/app/blobs/sha256:${encodeURIComponent(text)}`),
  "an upload": (text) =>
    new Request(`http://r.test/v2/app/blobs/uploads/${encodeURIComponent(text)}`),
  ...Object.fromEntries(
    ["n", "last", "digest", "mount", "from", "artifactType", "scope", "service"].map((name) => [
      `the parameter ${name}`,
      (text: string) =>
        new Request(
          `http://r.test${
            {
              scope: "/token",
              service: "/token",
              n: "/v2/app/tags/list",
              last: "/v2/app/tags/list",
            }[
              name
            ] ?? "/v2/app/blobs/uploads/"
          }?${name}=${encodeURIComponent(text)}`,
          { method: ["digest", "mount", "from"].includes(name) ? "POST" : "GET" },
        ),
    ]),
  ),
  "a token service's form": (text) =>
    new Request("http://r.test/token", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: `grant_type=password&username=you&password=a&service=s&scope=${text}`,
    }),
  "a manifest": (text) =>
    new Request("http://r.test/v2/app/manifests/a", {
      method: "PUT",
      headers: { "content-type": "application/vnd.oci.image.index.v1+json" },
      body: text,
    }),
};

Deno.test("linear time: a server's answers, whatever is asked", async (t) => {
  const registries = [
    createRegistry(),
    createRegistry({ auth: { basic: { users: USERS } } }),
    createRegistry({ auth: { bearer: { users: USERS, realm: "http://r.test/token" } } }),
  ];
  for (const [name, request] of Object.entries(REQUESTS)) {
    await t.step(name, () =>
      checkLinear(name, async (text) => {
        const made = request(text);
        for (const { fetch } of registries) {
          const response = await fetch(made.clone());
          await response.body?.cancel();
        }
      }, FEW));
  }
});
