import type { Middleware } from "../../server/middleware.ts";
import { answered, answeredJson, changed, withQuery } from "../changed.ts";
import { errorAnswer } from "./answer.ts";
import type { PageQuirks } from "./options.ts";

const LISTS = ["tags", "catalog", "referrers"];

/** Pages as some registries send them: end-8, end-12 and the catalog. */
export function pagesQuirk(quirks: PageQuirks): Middleware {
  const { size, most, unquotedRel } = quirks;
  return (next) => async (context) => {
    const { request: { method }, route, url } = context;
    if (method !== "GET" || !LISTS.includes(route?.kind ?? "")) return await next(context);
    const asked = Number(url.searchParams.get("n") ?? NaN);
    if (most !== undefined && asked > most) {
      return errorAnswer(400, "PAGINATION_NUMBER_INVALID", `n must be at most ${most}`);
    }
    const names = route!.kind !== "referrers";
    const short = names && size !== undefined && !(asked <= size);
    let response = await next(
      short
        ? changed(context, { url: withQuery(url, (query) => query.set("n", String(size))) })
        : context,
    );
    if (!response.ok) return response;
    const link = response.headers.get("link");
    if (unquotedRel && link !== null) {
      response = answered(response, { headers: { link: link.replace('rel="next"', "rel=next") } });
    }
    return names && (quirks.unsorted || quirks.nulls) ? await edited(response, quirks) : response;
  };
}

async function edited(response: Response, { unsorted, nulls }: PageQuirks): Promise<Response> {
  const page = await response.json() as Record<string, unknown>;
  for (const [key, value] of Object.entries(page)) {
    if (!Array.isArray(value)) continue;
    const names: unknown[] = unsorted ? value.toReversed() : value;
    page[key] = !nulls ? names : names.length === 0 ? null : names.flatMap((name) => [null, name]);
  }
  return answeredJson(response, page);
}
