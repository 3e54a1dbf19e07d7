import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { filterReferrers } from "../manifest/referrers_index.ts";
import type { RepositoryName } from "../reference/repository_name.ts";
import { digestFrom, type Exchange } from "./exchange.ts";
import { nextLink } from "./pages.ts";
import { jsonResponse } from "./refusal.ts";

/** A page is an index, and registries need not take one of more than this, in bytes. */
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * end-12 GET referrers: the manifests whose subject this digest is; none for one never seen. The
 * pages are in the order of the digests, so that one which comes or goes moves no other.
 *
 * @throws {Refusal} 400 DIGEST_INVALID when the digest is malformed.
 */
export async function listReferrers(
  exchange: Exchange,
  route: { repository: RepositoryName; digest: string },
): Promise<Response> {
  const { backend, settings, url } = exchange;
  if (!settings.referrersApi) {
    return new Response("404 page not found\n", {
      status: 404,
      headers: { "content-type": "text/plain; charset=utf-8", "content-length": "19" },
    });
  }
  const subject = digestFrom(route.digest);
  const artifactType = url.searchParams.get("artifactType") || undefined;
  const last = url.searchParams.get("last");
  const all = filterReferrers(await backend.referrers(route.repository, subject), artifactType)
    .filter(({ digest }) => last === null || digest > last);
  const manifests = firstPage(all, settings.referrersPageSize);
  const headers: Record<string, string> = { "content-type": MEDIA_TYPES.ociIndex };
  if (artifactType !== undefined) headers["oci-filters-applied"] = "artifactType";
  if (manifests.length < all.length) {
    headers["link"] = nextLink(url, {
      ...(artifactType !== undefined && { artifactType }),
      last: manifests.at(-1)!.digest,
    });
  }
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  return jsonResponse(JSON.stringify(index), { headers });
}

/** As many as fit a page; at least one. */
function firstPage(all: Descriptor[], limit: number): Descriptor[] {
  let bytes = 0;
  const page = all.slice(0, limit);
  const end = page.findIndex((descriptor, index) => {
    bytes += JSON.stringify(descriptor).length;
    return index > 0 && bytes > PAGE_BYTES;
  });
  return end === -1 ? page : page.slice(0, end);
}
