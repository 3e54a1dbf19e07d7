/** Cases of the rules about pulling and listing. */
import { fallbackOf, LAYER } from "./by_hand.ts";
import { LOGIN, type RuleCase, type Run } from "./grade_case.ts";

const CORRUPT: RuleCase["provoke"] = ["corrupt-manifests"];

/** Reads the first manifest and asks for what it names, as one does that verifies nothing. */
function believing(reference: (run: Run) => string) {
  return async (run: Run) => {
    const { bytes } = await run.hand.read(reference(run));
    const { config } = JSON.parse(new TextDecoder().decode(bytes));
    await run.hand.send("GET", `/v2/app/blobs/${config.digest}`);
  };
}

const blobOf = ({ seed }: Run) => `/v2/app/blobs/${seed.layer}`;
const pullBlob = (run: Run) => run.hand.send("GET", blobOf(run));

/** The next page's URL, as a `Link` of a page says. */
function nextOf(headers: Headers, page: string): URL | undefined {
  const target = /<([^>]*)>/.exec(headers.get("link") ?? "")?.[1];
  return target === undefined ? undefined : new URL(target, new URL(page, "http://registry.test"));
}

const TAGS = "/v2/app/tags/list";

async function followLinks({ hand }: Run): Promise<void> {
  let page: string | undefined = TAGS;
  while (page !== undefined) page = nextOf((await hand.send("GET", page)).headers, page)?.href;
}

/** The cases. */
export const PULL_CASES: RuleCase[] = [
  {
    rule: "pull.accept",
    right: ({ hand }) => hand.read("latest"),
    wrong: ({ hand }) =>
      hand.send("GET", "/v2/app/manifests/latest", { headers: { accept: "*/*" } }),
    evidence: "GET /v2/app/manifests/latest: its Accept names no type of manifest",
    unseen: ({ hand }) => hand.send("GET", TAGS),
  },
  {
    rule: "pull.manifest-digest",
    provoke: CORRUPT,
    right: { run: ({ hand, seed }) => hand.read(seed.digest), outcome: "failed" },
    wrong: believing(({ seed }) => seed.digest),
    evidence: "only a corrupted manifest names this digest",
    unseen: ({ hand, seed }) => hand.read(seed.digest),
  },
  {
    rule: "pull.manifest-digest",
    what: "by how the run ends",
    provoke: CORRUPT,
    wrong: { run: ({ hand, seed }) => hand.read(seed.digest), outcome: "succeeded" },
    evidence: "the client was content",
    unseen: { run: ({ hand }) => hand.read("latest"), outcome: "succeeded" },
  },
  {
    rule: "pull.tag-digest",
    provoke: ["corrupt-tags"],
    right: { run: ({ hand }) => hand.read("latest"), outcome: "failed" },
    wrong: believing(() => "latest"),
    evidence: "only a corrupted manifest names this digest",
    unseen: { run: ({ hand, seed }) => hand.read(seed.digest), outcome: "failed" },
  },
  {
    rule: "pull.blob-digest",
    provoke: ["corrupt-blobs"],
    right: { run: pullBlob, outcome: "failed" },
    wrong: { run: pullBlob, outcome: "succeeded" },
    evidence: "one byte was wrong",
    unseen: pullBlob,
  },
  {
    rule: "pull.blob-digest",
    what: "asked for again",
    provoke: ["corrupt-blobs"],
    right: async (run) => {
      await pullBlob(run);
      await pullBlob(run);
    },
  },
  {
    rule: "pull.resume",
    provoke: ["cut-blobs"],
    right: async (run) => {
      const { bytes } = await pullBlob(run);
      await run.hand.send("GET", blobOf(run), { headers: { range: `bytes=${bytes.length}-` } });
    },
    wrong: async (run) => {
      const { bytes } = await pullBlob(run);
      await run.hand.send("GET", blobOf(run), { headers: { range: `bytes=${bytes.length + 1}-` } });
    },
    evidence: `${LAYER.length / 2} bytes had come, and it goes on at ${LAYER.length / 2 + 1}`,
    unseen: async (run) => {
      await pullBlob(run);
      await pullBlob(run);
    },
  },
  {
    rule: "pull.resume",
    what: "content with a part",
    provoke: ["cut-blobs"],
    wrong: { run: pullBlob, outcome: "succeeded" },
    evidence: `${LAYER.length / 2} bytes came, and the client was content`,
    unseen: { run: pullBlob, outcome: "failed" },
  },
  {
    rule: "pull.redirect",
    provoke: ["redirect-blobs"],
    right: async (run) => run.hand.send("GET", (await pullBlob(run)).location),
    wrong: { run: pullBlob, outcome: "failed" },
    evidence: "its redirect was not followed",
    unseen: pullBlob,
  },
  {
    rule: "list.link",
    registry: { tagPageSize: 2 },
    right: followLinks,
    wrong: ({ hand }) => hand.send("GET", TAGS),
    evidence: "its Link was not followed",
    unseen: async ({ hand }) => {
      await hand.send("GET", `${TAGS}?n=2`);
    },
  },
  {
    rule: "list.link",
    what: "a run that fails",
    registry: { tagPageSize: 2 },
    unseen: { run: ({ hand }) => hand.send("GET", TAGS), outcome: "failed" },
  },
  {
    rule: "list.link",
    what: "a short page",
    registry: { tagPageSize: 2 },
    wrong: ({ hand }) => hand.send("GET", `${TAGS}?n=1000`),
    evidence: "its Link was not followed",
  },
  {
    rule: "list.link",
    what: "a URL of its own",
    registry: { tagPageSize: 2 },
    provoke: ["opaque-links"],
    right: followLinks,
    wrong: async ({ hand }) => {
      await hand.send("GET", TAGS);
      await hand.send("GET", `${TAGS}?last=b`);
    },
    evidence: "the page before it had a Link to somewhere else",
  },
  {
    rule: "list.link-relative",
    registry: { tagPageSize: 2 },
    provoke: ["opaque-links"],
    right: followLinks,
    wrong: async ({ hand }) => {
      const { headers } = await hand.send("GET", TAGS);
      await hand.send("GET", `/${/<([^>]*)>/.exec(headers.get("link")!)![1]}`);
    },
    evidence: "the Link <list?…> is below its page's path",
    unseen: ({ hand }) => hand.send("GET", TAGS),
  },
  {
    rule: "list.link-relative",
    what: "a run that fails at it",
    registry: { tagPageSize: 2 },
    provoke: ["opaque-links"],
    wrong: { run: ({ hand }) => hand.send("GET", TAGS), outcome: "failed" },
    evidence: "its Link has no path but the page's, and the run failed",
  },
  {
    rule: "list.link-query",
    registry: { tagPageSize: 2 },
    provoke: ["opaque-links"],
    right: followLinks,
    wrong: async ({ hand }) => {
      const next = nextOf((await hand.send("GET", TAGS)).headers, TAGS)!;
      next.search = String(new URLSearchParams([...next.searchParams].sort()));
      await hand.send("GET", next);
    },
    evidence: "the query of the Link was written anew",
  },
  {
    rule: "referrers.link",
    registry: { referrersPageSize: 1 },
    right: async ({ hand, seed }) => {
      await hand.attach(seed, "one");
      await hand.attach(seed, "two");
      const page = `/v2/app/referrers/${seed.digest}`;
      const next = nextOf((await hand.send("GET", page)).headers, page)!;
      await hand.send("GET", next);
    },
    wrong: async ({ hand, seed }) => {
      await hand.attach(seed, "one");
      await hand.attach(seed, "two");
      await hand.send("GET", `/v2/app/referrers/${seed.digest}`);
    },
    evidence: "its Link was not followed",
  },
  {
    rule: "auth.link",
    registry: { ...LOGIN, tagPageSize: 2 },
    provoke: ["foreign-links"],
    right: async ({ hand }) => {
      await hand.login();
      const next = nextOf((await hand.send("GET", TAGS)).headers, TAGS)!;
      hand.authorization = undefined;
      await hand.send("GET", next);
    },
    wrong: async ({ hand }) => {
      await hand.login();
      await hand.send("GET", nextOf((await hand.send("GET", TAGS)).headers, TAGS)!);
    },
    evidence: "Authorization went with it to another origin",
    unseen: async ({ hand }) => {
      await hand.login();
      await hand.send("GET", TAGS);
    },
  },
  {
    rule: "auth.redirect",
    registry: LOGIN,
    provoke: ["redirect-blobs"],
    right: async (run) => {
      await run.hand.login();
      const { location } = await pullBlob(run);
      run.hand.authorization = undefined;
      await run.hand.send("GET", location);
    },
    wrong: async (run) => {
      await run.hand.login();
      await run.hand.send("GET", (await pullBlob(run)).location);
    },
    evidence: "GET /storage/redacted-1?X-Signature=redacted-2: Authorization went with it",
  },
  {
    rule: "referrers.fallback-read",
    registry: { referrersApi: false },
    right: async ({ hand, seed }) => {
      await hand.send("GET", `/v2/app/referrers/${seed.digest}`);
      await hand.read(fallbackOf(seed.digest));
    },
    wrong: ({ hand, seed }) => hand.send("GET", `/v2/app/referrers/${seed.digest}`),
    evidence: "the fallback tag was not read",
    unseen: async ({ hand }) => {
      await hand.read("latest");
      await hand.send("GET", `/v2/app/referrers/sha256:${"0".repeat(64)}`);
    },
  },
];
