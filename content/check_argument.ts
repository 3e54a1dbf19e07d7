import { InvalidOptionError } from "../errors.ts";
import { kindOf } from "./check_options.ts";

type Fits = (value: unknown) => boolean;

const isText: Fits = (value) => typeof value === "string";
/** An empty one would be the current folder, or none; NUL ends it for the system. */
const isPath: Fits = (value) => isText(value) && /^[^\0]+$/.test(value as string);
const isObject: Fits = (value) => typeof value === "object" && value !== null;

/** Tells an object with these methods. */
function having(...methods: (string | symbol)[]): Fits {
  return (value) =>
    isObject(value) &&
    methods.every((name) =>
      typeof (value as Record<string | symbol, unknown>)[name] === "function"
    );
}

const isList = having(Symbol.iterator);

function either(one: Fits, other: Fits): Fits {
  return (value) => one(value) || other(value);
}

const DESCRIPTOR = "a descriptor: {mediaType, digest, size}";

/** What an argument may have to be: in words, and what tells. */
const KINDS = {
  text: ["a string", isText],
  path: ["a path: a string that is not empty and has no NUL", isPath],
  names: ["a string or a list of them", either(isText, isList)],
  list: ["a list", isList],
  bytes: ["a Uint8Array", (value: unknown) => value instanceof Uint8Array],
  stream: ["a ReadableStream", having("getReader")],
  output: ["a path or a WritableStream", either(isPath, having("getWriter"))],
  descriptor: [DESCRIPTOR, isObject],
  named: [`${DESCRIPTOR}, or a tag or digest`, isObject],
  index: [
    "an index, with a list of manifests",
    (value: unknown) => Array.isArray((value as { manifests?: unknown } | null)?.manifests),
  ],
  manifest: [
    "a manifest, with its layers, or an index",
    (value: unknown) => {
      const { layers, manifests } = (value ?? {}) as Record<string, unknown>;
      return Array.isArray(manifests ?? layers);
    },
  ],
  client: ["a RegistryClientV2", having("getBlob", "putBlob")],
  // Stores of others may lack what a verb does not need.
  source: ["a store to read from", either(having("resolve"), having("open"))],
  store: ["a store to write to", having("write")],
  options: ["an object, the options", isObject],
  iterable: ["a list or an AsyncIterable", either(having(Symbol.asyncIterator), isList)],
  inventory: ["an object with list()", having("list")],
  deleter: ["an object with delete()", having("delete")],
  platform: ["a platform: {os, architecture}", isObject],
  request: [
    "a Request",
    (value: unknown) => typeof (value as { url?: unknown } | null)?.url === "string",
  ],
  report: [
    "what report() of a grading answers",
    (value: unknown) => Array.isArray((value as { results?: unknown } | null)?.results),
  ],
  handler: ["an object with fetch()", having("fetch")],
} as const;

/** The kinds of {@linkcode checkArgument}. */
type ArgumentKind = keyof typeof KINDS;

/**
 * Refuses an argument of another kind, as a program without types may give anything.
 *
 * @throws {InvalidOptionError} It says which argument, what it must be and what it is.
 */
export function checkArgument(name: string, value: unknown, kind: ArgumentKind): void {
  const [words, fits] = KINDS[kind];
  if (fits(value)) return;
  throw new InvalidOptionError(
    `Cannot use '${name}' as it must be ${words}: current value is ${kindOfArgument(value)}`,
  );
}

/** What a value is, for messages; more of them come here than to an option. */
function kindOfArgument(value: unknown): string {
  if (value === "") return "empty";
  return value === undefined ? "undefined" : kindOf(value);
}
