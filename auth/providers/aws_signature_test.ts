/**
 * The signer gives the signatures of AWS's own test suite for Signature Version 4.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
 */
import { assertEquals } from "@std/assert";
import { AwsV4Signer } from "aws4fetch";

const SUITE = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
  service: "service",
  datetime: "20150830T123600Z",
};

const URL = "https://example.amazonaws.com/";

const SESSION_TOKEN =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

type Options = Partial<ConstructorParameters<typeof AwsV4Signer>[0]>;

const VECTORS: [name: string, options: Options, signature: string][] = [
  [
    "get-vanilla",
    { method: "GET" },
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  ],
  [
    "get-vanilla-empty-query-key",
    { method: "GET", url: `${URL}?Param1=value1` },
    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
  ],
  [
    "get-vanilla-query-order-key-case",
    { method: "GET", url: `${URL}?Param2=value2&Param1=value1` },
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
  [
    "post-vanilla",
    { method: "POST" },
    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  ],
  [
    "post-x-www-form-urlencoded",
    {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "Param1=value1",
      allHeaders: true,
    },
    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  ],
  [
    "post-sts-header-before",
    { method: "POST", sessionToken: SESSION_TOKEN },
    "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
  ],
];

for (const [name, options, signature] of VECTORS) {
  Deno.test(`Signature Version 4: ${name}`, async () => {
    const signer = new AwsV4Signer({ ...SUITE, url: URL, ...options });
    assertEquals(await signer.signature(), signature);
  });
}
