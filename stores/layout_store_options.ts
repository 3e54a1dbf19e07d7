import { names, type OptionNames } from "../content/check_options.ts";
import { STORE_OPTIONS, type StoreOptions } from "../content/store.ts";

/** Options of `LayoutStore`. */
export interface LayoutStoreOptions {
  /**
   * Whether what was written is on the disk when a call resolves, so that it survives a power cut.
   * Without it content may be lost then, and tags with it, but nothing wrong is ever read: bytes are
   * verified. The end of the process, however sudden, loses nothing either way.
   * @default {false}
   */
  durable?: boolean;
  /**
   * After how long an interrupted transfer is forgotten, in milliseconds: its bytes are removed by
   * the first write of a store that comes later.
   * @default {604800000}
   */
  partialExpiry?: number;
}

/** Their names. */
export const LAYOUT_STORE_OPTIONS: OptionNames<LayoutStoreOptions> = names("durable partialExpiry");

/** Options of `LayoutStore.removeUnreferenced`. */
export interface RemoveUnreferencedOptions extends StoreOptions {
  /** Whether it is only said what would be removed. @default {false} */
  dryRun?: boolean;
  /**
   * How old what is removed must be, in milliseconds since it was written. A copy that is being made
   * into the same folder, by another process or this one, has written blobs that nothing leads to
   * before its tag is there: where that can happen, say a day.
   * @default {0}
   */
  minAge?: number;
}

/** Their names. */
export const REMOVE_UNREFERENCED_OPTIONS: OptionNames<RemoveUnreferencedOptions> = names(
  "dryRun minAge",
  STORE_OPTIONS,
);
