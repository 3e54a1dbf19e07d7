import type { Handler, Middleware, RequestContext } from "../../server/middleware.ts";
import { answered, changed } from "../changed.ts";
import { errorAnswer, textAnswer } from "./answer.ts";
import { ask } from "./ask.ts";
import type { QuirkOptions } from "./options.ts";

/** end-12 as registries do it that do not: no API, and headers that say there is one. */
export function referrersQuirk(options: QuirkOptions): Middleware | undefined {
  const { noReferrers, lyingSubject, fallbackTagIsSubject } = options;
  if (noReferrers === undefined && !fallbackTagIsSubject) return undefined;
  return (next) => async (context) => {
    const { request: { method }, route } = context;
    const response = await next(context);
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
    return await subjectOf(next, context, route) ?? response;
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

/** The manifest whose fallback tag this is, although none was pushed. */
async function subjectOf(
  next: Handler,
  context: RequestContext,
  { repository, reference }: { repository: string; reference: string },
): Promise<Response | undefined> {
  // A sha512 digest is cut in its fallback tag, and cannot be read from it.
  const match = /^sha256-([0-9a-f]{64})$/.exec(reference);
  if (match === null) return undefined;
  const url = new URL(`/v2/${repository}/manifests/sha256:${match[1]}`, context.url);
  const there = await ask(next, context, "HEAD", url);
  return there.ok ? await next(changed(context, { url })) : undefined;
}
