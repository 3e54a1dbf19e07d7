import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { checkMirrors } from "./mirror_options.ts";

const GOOD: [url: string, origin: string, prefix: string][] = [
  ["https://m.test", "https://m.test", ""],
  ["https://m.test/", "https://m.test", ""],
  ["http://localhost:5000/cache", "http://localhost:5000", "cache/"],
  ["https://m.test/a/b_c/", "https://m.test", "a/b_c/"],
];

for (const [url, origin, prefix] of GOOD) {
  Deno.test(`checkMirrors takes ${url}`, () => {
    const [mirror] = checkMirrors("mirrors", [{ url }]);
    assertEquals(mirror, {
      origin,
      host: new URL(origin).host,
      prefix,
      digestsOnly: false,
      ns: false,
    });
  });
}

const BAD = [
  "m.test",
  "ftp://m.test",
  "https://me:s3cret@m.test",
  "https://m.test/Upper",
  "https://m.test/a//b",
  "https://m.test/%61",
  "https://m.test/?x=s3cret",
  "https://m.test/#x",
];

for (const url of BAD) {
  Deno.test(`checkMirrors refuses ${url}: INVALID_OPTION, without secrets`, () => {
    const error = assertThrows(
      () => checkMirrors("mirrors", [{ url }]),
      InvalidOptionError,
      "Cannot use mirrors[0].url",
    );
    assert(!error.message.includes("s3cret"), error.message);
  });
}
