/**
 * Content moves between stores: copy images, indexes and artifacts with everything attached to them,
 * from any store to any other.
 *
 * @example From a registry into a folder
 * ```ts
 * import { copy } from "@davit/registry-client/copy";
 * import { pack } from "@davit/registry-client/artifact";
 * import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
 * import { LayoutStore } from "@davit/registry-client/stores";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const app = new RegistryStore(new RegistryClientV2({ name: "localhost:5000/app", fetch }));
 * await pack(app, { artifactType: "application/vnd.example.app", tag: "v1" });
 *
 * const folder = await Deno.makeTempDir();
 * const { copied } = await copy(app, "v1", new LayoutStore(folder), "v1");
 * assertEquals(copied.length, 2); // the manifest and its configuration
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @module
 */
export { copy } from "./copy.ts";
export {
  type CopiedTag,
  copyTags,
  type CopyTagsOptions,
  type CopyTagsResult,
} from "./copy_tags.ts";
export { type AttachedEntry, AttachedFinder } from "./attached_finder.ts";
export { reachable, type ReachableOptions } from "./reachable.ts";
export { planPrune, prune } from "./prune.ts";
export type {
  Deleter,
  Inventory,
  InventoryEntry,
  PruneOptions,
  PrunePlan,
  PruneRunOptions,
} from "./prune_options.ts";
export type { TagPattern } from "./tag_pattern.ts";
export type { CopiedAttached, CopiedContent, CopyOptions, CopyResult } from "./copy_options.ts";
export type { Bytes } from "../content/bytes.ts";
export type { Body, ReopenableBody } from "../content/body.ts";
export type { Descriptor, Platform } from "../content/descriptor.ts";
export type {
  ContentSource,
  ContentStore,
  OpenOptions,
  PartialBlob,
  ReferrersOptions,
  ResolveOptions,
  StoreOptions,
  TagOptions,
  WriteOptions,
} from "../content/store.ts";
export type {
  CopyDoneEvent,
  CopyEvent,
  CopyProgressEvent,
  CopyRetryEvent,
  CopyStartEvent,
  CopyTagEvent,
  CopyTotalEvent,
} from "../events.ts";
export type { ContentDescriptor } from "../errors.ts";
