import { InvalidOptionError } from "../errors.ts";

/**
 * Every option of `T`, none forgotten: 1 for one that messages name, or the type that it must have,
 * where another one would do harm or fail late; 0 for one that is taken all the same.
 */
export type OptionNames<T> = Readonly<Record<keyof T, 0 | 1 | "boolean" | "function" | "object">>;

/** How much of a name a message repeats, in characters. */
const SHOWN_CHARACTERS = 60;

/**
 * Refuses an option that does not exist, which would be passed over in silence. Only plain objects are
 * looked into: class instances and functions may have more than their options.
 *
 * @param names What has the options' names as its keys.
 * @param of The option that the object itself is: `"limits"`.
 * @throws {InvalidOptionError} When it is no object, has an option that is not among the names, or one
 * of another type than it must have.
 */
export function checkOptions(given: unknown, names: object, of?: string): void {
  if (given === undefined || typeof given === "function") return;
  if (typeof given !== "object" || given === null) {
    throw new InvalidOptionError(
      `Cannot use ${of === undefined ? "the options" : `'${of}'`}: they must be an object with ` +
        `${told(names).join(", ")}; current value is ${kindOf(given)}`,
    );
  }
  const prototype = Object.getPrototypeOf(given);
  if (prototype !== null && prototype !== Object.prototype) return;
  for (const [name, value] of Object.entries(given)) {
    const type: unknown = Object.hasOwn(names, name) && names[name as keyof typeof names];
    if (typeof type === "number" || value === undefined && type) continue;
    if (typeof value === type && value !== null) continue;
    const wrong = type
      ? ` as it must be ${withArticle(String(type))}: current value is ${kindOf(value)}`
      : noSuchOption(name, told(names));
    throw new InvalidOptionError(
      `Cannot use '${of === undefined ? "" : `${of}.`}${name.slice(0, SHOWN_CHARACTERS)}'${wrong}`,
    );
  }
}

function noSuchOption(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `: there is no such option${near ? `; did you mean '${near}'?` : "."} It is one of ` +
    known.join(", ");
}

/** What a value is: it may be a secret, and is not shown. `"false"` out of the environment is a string. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : withArticle(typeof value);
}

function withArticle(type: string): string {
  return `${type === "object" ? "an" : "a"} ${type}`;
}

/** The names that messages tell. */
function told(names: object): string[] {
  return Object.entries(names).flatMap(([name, told]) => told === 0 ? [] : [name]);
}

/** A copy of options with more of them, which is as plain as they are. */
export function moreOptions<T extends object>(options: T, more: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(options)), options, more);
}

/** The name that was meant, as far as that can be told: a third of its letters may be others. */
function nearest(name: string, known: readonly string[]): string {
  const given = name.slice(0, SHOWN_CHARACTERS).toLowerCase();
  let least = Math.ceil(given.length / 3) + 1;
  let near = "";
  for (const each of known) {
    const meant = each.toLowerCase();
    const changes = without(given, meant) + without(meant, given);
    if (changes < least) [near, least] = [each, changes];
  }
  return near;
}

/** How many letters of one text are left when those of another are taken out. */
function without(text: string, letters: string): number {
  return [...letters].reduce((left, letter) => left.replace(letter, ""), text).length;
}
