import { errorAnswer, textAnswer } from "./quirk_answer.ts";
import type { QuirkOptions } from "./quirk_options.ts";
import { answered, ask, changed, type Quirk, type Visit, type Visited } from "./quirk_visit.ts";

/** end-12 as registries do it that do not: no API, and headers that say there is one. */
export function referrersQuirk(options: QuirkOptions): Quirk | undefined {
  const { noReferrers, lyingSubject, fallbackTagIsSubject } = options;
  if (noReferrers === undefined && !fallbackTagIsSubject) return undefined;
  return (next) => async (visit) => {
    const { request: { method }, route } = visit;
    const response = await next(visit);
    const reads = method === "GET" || method === "HEAD";
    if (noReferrers !== undefined && route?.kind === "referrers") {
      if (response.status === 401 || response.status === 403) return response;
      await response.body?.cancel();
      return absent(noReferrers);
    }
    if (route?.kind !== "manifest") return response;
    if (method === "PUT" && noReferrers !== undefined && !lyingSubject) {
      return answered(response, { headers: { "oci-subject": undefined } });
    }
    if (!fallbackTagIsSubject || !reads || response.status !== 404) return response;
    return await subjectOf(next, visit, route) ?? response;
  };
}

function absent(how: NonNullable<QuirkOptions["noReferrers"]>): Response {
  switch (how) {
    case "text":
      return textAnswer(404, "404 page not found\n");
    case "name-unknown":
      return errorAnswer(404, "NAME_UNKNOWN", "repository name not known to registry");
    case "html":
      return textAnswer(200, "<!doctype html><title>Registry</title>", "text/html");
  }
}

/** The manifest whose fallback tag this is, although nobody pushed one. */
async function subjectOf(
  next: Visited,
  visit: Visit,
  { repository, reference }: { repository: string; reference: string },
): Promise<Response | undefined> {
  // A sha512 digest is cut in its fallback tag, and cannot be read from it.
  const match = /^sha256-([0-9a-f]{64})$/.exec(reference);
  if (match === null) return undefined;
  const url = new URL(`/v2/${repository}/manifests/sha256:${match[1]}`, visit.url);
  const there = await ask(next, visit, "HEAD", url);
  return there.ok ? await next(changed(visit, { url })) : undefined;
}
