import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { Refusal } from "../../server/refusal.ts";
import { sleepForReal } from "../faults/body.ts";
import { fillerStream, type TapeBodies, tapeBytes, tapeStream } from "./body.ts";
import { redactUrl, unescape } from "./redact_url.ts";
import { TapeSecrets } from "./secrets.ts";
import { checkTape, type Tape, type TapeExchange, type TapeResponse } from "./tape.ts";

/** Options of {@linkcode replay}. */
export interface ReplayOptions {
  /**
   * Whether each answer takes as long as it took.
   * @default {false}
   */
  timing?: boolean;
  /** Gives bodies that were too large for the tape, by their digest. */
  bodies?: TapeBodies;
  /**
   * Whether a body that is nowhere is answered with other bytes of the same size, always the same
   * ones; they do not have its digest. Otherwise such a request is answered with 501.
   * @default {false}
   */
  filler?: boolean;
  /** Waits a number of milliseconds: for tests of timing. @default {setTimeout} */
  wait?: (milliseconds: number) => Promise<void>;
}

const REPLAY_OPTIONS: OptionNames<ReplayOptions> = names("timing bodies filler wait");

interface Recorded {
  exchange: TapeExchange;
  origin: string;
  used: boolean;
}

/** How many of a path's recorded requests an error names. */
const NAMED_AT_MOST = 5;

/** Headers that hold URLs, and so name the recorded hosts. */
const URL_HEADERS = ["location", "content-location", "link", "www-authenticate"];

/**
 * Answers requests as a tape has it: status, headers, bodies. A request is found by its method, path
 * and query, whatever its order among others; of several alike, the first one that was not answered
 * yet, and rather one that agrees about `Authorization` and ranges. GET and HEAD are answered with
 * the last of those again when there are no more.
 *
 * A host that is not on the tape stands for all that are: URLs in answers then name it in their
 * place. So a tape can be replayed at any address.
 *
 * @throws {InvalidOptionError} When the tape is none.
 *
 * @example
 * ```ts
 * import { createTestRegistry, record, replay } from "@davit/registry-client/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const recording = record(createTestRegistry().fetch);
 * await (await recording.fetch("http://registry.test/v2/")).text();
 * const answer = replay(await recording.tape());
 * const again = await answer(new Request("http://registry.test/v2/"));
 * assertEquals(await again.text(), "{}");
 * const unknown = await answer(new Request("http://registry.test/v2/app/tags/list"));
 * assertEquals(unknown.status, 501);
 * ```
 */
export function replay(
  tape: Tape,
  options: ReplayOptions = {},
): (request: Request) => Promise<Response> {
  checkOptions(options, REPLAY_OPTIONS, "replay");
  checkTape(tape);
  const { timing = false, filler = false, bodies, wait = sleepForReal } = options;
  const recorded = new Map<string, Recorded[]>();
  const origins = new Set<string>();
  for (const exchange of tape.exchanges) {
    const url = new URL(exchange.url);
    origins.add(url.origin);
    const key = keyOf(exchange.method, url);
    const alike = recorded.get(key) ?? [];
    recorded.set(key, alike);
    alike.push({ exchange, origin: url.origin, used: false });
  }

  function find(request: Request, url: URL): TapeExchange | undefined {
    const { method, headers } = request;
    const all = recorded.get(keyOf(method, url)) ?? [];
    const alike = origins.has(url.origin) ? all.filter(({ origin }) => origin === url.origin) : all;
    const open = alike.filter(({ used }) => !used);
    const agreeing = (some: Recorded[]) => some.filter(({ exchange }) => agrees(exchange, headers));
    const repeats = method === "GET" || method === "HEAD";
    const found = agreeing(open)[0] ?? open[0] ??
      (repeats ? agreeing(alike).at(-1) ?? alike.at(-1) : undefined);
    if (found !== undefined) found.used = true;
    return found?.exchange;
  }

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const exchange = find(request, url);
    await readToEnd(request);
    if (exchange === undefined) return unmatched(request, url, tape).response();
    if (timing) await wait(exchange.took);
    const { response } = exchange;
    if (response === undefined) {
      throw new TypeError(`Cannot answer: the recorded request failed with ${exchange.failure}`);
    }
    const headers = new Headers(response.headers);
    if (!origins.has(url.origin)) renameHosts(headers, origins, url.origin);
    const { status } = response;
    if (isBodyless(request.method, status) || response.body === undefined) {
      return new Response(null, { status, headers });
    }
    const body = await bodyOf(response, tape, bodies, filler);
    if (body instanceof Refusal) return body.response();
    return new Response(body, { status, headers });
  }

  return answer;
}

/** What two requests must share to be the same one. */
function keyOf(method: string, url: URL): string {
  const path = url.pathname.split("/").map(unescape).join("/");
  const query = [...url.searchParams].map(([name, value]) => `${name}=${value}`).sort();
  return JSON.stringify([method, path, ...query]);
}

function agrees({ request }: TapeExchange, headers: Headers): boolean {
  return ("authorization" in request.headers) === headers.has("authorization") &&
    ["range", "content-range"].every((name) =>
      (request.headers[name] ?? null) === headers.get(name)
    );
}

function renameHosts(headers: Headers, origins: ReadonlySet<string>, origin: string): void {
  for (const name of URL_HEADERS) {
    let value = headers.get(name);
    if (value === null) continue;
    for (const recorded of origins) value = value.replaceAll(recorded, origin);
    headers.set(name, value);
  }
}

async function bodyOf(
  { body }: TapeResponse,
  tape: Tape,
  bodies: TapeBodies | undefined,
  filler: boolean,
): Promise<ReadableStream | Refusal> {
  const bytes = await tapeBytes(tape, body!, bodies);
  if (bytes !== undefined) return tapeStream(bytes, body!.cut ?? false);
  if (filler) return fillerStream(body!);
  return new Refusal(
    501,
    "UNSUPPORTED",
    `Cannot replay the body ${body!.digest}: its ${body!.size} bytes are not on the tape; record ` +
      "with a larger 'bodyLimit', or replay with 'bodies' or 'filler'",
  );
}

function unmatched({ method }: Request, url: URL, tape: Tape): Refusal {
  const shown = `${method} ${redactUrl(url.href, new TapeSecrets())}`;
  const near = tape.exchanges
    .filter((exchange) => new URL(exchange.url).pathname === url.pathname)
    .map((exchange) => `${exchange.method} ${exchange.url}`);
  const named = [...new Set(near)].slice(0, NAMED_AT_MOST);
  const others = named.length === 0
    ? "nothing of that path is on it"
    : `of that path it has ${named.join(", ")}`;
  return new Refusal(
    501,
    "UNSUPPORTED",
    `Cannot replay ${shown}: the tape has no such request, or no more of them; ${others}`,
  );
}

/** A client that sends a body may not be listening before it has sent all of it. */
async function readToEnd({ body }: Request): Promise<void> {
  if (body === null) return;
  try {
    for await (const _ of body);
  } catch {
    // The client gave up; it will not read the answer either.
  }
}

function isBodyless(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 205 || status === 304;
}
