import { ApiError, HostRefusedError, NetworkError, TimeoutError } from "../errors.ts";
import type { ChannelRequest } from "./channel.ts";

/** What a message shows of a request: never the query, which may be signed. */
export type FailedRequest =
  & Pick<ChannelRequest, "url" | "what">
  & Partial<Pick<ChannelRequest, "purpose">>;

/** Names and codes of the errors by which Deno and Node say that the program may not connect. */
const PERMISSION_ERRORS = ["NotCapable", "PermissionDenied", "ERR_ACCESS_DENIED", "EPERM"];

/** Causes of causes that are looked at: enough for `fetch failed` → `AggregateError` → socket. */
export const MAX_CAUSES = 4;

/**
 * The error of a broken exchange: one of davit's own stays itself; a connection that the
 * program has no permission for is a refusal; all else is the network's.
 */
export function sendFailure(request: FailedRequest, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { host } = request.url;
  const cause = withoutUrl(error, request.url);
  const words = describe(cause);
  if (isPermissionError(error)) {
    return new HostRefusedError(
      `Cannot ${request.what}: this program may not connect to ${host}: ${words}`,
      { cause, host },
    );
  }
  return new NetworkError(
    `Cannot ${request.what}: the connection to ${host} failed: ${words}${hostAdvice(host)}`,
    { cause },
  );
}

/** A URL's host with its port, the scheme's own too. */
export function hostAndPort({ host, port, protocol }: URL): string {
  return port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
}

/** Where a host has neither dot nor port, somebody may have meant a repository of another one. */
export function hostAdvice(host: string): string {
  if (/[.:]/.test(host) || host === "localhost") return "";
  return `. The first part of a name is taken for a host where it has capitals: ${host.toUpperCase()}`;
}

/** The error of a response's body that breaks. */
export function bodyFailure(request: FailedRequest, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const cause = withoutUrl(error, request.url);
  return new NetworkError(
    `Cannot ${request.what}: the connection to ${request.url.host} broke in the middle of the ` +
      `response: ${describe(cause)}`,
    { cause },
  );
}

/** No head of a response came in time; or a request's body stood still, for the end waited for. */
export function sendTimeout(
  { url: { host }, what }: FailedRequest,
  milliseconds: number,
  waitingFor?: "server" | "source",
): TimeoutError {
  const late = waitingFor
    ? `${waitingFor === "server" ? `${host} took` : "the body gave"} no bytes for`
    : `${host} did not answer within`;
  return new TimeoutError(
    `Cannot ${what}: ${late} ${milliseconds} ms (limits.${
      waitingFor ? "stall" : "response"
    }Timeout)`,
  );
}

function isPermissionError(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return PERMISSION_ERRORS.some((known) => known === name || known === code);
}

/** The words of an error, and those of what caused it. */
export function describe(error: unknown): string {
  const words: string[] = [];
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    const text = current.message || (current as { code?: string }).code || "";
    // Deno's message holds that of its cause already.
    if (text !== "" && !words.some((word) => word.includes(text))) words.push(text);
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return words.length === 0 ? String(error) : words.join(": ");
}

/**
 * The error without its request's URL: runtimes put the whole of it into their errors, signatures
 * included. A copy is made where that is so, as the error itself may belong to the caller.
 */
function withoutUrl(error: unknown, url: URL, depth = 0): unknown {
  if (!(error instanceof Error) || depth >= MAX_CAUSES) return error;
  const cause = withoutUrl(error.cause, url, depth + 1);
  const texts = [error.message, error.stack, ...Object.values(error)];
  const shows = texts.some((text) => typeof text === "string" && cut(text, url) !== text);
  if (!shows && cause === error.cause) return error;
  const copy = new Error(cut(error.message, url), cause === undefined ? {} : { cause });
  copy.name = error.name;
  copy.stack = cut(error.stack ?? "", url);
  const { code } = error as { code?: string };
  return code === undefined ? copy : Object.assign(copy, { code });
}

/** Cuts Deno's ` for url (…)` and ` from … for … (…)` as a whole, and the query from all else. */
function cut(text: string, url: URL): string {
  const mark = "\0";
  return text
    .replaceAll(url.href, mark)
    .replaceAll(/( from \S+)? for (url )?\(?\0\)?( \([^)]*\))?/g, "")
    .replaceAll(mark, `${url.protocol}//${url.host}${url.pathname}`)
    .replaceAll(url.search || mark, "");
}
