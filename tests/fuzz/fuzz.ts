/**
 * Properties that must hold whatever comes: many random cases of each, and a failing one cut down to
 * the smallest that still fails. All of them together are over 100,000 cases with `DAVIT_FUZZ=all`, and
 * a tenth of that without; the same ones each time, unless `DAVIT_FUZZ_SEED` names another seed.
 */
import * as fc from "fast-check";

export { fc };

/** What a failure prints, beside its smallest case, to be seen again. */
const SEED = 20_260_101;

/** What nobody waits for is one of so many cases. */
const PART = 10;

/** How many cases run here of a property that has so many. */
function casesHere(all: number): number {
  return Deno.env.get("DAVIT_FUZZ") === "all" ? all : Math.ceil(all / PART);
}

/** Registers a test of a property: `holds` is given each value, and throws where it does not hold. */
export function fuzz<T>(
  title: string,
  cases: number,
  arbitrary: fc.Arbitrary<T>,
  holds: (value: T) => void | Promise<void>,
): void {
  Deno.test(`fuzz: ${title}`, async () => {
    const seed = Number(Deno.env.get("DAVIT_FUZZ_SEED") ?? SEED);
    await fc.assert(fc.asyncProperty(arbitrary, async (value) => await holds(value)), {
      seed,
      numRuns: casesHere(cases),
    });
  });
}

/** Any character; `unit: "binary"` makes a table of all of them first, which takes a second. */
export const CHARACTER: fc.Arbitrary<string> = fc.nat(0x10f7ff)
  .map((at) => String.fromCodePoint(at < 0xd800 ? at : at + 0x800));

/** Text as attackers and broken clients write it: any characters, or many of the ones that matter. */
export function text(characters: string, maxLength = 60): fc.Arbitrary<string> {
  const unit = fc.constantFrom(...characters);
  return fc.oneof(
    fc.string({ unit, maxLength }),
    fc.string({ unit: CHARACTER, maxLength }),
    fc.array(fc.oneof(fc.string({ unit, maxLength: 8 }), fc.string({ maxLength: 3 })), {
      maxLength: 8,
    }).map((parts) => parts.join("")),
  );
}

/** Any text, in which quotes and backslashes are many. */
export function quotable(): fc.Arbitrary<string> {
  return fc.string({
    unit: fc.oneof(
      fc.constantFrom('"', "\\", ",", "=", " "),
      fc.string({ unit: CHARACTER, maxLength: 1 }),
    ),
    maxLength: 20,
  });
}

/** Text that is made of parts, some of which are what a grammar wants. */
export function parts(...choices: (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> {
  const each = choices.map((choice) => typeof choice === "string" ? fc.constant(choice) : choice);
  return fc.array(fc.oneof(...each), { maxLength: 12 }).map((chosen) => chosen.join(""));
}

/** A digest, or nearly one. */
export function nearlyDigest(): fc.Arbitrary<string> {
  const hex = (length: number) =>
    fc.string({
      unit: fc.constantFrom(..."0123456789abcdef"),
      minLength: length,
      maxLength: length,
    });
  return fc.oneof(
    hex(64).map((encoded) => `sha256:${encoded}`),
    hex(128).map((encoded) => `sha512:${encoded}`),
    hex(63).map((encoded) => `sha256:${encoded}`),
    hex(64).map((encoded) => `sha256:${encoded.toUpperCase()}`),
    hex(32).map((encoded) => `md5:${encoded}`),
    text("sha256:+._-0fF="),
  );
}

/** A name of a repository, or nearly one. */
export function nearlyName(): fc.Arbitrary<string> {
  const words = ["a", "app", "library", "tags", "blobs", "uploads", "manifests", "referrers"];
  return fc.oneof(
    fc.array(fc.constantFrom(...words, "x1", "a-b", "a__b", "a.b", "list", "_catalog"), {
      minLength: 1,
      maxLength: 4,
    }).map((components) => components.join("/")),
    parts(...words, "/", "//", ".", "..", "%2f", "%00", "A", "_", "-", "é", " "),
    text("ab01./_-A%"),
    fc.integer({ min: 1, max: 400 }).map((length) => "a".repeat(length)),
  );
}

/** A tag, or nearly one. */
export function nearlyTag(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      "latest",
      "v1",
      "_",
      "1.2-3",
      ".",
      "..",
      "-a",
      "a".repeat(128),
      "a".repeat(129),
    ),
    text("aA0_.-:/"),
  );
}
