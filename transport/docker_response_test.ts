import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { InvalidContentError, NotFoundError, RateLimitedError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { DockerResponse, dockerResponse } from "./docker_response.ts";

const ERRORS = '{"errors":[{"code":"NAME_UNKNOWN","message":"no such"}]}';
const ASKED = { method: "GET", url: "https://registry.test/v2/?_state=…" };

function respond(body: BodyInit | null, init: ResponseInit = {}): DockerResponse {
  return dockerResponse(new Response(body, init), ASKED);
}

Deno.test("DockerResponse: is a Response with the status, headers, URL and body given", async () => {
  const response = respond("hello", { status: 202, headers: { "x-a": "b" } });
  assertInstanceOf(response, Response);
  assertEquals([response.status, response.headers.get("x-a")], [202, "b"]);
  assertEquals(response.url, ASKED.url);
  assertEquals(await response.text(), "hello");
});

for (const status of [204, 205, 304]) {
  Deno.test(`DockerResponse: ${status} has no body`, async () => {
    const response = respond(null, { status });
    assertEquals([response.status, response.body], [status, null]);
    assertEquals((await response.dockerBody()).byteLength, 0);
  });
}

Deno.test("DockerResponse: is a class as any other, made of what Response takes", async () => {
  class OwnResponse extends DockerResponse {
    own = true;
  }
  const response = new OwnResponse("hello", { status: 404, headers: { "x-a": "b" } });
  for (const type of [OwnResponse, DockerResponse, Response]) assertInstanceOf(response, type);
  assertEquals([response.own, response.status, response.headers.get("x-a")], [true, 404, "b"]);
  assertEquals([DockerResponse.prototype.constructor.name, "json" in DockerResponse], [
    "DockerResponse",
    true,
  ]);
  assert(!(new Response() instanceof DockerResponse));
  const error = await response.dockerThrowable("Cannot do it");
  assertInstanceOf(error, NotFoundError);
  assertEquals([error.method, error.url], ["", ""]);
});

Deno.test("DockerResponse: dockerBody is read once and kept", async () => {
  const response = respond("hello");
  const [one, other] = await Promise.all([response.dockerBody(), response.dockerBody()]);
  assertEquals(one, encodeText("hello"));
  assertStrictEquals(one, other);
  assertStrictEquals(response.decodedBody, one);
  assertEquals(respond("hello").decodedBody, undefined);
});

Deno.test("DockerResponse: dockerJson and dockerErrors share the body", async () => {
  const response = respond(ERRORS, { status: 404 });
  assertEquals(await response.dockerJson(), JSON.parse(ERRORS));
  assertEquals(await response.dockerErrors(), [{ code: "NAME_UNKNOWN", message: "no such" }]);
});

const NOT_JSON: [name: string, body: BodyInit, type: string, message: string][] = [
  ["text", "<html>", "text/html; charset=utf-8", "6 bytes of text/html"],
  ["nothing", "", "", "0 bytes of no content type"],
  ["broken UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "application/json", "3 bytes"],
];

for (const [name, body, type, message] of NOT_JSON) {
  Deno.test(`DockerResponse: dockerJson of ${name} is INVALID_CONTENT`, async () => {
    const error = await assertRejects(
      () => respond(body, { headers: { "content-type": type } }).dockerJson(),
      InvalidContentError,
      `Cannot read the answer as JSON: ${message}`,
    );
    assertEquals(error.code, "INVALID_CONTENT");
    assert(error.cause instanceof Error);
  });
}

Deno.test("DockerResponse: dockerStream is the body itself, and an error where there is none", async () => {
  const response = respond("hello");
  const reader = response.dockerStream().getReader();
  assertEquals((await reader.read()).value, encodeText("hello"));
  assertEquals((await reader.read()).done, true);
  await assertRejects(() => response.dockerBody(), TypeError);
  assertThrows(() => respond(null).dockerStream(), InvalidContentError, "it has no body");
});

Deno.test("DockerResponse: dockerThrowable is the error for the status", async () => {
  const response = respond(ERRORS, { status: 404 });
  const error = await response.dockerThrowable("Cannot list");
  assertInstanceOf(error, NotFoundError);
  assertEquals(error.message, "Cannot list: 404 NAME_UNKNOWN: no such");
  assertEquals([error.method, error.url, error.codes], [ASKED.method, ASKED.url, ["NAME_UNKNOWN"]]);
  assertStrictEquals(error.resp, response);
});

Deno.test("DockerResponse: dockerThrowable tells the wait and the quota", async () => {
  const headers = { "retry-after": "7", "ratelimit-remaining": "0;w=60" };
  const error = await respond(null, { status: 429, headers }).dockerThrowable("Cannot list");
  assertInstanceOf(error, RateLimitedError);
  assertEquals(error.retryAfter, 7_000);
  assertEquals(error.rateLimit, { remaining: 0, window: 60 });
});
