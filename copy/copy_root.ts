import type { Descriptor } from "../content/descriptor.ts";
import { isDigestReference } from "../content/digest.ts";
import { isIndexMediaType } from "../content/media_types.ts";
import { InvalidOptionError } from "../errors.ts";
import { encodeManifest } from "../manifest/encode_manifest.ts";
import { isIndex, type Manifest } from "../manifest/types.ts";
import { choosePlatforms } from "./choose_platforms.ts";
import type { Copier } from "./copier.ts";
import { copyError } from "./copy_error.ts";
import type { CopyOptions } from "./copy_options.ts";
import { type GraphNode, limitError, MAX_DEPTH } from "./graph_walk.ts";

/** What became of what a reference named. */
export interface CopiedRoot {
  /** What names the copy in the target. */
  target: Descriptor;
  /** Whether signatures of the source hold for it. */
  signaturesApply: boolean;
}

/** The platform that is wanted, where it is only one: a source may have manifests of several under one name. */
export function onlyPlatform(platforms: CopyOptions["platforms"] = []): string | undefined {
  const [platform, ...others] = typeof platforms === "string" ? [platforms] : platforms;
  return platform === "all" || others.length > 0 ? undefined : platform;
}

/**
 * Copies what a reference named, or the platforms of it that are asked for. What is attached may still
 * be on its way when this resolves.
 */
export async function copyRoot(
  copier: Copier,
  root: Descriptor,
  references: readonly string[],
  { platforms = "all", sparse = false, maxDepth = MAX_DEPTH }: CopyOptions,
): Promise<CopiedRoot> {
  const { walk } = copier;
  const wanted = typeof platforms === "string" ? [platforms] : platforms;
  if (wanted.length === 0) {
    throw new InvalidOptionError(
      `Cannot copy as 'platforms' must name one, or be "all": it is empty`,
    );
  }
  if (wanted.includes("all") || !isIndexMediaType(root.mediaType)) {
    checkDigests(references, root);
    copier.willTag(root, references);
    await walk.visit(root);
    return { target: root, signaturesApply: true };
  }
  // The total is known when the visits have started, not before.
  const finish = await walk.look(async () => {
    let node = await walk.read(root, true);
    let { images, attestations } = chosen(node, wanted);
    // What is wanted may stand behind several indexes.
    for (let depth = 1; !sparse && images.length === 1; depth++) {
      const [only] = images as [Descriptor];
      if (!isIndexMediaType(only.mediaType)) break;
      if (depth > maxDepth) throw limitError(only, "maxDepth", maxDepth, "deeper");
      node = await walk.read(only, true);
      ({ images, attestations } = chosen(node, wanted));
    }
    // `docker save` of a containerd store keeps an index whose attestations it leaves behind.
    const usable = await Promise.all(attestations.map((each) => walk.isUsable(each)));
    const gone = attestations.filter((_, at) => !usable[at]);
    attestations = attestations.filter((_, at) => usable[at]);
    const index = node.descriptor;
    const isKept = (each: Descriptor) => images.includes(each) || attestations.includes(each);
    const kept = node.children.filter(isKept);
    const [image] = images;
    if (images.length === 1 && !sparse) {
      checkDigests(references, image!);
      if (attestations.length === 0) copier.willTag(image!, references);
      for (const each of attestations) copier.attached(each, image!, undefined);
      for (const each of gone) copier.gone(each);
      return visiting(copier, kept, { target: image!, signaturesApply: true });
    }
    if (sparse || kept.length === node.children.length) {
      checkDigests(references, index);
      copier.willTag(index, references);
      if (kept.length < node.children.length) copier.choose(index, kept);
      return visiting(copier, [index], { target: index, signaturesApply: true });
    }
    const made = await encodeManifest({ ...node.manifest, manifests: kept } as Manifest);
    checkDigests(references, made.descriptor);
    for (const each of node.children) if (!isKept(each)) copier.gone(each);
    const result = { target: made.descriptor, signaturesApply: false };
    const visited = visiting(copier, kept, result);
    copier.found(made.descriptor);
    return async () => {
      await visited();
      await copier.add(made.descriptor, made.bytes);
      return result;
    };
  });
  return await finish();
}

function visiting(
  { walk }: Copier,
  roots: readonly Descriptor[],
  result: CopiedRoot,
): () => Promise<CopiedRoot> {
  const visits = roots.map((each) => walk.visit(each));
  return async () => {
    await Promise.all(visits);
    return result;
  };
}

function chosen({ descriptor, manifest }: GraphNode, platforms: readonly string[]) {
  try {
    if (isIndex(manifest)) return choosePlatforms(manifest, platforms);
  } catch (error) {
    throw copyError("source", descriptor, error);
  }
  return { images: [], attestations: [] };
}

/** A digest among the target's references says what the copy must be: looked at before it starts. */
function checkDigests(references: readonly string[], { digest }: Descriptor): void {
  const other = references.find((reference) =>
    isDigestReference(reference) && reference !== digest
  );
  if (other === undefined) return;
  throw new InvalidOptionError(`Cannot copy to ${other}: the copy has the digest ${digest}`);
}
