import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, kindOf } from "../content/check_options.ts";
import { isDigest } from "../content/digest.ts";
import type { ContentSource, StoreOptions } from "../content/store.ts";
import { ApiError, CopyError, InvalidOptionError, PruneRefusedError } from "../errors.ts";
import { childrenOf, subjectOf } from "../manifest/children.ts";
import { readManifest } from "../manifest/read_manifest.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { isDerivedTag } from "../manifest/derived_tag.ts";
import type { GraphNode } from "./graph_walk.ts";
import {
  type Inventory,
  type InventoryEntry,
  PRUNE_RUN_OPTIONS,
  type PruneOptions,
  type PrunePlan,
  type PruneRunOptions,
} from "./prune_options.ts";
import { walkRoots } from "./reachable.ts";
import { tagMatcher, type TagPattern } from "./tag_pattern.ts";
import { turns } from "./work.ts";

/** So many manifests are read at once, to find the order. */
const READ_AT_ONCE = 16;

/**
 * Says what of a repository could go: the tags that are chosen, and the manifests that no other tag
 * needs. What a kept tag leads to stays: the manifests of its index, and everything attached to them.
 *
 * @example Keep the youngest release, and what it needs
 * ```ts
 * import { type Inventory, planPrune } from "@davit/registry-client/copy";
 * import { pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const [v1, v2] = await Promise.all(["v1", "v2"].map((tag) =>
 *   pack(store, { artifactType: "application/vnd.example.app", tag, annotations: { tag } })
 * ));
 * const inventory: Inventory = {
 *   async *list() {
 *     yield { digest: v1!.digest, tags: ["v1"], created: new Date("2020-01-01") };
 *     yield { digest: v2!.digest, tags: ["v2"], created: new Date("2021-01-01") };
 *   },
 * };
 * const plan = await planPrune(store, { inventory, keepLast: 1 });
 * assertEquals(plan.removedTags, ["v1"]);
 * ```
 *
 * @throws {PruneRefusedError} When the whole cannot be seen: a manifest that is needed cannot be read,
 * or the inventory does not list it.
 * @throws {InvalidOptionError} When an option is not what it must be.
 */
export async function planPrune(store: ContentSource, options: PruneOptions): Promise<PrunePlan> {
  checkArgument("store", store, "source");
  checkArgument("options", options, "options");
  // `prune` makes the plan again, with the options for both.
  checkOptions(options, { ...PRUNE_RUN_OPTIONS, deleter: 0, onRemoved: 0 });
  const { inventory, olderThan = 0, untagged = true, now = Date.now() } = options;
  if (inventory === undefined) {
    throw new PruneRefusedError(
      "Cannot plan what to prune: registries do not list untagged manifests; give an 'inventory'",
    );
  }
  checkCount("olderThan", olderThan);
  checkCount("keepLast", options.keepLast ?? 0);
  checkCount("now", now);
  const { signal } = options;
  const ending: StoreOptions = { ...(signal && { signal }) };
  const entries = await listed(inventory, ending);
  await refuseUnlistedTags(store, entries, ending);
  const isOld = ({ created }: InventoryEntry) =>
    olderThan === 0 || created !== undefined && now - created.getTime() >= olderThan;
  const going = goingTags(entries, options, isOld);
  const mayGo = (entry: InventoryEntry) => {
    const own = entry.tags.filter((tag) => !isDerivedTag(tag));
    return isOld(entry) && (own.length === 0 ? untagged : own.every((tag) => going.has(tag)));
  };
  const needed = await neededBy(store, entries, entries.filter((each) => !mayGo(each)), ending);
  const goes = (entry: InventoryEntry) => mayGo(entry) && !needed.has(entry.digest);
  const remove = await parentsFirst(store, entries.filter(goes), ending);
  return {
    remove,
    removedTags: remove.flatMap(({ tags }) => tags),
    keep: entries.filter((entry) => !goes(entry)),
  };
}

/**
 * Removes what a plan says, as far as a second look says the same: what was tagged or needed
 * meanwhile stays. It may be ended at any point: what needs others goes before them.
 *
 * @returns The manifests that were removed.
 *
 * @throws {PruneRefusedError} When the whole cannot be seen any more; nothing was removed.
 */
export async function prune(
  store: ContentSource,
  plan: PrunePlan,
  options: PruneRunOptions,
): Promise<InventoryEntry[]> {
  checkArgument("options", options, "options");
  checkOptions(options, PRUNE_RUN_OPTIONS);
  checkArgument("plan.remove", plan?.remove, "list");
  checkArgument("deleter", options.deleter, "deleter");
  const planned = new Set(plan.remove.map(({ digest }) => digest));
  const { signal } = options;
  const ending: StoreOptions = { ...(signal && { signal }) };
  const { remove } = await planPrune(store, options);
  const removed: InventoryEntry[] = [];
  for (const entry of remove) {
    if (!planned.has(entry.digest)) continue;
    signal?.throwIfAborted();
    await options.deleter.delete(entry, ending);
    removed.push(entry);
    options.onRemoved?.(entry);
  }
  return removed;
}

/** What an inventory lists, each manifest once: some list one for each of its tags. */
async function listed(inventory: Inventory, options: StoreOptions): Promise<InventoryEntry[]> {
  checkArgument("inventory", inventory, "inventory");
  const entries = new Map<string, InventoryEntry>();
  const list = await inventory.list(options);
  checkArgument("inventory.list()", list, "iterable");
  for await (const entry of list) {
    checkEntry(entry);
    const { digest, tags, created } = entry;
    const known = entries.get(digest);
    if (known === undefined) {
      entries.set(digest, entry);
      continue;
    }
    const isKnown = created !== undefined && known.created !== undefined;
    entries.set(digest, {
      digest,
      tags: [...new Set([...known.tags, ...tags])],
      ...(isKnown && { created: created > known.created! ? created : known.created! }),
    });
  }
  return [...entries.values()];
}

/** An entry that says too little must not make a manifest look as if nothing named it. */
function checkEntry(entry: InventoryEntry): void {
  const { digest, tags, created } = entry ?? {};
  const wrong = !isDigest(digest)
    ? "one has no digest"
    : !Array.isArray(tags) || tags.some((tag) => typeof tag !== "string")
    ? `${digest} has no list of tags`
    : created !== undefined && !(created instanceof Date && !Number.isNaN(created.getTime()))
    ? `'created' of ${digest} is no valid Date`
    : undefined;
  if (wrong === undefined) return;
  throw new InvalidOptionError(
    `Cannot use 'inventory' as its entries must be {digest, tags, created?}: ${wrong}`,
  );
}

/** The tags that go; those of a manifest which also has one that stays, stay with it. */
function goingTags(
  entries: readonly InventoryEntry[],
  { keep = [], remove, olderThan = 0, keepLast = 0 }: PruneOptions,
  isOld: (entry: InventoryEntry) => boolean,
): Set<string> {
  const all = olderThan > 0 || keepLast > 0 ? ["*"] : [];
  const isKept = anyOf(keep);
  const mayGo = anyOf(remove ?? all);
  const candidates = entries.filter(({ tags }) => {
    const own = tags.filter((tag) => !isDerivedTag(tag));
    return own.length > 0 && own.every((tag) => mayGo(tag) && !isKept(tag));
  });
  const age = ({ created }: InventoryEntry) => created?.getTime() ?? Infinity;
  candidates.sort((one, other) => age(other) < age(one) ? -1 : age(other) > age(one) ? 1 : 0);
  const going = candidates.slice(keepLast).filter(isOld);
  return new Set(going.flatMap(({ tags }) => tags));
}

function anyOf(patterns: TagPattern | readonly TagPattern[]): (tag: string) => boolean {
  const list = Array.isArray(patterns) ? patterns : [patterns as TagPattern];
  const matchers = list.map(tagMatcher);
  return (tag) => matchers.some((matches) => matches(tag));
}

/** What manifests that stay need, seen whole. */
async function neededBy(
  store: ContentSource,
  entries: readonly InventoryEntry[],
  staying: readonly InventoryEntry[],
  options: StoreOptions,
): Promise<ReadonlySet<string>> {
  const listed = new Set(entries.map(({ digest }) => digest));
  const tags = new Set(entries.flatMap(({ tags }) => tags));
  let unlisted: string | undefined;
  const onManifest = ({ descriptor: { digest } }: GraphNode) => {
    if (!listed.has(digest)) unlisted = digest;
  };
  const roots = staying.map(({ digest }) => digest);
  try {
    const found = await walkRoots(store, roots, {
      tags,
      onManifest,
      passSchema1: true,
      ...options,
    });
    if (unlisted === undefined) {
      const needed = new Set(found.keys());
      // Where there is no referrers API, a tag has the list of what is attached: it stays with its subject.
      const lists = new Set([...needed].map(fallbackTag));
      for (const { digest, tags } of entries) {
        if (tags.some((tag) => lists.has(tag))) needed.add(digest);
      }
      return needed;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof CopyError)) throw error;
    throw new PruneRefusedError(
      `Cannot plan what to prune: what stays cannot be seen whole: ${error.message}`,
      { cause: error },
    );
  }
  throw notWhole(`${unlisted} is needed`);
}

/** A tag that the inventory lacks says that it lacks more. */
async function refuseUnlistedTags(
  store: ContentSource,
  entries: readonly InventoryEntry[],
  options: StoreOptions,
): Promise<void> {
  const listed = new Set(entries.flatMap(({ tags }) => tags));
  for await (const tag of store.tags?.(options) ?? []) {
    if (!listed.has(tag)) throw notWhole(`there is the tag ${tag}`);
  }
}

function notWhole(what: string): PruneRefusedError {
  return new PruneRefusedError(
    `Cannot plan what to prune: ${what}, and the inventory does not list it`,
  );
}

/**
 * What is removed in an order that leaves nothing broken wherever it ends: indexes before their
 * manifests, what is attached before its subject.
 */
async function parentsFirst(
  store: ContentSource,
  entries: readonly InventoryEntry[],
  options: StoreOptions,
): Promise<InventoryEntry[]> {
  const left = new Map(entries.map((entry) => [entry.digest, entry]));
  const turn = turns(READ_AT_ONCE);
  const below = new Map(
    await Promise.all(entries.map(async ({ digest }) => {
      const needed = await turn(() => neededDirectly(store, digest, options));
      return [digest, needed] as const;
    })),
  );
  const reversed: InventoryEntry[] = [];
  // Depth first, without recursion: a manifest comes after everything that it leads to.
  for (const { digest } of entries) {
    const path = [digest];
    while (path.length > 0) {
      const at = path.at(-1)!;
      const next = below.get(at)?.pop();
      if (next !== undefined) {
        if (left.has(next) && !path.includes(next)) path.push(next);
        continue;
      }
      path.pop();
      const entry = left.get(at);
      if (entry !== undefined) reversed.push(entry);
      left.delete(at);
    }
  }
  return reversed.reverse();
}

/** What a manifest leads to; nothing where it is broken: such ones go too. */
async function neededDirectly(
  store: ContentSource,
  digest: string,
  options: StoreOptions,
): Promise<string[]> {
  try {
    const { manifest } = await readManifest(store, await store.resolve(digest, options), options);
    const subject = subjectOf(manifest);
    return [...childrenOf(manifest), ...(subject ? [subject] : [])].map((each) => each.digest);
  } catch (error) {
    if (error instanceof ApiError && !error.retryable) return [];
    throw error;
  }
}

function checkCount(name: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  const given = typeof value === "number" ? value : kindOf(value);
  throw new InvalidOptionError(
    `Cannot plan what to prune as '${name}' must be a number, 0 or more: current value is ${given}`,
  );
}
