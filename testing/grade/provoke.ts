import type { GradeProvocation } from "./journal.ts";
import type { Graded, Provoke, ProvokeContext } from "./provocation.ts";
import { corruptBlobs, corruptManifests, corruptTags, cutBlobs } from "./provoke_content.ts";
import { foreignLinks, foreignLocations, foreignRealm, redirectBlobs } from "./provoke_foreign.ts";
import { denyTokens, expireTokens, rateLimit, unavailable, warnings } from "./provoke_http.ts";
import {
  freshLocations,
  ignoreTags,
  mount202,
  mount405,
  opaqueLinks,
  post202,
  refuseChunks,
} from "./provoke_push.ts";

/** In the order in which they see a request. */
const PROVOCATIONS: Readonly<Record<GradeProvocation, Provoke>> = {
  "rate-limit": rateLimit,
  "unavailable": unavailable,
  "warnings": warnings,
  "deny-tokens": denyTokens,
  "expire-tokens": expireTokens,
  "foreign-realm": foreignRealm,
  "redirect-blobs": redirectBlobs,
  "corrupt-blobs": corruptBlobs,
  "corrupt-manifests": corruptManifests,
  "corrupt-tags": corruptTags,
  "cut-blobs": cutBlobs,
  "foreign-links": foreignLinks,
  "opaque-links": opaqueLinks,
  "fresh-locations": freshLocations,
  "foreign-locations": foreignLocations,
  "refuse-chunks": refuseChunks,
  "mount-202": mount202,
  "mount-405": mount405,
  "post-202": post202,
  "ignore-tags": ignoreTags,
};

export const PROVOCATION_NAMES: readonly string[] = Object.keys(PROVOCATIONS);

export function isProvocation(name: string): name is GradeProvocation {
  return Object.hasOwn(PROVOCATIONS, name);
}

/** What answers requests, with provocations in front of it. */
export function provoke(
  provocations: readonly GradeProvocation[],
  context: ProvokeContext,
  answer: Graded,
): Graded {
  return Object.entries(PROVOCATIONS)
    .filter(([name]) => provocations.includes(name as GradeProvocation))
    .reduceRight((next, [, each]) => each(next, context), answer);
}
