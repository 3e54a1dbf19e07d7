import type { Bytes } from "../content/bytes.ts";
import { isDigest } from "../content/digest.ts";
import { type Piece, pieceReader } from "../content/piece_reader.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import {
  type GradeEntry,
  type GradeOutcome,
  type GradeProvocation,
  jsonIn,
  routeIn,
} from "./grade_journal.ts";
import { provoke } from "./grade_provoke.ts";
import type { GradeReport } from "./grade_report.ts";
import { applyRule } from "./grade_rule.ts";
import { GRADE_RULES } from "./grade_rules.ts";
import type { RegistryOptions } from "./options.ts";
import { createRegistry, type Registry } from "./registry.ts";

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
  elsewhere?: string;
  /** Tells the time, in milliseconds. @default {Date.now} */
  now?: () => number;
}

/** A registry that grades whoever talks to it. */
export interface Grading {
  /**
   * The registry to talk to, which answers for the other origin as well. What the grader looks up
   * itself is among its `requests`.
   */
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
 * import { grade } from "@davit/registry-client/server";
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
  registry: Registry | RegistryOptions = {},
  options: GradeOptions = {},
): Grading {
  const inner = "fetch" in registry ? registry : createRegistry(registry);
  const { elsewhere = "http://elsewhere.test", now = Date.now } = options;
  const elsewhereOrigin = new URL(elsewhere).origin;
  const entries: GradeEntry[] = [];
  const authorizations = new Map<string, number>();
  const given = new Map<string, string | null>();
  let outcome: GradeOutcome | undefined;
  let clock = 0;
  let origin: string | undefined;

  const context = { elsewhere: elsewhereOrigin, given };
  const answer = provoke(options.provoke ?? [], context, async (request, entry) => {
    const response = await inner.fetch(entry.elsewhere ? atHome(request, entry) : request);
    if (request.method === "PATCH" && response.status < 300) entry.taken = entry.bytesIn;
    return response;
  });

  /** A request to the other origin, as the registry would have got it. */
  function atHome(request: Request, { url }: GradeEntry): Request {
    const headers = new Headers(request.headers);
    if (url.pathname !== "/token") {
      headers.delete("authorization");
      const authorization = given.get(url.pathname);
      if (authorization) headers.set("authorization", authorization);
    }
    return rebuilt(request, (origin ?? url.origin) + url.pathname + url.search, headers);
  }

  function enter(request: Request): GradeEntry {
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    const authorization = headers.get("authorization");
    headers.delete("authorization");
    if (authorization !== null && !authorizations.has(authorization)) {
      authorizations.set(authorization, authorizations.size + 1);
    }
    const isElsewhere = url.origin === elsewhereOrigin;
    if (!isElsewhere) origin ??= url.origin;
    const entry: GradeEntry = {
      came: ++clock,
      at: now(),
      method: request.method,
      url,
      route: routeIn(url),
      elsewhere: isElsewhere,
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

  /** What a fallback tag's list holds, as nobody but the registry knows. */
  async function listed(request: Request, entry: GradeEntry): Promise<void> {
    if (entry.route?.kind !== "manifest" || entry.elsewhere) return;
    const { repository, reference } = entry.route;
    const headers = new Headers({ accept: "*/*" });
    const authorization = request.headers.get("authorization");
    if (authorization !== null) headers.set("authorization", authorization);
    const look = async (what: string) => {
      const response = await inner.fetch(`${entry.url.origin}/v2/${repository}/manifests/${what}`, {
        headers,
      });
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

  async function fetch(
    input: Request | URL | string,
    init?: RequestInit,
  ): Promise<Response> {
    const request = input instanceof Request && init === undefined
      ? input
      : new Request(input, init);
    if (!URL.canParse(request.url)) return await inner.fetch(request);
    const entry = enter(request);
    const same = await watched(request, entry);
    await listed(request, entry);
    const response = await answer(same, entry);
    const read = await readList(response, entry);
    entry.status = read.status;
    entry.answer = new Headers(read.headers);
    entry.answered = ++clock;
    entry.answeredAt = now();
    return read;
  }

  return {
    registry: { fetch, requests: inner.requests },
    ended: (how) => void (outcome = how),
    report: () => ({
      results: GRADE_RULES.map((rule) => applyRule(rule, { entries, outcome })),
    }),
  };
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
    return new Request(request.url, { method, headers: request.headers, body: bytes });
  }
  return rebuilt(request, request.url, request.headers, await counted(request.body, entry));
}

/** The same body, counted. Whether there is anything in one of unknown length, its start tells. */
async function counted(body: ReadableStream, entry: GradeEntry): Promise<ReadableStream<Bytes>> {
  const reader = pieceReader(body as ReadableStream<Bytes>);
  let first: Piece | undefined;
  if (!entry.headers.has("content-length")) {
    first = await reader.read().catch(() => undefined);
    entry.hasBody = first !== undefined && !first.done;
  }
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const { done, value } = first ?? await reader.read();
      first = undefined;
      if (done || value === undefined) return controller.close();
      entry.bytesIn += value.byteLength;
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function rebuilt(
  { method, body: own }: Request,
  url: string,
  headers: Headers,
  body: BodyInit | null = own,
): Request {
  const init: RequestInit & { duplex: "half" } = { method, headers, duplex: "half" };
  return new Request(url, body === null ? init : { ...init, body });
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
  return new Response(bytes, { status: response.status, headers: response.headers });
}

/** The fallback tag of a manifest's subject. */
function fallbackOf(manifest: Record<string, unknown> | undefined): string | undefined {
  const { digest } = (manifest?.subject ?? {}) as { digest?: unknown };
  return isDigest(digest) ? fallbackTag(digest) : undefined;
}

function digestsIn(index: Record<string, unknown> | undefined): string[] {
  const { manifests } = index ?? {};
  if (!Array.isArray(manifests)) return [];
  return manifests.map((descriptor) => String(descriptor?.digest));
}
