/**
 * What real registries do not do, or do in a way of their own, with what they answer instead. Tests
 * ask this table and assert davit's answer either way: nothing is passed over.
 */
import type { RegistryKind } from "../peers/registries.ts";

/** A real registry, or the one of this package. */
export type RegistryName = RegistryKind | "embedded";

/** Something that a registry may do. */
export type Ability =
  /** end-3: a manifest under a sha512 digest. */
  | "sha512 manifests"
  /** end-3: a manifest of a repository that is not there is refused with a code of its own. */
  | "unknown repositories on pull"
  /** end-4b: a POST with the whole blob finishes its upload. */
  | "single POST"
  /** end-5: a chunk at another offset than the upload's end is refused. */
  | "order of chunks"
  /** end-7: a manifest whose blobs are not there is refused. */
  | "check of children"
  /** end-8: tags in order, `n` and `last`. */
  | "pages of tags"
  /** end-8: a page that is cut links to the next one. */
  | "links between pages"
  /** end-8: the tags of a repository that is not there are an error. */
  | "unknown repositories"
  /** end-9: a tag goes, and its manifest stays. */
  | "delete tags"
  /** end-9: with a manifest its tags go. */
  | "delete a manifest's tags"
  /** end-7, end-9, end-12: of several changes at once none is lost from the list of referrers. */
  | "changes at once"
  /** end-10: deleting a blob that is not there is answered with 404. */
  | "unknown blobs on delete"
  /** end-11: a blob is taken from another repository. */
  | "mount"
  /** end-12: the referrers API. */
  | "referrers"
  /** end-13 and end-14: an upload can be looked at and cancelled. */
  | "look at uploads"
  /** end-13: an upload that is gone is answered with 404. */
  | "404 for lost uploads"
  /** end-2: ranges without an end, and past the blob's end. */
  | "open ranges"
  /** Each repository has its own blobs. */
  | "blobs of a repository"
  /** The catalog, which is not in the specification. */
  | "catalog"
  /** The catalog in pages. */
  | "pages of the catalog";

/** What each one lacks, and what it does instead. */
export const LACKS: Record<RegistryName, Partial<Record<Ability, string>>> = {
  "docker-registry": {
    "unknown repositories on pull": "MANIFEST_UNKNOWN",
    "sha512 manifests": "400 DIGEST_INVALID, as it compares with its own sha256",
    "single POST": "202: an upload session",
    "order of chunks": "202: any chunk goes to the upload's end, whatever its Content-Range says",
    "pages of tags": "n and last are ignored: one page with all, in no order",
    "links between pages": "there is one page",
    "delete tags": "400 DIGEST_INVALID, as it looks for a digest in the tag's place",
    "referrers": "404 without a code",
  },
  distribution: {
    "unknown repositories on pull": "MANIFEST_UNKNOWN",
    "sha512 manifests": "400 DIGEST_INVALID, as it compares with its own sha256",
    "single POST": "202: an upload session",
    "referrers": "404 without a code",
  },
  olareg: {
    "unknown repositories on pull": "MANIFEST_UNKNOWN",
    "unknown repositories": "200 and no tags: every repository is there",
    "changes at once": "now and then one is missing in the list, or listed though it was deleted",
    "404 for lost uploads": "400 BLOB_UPLOAD_UNKNOWN",
    "catalog": "404 without a code",
    "pages of the catalog": "there is no catalog",
  },
  crane: {
    "check of children": "201",
    "links between pages": "a page is cut at n, and nothing says that there is more",
    "delete a manifest's tags": "each tag has a manifest of its own",
    "unknown blobs on delete": "500 INTERNAL_SERVER_ERROR",
    "mount": "202: an upload session",
    "referrers": "404 without a code",
    "look at uploads": "400 NAME_INVALID, as it takes the upload's name for a digest",
    "404 for lost uploads": "400 NAME_INVALID",
    "open ranges": "416",
    "blobs of a repository": "one store of blobs for all repositories",
    "pages of the catalog": "in no order, and cut at n as the tags are",
  },
  embedded: {},
};
