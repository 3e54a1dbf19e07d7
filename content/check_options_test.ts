import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { checkOptions, moreOptions, names, type OptionNames } from "./check_options.ts";

interface Sample {
  platform?: string;
  pageSize?: number;
  ca?: string;
  old?: string;
}

const NAMES: OptionNames<Sample> = names("platform pageSize ca", { old: 0 });
const ALL = "It is one of platform, pageSize, ca";

Deno.test("names makes one table of words and tables, in their order", () => {
  assertEquals(Object.entries(NAMES), [["platform", 1], ["pageSize", 1], ["ca", 1], ["old", 0]]);
  assertEquals(names("signal"), { signal: "an AbortSignal" });
  const more: OptionNames<Sample & { now: unknown }> = names("now", NAMES, { ca: "a function" });
  assertEquals(more, { now: 1, platform: 1, pageSize: 1, ca: "a function", old: 0 });
  const lines: OptionNames<Sample> = names(`
    platform pageSize
    ca old
  `);
  assertEquals(Object.keys(lines), Object.keys(NAMES));
});

// @ts-expect-error: a name is missing
const _FEWER: OptionNames<Sample> = names("platform pageSize", { old: 0 });
// @ts-expect-error: a name is not an option
const _MORE: OptionNames<Sample> = names("platform pageSize ca now", { old: 0 });
// @ts-expect-error: a name of the second line is not an option
const _LINES: OptionNames<Sample> = names(`
  platform pageSize ca old
  now
`);
// @ts-expect-error: a name of another table is not an option
const _OTHERS: OptionNames<Pick<Sample, "ca">> = names("ca", NAMES);
// @ts-expect-error: no option is taken so
const _OTHERWISE: OptionNames<Sample> = names("platform pageSize ca", { old: "text" });

class Settings {
  elsewhere = true;
}

const TAKEN: [title: string, given: unknown][] = [
  ["nothing", undefined],
  ["no options", {}],
  ["every option", { platform: "linux/amd64", pageSize: 1, ca: "", old: "" }],
  ["an option that is undefined", { platform: undefined }],
  ["an object without a prototype", Object.assign(Object.create(null), { ca: "" })],
  ["a class instance", new Settings()],
  ["an object over another", Object.assign(Object.create({ ca: "" }), { elsewhere: 1 })],
  ["a function", Object.assign(() => {}, { elsewhere: 1 })],
  ["a symbol's value", { [Symbol("elsewhere")]: 1 }],
];

for (const [title, given] of TAKEN) {
  Deno.test(`checkOptions takes ${title}`, () => checkOptions(given, NAMES));
}

const REFUSED: [given: unknown, message: string][] = [
  [
    { platfrom: 1 },
    `Cannot use 'platfrom': there is no such option; did you mean 'platform'? ${ALL}`,
  ],
  [
    { pagesize: 1 },
    `Cannot use 'pagesize': there is no such option; did you mean 'pageSize'? ${ALL}`,
  ],
  [{ CA: "" }, `Cannot use 'CA': there is no such option; did you mean 'ca'? ${ALL}`],
  [{ nothing: 1 }, `Cannot use 'nothing': there is no such option. ${ALL}`],
  [{ nothing: undefined }, `Cannot use 'nothing': there is no such option. ${ALL}`],
  [{ ca: "", toString: 1 }, `Cannot use 'toString': there is no such option. ${ALL}`],
  [JSON.parse('{"__proto__": 1}'), `Cannot use '__proto__': there is no such option. ${ALL}`],
  [Object.assign(Object.create(null), { cas: 1 }), "did you mean 'ca'?"],
  [
    null,
    `Cannot use the options: they must be an object with platform, pageSize, ca; current value is null`,
  ],
  ["linux", "current value is a string"],
  [5, "current value is a number"],
  [{ ["x".repeat(100_000)]: 1 }, `Cannot use '${"x".repeat(60)}': there is no such option. ${ALL}`],
];

for (const [given, message] of REFUSED) {
  Deno.test(`checkOptions refuses ${JSON.stringify(given)?.slice(0, 60)}`, () => {
    const error = assertThrows(() => checkOptions(given, NAMES), InvalidOptionError, message);
    assertEquals(error.code, "INVALID_OPTION");
  });
}

Deno.test("checkOptions names the option that the object is", () => {
  const entry = 'hosts["ghcr.io"]';
  const misspelt = () => checkOptions({ cas: 1 }, NAMES, entry);
  assertThrows(misspelt, InvalidOptionError, `Cannot use '${entry}.cas'`);
  const text = () => checkOptions("x", NAMES, entry);
  assertThrows(text, InvalidOptionError, `Cannot use '${entry}': they must be an object`);
});

Deno.test("moreOptions copies, and leaves a plain object plain and an instance an instance", () => {
  const plain = { ca: "" };
  assertEquals(moreOptions<Sample>(plain, { pageSize: 1 }), { ca: "", pageSize: 1 });
  assertEquals(plain, { ca: "" });
  assertInstanceOf(moreOptions(new Settings(), {}), Settings);
});

const TYPED = {
  ...{ insecure: "a boolean", onEvent: "a function", signal: "an AbortSignal", name: 1 },
  ...{ hosts: "an object", scopes: "a list" },
};
const TYPES: [given: object, message: string | undefined][] = [
  [{ insecure: true, onEvent() {}, signal: new AbortController().signal, name: 5 }, undefined],
  [{ insecure: undefined, onEvent: undefined, signal: undefined }, undefined],
  [{ hosts: {}, scopes: [] }, undefined],
  [{ hosts: Object.create(null) }, undefined],
  [{ hosts: [] }, "Cannot use 'of.hosts' as it must be an object: current value is a list"],
  [{ hosts: new Map() }, "as it must be an object: current value is a list"],
  [{ scopes: "pull" }, "Cannot use 'of.scopes' as it must be a list: current value is a string"],
  [
    { insecure: "false" },
    "Cannot use 'of.insecure' as it must be a boolean: current value is a string",
  ],
  [{ insecure: null }, "current value is null"],
  [{ onEvent: {} }, "Cannot use 'of.onEvent' as it must be a function: current value is an object"],
  [{ signal: 5 }, "'of.signal' as it must be an AbortSignal: current value is a number"],
  [{ signal: new AbortController() }, "current value is an object"],
  [{ signal: null }, "current value is null"],
];

for (const [given, message] of TYPES) {
  Deno.test(`checkOptions: types: ${Deno.inspect(given)}`, () => {
    const check = () => checkOptions(given, TYPED, "of");
    if (message === undefined) check();
    else assertThrows(check, InvalidOptionError, message);
  });
}
