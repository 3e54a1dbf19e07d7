import { assertEquals } from "@std/assert";
import { type ServiceWords, serviceWords } from "./service_words.ts";

const CASES: [name: string, body: string, words: ServiceWords][] = [
  [
    "AWS's",
    '{"__type":"com.amazonaws.ecr#AccessDeniedException","message":"User is not authorized"}',
    { code: "AccessDeniedException", message: "User is not authorized" },
  ],
  ["AWS's, with another spelling", '{"__type":"UnrecognizedClientException","Message":"bad key"}', {
    code: "UnrecognizedClientException",
    message: "bad key",
  }],
  [
    "OAuth2's",
    '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret","error_codes":[1]}',
    { code: "invalid_client", message: "AADSTS7000215: Invalid secret" },
  ],
  ["OAuth2's without a sentence", '{"error":"invalid_grant"}', { code: "invalid_grant" }],
  [
    "Google's",
    '{"error":{"code":403,"message":"API is off","status":"PERMISSION_DENIED"}}',
    { code: "PERMISSION_DENIED", message: "API is off" },
  ],
  ["a registry's", '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}', {
    code: "UNAUTHORIZED",
    message: "authentication required",
  }],
  ["text", "try later\n", { message: "try later" }],
  ["a web page", "<!doctype html><p>error", {}],
  ["nothing", "", {}],
  ["other JSON", "[1,null]", {}],
  ["fields of other types", '{"__type":1,"message":{},"errors":[null],"error":null}', {}],
];

for (const [name, body, words] of CASES) {
  Deno.test(`serviceWords: ${name}`, () => {
    assertEquals(serviceWords(new TextEncoder().encode(body)), words);
  });
}
