import type { RequestContext } from "../../server/middleware.ts";

const byOtherOrigin = new WeakSet<RequestContext["observed"]>();

/** Notes that a request came by another origin: to a blob's storage, or to an upload's. */
export function markOtherOrigin({ observed }: RequestContext): void {
  byOtherOrigin.add(observed);
}

/** Whether it did, whatever became of the request since. */
export function isOtherOrigin({ observed }: RequestContext): boolean {
  return byOtherOrigin.has(observed);
}
