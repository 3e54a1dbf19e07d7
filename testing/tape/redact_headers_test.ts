import { assertEquals } from "@std/assert";
import { redactRequestHeaders, redactResponseHeaders } from "./redact_headers.ts";
import { TapeSecrets } from "./secrets.ts";

const BASIC = btoa("me:a pass:word");

for (
  const [name, header, value, expected] of [
    ["Accept", "accept", "application/json", "application/json"],
    ["Range", "range", "bytes=1-", "bytes=1-"],
    ["Basic", "authorization", `Basic ${BASIC}`, "Basic redacted-2"],
    ["Bearer", "authorization", "bearer abc.def", "bearer redacted-1"],
    ["an unknown scheme", "authorization", "AWS4-HMAC-SHA256 Credential=x", "redacted-1"],
    ["a proxy's", "proxy-authorization", "Bearer x", "Bearer redacted-1"],
    ["cookies", "cookie", "session=s3cr3t; a=b", "redacted"],
    ["anything else", "x-api-key", "s3cr3t", "redacted"],
  ] as [string, string, string, string][]
) {
  Deno.test(`tape: a request's header: ${name}`, () => {
    const headers = new Headers({ [header]: value });
    assertEquals(redactRequestHeaders(headers, new TapeSecrets()), { [header]: expected });
  });
}

for (
  const [name, header, value, expected] of [
    ["Content-Type", "content-type", "text/plain", "text/plain"],
    ["OCI-Subject", "oci-subject", "sha256:x", "sha256:x"],
    ["cookies", "set-cookie", "session=s3cr3t; Path=/", "redacted"],
    [
      "a Location",
      "location",
      "/v2/a/blobs/uploads/1?s=2",
      "/v2/a/blobs/uploads/redacted-1?s=redacted-2",
    ],
    [
      "a Link",
      "link",
      '</v2/a/tags/list?c=x>; rel="next"',
      '</v2/a/tags/list?c=redacted-1>; rel="next"',
    ],
    [
      "a challenge",
      "www-authenticate",
      'Bearer realm="https://a.test/token?key=1",service="r",scope="repository:a:pull",nonce=abc',
      'Bearer realm="https://a.test/token?key=redacted-1",service="r",scope="repository:a:pull",nonce="redacted"',
    ],
    [
      "Basic's challenge",
      "www-authenticate",
      'Basic realm="my registry"',
      'Basic realm="my registry"',
    ],
    ["an upload's name", "docker-upload-uuid", "8f2d", "redacted-1"],
    ["anything else", "x-request-id", "s3cr3t", "redacted"],
  ] as [string, string, string, string][]
) {
  Deno.test(`tape: a response's header: ${name}`, () => {
    const headers = new Headers({ [header]: value });
    assertEquals(redactResponseHeaders(headers, new TapeSecrets()), { [header]: expected });
  });
}

Deno.test("tape: what belongs to one connection is left out", () => {
  const headers: [string, string][] = [["connection", "close"], ["transfer-encoding", "chunked"]];
  assertEquals(redactResponseHeaders(headers, new TapeSecrets()), {});
});

Deno.test("tape: a password of Basic and a cookie are looked for in every text", () => {
  const secrets = new TapeSecrets();
  redactRequestHeaders([["authorization", `Basic ${BASIC}`]], secrets);
  redactResponseHeaders([["set-cookie", "sid=0123456789abc; Path=/"]], secrets);
  const text = `of "a pass:word", a+pass%3Aword, ${BASIC} and 0123456789abc`;
  assertEquals(
    secrets.scrub(text),
    'of "redacted-1", redacted-1, redacted-2 and redacted-3',
  );
});

Deno.test("tape: a short secret is not looked for: it could be a part of any name", () => {
  const secrets = new TapeSecrets();
  assertEquals(secrets.placeholder("app"), "redacted-1");
  assertEquals(secrets.scrub("/v2/app/tags/list"), "/v2/app/tags/list");
});
