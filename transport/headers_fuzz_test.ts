/** What a registry's headers and error bodies are read with, whatever they hold. */
import { assert, assertEquals } from "@std/assert";
import { fc, fuzz, parts, quotable, text } from "../tests/fuzz/fuzz.ts";
import { nextLink } from "./link.ts";
import { registryErrors } from "./registry_errors.ts";
import { parseRetryAfter } from "./retry.ts";
import { Secrets } from "./secrets.ts";
import { parseWarnings } from "./warning.ts";

const NOW = 1_700_000_000_000;

fuzz(
  "nextLink: a target that stands in the header",
  5_000,
  parts(
    ...["<", ">", ";", ",", " ", "rel", "=", "next", '"next"', '"', "/v2/a/tags/list?n=1&last=b"],
    ...['</v2/a>; rel="next"', "<>; rel=prev", "rel=next", "\\", "REL = NEXT"],
    text('<>;="nextrl, '),
  ),
  (header) => {
    const target = nextLink(header);
    if (target === undefined) return;
    if (target === false) return assert(header.trim() !== "");
    const plain = (words: string) => words.replaceAll("\\", ""); // quotes may hide what they escape
    assert(plain(header).includes(plain(target)) && target.trim() === target);
  },
);

fuzz(
  "nextLink: what is written is read again, whatever stands beside it",
  2_000,
  fc.tuple(
    fc.webPath(),
    fc.constantFrom('; rel="next"', ";rel=next", '; title="a, b"; rel="prev next"', "; REL=NEXT"),
    fc.constantFrom("", '</first>; rel="first", ', "<>;x=y,"),
    fc.constantFrom("", ', </last>; rel="last"'),
  ),
  ([path, rel, before, after]) => {
    assertEquals(nextLink(`${before}<${path}>${rel}${after}`), path.trim() || false);
  },
);

fuzz(
  "parseWarnings: texts of code 299 alone, and what is written is read again",
  4_000,
  fc.tuple(
    fc.array(
      quotable().map((each) => each.replace(/\n|\r|\u2028|\u2029/g, "")),
    ),
    parts("299", " - ", '"', "\\", ",", " ", "110 - x", '299 - "a"', text('29 -",\\')),
  ),
  ([texts, noise]) => {
    const written = texts.map((each) => `299 - "${each.replace(/["\\]/g, "\\$&")}"`).join(", ");
    assertEquals(parseWarnings(written), texts);
    for (const each of parseWarnings(noise)) assert(each.length < noise.length);
    assert(parseWarnings(noise).length <= noise.split("299").length - 1);
  },
);

fuzz(
  "parseRetryAfter: nothing, or a time to come; what is more than a number holds is forever",
  4_000,
  fc.oneof(
    parts(
      ..."0123456789.-+: ",
      "Wed, ",
      "21 Oct 2015",
      " 07:28:00",
      " GMT",
      "e9",
      "NaN",
      "Infinity",
    ),
    fc.nat().map(String),
    fc.bigInt({ min: 0n, max: 10n ** 400n }).map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    text("0129.eE+-:"),
  ),
  (header) => {
    const wait = parseRetryAfter(header, NOW);
    if (wait === undefined) return;
    assert(wait >= 0 && !Number.isNaN(wait), `${header}: ${wait}`);
    assertEquals(wait === Infinity, /^\s*\d/.test(header) && Number(header) > 1e305, header);
    if (/^\d{1,9}$/.test(header)) assertEquals(wait, Number(header) * 1_000);
  },
);

fuzz(
  "registryErrors: a short list of short messages, whatever the body",
  5_000,
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.oneof(
      fc.json(),
      fc.record({
        errors: fc.oneof(
          fc.array(
            fc.oneof(
              fc.record({ code: fc.anything(), message: fc.anything(), detail: fc.jsonValue() }, {
                requiredKeys: [],
              }),
              fc.jsonValue(),
            ),
            { maxLength: 40 },
          ),
          fc.jsonValue(),
          fc.integer({ min: 30, max: 50 }).map((length) => Array(length).fill({ code: "X" })),
        ),
        error: fc.jsonValue(),
        message: fc.oneof(fc.jsonValue(), fc.constant("x".repeat(10_000))),
      }, { requiredKeys: [] }).map((value) =>
        JSON.stringify(value, (_, each) => typeof each === "bigint" ? "big" : each)
      ),
      parts("<html>", "{", "}", "[", "]", '"errors":', '{"code":"X"}', "null", text('{}[]":,')),
    ).map((json) => new TextEncoder().encode(json)),
  ),
  (body) => {
    const errors = registryErrors(body as Uint8Array);
    assert(errors.length <= 32);
    for (const { code, message } of errors) {
      assert(code === undefined || typeof code === "string");
      assertEquals(typeof message, "string");
      assert(message.length <= 2_001, "a body of megabytes is no message");
    }
  },
);

const encoders: ((text: string) => string)[] = [
  (secret) => secret,
  encodeURIComponent,
  (secret) => encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase()),
  (secret) => JSON.stringify(secret),
  (secret) => btoa(secret),
  (secret) => btoa(`you:${secret}`),
  (secret) => new URLSearchParams({ secret }).toString(),
];

fuzz(
  "Secrets: whatever repeats a long secret, in whichever encoding, does not show it",
  3_000,
  fc.tuple(
    fc.string({
      minLength: 8,
      maxLength: 40,
      unit: fc.constantFrom(..."abAB01 .-_~&=%?/+\"'\\<>:@"),
    }),
    fc.constantFrom(...encoders),
    text('ab{}":, =&'),
    text('ab{}":, =&'),
  ),
  ([secret, encode, before, after]) => {
    const secrets = new Secrets();
    secrets.learn(`Basic ${btoa(`you:${secret}`)}`);
    const spelling = encode(secret);
    const shown = secrets.redact(before + spelling + after);
    assert(!shown.includes(spelling), shown);
    assert(!shown.includes(secret), shown);
  },
);
