import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import type { Bytes } from "../../content/bytes.ts";
import { isDigest } from "../../content/digest.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { fallbackTag } from "../../manifest/referrers_index.ts";
import {
  type Handler,
  type Middleware,
  ownRequest,
  type RequestContext,
  withRequest,
} from "../../server/middleware.ts";
import { countBytes } from "../../server/observation.ts";
import type { Registry } from "../../server/registry.ts";
import { answered, changedRequest } from "../changed.ts";
import { peekedBody } from "../faults/body.ts";
import { createTestRegistry, type TestRegistryOptions } from "../test_registry.ts";
import { type GradeEntry, type GradeOutcome, type GradeProvocation, jsonIn } from "./journal.ts";
import { provoke } from "./provoke.ts";
import type { GradeReport } from "./report.ts";
import { applyRule } from "./rule.ts";
import { GRADE_RULES } from "./rules.ts";

/** Options of {@linkcode grade}. */
export interface GradeOptions {
  /**
   * What the registry does on purpose, so that duties can be seen that nothing asks for otherwise.
   * @default {[]}
   */
  provoke?: readonly GradeProvocation[];
  /**
   * The origin that redirects and Locations lead to which are not the registry's own; its requests
   * must come to the same `fetch`. Its host should differ from the registry's, not only its port.
   * @default {"http://elsewhere.test"}
   */
  otherOrigin?: string;
  /** Tells the time, in milliseconds. @default {Date.now} */
  now?: () => number;
}

const GRADE_OPTIONS: OptionNames<GradeOptions> = names("provoke otherOrigin now");

/** A registry that grades its client. */
export interface Grading {
  /** The registry to talk to, which answers for the other origin as well. */
  readonly registry: Registry;
  /** Says how the client's run ended; some duties are only seen by that. */
  ended(outcome: GradeOutcome): void;
  /** What was seen so far. */
  report(): GradeReport;
}

/** Manifests and lists are read to judge them; larger ones are no client's fault. */
const READ_AT_MOST_BYTES = 5 * 1024 * 1024;

const FALLBACK_TAG = /^sha(?:256|512)-[0-9a-f]{64}$/;

/**
 * Grades a client: a registry that watches which duties of the distribution specification the client
 * keeps, and breaks. What it does not see, it says. One client a grading, and one run of it where
 * something is provoked: {@linkcode mergeGrades} puts several together.
 *
 * @throws {InvalidOptionError} When an option of the registry is not what it must be.
 *
 * @example
 * ```ts
 * import { grade } from "@davit/registry-client/testing";
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { registry, report } = grade({}, { provoke: ["fresh-locations"] });
 * const client = new RegistryClientV2({
 *   name: "http://registry.test/app",
 *   fetch: registry.fetch as typeof fetch,
 * });
 * await client.putBlob(new TextEncoder().encode("hello"), { chunkSize: 2 });
 *
 * const location = report().results.find(({ id }) => id === "upload.location-bytes");
 * assertEquals(location?.verdict, "kept");
 * ```
 */
export function grade(
  registry: TestRegistryOptions = {},
  options: GradeOptions = {},
): Grading {
  checkArgument("registry", registry, "options");
  checkOptions(options, GRADE_OPTIONS);
  const { otherOrigin = "http://elsewhere.test", now = Date.now } = options;
  const other = new URL(otherOrigin).origin;
  const entries: GradeEntry[] = [];
  const authorizations = new Map<string, number>();
  const given = new Map<string, string | null>();
  let outcome: GradeOutcome | undefined;
  let clock = 0;
  let origin: string | undefined;

  const grader: Middleware = (next) => {
    const answer = provoke(
      options.provoke ?? [],
      { otherOrigin: other, given },
      async (request, entry) => {
        const asked = entry.byOtherOrigin ? atHome(request, entry) : request;
        const response = await next(withRequest(entry.context, asked));
        if (request.method === "PATCH" && response.status < 300) entry.taken = entry.bytesIn;
        return response;
      },
    );
    return async (context) => {
      const entry = enter(context);
      const same = await watched(context.request, entry);
      await lookUpLists(next, entry);
      const response = await readList(await answer(same, entry), entry);
      entry.status = response.status;
      entry.answer = new Headers(response.headers);
      entry.answered = ++clock;
      entry.answeredAt = now();
      return response;
    };
  };

  /** A request to the other origin, as the registry would have got it. */
  function atHome(request: Request, { url }: GradeEntry): Request {
    const authorization = given.get(url.pathname) ?? undefined;
    return changedRequest(request, {
      url: (origin ?? url.origin) + url.pathname + url.search,
      ...(url.pathname !== "/token" && { headers: { authorization } }),
    });
  }

  function enter(context: RequestContext): GradeEntry {
    const { request, url, route } = context;
    const headers = new Headers(request.headers);
    const authorization = headers.get("authorization");
    headers.delete("authorization");
    if (authorization !== null && !authorizations.has(authorization)) {
      authorizations.set(authorization, authorizations.size + 1);
    }
    const byOtherOrigin = url.origin === other;
    if (!byOtherOrigin) origin ??= url.origin;
    const entry: GradeEntry = {
      context,
      came: ++clock,
      at: now(),
      method: request.method,
      url,
      route,
      byOtherOrigin,
      headers,
      authorization: authorization === null ? 0 : authorizations.get(authorization)!,
      hasBody: Number(headers.get("content-length")) > 0,
      bytesIn: 0,
      answered: Infinity,
      answeredAt: Infinity,
      status: 0,
      answer: new Headers(),
      provoked: new Set(),
      taken: 0,
      sent: 0,
    };
    entries.push(entry);
    return entry;
  }

  return {
    registry: createTestRegistry({
      ...registry,
      middleware: [grader, ...registry.middleware ?? []],
    }),
    ended: (how) => void (outcome = how),
    report: () => ({
      results: GRADE_RULES.map((rule) => applyRule(rule, { entries, outcome })),
    }),
  };
}

/** Asks the registry itself what a fallback tag's list holds, before that is changed. */
async function lookUpLists(next: Handler, entry: GradeEntry): Promise<void> {
  if (entry.route?.kind !== "manifest" || entry.byOtherOrigin) return;
  const { repository, reference } = entry.route;
  const headers = new Headers({ accept: "*/*" });
  const authorization = entry.context.request.headers.get("authorization");
  if (authorization !== null) headers.set("authorization", authorization);
  const look = async (what: string) => {
    const url = `${entry.url.origin}/v2/${repository}/manifests/${what}`;
    const response = await next(ownRequest(new Request(url, { headers })));
    const bytes = new Uint8Array(await response.arrayBuffer());
    return response.status === 200 ? jsonIn(bytes) : undefined;
  };
  if (entry.method === "PUT") {
    const tag = FALLBACK_TAG.test(reference) ? reference : fallbackOf(jsonIn(entry.body));
    if (tag !== undefined) entry.listBefore = digestsIn(await look(tag));
  } else if (entry.method === "DELETE" && isDigest(reference)) {
    const tag = fallbackOf(await look(reference));
    if (tag === undefined) return;
    if (digestsIn(await look(tag)).includes(reference)) entry.listedOn = tag;
  }
}

/** A request whose body is counted, and kept where it is what a rule looks at. */
async function watched(request: Request, entry: GradeEntry): Promise<Request> {
  if (request.body === null) return request;
  const { method, route, url } = entry;
  const isForm = url.pathname === "/token" && Number(entry.headers.get("content-length")) < 65_536;
  if ((method === "PUT" && route?.kind === "manifest") || isForm) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    entry.bytesIn = bytes.byteLength;
    if (bytes.byteLength <= READ_AT_MOST_BYTES) entry.body = bytes;
    return changedRequest(request, { body: bytes });
  }
  return changedRequest(request, { body: await counted(request.body, entry) });
}

/** The same body, counted. Whether there is anything in one of unknown length, its start tells. */
async function counted(body: ReadableStream, entry: GradeEntry): Promise<ReadableStream<Bytes>> {
  let stream = body as ReadableStream<Bytes>;
  if (!entry.headers.has("content-length")) {
    const peeked = await peekedBody(pieceReader(stream));
    entry.hasBody = !peeked.empty;
    stream = peeked.stream;
  }
  return countBytes(stream, (count) => entry.bytesIn += count);
}

/** Reads a response that a rule looks into; its client gets the same bytes. */
async function readList(response: Response, entry: GradeEntry): Promise<Response> {
  const { kind } = entry.route ?? {};
  const isList = kind === "manifest" || kind === "tags" || kind === "catalog" ||
    kind === "referrers";
  const size = Number(response.headers.get("content-length"));
  if (!isList || entry.method !== "GET" || response.status !== 200) return response;
  if (response.body === null || size > READ_AT_MOST_BYTES) return response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  entry.answerBody = bytes;
  return answered(response, { body: bytes });
}

function fallbackOf(manifest: Record<string, unknown> | undefined): string | undefined {
  const { digest } = (manifest?.subject ?? {}) as { digest?: unknown };
  return isDigest(digest) ? fallbackTag(digest) : undefined;
}

function digestsIn(index: Record<string, unknown> | undefined): string[] {
  const { manifests } = index ?? {};
  if (!Array.isArray(manifests)) return [];
  return manifests.map((descriptor) => String(descriptor?.digest));
}
