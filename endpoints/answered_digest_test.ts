import { assertEquals, assertThrows } from "@std/assert";
import { BadDigestError } from "../errors.ts";
import { type Digest, parseDigest } from "../content/digest.ts";
import { answeredDigest, checkAnsweredDigest } from "./answered_digest.ts";

const SHA256 = parseDigest(`sha256:${"a".repeat(64)}`);
const OTHER = parseDigest(`sha256:${"b".repeat(64)}`);
const SHA512 = parseDigest(`sha512:${"c".repeat(128)}`);

const HEADERS: [name: string, header: string | undefined, digest: Digest | undefined][] = [
  ["the same", SHA256, SHA256],
  ["with spaces", ` ${SHA256} `, SHA256],
  ["of another algorithm", SHA512, SHA512],
  ["none", undefined, undefined],
  ["malformed", "sha256:x", undefined],
];

for (const [name, header, digest] of HEADERS) {
  Deno.test(`answered digest: ${name}`, () => {
    const headers = new Headers(header === undefined ? {} : { "docker-content-digest": header });
    assertEquals(answeredDigest(headers), digest);
    checkAnsweredDigest("do it", SHA256, headers);
  });
}

Deno.test("answered digest: another of the same algorithm is BAD_DIGEST", () => {
  const headers = new Headers({ "docker-content-digest": OTHER });
  const error = assertThrows(
    () => checkAnsweredDigest("do it", SHA256, headers),
    BadDigestError,
    `Cannot do it: the registry answered ${OTHER}, not ${SHA256}`,
  );
  assertEquals([error.expected, error.actual], [SHA256, OTHER]);
});
