import { assertEquals } from "@std/assert";
import { isRegistryPath, redactUrl } from "./redact_url.ts";
import { TapeSecrets } from "./secrets.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const HEX = DIGEST.slice(7);

for (
  const [name, url, expected] of [
    ["a manifest", "https://r.test/v2/a/b/manifests/v1.0", "https://r.test/v2/a/b/manifests/v1.0"],
    ["a digest", `https://r.test/v2/a/blobs/${DIGEST}`, `https://r.test/v2/a/blobs/${DIGEST}`],
    ["a page", "/v2/a/tags/list?n=2&last=b", "/v2/a/tags/list?n=2&last=b"],
    [
      "a page with a cursor",
      "/v2/a/tags/list?n=2&last=b%3D%3D&next_page=gAAAA",
      "/v2/a/tags/list?n=2&last=redacted-1&next_page=redacted-2",
    ],
    ["a user and a password", "https://me:secret@r.test/v2/", "https://r.test/v2/"],
    ["a fragment", "https://r.test/v2/#secret", "https://r.test/v2/"],
    [
      "an upload",
      "/v2/a/blobs/uploads/8f2d-11?_state=aGVsbG8&empty=",
      "/v2/a/blobs/uploads/redacted-1?_state=redacted-2&empty=",
    ],
    [
      "an upload's end",
      `/v2/a/blobs/uploads/8f2d-11?_state=x%2Fy&digest=${DIGEST}`,
      `/v2/a/blobs/uploads/redacted-1?_state=redacted-2&digest=${DIGEST}`,
    ],
    [
      "a digest that is none",
      "/v2/a/blobs/uploads/?digest=s3cr3t",
      "/v2/a/blobs/uploads/?digest=redacted-1",
    ],
    [
      "a token's scope",
      "https://a.test/token?service=r.test&scope=repository%3Aa%2Fb%3Apull%2Cpush&account=me",
      "https://a.test/token?service=r.test&scope=repository%3Aa%2Fb%3Apull%2Cpush&account=redacted-1",
    ],
    [
      "a scope that is none",
      "https://a.test/token?scope=eyJhbGciOi",
      "https://a.test/token?scope=redacted-1",
    ],
    [
      "a signature",
      `https://s.test/docker/v2/blobs/sha256/01/${HEX}/data?X-Amz-Signature=abc%2F&X-Amz-Date=1`,
      `https://s.test/docker/v2/blobs/sha256/01/${HEX}/data?X-Amz-Signature=redacted-1&X-Amz-Date=redacted-2`,
    ],
    ["a key in a path", "https://s.test/t/AKIA0123456789/x", "https://s.test/t/redacted-1/x"],
    ["a query that is a value", "https://s.test/x?c2VjcmV0PT0", "https://s.test/x?redacted-1"],
    [
      "a name that is a value",
      "https://s.test/x?%20se%20=1",
      "https://s.test/x?redacted-1=redacted-2",
    ],
    ["a broken escape", "https://s.test/x?a=%zz", "https://s.test/x?a=redacted-1"],
    ["a path that only looks like one", "/v2/a/manifests/s%20t", "/v2/a/manifests/redacted-1"],
  ] as [string, string, string][]
) {
  Deno.test(`tape: a URL: ${name}`, () => {
    assertEquals(redactUrl(url, new TapeSecrets()), expected);
  });
}

Deno.test("tape: one value has one placeholder, however it is escaped", () => {
  const secrets = new TapeSecrets();
  assertEquals(redactUrl("/x?a=b%2Fc", secrets), "/x?a=redacted-1");
  assertEquals(redactUrl("/x?other=b/c", secrets), "/x?other=redacted-1");
  assertEquals(redactUrl("/x?other=redacted-1", secrets), "/x?other=redacted-1");
});

for (
  const [path, expected] of [
    ["/v2/", true],
    ["/v2", true],
    ["/v2/_catalog", true],
    ["/v2/a/b/tags/list", true],
    ["/v2/a/blobs/uploads/", true],
    ["/v2/a/blobs/uploads", true],
    [`/v2/a/referrers/${DIGEST}`, true],
    ["/v2/a/manifests/sha256%3A00", false],
    ["/v2/users/login", false],
    ["/v2/A/manifests/x", false],
    ["/token", false],
  ] as [string, boolean][]
) {
  Deno.test(`tape: ${path} is ${expected ? "" : "not "}a path of the specification`, () => {
    assertEquals(isRegistryPath(path), expected);
  });
}
