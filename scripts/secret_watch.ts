/**
 * Stands before every test file of `deno task test` (`--preload`), and searches for secrets whatever
 * the tests make the library tell, whichever test it is: every error of davit's when it is made, every
 * event when it is gathered, every tape when it is written, and every line that is logged. What it
 * finds is a line that begins with `a secret is told:`, and a failure of the whole run.
 */
// The smallest entry point: each test file loads it too.
import { ApiError } from "../integrations/docker_registry_client/errors.ts";
import { ALARM, SecretSearch } from "./secret_search.ts";

const search = new SecretSearch();

/** The types of events; `events.ts` has no list of them at run time. */
const EVENT_TYPE = /^[a-z]+(-[a-z]+)*$/;

const log = console.log.bind(console);

function check(what: string, text: string): void {
  for (const kind of search.in(text)) log(`${ALARM} ${what} shows ${kind}`);
}

/** What somebody sees of an error, without the response, which an error does not show. */
function textOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const fields = Object.values(error).filter((value) => typeof value !== "object");
  const cause = error.cause === undefined || depth > 3 ? "" : textOf(error.cause, depth + 1);
  return [error.message, ...fields, error.stack, cause].join("\n");
}

// A subclass calls whatever is the prototype of its parent when an error is made.
Object.setPrototypeOf(
  ApiError,
  class Watched extends Error {
    constructor(message?: string, options?: ErrorOptions) {
      super(message, options);
      // Later, when the fields of the subclass are there.
      queueMicrotask(() => check(this.name, textOf(this)));
    }
  },
);

const { set, get } = Headers.prototype;

Headers.prototype.set = function (name, value) {
  if (/^authorization$/i.test(name)) search.learn(value);
  return set.call(this, name, value);
};

Headers.prototype.get = function (name) {
  const value = get.call(this, name);
  if (/^authorization$/i.test(name)) search.learn(value);
  return value;
};

function isEvent(value: unknown): value is { type: string } {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return typeof value.type === "string" && Object.getPrototypeOf(value) === Object.prototype &&
    EVENT_TYPE.test(value.type) && Object.values(value).every(isPlain);
}

/** Events hold texts, numbers, flags and lists of texts. */
function isPlain(value: unknown): boolean {
  return typeof value !== "object" || (Array.isArray(value) && value.every(isPlain));
}

const { stringify } = JSON;
const { push } = Array.prototype;

Array.prototype.push = function (...values) {
  for (const value of values) {
    if (isEvent(value)) check(`the event ${value.type}`, stringify(value));
  }
  return push.apply(this, values);
};

JSON.stringify = function (value: unknown, ...rest: unknown[]) {
  const text = Reflect.apply(stringify, JSON, [value, ...rest]);
  const isTape = typeof value === "object" && value !== null && "exchanges" in value &&
    "bodies" in value;
  if (isTape) check("a tape", text);
  return text;
} as typeof JSON.stringify;

for (const level of ["log", "info", "warn", "error", "debug"] as const) {
  const write = console[level].bind(console);
  console[level] = (...values: unknown[]) => {
    check(`console.${level}`, values.map((value) => textOf(value)).join(" "));
    write(...values);
  };
}
