import { InvalidOptionError } from "../errors.ts";

/**
 * How an option is taken: 1 for one that messages name, or the type that it must have, where another
 * one would do harm or fail late; 0 for one that is taken all the same.
 */
type Taken = 0 | 1 | "an AbortSignal" | "a boolean" | "a function" | "a list" | "an object";

/** Keeps a table with more names from being taken for one with fewer; no value has it. */
declare const exact: unique symbol;

/** The options of `T`, none forgotten and none besides: see {@linkcode names}. */
export type OptionNames<T> = Names<keyof T>;

type Names<Name extends PropertyKey> = Readonly<Record<Name, Taken>> & { readonly [exact]?: Name };

type Table = Readonly<Record<string, Taken>>;

type NamesOf<Each> = Each extends Table ? Extract<keyof Each, string> : never;

type Words<Text extends string> = Text extends `${infer Line}\n${infer Lines}`
  ? Words<Line> | Words<Lines>
  : Text extends `${infer Word} ${infer Rest}` ? Words<Word> | Words<Rest>
  : Text extends "" ? never
  : Text;

/**
 * Makes a table of options' names, which does not compile where its type says other ones:
 * `const NAMES: OptionNames<ListOptions> = names("pageSize maxPages", STORE_OPTIONS)`.
 *
 * @param text The names, with white space between, each taken as 1. What is called `signal` must be one: an
 * AbortController is easily taken for it.
 * @param tables What has more of them.
 */
/* @__NO_SIDE_EFFECTS__ */
export function names<Text extends string, Tables extends readonly Table[]>(
  text: Text,
  ...tables: Tables
): Names<Words<Text> | NamesOf<Tables[number]>> {
  return Object.assign(
    Object.fromEntries(
      text.match(/\w+/g)!.map((name) => [name, name === "signal" ? "an AbortSignal" : 1]),
    ),
    ...tables,
  );
}

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
export function checkOptions(given: unknown, names: object, of = ""): void {
  if (given === undefined || typeof given === "function") return;
  if (typeof given !== "object" || given === null) {
    throw new InvalidOptionError(
      `Cannot use ${of ? `'${of}'` : "the options"}: they must be an object with ` +
        `${told(names).join(", ")}; current value is ${kindOf(given)}`,
    );
  }
  if ((Object.getPrototypeOf(given) ?? Object.prototype) !== Object.prototype) return;
  // Measured cold, as each call comes here: `Object.entries` takes three times as long.
  for (const name of Object.keys(given)) {
    const value: unknown = given[name as keyof typeof given];
    const type: unknown = Object.hasOwn(names, name) && names[name as keyof typeof names];
    if (typeof type === "number" || value === undefined && type || kindOf(value) === type) continue;
    const shown = name.slice(0, SHOWN_CHARACTERS);
    throw new InvalidOptionError(
      `Cannot use '${of && `${of}.`}${shown}'` +
        (type
          ? ` as it must be ${type}: current value is ${kindOf(value)}`
          : `: there is no such option${meant(shown, told(names))}`),
    );
  }
}

/**
 * What a value is: it may be a secret, and is not shown. `"false"` out of the environment is a string;
 * a Map and Headers are lists, as no option would be seen of them.
 */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return `a ${typeof value}`;
  if (Symbol.iterator in value) return "a list";
  return "addEventListener" in value ? "an AbortSignal" : "an object";
}

/** The names that messages tell. */
function told(names: object): string[] {
  return Object.keys(names).filter((name) => names[name as keyof typeof names]);
}

/** A copy of options with more of them, which is as plain as they are. */
export function moreOptions<T extends object>(options: T, more: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(options)), options, more);
}

/** What was meant, as far as that can be told: a third of its letters may be others. And all names. */
function meant(name: string, known: readonly string[]): string {
  const given = name.toLowerCase();
  let least = Math.ceil(given.length / 3) + 1;
  let near = ".";
  for (const each of known) {
    const other = each.toLowerCase();
    const changes = without(given, other) + without(other, given);
    if (changes < least) [near, least] = [`; did you mean '${each}'?`, changes];
  }
  return `${near} It is one of ${known.join(", ")}`;
}

/** How many letters of one text are left when those of another are taken out. */
function without(text: string, letters: string): number {
  return [...letters].reduce((left, letter) => left.replace(letter, ""), text).length;
}
