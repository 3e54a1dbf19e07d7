import { checkArgument } from "../content/check_argument.ts";
import { checkOptions } from "../content/check_options.ts";
import { isDigestReference } from "../content/digest.ts";
import type { ContentSource, ContentStore } from "../content/store.ts";
import { Copier } from "./copier.ts";
import { COPY_OPTIONS, type CopyOptions, type CopyResult } from "./copy_options.ts";
import { copyRoot, onlyPlatform } from "./copy_root.ts";
import { resolveRoot } from "./resolve_root.ts";
import { Work } from "./work.ts";

/**
 * Copies an image, an index or any other graph of content from one store to another, with everything
 * that is attached to it, signatures included. What the target has is not moved again; what it lacks
 * of something that it has is repaired. References are written last: they never name what is not whole.
 *
 * @param reference A tag or a digest of the source; it is resolved once.
 * @param references The target's tags; a digest says what the copy must be. None: no tag is written.
 *
 * @example
 * ```ts
 * import { copy } from "@davit/registry-client/copy";
 * import { pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const here = new MemoryStore();
 * const image = await pack(here, { artifactType: "application/vnd.example.app", tag: "v1" });
 *
 * const there = new MemoryStore();
 * const { target } = await copy(here, "v1", there, ["v1", "latest"]);
 * assertEquals(target.digest, image.digest);
 * assertEquals((await there.resolve("latest")).digest, image.digest);
 * assertEquals((await copy(here, "v1", there, "v1")).bytes, 0); // all is there
 * ```
 *
 * @throws {CopyError} When a store fails: it names the side and the content.
 * @throws {SparseIndexRefusedError} When the target does not take a `sparse` copy.
 * @throws {InvalidOptionError} When a digest among the references is not the copy's.
 */
export async function copy(
  source: ContentSource,
  reference: string,
  target: ContentStore,
  references: string | readonly string[],
  options: CopyOptions = {},
): Promise<CopyResult> {
  checkOptions(options, COPY_OPTIONS);
  checkArgument("source", source, "source");
  checkArgument("reference", reference, "text");
  checkArgument("target", target, "store");
  checkArgument("references", references, "names");
  return await Work.run(options.signal, async (work) => {
    const copier = new Copier(source, target, options, work);
    const named = typeof references === "string" ? [references] : [...references];
    const root = await resolveRoot(source, reference, work.signal, onlyPlatform(options.platforms));
    const copied = await copyRoot(copier, root, named, options);
    await work.idle();
    await copier.tagAttached();
    for (const tag of named) if (!isDigestReference(tag)) await copier.tag(copied.target, tag);
    return { source: root, references: named, ...copied, ...copier.content };
  });
}
