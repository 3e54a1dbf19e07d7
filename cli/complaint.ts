import {
  type AuthenticationError,
  type ErrorCode,
  type HttpError,
  parseReference,
  type RateLimitedError,
  type WrongSchemeError,
} from "../mod.ts";
import { byFlags, formatTime, plainText } from "./format.ts";

/**
 * The line that says what went wrong, in the registry's words, and what may help: by the command's
 * options, not by those of programs.
 */
export function complaint(error: unknown, loggingIn = false): string {
  const words = plainText(error instanceof Error ? error.message : String(error));
  const text = byFlags(words.replace(SIDE, ""));
  const hint = loggingIn && isDenied(error) ? CHECK_LOGIN : hintOf(error);
  const said = hint === undefined ? text : text.replace(FOR_PROGRAMS, "").replace(WAIT, "");
  return `davit: ${said}${
    hint === undefined ? "" : `${/[.?!]$/.test(said) ? "" : "."} Hint: ${hint}`
  }`;
}

/** What a copy says before the words of one of its places, which name it; those of content alone do not. */
const SIDE =
  /^Cannot (?:read|write) .{1,300}? in the (?:source|target) of a copy: (?=Cannot (?!verify |read the manifest: ))/;

/** A sentence, or a part of one, that names an option of programs; the hints have the command's. */
const FOR_PROGRAMS = /(?:\. |: |; )(?:(?!\. |: |; | \().)*hosts\["[^"]*"\](?:(?!\. |; | \().)*/g;

/** How long to wait: the hint has it too, in a form for people. */
const WAIT = /\. Try again in \d+ s$/;

/** Who has just given a password is not told to give one. */
const CHECK_LOGIN =
  "check the user name, and the password: many registries want a token in its place";

/** A redirect's host, or a web server: to log in there helps nobody. */
const ELSEWHERE = /\(answered by /;

/** The flag does not count where a reference gives a scheme. */
const PLAIN_HTTP = "a registry without TLS wants --plain-http, or http:// in place of https://";

function isDenied(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "UNAUTHORIZED" || code === "FORBIDDEN";
}

/** What may help, by what happened; the error that a wrapping one comes of knows more. */
const HINTS: { [Code in ErrorCode]?: (error: Error) => string | undefined } = {
  UNAUTHORIZED: (error) =>
    byFlags(error.message) !== error.message || ELSEWHERE.test(error.message) // there are some
      ? undefined
      : `davit login ${hostOf(error)} tries credentials, and keeps them`,
  AUTHENTICATION_FAILED: (error) =>
    (error as AuthenticationError).statusCode === 429 ? HINTS.RATE_LIMITED!(error) : undefined,
  FORBIDDEN: (error) =>
    ELSEWHERE.test(error.message) ? undefined : `others may do this: davit login ${hostOf(error)}`,
  NOT_FOUND: (error) => {
    const { codes = [], url = "" } = error as Partial<HttpError>;
    if (/\/v2\/_catalog(?:\?|$)/.test(url)) {
      return `not every registry lists its repositories; davit ls ${
        hostOf(error)
      }/NAME lists a repository's tags`;
    }
    const [, name] = /\/v2\/(.+)\/manifests\/[^/]*$/.exec(url) ?? [];
    if (name === undefined || codes.includes("NAME_UNKNOWN")) return undefined;
    return `davit ls ${hostOf(error)}/${name} lists the tags`;
  },
  RATE_LIMITED: (error) => {
    const { retryAfter = 0 } = error as RateLimitedError;
    const wait = retryAfter > 0 ? ` in ${formatTime(retryAfter)}` : " later";
    return `try again${wait}; logged in, the limit may be higher: davit login ${hostOf(error)}`;
  },
  BAD_DIGEST: ({ message }) =>
    message.includes(", a web page")
      ? undefined
      : "nothing of it was kept; the source, or something on the way, changed it",
  CERTIFICATE_REFUSED: ({ message }) =>
    message.includes("].cert")
      ? "this command has no client certificate to give"
      : message.includes("].ca;")
      ? "--ca-file FILE trusts the authority that signed it, --insecure checks nothing"
      : "--insecure checks nothing",
  NETWORK: ({ message }) => message.includes("].plainHttp") ? PLAIN_HTTP : undefined,
  WRONG_SCHEME: (error) =>
    (error as WrongSchemeError).scheme === "https"
      ? PLAIN_HTTP
      : "leave --plain-http out, and write https:// in front of the registry",
  COPY_FAILED: ({ message }) =>
    message.includes(": Cannot list the referrers ")
      ? "--no-attached copies without what is attached"
      : undefined,
  INTERNAL: () => "this is a bug of davit; please report it",
};

function hintOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as Error & { code?: string };
  const hint = code !== undefined && Object.hasOwn(HINTS, code)
    ? HINTS[code as ErrorCode]!(error)
    : undefined;
  return hint ?? hintOf(error.cause);
}

/** The registry that an error is about, as a person types it. */
function hostOf(error: Error): string {
  const { registry = "" } = error as Partial<AuthenticationError>;
  const { url = registry } = error as Partial<HttpError>;
  if (!URL.canParse(url)) return "REGISTRY";
  return parseReference(`${new URL(url).origin}/name`).registry;
}
