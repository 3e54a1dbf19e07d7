import { assertEquals } from "@std/assert";
import { redactUrl } from "./redact.ts";

const CASES: [name: string, input: string, expected: string][] = [
  ["a plain URL stays", "https://ghcr.io/v2/a/b/tags/list", "https://ghcr.io/v2/a/b/tags/list"],
  ["user and password go", "https://user:secret@ghcr.io/v2/", "https://ghcr.io/v2/"],
  [
    "the specification's parameters stay",
    "https://r.test/v2/a/tags/list?n=10&last=v1",
    "https://r.test/v2/a/tags/list?n=10&last=v1",
  ],
  [
    "an upload's state goes",
    "https://r.test/v2/a/blobs/uploads/1?_state=abc&digest=sha256:1",
    "https://r.test/v2/a/blobs/uploads/1?_state=…&digest=sha256%3A1",
  ],
  [
    "a storage's signature goes",
    "https://s3.test/blob?X-Amz-Signature=abc&X-Amz-Credential=def",
    "https://s3.test/blob?X-Amz-Signature=…&X-Amz-Credential=…",
  ],
  ["the fragment goes", "https://r.test/v2/#secret", "https://r.test/v2/"],
  ["a user and a password that read as a URL", "user:secret@host/name", "(not a URL)"],
  ["what is no URL is not shown", "secret", "(not a URL)"],
];

for (const [name, input, expected] of CASES) {
  Deno.test(`redactUrl: ${name}`, () => assertEquals(redactUrl(input), expected));
}
