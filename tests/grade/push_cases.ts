/** Cases of the rules about pushing. */
import { digestOf, imageText, LAYER, MANIFEST } from "./by_hand.ts";
import { LOGIN, type RuleCase, type Run } from "./grade_case.ts";

const PIECES = ["0123456789", "abcdefghij", "end"];
const WHOLE = PIECES.join("");
const FRESH: RuleCase["provoke"] = ["fresh-locations"];

/** Pushes a blob in chunks; what a chunk is sent as can be changed. */
function inChunks(pieces: readonly string[] = PIECES) {
  return async ({ hand }: Run) => {
    let { location } = await hand.begin();
    let first = 0;
    for (const piece of pieces) {
      ({ location } = await hand.chunk(location, piece, first));
      first += piece.length;
    }
    await hand.close(location, digestOf(pieces.join("")));
  };
}

/** Begins an upload and closes it at a URL made from its Location. */
function closeAt(change: (location: URL) => URL | string) {
  return async ({ hand }: Run) => {
    const { location } = await hand.begin();
    await hand.send("PUT", change(location), { body: WHOLE });
  };
}

const mountOf = ({ hand, seed }: Run) =>
  hand.send("POST", `/v2/other/blobs/uploads/?mount=${seed.layer}&from=app`);

const pushOther = ({ hand }: Run) =>
  hand.send("PUT", "/v2/other/manifests/latest", {
    body: imageText(digestOf("{}"), []),
    headers: { "content-type": MANIFEST },
  });

const withTags = (run: Run) => {
  const text = imageText(digestOf("{}"), []);
  return run.hand.manifest(`${digestOf(text)}?tag=x&tag=y`, text);
};

/** The cases. */
export const PUSH_CASES: RuleCase[] = [
  {
    rule: "upload.post-empty",
    right: ({ hand }) => hand.begin(),
    wrong: ({ hand }) => hand.send("POST", "/v2/app/blobs/uploads/", { body: "x" }),
    evidence: "it has a body",
    unseen: ({ hand }) =>
      hand.send("POST", `/v2/app/blobs/uploads/?digest=${digestOf("x")}`, { body: "x" }),
  },
  {
    rule: "upload.newest-location",
    provoke: FRESH,
    right: inChunks(),
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      await hand.chunk(location, WHOLE, 0);
      await hand.close(location, digestOf(WHOLE));
    },
    evidence: "a newer Location had been given",
    unseen: async ({ hand }) => {
      await hand.close((await hand.begin()).location, digestOf(WHOLE), WHOLE);
    },
  },
  {
    rule: "upload.location-query",
    provoke: FRESH,
    right: inChunks(),
    wrong: closeAt((location) => `${location.pathname}?digest=${digestOf(WHOLE)}`),
    evidence: "a parameter of the Location is missing or changed",
  },
  {
    rule: "upload.location-bytes",
    provoke: FRESH,
    right: inChunks(),
    wrong: closeAt((location) => {
      location.searchParams.set("digest", digestOf(WHOLE));
      location.searchParams.sort();
      return location;
    }),
    evidence: "the query was written anew",
    unseen: closeAt((location) => `${location.pathname}?digest=${digestOf(WHOLE)}`),
  },
  {
    rule: "upload.location-relative",
    right: inChunks(),
    wrong: closeAt((location) => `/v2/app${location.pathname}?digest=${digestOf(WHOLE)}`),
    evidence: "the Location was put behind another path",
    unseen: ({ hand }) => hand.begin(),
  },
  {
    rule: "upload.digest",
    right: inChunks(),
    wrong: closeAt((location) => location),
    evidence: "it names no digest",
    unseen: ({ hand }) => hand.begin(),
  },
  {
    rule: "upload.cancelled",
    right: {
      run: async ({ hand }) => hand.send("DELETE", (await hand.begin()).location),
      outcome: "failed",
    },
    wrong: { run: ({ hand }) => hand.begin(), outcome: "failed" },
    evidence: "the upload was left behind after its POST",
    unseen: ({ hand }) => hand.begin(),
  },
  {
    rule: "upload.cancelled",
    what: "at another origin",
    provoke: ["foreign-locations"],
    unseen: { run: ({ hand }) => hand.begin(), outcome: "failed" },
  },
  {
    rule: "upload.cancelled",
    what: "what ended by itself",
    unseen: {
      run: async (run) => {
        await inChunks()(run);
        await closeAt((location) => `${location.pathname}?digest=${digestOf("other")}`)(run);
      },
      outcome: "failed",
    },
  },
  {
    rule: "upload.exists",
    right: ({ hand }) => hand.blob(WHOLE),
    wrong: inChunks(),
    evidence: "no request had asked whether it was there",
    unseen: ({ hand }) => hand.begin(),
  },
  {
    rule: "upload.chunk-range",
    right: inChunks(),
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      const headers = { "content-range": `bytes 0-9/23`, "content-length": "10" };
      await hand.send("PATCH", location, { body: PIECES[0]!, headers });
    },
    evidence: "its Content-Range is not first-last",
    unseen: async ({ hand }) => hand.send("PATCH", (await hand.begin()).location, { body: WHOLE }),
  },
  {
    rule: "upload.chunk-range",
    what: "of another length",
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      const headers = { "content-range": "0-8", "content-length": "10" };
      await hand.send("PATCH", location, { body: PIECES[0]!, headers });
    },
    evidence: "10 bytes are not its range",
  },
  {
    rule: "upload.chunk-range",
    what: "several without one",
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      for (const piece of PIECES) await hand.send("PATCH", location, { body: piece });
    },
    evidence: "its Content-Range is not first-last",
  },
  {
    rule: "upload.chunk-order",
    right: inChunks(),
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      await hand.chunk(location, PIECES[1]!, 10);
    },
    evidence: "it begins at 10, and 0 bytes were there",
    unseen: inChunks([WHOLE]),
  },
  {
    rule: "upload.chunk-order",
    what: "before the one before it was taken",
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      await Promise.all([
        hand.chunk(location, PIECES[0]!, 0),
        hand.chunk(location, PIECES[1]!, 10),
      ]);
    },
    evidence: "it begins at 10, and 0 bytes were there",
  },
  {
    rule: "upload.chunk-min",
    registry: { chunkMinLength: 10 },
    right: inChunks(),
    wrong: inChunks(["short", "0123456789", "end"]),
    evidence: "5 bytes are less than 10",
    unseen: inChunks(["short"]),
  },
  {
    rule: "upload.range-416",
    provoke: ["refuse-chunks"],
    right: async ({ hand }) => {
      const { location } = await hand.begin();
      await hand.chunk(location, WHOLE, 0);
      const { headers, location: next } = await hand.send("GET", location);
      const there = Number(headers.get("range")!.split("-")[1]) + 1;
      const rest = await hand.chunk(next, WHOLE.slice(there), there);
      await hand.close(rest.location, digestOf(WHOLE));
    },
    wrong: async ({ hand }) => {
      const { location } = await hand.begin();
      await hand.chunk(location, WHOLE, 0);
      await hand.chunk(location, WHOLE, 0);
    },
    evidence: "11 bytes were there, and it begins at 0",
    unseen: async ({ hand }) => {
      await hand.close((await hand.begin()).location, digestOf(WHOLE), WHOLE);
    },
  },
  {
    rule: "upload.range-416",
    what: "begun anew, or given up",
    provoke: ["refuse-chunks"],
    right: async ({ hand }) => {
      await hand.chunk((await hand.begin()).location, WHOLE, 0);
      await hand.close((await hand.begin()).location, digestOf(WHOLE), WHOLE);
    },
    wrong: async ({ hand }) => hand.chunk((await hand.begin()).location, WHOLE, 0),
    evidence: "it was answered 416, and the upload never went on",
    unseen: async ({ hand }) => hand.send("PATCH", (await hand.begin()).location, { body: WHOLE }),
  },
  {
    rule: "upload.mount-202",
    provoke: ["mount-202"],
    right: async (run) => {
      await run.hand.close((await mountOf(run)).location, run.seed.layer, LAYER);
    },
    wrong: async (run) => {
      await mountOf(run);
      await pushOther(run);
    },
    evidence: "the blob was not pushed after it",
    unseen: mountOf,
  },
  {
    rule: "upload.mount-405",
    provoke: ["mount-405"],
    right: async (run) => {
      await mountOf(run);
      await run.hand.blob(LAYER, "other");
    },
    wrong: { run: mountOf, outcome: "failed" },
    evidence: "the blob was not pushed after it",
    unseen: mountOf,
  },
  {
    rule: "upload.post-202",
    provoke: ["post-202"],
    right: async ({ hand }) => {
      const { location } = await hand.send(
        "POST",
        `/v2/app/blobs/uploads/?digest=${digestOf(WHOLE)}`,
        { body: WHOLE },
      );
      await hand.close(location, digestOf(WHOLE), WHOLE);
    },
    wrong: async (run) => {
      await run.hand.send("POST", `/v2/other/blobs/uploads/?digest=${digestOf(WHOLE)}`, {
        body: WHOLE,
      });
      await pushOther(run);
    },
    evidence: "its upload was not closed",
    unseen: inChunks(),
  },
  {
    rule: "push.content-type",
    right: ({ hand }) => hand.image("new"),
    wrong: ({ hand }) => hand.manifest("new", imageText(digestOf("{}"), []), "application/json"),
    evidence: "its Content-Type is not its mediaType",
    unseen: ({ hand }) => hand.read("latest"),
  },
  {
    rule: "push.content-type-bare",
    right: ({ hand }) => hand.image("new"),
    wrong: ({ hand }) =>
      hand.manifest("new", imageText(digestOf("{}"), []), `${MANIFEST}; charset=utf-8`),
    evidence: "its Content-Type has parameters",
  },
  {
    rule: "push.order",
    right: ({ hand }) => hand.image("new"),
    wrong: ({ hand }) => hand.manifest("new", imageText(digestOf("not there"), [])),
    evidence: "what it names was not there",
  },
  {
    rule: "push.tags",
    provoke: ["ignore-tags"],
    right: async (run) => {
      await withTags(run);
      for (const tag of ["x", "y"]) await run.hand.manifest(tag, imageText(digestOf("{}"), []));
    },
    wrong: { run: withTags, outcome: "succeeded" },
    evidence: "2 tags were not made, and not pushed after it",
    unseen: withTags,
  },
  {
    rule: "auth.location",
    registry: LOGIN,
    provoke: ["foreign-locations"],
    right: async ({ hand }) => {
      await hand.login();
      const { location } = await hand.begin();
      hand.authorization = undefined;
      await hand.close(location, digestOf(WHOLE), WHOLE);
    },
    wrong: async ({ hand }) => {
      await hand.login();
      await hand.close((await hand.begin()).location, digestOf(WHOLE), WHOLE);
    },
    evidence: "Authorization went with it to another origin",
    unseen: async ({ hand }) => {
      await hand.login();
      await hand.begin();
    },
  },
  {
    rule: "auth.before-body",
    registry: LOGIN,
    right: async ({ hand }) => {
      await hand.login();
      await hand.blob(WHOLE);
    },
    wrong: ({ hand }) =>
      hand.send("POST", `/v2/app/blobs/uploads/?digest=${digestOf(WHOLE)}`, { body: WHOLE }),
    evidence: "it has a body, and was answered 401",
    unseen: ({ hand }) => hand.begin(),
  },
];
