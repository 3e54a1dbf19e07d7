import { names, type OptionNames } from "../content/check_options.ts";
import { STORE_OPTIONS, type StoreOptions } from "../content/store.ts";
import type { TagPattern } from "./tag_pattern.ts";

/** A manifest that a repository has, whatever names it. */
export interface InventoryEntry {
  /** Its digest. */
  digest: string;
  /** The tags that name it. */
  tags: readonly string[];
  /** When it was pushed; where it is not known, it counts as young. */
  created?: Date;
}

/**
 * Lists every manifest of a repository, untagged ones too. The registry's protocol has no such list;
 * registries have interfaces of their own for it.
 */
export interface Inventory {
  /** All manifests, each once, or once for each of its tags. */
  list(options?: StoreOptions): AsyncIterable<InventoryEntry>;
}

/** Removes manifests of a repository. */
export interface Deleter {
  /** Removes one with its tags; one that is gone is none. */
  delete(entry: InventoryEntry, options?: StoreOptions): Promise<void>;
}

/** Options of {@linkcode planPrune}. */
export interface PruneOptions extends StoreOptions {
  /** Lists everything that there is. */
  inventory: Inventory;
  /** Tags that stay, whatever else is said: a pattern, or several. @default {none} */
  keep?: TagPattern | readonly TagPattern[];
  /** Tags that may go. @default {all where `olderThan` or `keepLast` is given, else none} */
  remove?: TagPattern | readonly TagPattern[];
  /** What is younger stays, in milliseconds: tagged or not. @default {0} */
  olderThan?: number;
  /** Of the tags that may go, so many stay: those of the youngest manifests. @default {0} */
  keepLast?: number;
  /** Whether manifests that no tag needs go too. @default {true} */
  untagged?: boolean;
  /** The time that ages are counted from, in milliseconds since 1970. @default {now} */
  now?: number;
}

/** Their names. */
export const PRUNE_OPTIONS: OptionNames<PruneOptions> = names(
  "inventory keep remove olderThan keepLast now",
  { untagged: "a boolean" },
  STORE_OPTIONS,
);

/** Options of {@linkcode prune}. */
export interface PruneRunOptions extends PruneOptions {
  /** Removes what goes. */
  deleter: Deleter;
  /** Called when a manifest is gone. */
  onRemoved?: (entry: InventoryEntry) => void;
}

/** Their names. */
export const PRUNE_RUN_OPTIONS: OptionNames<PruneRunOptions> = names(
  "deleter",
  { onRemoved: "a function" },
  PRUNE_OPTIONS,
);

/** What a prune would do. */
export interface PrunePlan {
  /** The manifests that go, in this order: what needs others goes before them. */
  remove: InventoryEntry[];
  /** The tags that go with them. */
  removedTags: string[];
  /** The manifests that stay. */
  keep: InventoryEntry[];
}
