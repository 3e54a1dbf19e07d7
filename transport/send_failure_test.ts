import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  type ApiError,
  HostRefusedError,
  InvalidOptionError,
  NetworkError,
  TimeoutError,
} from "../errors.ts";
import { bodyFailure, sendFailure, sendTimeout } from "./send_failure.ts";

const url = new URL("https://cdn.test:8443/blob?X-Signature=secret&n=1");
const told = { url, what: "pull the blob" };
const prefix = "Cannot pull the blob: the connection to cdn.test:8443 failed: ";

function named(name: string, message: string, properties: object = {}): Error {
  return Object.assign(new Error(message), { name, ...properties });
}

// deno-lint-ignore no-explicit-any
type Class = abstract new (...args: any[]) => ApiError;

const failures: [name: string, error: unknown, errorClass: Class, message: string][] = [
  [
    "Node's socket",
    named("Error", "connect ECONNREFUSED 127.0.0.1:1", { code: "ECONNREFUSED" }),
    NetworkError,
    `${prefix}connect ECONNREFUSED 127.0.0.1:1`,
  ],
  [
    "Node's fetch",
    new TypeError("fetch failed", { cause: new Error("other side closed") }),
    NetworkError,
    `${prefix}fetch failed: other side closed`,
  ],
  [
    "Node, every address of a host tried",
    new AggregateError([new Error("connect ETIMEDOUT ::1"), new Error("…")], ""),
    NetworkError,
    `${prefix}connect ETIMEDOUT ::1`,
  ],
  ["a code alone", named("Error", "", { code: "EPIPE" }), NetworkError, `${prefix}EPIPE`],
  [
    "Deno's fetch, which cannot connect",
    new TypeError(`error sending request for url (${url}): client error (Connect): refused`, {
      cause: new Error("refused"),
    }),
    NetworkError,
    `${prefix}error sending request: client error (Connect): refused`,
  ],
  [
    "Deno's fetch, which loses the connection",
    new TypeError(
      `error sending request from 10.0.0.1:4 for ${url} (10.0.0.2:8443): client error (SendRequest)`,
    ),
    NetworkError,
    `${prefix}error sending request: client error (SendRequest)`,
  ],
  [
    "Bun's fetch",
    named("Error", `Unable to connect to "${url}".`, { path: url.href, code: "ConnectionRefused" }),
    NetworkError,
    `${prefix}Unable to connect to "https://cdn.test:8443/blob".`,
  ],
  [
    "a URL in a cause's property alone",
    new TypeError("fetch failed", { cause: Object.assign(new Error("lost"), { path: url.href }) }),
    NetworkError,
    `${prefix}fetch failed: lost`,
  ],
  [
    "a path with its query",
    new Error(`GET ${url.pathname}${url.search}: lost`),
    NetworkError,
    `${prefix}GET /blob: lost`,
  ],
  ["not an error", "gone", NetworkError, `${prefix}gone`],
  [
    "Deno's permissions",
    named("NotCapable", 'Requires net access to "cdn.test:8443", run again with --allow-net'),
    HostRefusedError,
    "Cannot pull the blob: this program may not connect to cdn.test:8443: Requires net access " +
    'to "cdn.test:8443", run again with --allow-net',
  ],
  [
    "Deno's permissions, of names",
    named("Error", "getaddrinfo EPERM cdn.test", { code: "EPERM" }),
    HostRefusedError,
    "Cannot pull the blob: this program may not connect to cdn.test:8443: getaddrinfo EPERM " +
    "cdn.test",
  ],
  [
    "Node's permissions",
    named("Error", "Access to this API has been restricted", { code: "ERR_ACCESS_DENIED" }),
    HostRefusedError,
    "Cannot pull the blob: this program may not connect to cdn.test:8443: Access to this API has " +
    "been restricted",
  ],
];

for (const [host, advice] of [["example", true], ["example:5000", false], ["localhost", false]]) {
  Deno.test(`sendFailure: ${host} is ${advice ? "" : "not "}said to be a host by its capitals`, () => {
    const request = { url: new URL(`https://${host}/v2/img`), what: "list the tags of img" };
    const { message } = sendFailure(request, new TypeError("no such host"));
    assertEquals(
      message.endsWith(
        ". The first part of a name is taken for a host where it has capitals: EXAMPLE",
      ),
      advice,
    );
  });
}

/** All that printing an error can show. */
function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.stack, ...Object.values(error).map(String), everything(error.cause)].join("\n");
}

for (const [name, error, errorClass, message] of failures) {
  Deno.test(`sendFailure: ${name}`, () => {
    const before = everything(error);
    const failure = sendFailure(told, error);
    assertInstanceOf(failure, errorClass);
    assertEquals(failure.message, message);
    assert(!everything(failure).includes("secret"), everything(failure));
    assertEquals(everything(error), before, "somebody else's error was changed");
  });
}

Deno.test("sendFailure: a retry may help a connection, not a missing permission", () => {
  assertEquals(sendFailure(told, new Error("lost")).retryable, true);
  const refused = sendFailure(told, named("NotCapable", "no"));
  assertInstanceOf(refused, HostRefusedError);
  assertEquals([refused.retryable, refused.host], [false, "cdn.test:8443"]);
});

Deno.test("sendFailure: an error of davit's own stays itself", () => {
  const error = new InvalidOptionError("no");
  assertStrictEquals(sendFailure(told, error), error);
  assertStrictEquals(bodyFailure(told, error), error);
});

Deno.test("sendFailure: an error without the URL is the cause itself", () => {
  const error = named("Error", "socket hang up", { code: "ECONNRESET" });
  assertStrictEquals(sendFailure(told, error).cause, error);
});

Deno.test("sendFailure: a cause without its URL keeps its name and code", () => {
  const cause = sendFailure(told, named("SomeError", `lost ${url}`, { code: "LOST" })).cause;
  assertInstanceOf(cause, Error);
  assertEquals([cause.name, cause.message], ["SomeError", "lost https://cdn.test:8443/blob"]);
  assertEquals((cause as Error & { code?: string }).code, "LOST");
});

Deno.test("sendFailure: causes in a circle come to an end", () => {
  const error = new Error("a");
  error.cause = error;
  assertEquals(sendFailure(told, error).message, `${prefix}a`);
});

const others: [name: string, error: ApiError, errorClass: Class, message: string][] = [
  [
    "bodyFailure",
    bodyFailure(told, new Error("aborted")),
    NetworkError,
    "Cannot pull the blob: the connection to cdn.test:8443 broke in the middle of the response: " +
    "aborted",
  ],
  [
    "sendTimeout",
    sendTimeout(told, 50),
    TimeoutError,
    "Cannot pull the blob: cdn.test:8443 did not answer within 50 ms (limits.responseTimeout)",
  ],
  [
    "sendTimeout, the source",
    sendTimeout(told, 50, "source"),
    TimeoutError,
    "Cannot pull the blob: the body gave no bytes for 50 ms (limits.stallTimeout)",
  ],
  [
    "sendTimeout, the server",
    sendTimeout(told, 50, "server"),
    TimeoutError,
    "Cannot pull the blob: cdn.test:8443 took no bytes for 50 ms (limits.stallTimeout)",
  ],
];

for (const [name, error, errorClass, message] of others) {
  Deno.test(name, () => {
    assertInstanceOf(error, errorClass);
    assertEquals(error.message, message);
  });
}
