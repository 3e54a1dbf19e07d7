import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { encodeBase64 } from "../../content/base64.ts";
import type { Bytes } from "../../content/bytes.ts";
import { digestOf } from "../../content/digest_of.ts";
import { checkInteger } from "../../server/options.ts";
import { RecordedBody } from "./recorded_body.ts";
import { asText, redactBody } from "./redact_body.ts";
import { redactRequestHeaders, redactResponseHeaders } from "./redact_headers.ts";
import { isRegistryPath, redactUrl } from "./redact_url.ts";
import { TapeSecrets } from "./secrets.ts";
import type { Tape, TapeBody, TapeContent, TapeExchange } from "./tape.ts";

/** Options of {@linkcode record}. */
export interface RecordOptions {
  /**
   * The largest body that is kept with its bytes; of a larger one the tape has the digest and the
   * size. In bytes.
   * @default {262144}
   */
  bodyLimit?: number;
  /**
   * Tells the time, in milliseconds since any moment.
   * @default {Date.now}
   */
  now?: () => number;
}

const RECORD_OPTIONS: OptionNames<RecordOptions> = names("bodyLimit now");

/** A `fetch` that is recorded. */
export interface Recording {
  /** Sends a request as the `fetch` that is recorded does. */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /**
   * What was said so far, without secrets: JSON, as it is. Requests that wait for their answer are
   * not in it; a body that was not read to its end is there as far as it was read.
   */
  tape(): Promise<Tape>;
}

/** Every manifest and configuration fits, and a hundred of them make a file of a few megabytes. */
const BODY_LIMIT_BYTES = 256 * 1024;

interface Heard {
  method: string;
  url: string;
  at: number;
  took: number;
  headers: [string, string][];
  body: RecordedBody | undefined;
  /** Whether the bodies are content: kept to the byte, as their digests are what matters. */
  content: boolean;
  response?: {
    status: number;
    headers: [string, string][];
    body: RecordedBody | undefined;
  };
  failure?: string;
}

/**
 * Records what a client and a registry say to each other, as a tape: JSON without secrets that
 * `createTestRegistry({ tape })` replays. Give its `fetch` to a client in place of the global one.
 *
 * Of headers, queries, forms and JSON only what is known to be harmless is kept: tokens, passwords,
 * cookies, signatures and upload states become placeholders, the same one for the same value, and
 * are looked for in everything else that the tape holds. Content (manifests, blobs) is not touched.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 *
 * @example A user's report becomes a test
 * ```ts
 * import { createTestRegistry, record } from "@davit/registry-client/testing";
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * // The user runs this against the registry that misbehaves, and sends the file.
 * const odd = createTestRegistry({ auth: { bearer: { users: { me: "a password" } } } });
 * const recording = record(odd.fetch);
 * const theirs = new RegistryClientV2({
 *   name: "registry.test/app",
 *   fetch: recording.fetch as typeof fetch,
 *   username: "me",
 *   password: "a password",
 * });
 * await theirs.putBlob(new TextEncoder().encode("hello"));
 * const file = JSON.stringify(await recording.tape());
 * assertEquals(file.includes("a password"), false);
 *
 * // The test replays it, without the registry and without the password.
 * const replayed = createTestRegistry({ tape: JSON.parse(file) });
 * const ours = new RegistryClientV2({
 *   name: "registry.test/app",
 *   fetch: replayed.fetch as typeof fetch,
 *   username: "another",
 *   password: "anything",
 * });
 * const { size } = await ours.putBlob(new TextEncoder().encode("hello"));
 * assertEquals(size, 5);
 * ```
 */
export function record(
  fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>,
  options: RecordOptions = {},
): Recording {
  checkOptions(options, RECORD_OPTIONS);
  const { bodyLimit = BODY_LIMIT_BYTES, now = Date.now } = options;
  checkInteger("bodyLimit", bodyLimit, 0);
  const heard: Heard[] = [];
  const secrets = new TapeSecrets();
  /** Where content went or came from outside the specification's paths: storage. */
  const storage = new Set<string>();
  let start: number | undefined;

  async function recorded(
    input: Request | URL | string,
    init?: RequestInit,
  ): Promise<Response> {
    const exchange = describe(input, init);
    exchange.content = isContent(exchange, storage);
    heard.push(exchange);
    const watched = await watchRequest(input, init, exchange, bodyLimit);
    const sent = now();
    start ??= sent;
    exchange.at = sent - start;
    let response: Response;
    try {
      response = await fetch(input, watched);
    } catch (error) {
      exchange.took = now() - sent;
      exchange.failure = error instanceof Error ? error.name : "Error";
      throw error;
    }
    exchange.took = now() - sent;
    const location = response.headers.get("location");
    if (location !== null && exchange.content && URL.canParse(location, exchange.url)) {
      storage.add(new URL(location, exchange.url).href.replace(/#.*/, ""));
    }
    return await watchResponse(response, exchange, bodyLimit);
  }

  async function tape(): Promise<Tape> {
    const done = heard.filter((each) => each.response !== undefined || each.failure !== undefined);
    const bodies: Record<string, TapeContent> = {};
    const exchanges: TapeExchange[] = [];
    // Once to learn every secret, once more to write: what comes late may stand in what came early.
    for (const each of done) await writeExchange(each, secrets, {});
    for (const each of done) exchanges.push(await writeExchange(each, secrets, bodies));
    return { version: 1, exchanges, bodies };
  }

  return { fetch: recorded, tape };
}

function describe(input: Request | URL | string, init: RequestInit | undefined): Heard {
  const request = input instanceof Request ? input : undefined;
  const headers = new Headers(init?.headers ?? request?.headers);
  if (!headers.has("content-type") && init?.body instanceof URLSearchParams) {
    headers.set("content-type", "application/x-www-form-urlencoded");
  }
  return {
    method: (init?.method ?? request?.method ?? "GET").toUpperCase(),
    url: new URL(request?.url ?? String(input)).href.replace(/#.*/, ""),
    at: 0,
    took: 0,
    headers: [...headers],
    body: undefined,
    content: false,
  };
}

function isContent({ method, url }: Heard, storage: ReadonlySet<string>): boolean {
  const { pathname } = new URL(url);
  if (isUploadPath(pathname)) return true;
  if (isRegistryPath(pathname)) return !/^\/v2\/?$/.test(pathname);
  return storage.has(url) || (method !== "GET" && startsWithAny(url, storage));
}

function isUploadPath(pathname: string): boolean {
  return /^\/v2\/.+\/blobs\/uploads\//.test(pathname);
}

/** An upload goes on at a Location with a digest behind it. */
function startsWithAny(url: string, beginnings: ReadonlySet<string>): boolean {
  return [...beginnings].some((beginning) => url.startsWith(beginning));
}

/** Records the request's body. One that streams goes on streaming, others are read beforehand. */
async function watchRequest(
  input: Request | URL | string,
  init: RequestInit | undefined,
  exchange: Heard,
  limit: number,
): Promise<RequestInit | undefined> {
  const given = init?.body ?? undefined;
  if (given instanceof ReadableStream) {
    exchange.body = await RecordedBody.create(limit);
    return { ...init, body: exchange.body.watch(given as ReadableStream<Bytes>) };
  }
  if (given !== undefined) {
    exchange.body = await RecordedBody.create(limit);
    await exchange.body.drain(new Response(given).body as ReadableStream<Bytes> | null);
  } else if (input instanceof Request && input.body !== null) {
    exchange.body = await RecordedBody.create(limit);
    // Not `watch`: a request that has its length keeps it only in a copy.
    void exchange.body.drain(input.clone().body as ReadableStream<Bytes> | null);
  }
  return init;
}

async function watchResponse(
  response: Response,
  exchange: Heard,
  limit: number,
): Promise<Response> {
  const { status, statusText, url, redirected } = response;
  const headers = new Headers(response.headers);
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") {
    // `fetch` has undone it: neither it nor the length of what was sent fits the bytes any more.
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  exchange.response = { status, headers: [...headers], body: undefined };
  if (response.body === null || status === 0) return response;
  const body = await RecordedBody.create(limit);
  exchange.response.body = body;
  const watched = new Response(body.watch(response.body as ReadableStream<Bytes>), {
    status,
    statusText,
    headers: response.headers,
  });
  // A response that was made has none, and clients resolve what is relative against it.
  Object.defineProperties(watched, { url: { value: url }, redirected: { value: redirected } });
  return watched;
}

async function writeExchange(
  heard: Heard,
  secrets: TapeSecrets,
  bodies: Record<string, TapeContent>,
): Promise<TapeExchange> {
  const { method, at, took, response, failure } = heard;
  const url = secrets.scrub(redactUrl(heard.url, secrets));
  const requestHeaders = redactRequestHeaders(heard.headers, secrets);
  const requestBody = await writeBody(heard.body, heard, requestHeaders, secrets, bodies);
  const exchange: TapeExchange = {
    method,
    url,
    at,
    took,
    request: {
      headers: scrubAll(requestHeaders, secrets),
      ...(requestBody && { body: requestBody }),
    },
  };
  if (failure !== undefined) exchange.failure = failure;
  if (response === undefined) return exchange;
  const headers = redactResponseHeaders(response.headers, secrets);
  const answersContent = heard.content && response.status >= 200 && response.status < 300;
  const body = await writeBody(
    response.body,
    { ...heard, content: answersContent },
    headers,
    secrets,
    bodies,
  );
  exchange.response = {
    status: response.status,
    headers: scrubAll(headers, secrets),
    ...(body && { body }),
  };
  return exchange;
}

function scrubAll(headers: Record<string, string>, secrets: TapeSecrets): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, secrets.scrub(value)]),
  );
}

/** Writes a body, and its length where secrets were taken from it. */
async function writeBody(
  body: RecordedBody | undefined,
  heard: Pick<Heard, "content" | "url">,
  headers: Record<string, string>,
  secrets: TapeSecrets,
  bodies: Record<string, TapeContent>,
): Promise<TapeBody | undefined> {
  if (body === undefined) return undefined;
  const { ended, bytes, digest } = body;
  const cut = ended ? {} : { cut: true as const };
  if (heard.content) {
    const shown = bytes && keptContent(bytes, secrets);
    const name = digest ?? (bytes && await digestOf(bytes)) ?? "";
    if (shown !== undefined) bodies[name] = shown;
    return { digest: name, size: body.size, ...cut };
  }
  const { pathname } = new URL(heard.url);
  const isRegistry = isRegistryPath(pathname) || isUploadPath(pathname);
  const redacted = redactBody(
    bytes ?? new Uint8Array(),
    headers["content-type"] ?? "",
    isRegistry,
    secrets,
  );
  const content = keptError(redacted, secrets);
  const name = await digestOf(content.bytes);
  bodies[name] = content.kept;
  const size = content.bytes.byteLength;
  if (ended && "content-length" in headers) headers["content-length"] = String(size);
  return { digest: name, size, ...cut };
}

/** Content with a secret in it has its digest alone on the tape: changed, it would be another. */
function keptContent(bytes: Bytes, secrets: TapeSecrets): TapeContent | undefined {
  const text = asText(bytes);
  const searched = text ?? new TextDecoder("latin1").decode(bytes);
  if (secrets.scrub(searched) !== searched) return undefined;
  return text === undefined ? { base64: encodeBase64(bytes) } : { text };
}

function keptError(bytes: Bytes, secrets: TapeSecrets): { bytes: Bytes; kept: TapeContent } {
  const text = asText(bytes);
  if (text === undefined) return { bytes, kept: { base64: encodeBase64(bytes) } };
  const scrubbed = secrets.scrub(text);
  return { bytes: new TextEncoder().encode(scrubbed) as Bytes, kept: { text: scrubbed } };
}
