/**
 * The signatures of AWS's own test suite for Signature Version 4, and those of another signer.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
 */
import { assertEquals } from "@std/assert";
import { AwsV4Signer } from "aws4fetch";
import { type AwsRequest, signAwsRequest } from "./aws_signature.ts";

const KEYS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const SUITE = {
  region: "us-east-1",
  service: "service",
  time: Date.UTC(2015, 7, 30, 12, 36),
};

const HOST = "https://example.amazonaws.com/";

const SESSION_TOKEN =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

type Vector = Pick<AwsRequest, "method" | "headers" | "body"> & {
  url?: string;
  sessionToken?: string;
};

const VECTORS: [name: string, vector: Vector, signature: string][] = [
  [
    "get-vanilla",
    { method: "GET" },
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  ],
  [
    "get-vanilla-empty-query-key",
    { method: "GET", url: `${HOST}?Param1=value1` },
    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
  ],
  [
    "get-vanilla-query-order-key-case",
    { method: "GET", url: `${HOST}?Param2=value2&Param1=value1` },
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
    },
    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  ],
  [
    "post-sts-header-before",
    { method: "POST", sessionToken: SESSION_TOKEN },
    "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
  ],
];

for (const [name, { url = HOST, sessionToken, ...request }, signature] of VECTORS) {
  Deno.test(`Signature Version 4: ${name}`, async () => {
    const keys = { ...KEYS, ...(sessionToken !== undefined && { sessionToken }) };
    const made = await signAwsRequest(keys, { ...SUITE, ...request, url: new URL(url) });
    assertEquals(made.signature, signature);
    assertEquals(made.headers.authorization!.endsWith(`Signature=${signature}`), true);
  });
}

for (const query of ["", "?b=2&a=1&a=0", "?a=%20%2B!'()*&ä=/", "?a"]) {
  for (const sessionToken of [undefined, SESSION_TOKEN]) {
    Deno.test(`Signature Version 4: as another signer, ${query} ${sessionToken ? "with" : "without"} a session`, async () => {
      const request = {
        method: "POST",
        url: new URL(`https://api.ecr.eu-central-1.amazonaws.com/${query}`),
        headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "a  b.C" },
        body: '{"ä": 1}',
        service: "ecr",
        region: "eu-central-1",
        time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      } as const;
      const keys = { ...KEYS, ...(sessionToken !== undefined && { sessionToken }) };
      const { headers, signature } = await signAwsRequest(keys, request);
      const { time: _time, url, ...rest } = request;
      const signer = new AwsV4Signer({
        ...{ ...keys, ...rest, url: url.href, allHeaders: true },
        datetime: "20260102T030405Z",
      });
      const other = (await signer.sign()).headers;
      assertEquals(signature, await signer.signature());
      assertEquals(headers.authorization, other.get("authorization"));
    });
  }
}
