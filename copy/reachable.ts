import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import type { ContentSource } from "../content/store.ts";
import { CopyError } from "../errors.ts";
import { onSide } from "./copy_error.ts";
import { type GraphNode, GraphWalk } from "./graph_walk.ts";
import { resolveIfThere, resolveRoot } from "./resolve_root.ts";
import { turns, Work } from "./work.ts";

/** Options of {@linkcode reachable}. */
export interface ReachableOptions {
  /** Whether what is attached is needed too, to any depth. @default {true} */
  attached?: boolean;
  /** Ends it with the signal's reason. */
  signal?: AbortSignal;
}

const REACHABLE_OPTIONS: OptionNames<ReachableOptions> = names("attached signal");

/** So many tags are resolved at once. */
const RESOLVED_AT_ONCE = 16;

/**
 * Every digest that tags of a store need: manifests, configurations, layers, and what is attached,
 * with the manifests that lead there. What is not in it could be removed.
 *
 * @param tags Tags or digests.
 *
 * @example
 * ```ts
 * import { reachable } from "@davit/registry-client/copy";
 * import { pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * const image = await pack(store, { artifactType: "application/vnd.example.app", tag: "v1" });
 * const needed = await reachable(store, ["v1"]);
 * assert(needed.has(image.digest));
 * assertEquals(needed.size, 2); // the manifest and its configuration
 * ```
 *
 * @throws {CopyError} When a tag names nothing, or a manifest cannot be read: it is not known then
 * what is needed.
 */
export async function reachable(
  store: ContentSource,
  tags: Iterable<string>,
  options: ReachableOptions = {},
): Promise<Map<string, Descriptor>> {
  checkOptions(options, REACHABLE_OPTIONS);
  checkArgument("store", store, "source");
  checkArgument("tags", tags, "list");
  const roots = [...tags];
  roots.forEach((root, at) => checkArgument(`tags[${at}]`, root, "text"));
  return await walkRoots(store, roots, options);
}

/** Options of {@linkcode walkRoots}. */
export interface WalkRootsOptions extends ReachableOptions {
  /** All tags of the store, where they were listed before. */
  tags?: ReadonlySet<string>;
  /** Whether what a schema 1 manifest needs is of no interest. */
  passSchema1?: boolean;
  /** Sees every manifest. */
  onManifest?: (node: GraphNode) => void;
}

/** {@linkcode reachable}, for other verbs. */
export async function walkRoots(
  store: ContentSource,
  roots: readonly string[],
  { attached = true, tags, passSchema1, onManifest, signal }: WalkRootsOptions,
): Promise<Map<string, Descriptor>> {
  const walking = Work.run(signal, async (work) => {
    const found = new Map<string, Descriptor>();
    const walk = new GraphWalk(store, work, {
      found: (descriptor) => void found.set(descriptor.digest, descriptor),
      blob() {},
      enter(node) {
        onManifest?.(node);
        return node.children;
      },
      leave() {},
      // What is attached in a format that no copy carries is needed all the same, if it is there.
      gone(descriptor) {
        if (isManifestMediaType(descriptor.mediaType)) return;
        void work.start(async () => {
          const { digest } = descriptor;
          const found = await onSide("source", descriptor, work.signal, () => {
            return resolveIfThere(store, digest, work.signal);
          });
          if (found !== undefined) await walk.visit(descriptor);
        });
      },
    }, { attached, tags, passSchema1 });
    const turn = turns(RESOLVED_AT_ONCE);
    await Promise.all(roots.map(async (root) => {
      const descriptor = await turn(() => resolveRoot(store, root, work.signal));
      await walk.visit(descriptor);
    }));
    await work.idle();
    return found;
  });
  return await walking.catch((error) => {
    if (!(error instanceof CopyError)) throw error;
    const { side, cause, descriptor } = error;
    // Nothing is copied here.
    const message = error.message.replace(" in the source of a copy", "");
    throw new CopyError(message, { side, cause, ...(descriptor && { descriptor }) });
  });
}
