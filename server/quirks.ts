import type { FaultRule } from "./faults.ts";
import { type FaultContext, faultQuirk } from "./faults.ts";
import { cookiesQuirk, errorBodiesQuirk, headersQuirk, rateLimitQuirk } from "./quirk_answers.ts";
import { digestQuirk, noRangesQuirk, redirectQuirk } from "./quirk_blobs.ts";
import { manifestQuirk } from "./quirk_manifests.ts";
import { matcher } from "./quirk_match.ts";
import type { QuirkRule } from "./quirk_options.ts";
import { pagesQuirk } from "./quirk_pages.ts";
import { Places } from "./quirk_places.ts";
import { referrersQuirk } from "./quirk_referrers.ts";
import { challengeQuirk, exchangeQuirk, tokensQuirk } from "./quirk_tokens.ts";
import { uploadQuirk } from "./quirk_uploads.ts";
import type { Quirk, Visit, Visited } from "./quirk_visit.ts";
import type { Observation } from "./observation.ts";

/** One rule, or several. */
export type OneOrMore<T> = T | readonly T[];

/** What a registry misbehaves by. */
export interface Misbehaviour {
  /** How it always is. */
  quirks?: OneOrMore<QuirkRule>;
  /** What goes wrong. */
  faults?: OneOrMore<FaultRule>;
}

/** The rules as a list. */
export function rulesOf<T extends object>(rules: OneOrMore<T> | undefined): readonly T[] {
  if (rules === undefined) return [];
  return Array.isArray(rules) ? rules : [rules as T];
}

/**
 * A registry with quirks and faults around it; `undefined` where there are none, so that a registry
 * without any is as fast as it was. The rules for all requests become one, in which a later one's
 * options win.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 */
export function misbehave(
  { quirks, faults }: Misbehaviour,
  context: FaultContext,
  registry: Visited,
): Visited | undefined {
  const general: QuirkRule = {};
  const special: QuirkRule[] = [];
  for (const rule of rulesOf(quirks)) {
    if (rule.on === undefined) Object.assign(general, rule);
    else special.push(rule);
  }
  const rules = Object.keys(general).length === 0 ? special : [general, ...special];
  const failing = rulesOf(faults).map((rule) => faultQuirk(rule, context));
  if (rules.length === 0 && failing.length === 0) return undefined;
  const places = new Places();
  const all = [...failing, ...rules.flatMap((rule) => quirksOf(rule, context, places))];
  const answer = all.reduceRight<Visited>((next, quirk) => quirk(next), registry);
  return async (visit) => await bare(visit, await places.accept(answer, visit));
}

/** A request nobody read is told to stop, and HEAD gets no body. */
async function bare(visit: Visit, response: Response): Promise<Response> {
  const { body, method } = visit.request;
  if (body !== null && !body.locked) await body.cancel().catch(() => {});
  if (method !== "HEAD" || response.body === null) return response;
  await response.body.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}

/** The quirks of one rule, the outermost first. */
function quirksOf(rule: QuirkRule, context: FaultContext, places: Places): Quirk[] {
  // Counted once a request, whatever quirks then ask: they send requests of their own too.
  const matches = matcher(rule.on);
  const matched = new WeakMap<Observation, boolean>();
  const on = (visit: Visit) => matched.get(visit.observation) ?? false;
  const note: Quirk = (next) => (visit) => {
    matched.set(visit.observation, matches(visit));
    return next(visit);
  };
  const { locations, blobRedirects, errorBodies, rateLimit, pages, tokens, digestHeader } = rule;
  const quirks: (Quirk | undefined | false)[] = [
    locations && locationsQuirk(rule, places),
    headersQuirk(rule),
    errorBodies && errorBodiesQuirk(errorBodies),
    rule.cookies && cookiesQuirk(),
    tokens?.exchangeFor !== undefined && exchangeQuirk(tokens.exchangeFor, context),
    tokens && tokensQuirk(tokens),
    challengeQuirk(rule),
    rateLimit && rateLimitQuirk(rateLimit, context.now),
    blobRedirects && redirectQuirk(blobRedirects, places),
    pages && pagesQuirk(pages),
    rule.noRanges && noRangesQuirk(),
    digestHeader && digestQuirk(digestHeader),
    manifestQuirk(rule),
    referrersQuirk(rule),
  ];
  const chosen = quirks.filter((quirk) => quirk !== undefined && quirk !== false);
  return [note, ...chosen.map((quirk) => when(on, quirk)), uploadQuirk(rule, on, context)];
}

function when(on: (visit: Visit) => boolean, quirk: Quirk): Quirk {
  return (next) => {
    const quirky = quirk(next);
    return (visit) => on(visit) ? quirky(visit) : next(visit);
  };
}

function locationsQuirk({ locations }: QuirkRule, places: Places): Quirk {
  return (next) => async (visit) => places.locate(visit, await next(visit), locations!);
}
