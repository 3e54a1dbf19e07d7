/** Cases of the rules about fallback tags. */
import { digestOf, fallbackOf } from "./by_hand.ts";
import type { RuleCase, Run } from "./grade_case.ts";

const OFF = { referrersApi: false };

/** Attaches two things; the list can be changed before it is written the second time. */
function attachTwo(
  texts: (first: string, second: string) => string[] = (first, second) => [first, second],
  change: object = {},
) {
  return async ({ hand, seed }: Run) => {
    const first = await hand.attach(seed, "one");
    await hand.list(seed.digest, [first]);
    const second = await hand.attach(seed, "two");
    await hand.list(seed.digest, texts(first, second), change);
    return [first, second] as const;
  };
}

async function attachAndDelete(run: Run): Promise<void> {
  const { hand } = run;
  const [first] = await attachTwo()(run);
  await hand.send("DELETE", `/v2/app/manifests/${digestOf(first)}`);
}

/** The cases. */
export const REFERRERS_CASES: RuleCase[] = [
  {
    rule: "referrers.fallback-written",
    registry: OFF,
    right: attachTwo(),
    wrong: ({ hand, seed }) => hand.attach(seed, "one"),
    evidence: "it is not on the fallback tag's list",
    unseen: ({ hand }) => hand.image("new"),
  },
  {
    rule: "referrers.fallback-written",
    what: "that was on it already",
    registry: OFF,
    right: async (run) => {
      await attachTwo()(run);
      await run.hand.attach(run.seed, "one");
    },
  },
  {
    rule: "referrers.fallback-descriptor",
    registry: OFF,
    right: attachTwo(),
    wrong: attachTwo(undefined, { annotations: {} }),
    evidence: "artifactType or annotations are not the manifest's",
  },
  {
    rule: "referrers.fallback-descriptor",
    what: "without artifactType",
    registry: OFF,
    wrong: attachTwo(undefined, { artifactType: undefined }),
    evidence: "artifactType or annotations are not the manifest's",
  },
  {
    rule: "referrers.fallback-merged",
    registry: OFF,
    right: attachTwo(),
    wrong: attachTwo((_, second) => [second]),
    evidence: "others that were on the list are gone",
    unseen: async ({ hand, seed }) => hand.list(seed.digest, [await hand.attach(seed, "one")]),
  },
  {
    rule: "referrers.fallback-merged",
    what: "but for what was deleted meanwhile",
    registry: OFF,
    right: async (run) => {
      await attachAndDelete(run);
      await run.hand.list(run.seed.digest, [await run.hand.attachment(run.seed, "two")]);
    },
    unseen: async ({ hand, seed }) => hand.list(seed.digest, [await hand.attach(seed, "one")]),
  },
  {
    rule: "referrers.fallback-pruned",
    registry: OFF,
    right: async (run) => {
      await attachAndDelete(run);
      const two = await run.hand.attachment(run.seed, "two");
      await run.hand.list(run.seed.digest, [two]);
    },
    wrong: attachAndDelete,
    evidence: "it is still on the fallback tag's list",
    unseen: attachTwo(),
  },
  {
    rule: "referrers.fallback-pruned",
    what: "the tag deleted, or the list written first",
    registry: OFF,
    right: async (run) => {
      await attachAndDelete(run);
      await run.hand.send("DELETE", `/v2/app/manifests/${fallbackOf(run.seed.digest)}`);
      const { hand, seed } = run;
      const [first, second] = await attachTwo()(run);
      await hand.list(seed.digest, [second]);
      await hand.send("DELETE", `/v2/app/manifests/${digestOf(first)}`);
    },
  },
  {
    rule: "referrers.fallback-needless",
    right: ({ hand, seed }) => hand.attach(seed, "one"),
    wrong: attachTwo(),
    evidence: "the registry keeps this list itself",
    unseen: ({ hand }) => hand.image("new"),
  },
];
