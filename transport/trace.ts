import type { DavitEvent } from "../events.ts";
import type { Clock, Middleware } from "./channel.ts";
import { parseRateLimit } from "./rate_limit.ts";
import { redactUrl } from "./redact.ts";
import { type SecretsKeeper, secretsOf } from "./secrets.ts";
import { parseWarnings } from "./warning.ts";

/** How many different warnings are remembered: one that is forgotten is only repeated. */
const WARNINGS_KEPT = 1000;

/** How many hosts' quotas are remembered. */
const QUOTAS_KEPT = 100;

/** What {@linkcode trace} works with. */
interface TraceOptions {
  /** Time. */
  clock: Clock;
  /** Called for every request, response, warning and quota. */
  emit: (event: DavitEvent) => void;
  /** What was sent of late: the other end may repeat it. */
  secrets: SecretsKeeper;
}

/** Reports every exchange: each hop of a redirect, each try. */
export function trace({ clock, emit, secrets: keeper }: TraceOptions): Middleware {
  const secrets = secretsOf(keeper);
  const warned = new Set<string>();
  const quotas = new Map<string, string>();

  function warn(host: string, header: string | null): void {
    for (const text of parseWarnings(header).map((text) => secrets.redact(text))) {
      const key = `${host} ${text}`;
      if (warned.has(key)) continue;
      if (warned.size >= WARNINGS_KEPT) warned.clear();
      warned.add(key);
      emit({ type: "warning", host, text });
    }
  }

  function reportQuota(host: string, headers: Headers): void {
    const quota = parseRateLimit(headers);
    if (quota === undefined) return;
    const words = JSON.stringify(quota);
    if (quotas.get(host) === words) return;
    if (quotas.size >= QUOTAS_KEPT) quotas.clear();
    quotas.set(host, words);
    emit({ type: "rate-limit", host, ...quota });
  }

  return (next) => async (request) => {
    const { method } = request;
    const url = redactUrl(request.url);
    const started = clock.now();
    emit({ type: "request", method, url });
    const answer = await next(request);
    const { status, headers, ok } = answer.response;
    const warning = headers.get("warning");
    if (!ok || warning !== null) secrets.learn(request.headers.get("authorization"));
    emit({ type: "response", method, url, status, duration: clock.now() - started });
    const { host } = request.url;
    warn(host, warning);
    reportQuota(host, headers);
    return answer;
  };
}
