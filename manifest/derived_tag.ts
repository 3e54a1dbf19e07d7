import { type Digest, isDigest } from "../content/digest.ts";

/**
 * The tags that are made of a digest: `sha256-<hex>`, with an ending or without one, as regctl takes
 * them too. cosign's endings are `.sig`, `.att` and `.sbom`; others name source code or scans so. The
 * fallback tag has no ending, and no more than 64 characters of a sha512.
 */
const DERIVED_TAG = /^(?:sha256-[0-9a-f]{64}|sha512-(?:[0-9a-f]{64}){1,2})(?:\..+)?$/;

/** Whether a tag is made of a digest: it goes with what it is attached to. */
export function isDerivedTag(tag: string): boolean {
  return DERIVED_TAG.test(tag);
}

/** The digest that a tag is made of, where it holds the whole. */
export function derivedFrom(tag: string): Digest | undefined {
  if (!isDerivedTag(tag)) return undefined;
  const digest = tag.split(".", 1)[0]!.replace("-", ":");
  return isDigest(digest) ? digest : undefined;
}
