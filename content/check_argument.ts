import { InvalidOptionError } from "../errors.ts";
import { kindOf } from "./check_options.ts";

/** What an argument may have to be: in words, and what tells. */
const KINDS = {
  text: ["a string", (value: unknown) => typeof value === "string"],
  names: [
    "a string or a list of them",
    (value: unknown) => typeof value === "string" || hasMethods(value, [Symbol.iterator]),
  ],
  list: ["a list", (value: unknown) => hasMethods(value, [Symbol.iterator])],
  bytes: ["a Uint8Array", (value: unknown) => value instanceof Uint8Array],
  stream: ["a ReadableStream", (value: unknown) => hasMethods(value, ["getReader"])],
  output: [
    "a path or a WritableStream",
    (value: unknown) => typeof value === "string" || hasMethods(value, ["getWriter"]),
  ],
  descriptor: [
    "a descriptor: {mediaType, digest, size}",
    (value: unknown) => typeof value === "object" && value !== null,
  ],
  client: ["a RegistryClientV2", (value: unknown) => hasMethods(value, ["getBlob", "putBlob"])],
  // Stores of others may lack what a verb does not need.
  source: [
    "a store to read from",
    (value: unknown) => hasMethods(value, ["resolve"]) || hasMethods(value, ["open"]),
  ],
  store: ["a store to write to", (value: unknown) => hasMethods(value, ["write"])],
  options: [
    "an object, the options",
    (value: unknown) => typeof value === "object" && value !== null,
  ],
  handler: ["an object with fetch()", (value: unknown) => hasMethods(value, ["fetch"])],
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

function hasMethods(value: unknown, methods: readonly (string | symbol)[]): boolean {
  const object = value as Record<string | symbol, unknown> | null | undefined;
  return typeof value === "object" && methods.every((name) => typeof object?.[name] === "function");
}

/** What a value is, for messages; more of them come here than to an option. */
function kindOfArgument(value: unknown): string {
  if (value === undefined) return "undefined";
  return Array.isArray(value) ? "a list" : kindOf(value);
}
