import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { ContentStore, StoreOptions } from "../content/store.ts";
import { InvalidOptionError } from "../errors.ts";
import { subjectOf } from "../manifest/children.ts";
import { attached } from "./attached.ts";
import { readManifest, resolved } from "../manifest/read_manifest.ts";

/** Options of {@linkcode detach}. */
export interface DetachOptions extends StoreOptions {
  /**
   * Whether what is attached to it goes too, at any depth: no list would lead to it any more.
   * @default {true}
   */
  prune?: boolean;
}

const DETACH_OPTIONS: OptionNames<DetachOptions> = names(
  "signal",
  { prune: "a boolean" },
);

/**
 * Removes what is attached to a manifest, and what is attached to that: the manifests, their tags, and
 * their entries in the lists of referrers. Blobs stay, as others may use them: registries collect what
 * nothing leads to, and in a layout folder `LayoutStore.removeUnreferenced` does.
 *
 * @param referrer What is attached, or a tag or digest that names it.
 *
 * @example
 * ```ts
 * import { attach, attached, detach, pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const artifactType = "application/vnd.example.note";
 * const image = await pack(store, { artifactType: "application/vnd.example.thing" });
 * const note = await attach(store, image, { artifactType, layers: [{ body: "a note" }] });
 * await detach(store, note);
 * assertEquals(await Array.fromAsync(attached(store, image)), []);
 * ```
 *
 * @returns What was removed, in that order: the deepest first.
 * @throws {ContentNotFoundError} When it is not there.
 * @throws {InvalidOptionError} When it is attached to nothing, or the store removes nothing.
 */
export async function detach(
  store: ContentStore,
  referrer: Descriptor | string,
  options: DetachOptions = {},
): Promise<Descriptor[]> {
  checkOptions(options, DETACH_OPTIONS);
  checkArgument("store", store, "source");
  const { prune = true, signal } = options;
  const ending = { ...(signal && { signal }) };
  if (store.delete === undefined) {
    throw new InvalidOptionError("Cannot detach: the store removes nothing");
  }
  const root = await resolved(store, referrer, ending, "referrer");
  const { manifest } = await readManifest(store, root, ending);
  if (subjectOf(manifest) === undefined) {
    throw new InvalidOptionError(`Cannot detach ${root.digest}: it is attached to nothing`);
  }
  const removed = [root];
  if (prune && store.referrers !== undefined) {
    const all = attached(store, root, { ...ending, depth: Infinity });
    for await (const { descriptor } of all) removed.push(descriptor);
  }
  removed.reverse();
  for (const descriptor of removed) await store.delete(descriptor, ending);
  return removed;
}
