import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  ForbiddenError,
  HttpError,
  NotFoundError,
  RateLimitedError,
  type RegistryError,
  RegistryResponseError,
  TagImmutableError,
  UnauthorizedError,
  UnsupportedError,
} from "../errors.ts";
import { DockerResponse } from "./docker_response.ts";
import { httpError } from "./http_error.ts";

interface Case {
  name: string;
  method?: string;
  status: number;
  code?: string;
  message?: string;
  url?: string;
  expected: typeof HttpError;
  is: string;
}

const HARBOR = "Failed to process request due to 'app:1.0' configured as immutable.";
const ECR = "The image tag '1.0' already exists in the 'app' repository and cannot be " +
  "overwritten because the repository is immutable.";

const CASES: Case[] = [
  { name: "401", status: 401, expected: UnauthorizedError, is: "UNAUTHORIZED" },
  { name: "403", status: 403, code: "DENIED", expected: ForbiddenError, is: "FORBIDDEN" },
  { name: "404", status: 404, expected: NotFoundError, is: "NOT_FOUND" },
  { name: "405", status: 405, expected: UnsupportedError, is: "UNSUPPORTED" },
  { name: "429", status: 429, expected: RateLimitedError, is: "RATE_LIMITED" },
  { name: "400", status: 400, expected: RegistryResponseError, is: "REGISTRY_RESPONSE" },
  { name: "a redirect", status: 307, expected: RegistryResponseError, is: "REGISTRY_RESPONSE" },
  { name: "500", status: 500, expected: RegistryResponseError, is: "REGISTRY_RESPONSE" },
  {
    name: "the code UNSUPPORTED with another status",
    status: 400,
    code: "UNSUPPORTED",
    expected: UnsupportedError,
    is: "UNSUPPORTED",
  },
  {
    name: "end-9, end-10 DELETE: 400 without a reason means not supported",
    method: "DELETE",
    status: 400,
    expected: UnsupportedError,
    is: "UNSUPPORTED",
  },
  {
    name: "end-9, end-10 DELETE: 400 with a reason is that reason",
    method: "DELETE",
    status: 400,
    code: "DIGEST_INVALID",
    expected: RegistryResponseError,
    is: "REGISTRY_RESPONSE",
  },
  {
    name: "end-9 DELETE: a tag that misses a digest means that tags are not deleted",
    method: "DELETE",
    url: "https://registry.test/v2/app/manifests/v1",
    status: 400,
    code: "DIGEST_INVALID",
    expected: UnsupportedError,
    is: "UNSUPPORTED",
  },
  {
    name: "end-9 DELETE: a digest that is invalid is just that",
    method: "DELETE",
    url: "https://registry.test/v2/app/manifests/sha256:00",
    status: 400,
    code: "DIGEST_INVALID",
    expected: RegistryResponseError,
    is: "REGISTRY_RESPONSE",
  },
  {
    name: "end-7 PUT: Harbor's immutable tag",
    method: "PUT",
    status: 412,
    code: "PRECONDITION",
    message: HARBOR,
    expected: TagImmutableError,
    is: "TAG_IMMUTABLE",
  },
  {
    name: "end-7 PUT: ECR's immutable tag",
    method: "PUT",
    status: 400,
    code: "TAG_INVALID",
    message: ECR,
    expected: TagImmutableError,
    is: "TAG_IMMUTABLE",
  },
  {
    name: "end-7 PUT: an immutable tag, said with 403 and in other words",
    method: "PUT",
    status: 403,
    message: "tag immutability is on",
    expected: TagImmutableError,
    is: "TAG_IMMUTABLE",
  },
  {
    name: "a GET about something immutable is no such error",
    status: 400,
    message: "immutable",
    expected: RegistryResponseError,
    is: "REGISTRY_RESPONSE",
  },
];

for (const { name, method = "GET", status, code, message = "", expected, is, ...at } of CASES) {
  Deno.test(`httpError: ${name}`, () => {
    const error = httpError("Cannot do it", {
      resp: new DockerResponse(null, { status }),
      errors: code === undefined && message === ""
        ? []
        : [{ message, ...(code !== undefined && { code }) }],
      method,
      url: at.url ?? "https://registry.test/",
    });
    assertInstanceOf(error, expected);
    assertInstanceOf(error, HttpError);
    assertEquals([error.code, error.name, error.statusCode], [is, expected.name, status]);
    assertEquals(error.codes, code === undefined ? [] : [code]);
  });
}

const MESSAGES: [name: string, init: ResponseInit, errors: [string?, string?][], text: string][] = [
  ["status and its text", { status: 404, statusText: "Not Found" }, [], "404 Not Found"],
  ["HTTP/2 has no text", { status: 404 }, [], "404"],
  [
    "the registry's words",
    { status: 404, statusText: "Not Found" },
    [["A", "no such"]],
    "404 A: no such",
  ],
  ["a code alone", { status: 404 }, [["A", ""]], "404 A"],
  ["words alone", { status: 404 }, [[undefined, "gone"]], "404 gone"],
  ["one line", { status: 400 }, [["A", "a\nb\t\u001b[31mc"]], "400 A: a b [31mc"],
  [
    "a screen of words",
    { status: 400 },
    [["A", "x".repeat(9_999)]],
    `400 A: ${"x".repeat(1_997)}…`,
  ],
  ["a proxy's page", { status: 502 }, [[undefined, "502 Bad Gateway"]], "502 Bad Gateway"],
  ["several errors", { status: 400 }, [["A", "a"], ["B", "b"]], "400 A: a; B: b"],
];

for (const [name, init, errors, text] of MESSAGES) {
  Deno.test(`httpError: the message has ${name}`, () => {
    const error = httpError("Cannot do it", {
      resp: new DockerResponse(null, init),
      errors: errors.map(([code, message = ""]) => ({ message, ...(code && { code }) })),
      method: "GET",
      url: "",
    });
    assertEquals(error.message, `Cannot do it: ${text}`);
  });
}

const DETAILS: [name: string, errors: RegistryError[], text: string][] = [
  [
    "a text",
    [{ code: "A", message: "a", detail: "unknown tag=v1" }],
    "400 A: a; detail: unknown tag=v1",
  ],
  [
    "an object",
    [{ code: "A", message: "a", detail: { Tag: "v1" } }],
    '400 A: a; detail: {"Tag":"v1"}',
  ],
  ["none", [{ code: "A", message: "a" }], "400 A: a"],
  ["null", [{ code: "A", message: "a", detail: null }], "400 A: a"],
  [
    "nothing in it",
    [{ code: "A", message: "a", detail: {} }, { message: "", detail: [] }],
    "400 A: a",
  ],
  ["what the message says", [{ code: "A", message: "no v1", detail: "v1" }], "400 A: no v1"],
  [
    "those of equal errors",
    ["x", "y", "x"].map((detail) => ({ code: "A", message: "a", detail })),
    "400 A: a; detail: x, y",
  ],
  [
    "a long one",
    [{ code: "A", message: "a", detail: "x".repeat(9_999) }],
    `400 A: a; detail: ${"x".repeat(300)}…`,
  ],
  ["lines", [{ code: "A", message: "a", detail: "b\n\u001b[31mc" }], "400 A: a; detail: b [31mc"],
];

for (const [name, errors, text] of DETAILS) {
  Deno.test(`httpError: the message has the errors' detail: ${name}`, () => {
    const error = httpError("Cannot do it", {
      resp: new DockerResponse(null, { status: 400 }),
      errors,
    });
    assertEquals(error.message, `Cannot do it: ${text}`);
    assertEquals(error.errors, errors);
  });
}

Deno.test("httpError: what is known stands before the detail, what to do behind it", () => {
  const error = httpError("Cannot do it", {
    resp: new DockerResponse(null, { status: 503, headers: { "retry-after": "2" } }),
    errors: [{ code: "A", message: "a", detail: "b" }],
    notes: ["answered by cdn.test", "as alice"],
    advice: "Ask alice",
  });
  const known = "(answered by cdn.test) (as alice); detail: b. Try again in 2 s. Ask alice";
  assertEquals(error.message, `Cannot do it: 503 A: a ${known}`);
});

Deno.test("httpError: what may pass says so, with the wait and the quota", () => {
  const headers = { "retry-after": "5", "ratelimit-remaining": "0" };
  const error = httpError("Cannot do it", {
    resp: new DockerResponse(null, { status: 429, headers }),
    errors: [],
    method: "GET",
    url: "",
  });
  assertEquals(error.message, "Cannot do it: 429. Try again in 5 s");
  assertEquals([error.retryable, error.retryAfter], [true, 5_000]);
  assertEquals(error.rateLimit, { remaining: 0 });
});
