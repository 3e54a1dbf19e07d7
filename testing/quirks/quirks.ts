import { checkOptions } from "../../content/check_options.ts";
import type { Middleware, RequestContext } from "../../server/middleware.ts";
import { finished } from "../../server/registry.ts";
import { faultQuirk, type FaultRule, type FaultSettings } from "../faults/faults.ts";
import { digestQuirk, noRangesQuirk, redirectQuirk } from "./blobs.ts";
import { cookiesQuirk, errorBodiesQuirk, headersQuirk, rateLimitQuirk } from "./every_answer.ts";
import { manifestQuirk } from "./manifests.ts";
import { matcher } from "./match.ts";
import { QUIRK_RULE, type QuirkRule } from "./options.ts";
import { pagesQuirk } from "./pages.ts";
import { Places } from "./places.ts";
import { referrersQuirk } from "./referrers.ts";
import { challengeQuirk, exchangeQuirk, tokensQuirk } from "./tokens.ts";
import { uploadQuirk } from "./uploads.ts";

export type OneOrMore<T> = T | readonly T[];

export function rulesOf<T extends object>(rules: OneOrMore<T> | undefined): readonly T[] {
  if (rules === undefined) return [];
  return Array.isArray(rules) ? rules : [rules as T];
}

/**
 * Quirks and faults as middleware; `undefined` where there are none. The rules for all requests
 * become one, in which a later one's options win.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 */
export function misbehave(
  quirks: OneOrMore<QuirkRule> | undefined,
  faults: OneOrMore<FaultRule> | undefined,
  settings: FaultSettings,
): Middleware | undefined {
  const general: QuirkRule = {};
  const special: QuirkRule[] = [];
  for (const rule of rulesOf(quirks)) {
    checkOptions(rule, QUIRK_RULE, "quirks");
    if (rule.on === undefined) Object.assign(general, rule);
    else special.push(rule);
  }
  const rules = Object.keys(general).length === 0 ? special : [general, ...special];
  const failing = rulesOf(faults).map((rule) => faultQuirk(rule, settings));
  if (rules.length === 0 && failing.length === 0) return undefined;
  const places = new Places();
  const all = [...failing, ...rules.flatMap((rule) => quirksOf(rule, settings, places))];
  return (next) => {
    const answer = all.reduceRight((inner, quirk) => quirk(inner), next);
    return async (context) => finished(context.request, await places.accept(answer, context));
  };
}

/** The quirks of one rule, the outermost first. */
function quirksOf(rule: QuirkRule, settings: FaultSettings, places: Places): Middleware[] {
  // Counted once a request, whatever quirks then ask: they send requests of their own too.
  const matches = matcher(rule.on);
  const matched = new WeakMap<RequestContext["observed"], boolean>();
  const on = ({ observed }: RequestContext) => matched.get(observed) ?? false;
  const note: Middleware = (next) => (context) => {
    matched.set(context.observed, matches(context));
    return next(context);
  };
  const { locations, blobRedirects, errorBodies, rateLimit, pages, tokens, digestHeader } = rule;
  const quirks: (Middleware | undefined | false)[] = [
    locations && locationsQuirk(rule, places),
    headersQuirk(rule),
    errorBodies && errorBodiesQuirk(errorBodies),
    rule.cookies && cookiesQuirk(),
    tokens?.exchangeFor !== undefined && exchangeQuirk(tokens.exchangeFor, settings),
    tokens && tokensQuirk(tokens),
    challengeQuirk(rule),
    rateLimit && rateLimitQuirk(rateLimit, settings.now),
    blobRedirects && redirectQuirk(blobRedirects, places),
    pages && pagesQuirk(pages),
    rule.noRanges && noRangesQuirk(),
    digestHeader && digestQuirk(digestHeader),
    manifestQuirk(rule),
    referrersQuirk(rule),
  ];
  const chosen = quirks.filter((quirk) => quirk !== undefined && quirk !== false);
  return [note, ...chosen.map((quirk) => when(on, quirk)), uploadQuirk(rule, on, settings)];
}

function when(on: (context: RequestContext) => boolean, quirk: Middleware): Middleware {
  return (next) => {
    const quirky = quirk(next);
    return (context) => on(context) ? quirky(context) : next(context);
  };
}

function locationsQuirk({ locations }: QuirkRule, places: Places): Middleware {
  return (next) => async (context) => places.locate(context, await next(context), locations!);
}
