import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type ApiError, HostRefusedError, TooManyRedirectsError, UploadError } from "../errors.ts";
import { openBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { ChannelRequest } from "./channel.ts";
import { request, scripted, type Step, watchedResponse } from "./fake_send_test.ts";
import { redirect } from "./redirect.ts";

const FROM = "https://registry.test/v2/a/blobs/x";

function to(location: string, status = 307): Response {
  return new Response(null, { status, headers: { location } });
}

async function follow(steps: Step[], init: Partial<ChannelRequest> = {}, maxRedirects = 10) {
  const { send, seen } = scripted(...steps);
  const answer = await redirect({ maxRedirects })(send)(
    request({ url: new URL(FROM), ...init }),
  );
  return { answer, seen };
}

const LOCATIONS: [name: string, location: string, url: string][] = [
  ["absolute", "https://cdn.test/blob?sig=a%2Fb", "https://cdn.test/blob?sig=a%2Fb"],
  ["absolute path", "/other", "https://registry.test/other"],
  ["relative path", "../y", "https://registry.test/v2/a/y"],
  ["without a scheme", "//cdn.test/blob", "https://cdn.test/blob"],
  ["with a fragment", "/other#part", "https://registry.test/other"],
  ["with a user and a password", "https://me:secret@cdn.test/", "https://cdn.test/"],
];

for (const [name, location, url] of LOCATIONS) {
  Deno.test(`redirect: a location that is ${name}`, async () => {
    const { answer, seen } = await follow([to(location), (r) => new Response(r.url.href)]);
    assertEquals(await answer.response.text(), url);
    assertEquals(answer.url.href, url);
    assertEquals(seen.map((r) => r.purpose), ["registry", "redirect"]);
    assertEquals(answer.hops.map((hop) => hop.status), [307]);
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`redirect: ${status} is followed`, async () => {
    const { answer, seen } = await follow([to("/b", status), new Response()]);
    assertEquals([answer.response.status, seen.length], [200, 2]);
  });
}

for (const status of [200, 300, 304, 305]) {
  Deno.test(`redirect: ${status} with a location is an answer`, async () => {
    const { answer, seen } = await follow([to("/b", status)]);
    assertEquals([answer.response.status, seen.length], [status, 1]);
  });
}

Deno.test("redirect: a 307 without a location is an answer", async () => {
  const { answer, seen } = await follow([new Response(null, { status: 307 })]);
  assertEquals([answer.response.status, seen.length], [307, 1]);
});

Deno.test("redirect: manual follows nothing", async () => {
  const { answer, seen } = await follow([to("/b")], { redirect: "manual" });
  assertEquals([answer.response.status, answer.hops.length, seen.length], [307, 0, 1]);
});

const SECRETS = { Authorization: "Bearer s3cret", Cookie: "s3cret", "Proxy-Authorization": "x" };

const ORIGINS: [name: string, from: string, chain: string[], kept: boolean][] = [
  ["the same origin", FROM, ["/other"], true],
  ["the default port, written out", FROM, ["https://registry.test:443/other"], true],
  ["another host", FROM, ["https://cdn.test/"], false],
  ["a subdomain", FROM, ["https://cdn.registry.test/"], false],
  ["another port", FROM, ["https://registry.test:8443/"], false],
  ["another scheme", "http://registry.test/", ["https://registry.test/"], false],
  ["away and back", FROM, ["https://cdn.test/", "https://registry.test/back"], false],
  ["one that looks alike", FROM, ["https://registry.test@cdn.test/"], false],
];

for (const [name, from, chain, kept] of ORIGINS) {
  Deno.test(`redirect: credentials ${kept ? "stay" : "go"} with ${name}`, async () => {
    const headers = new Headers({ ...SECRETS, Range: "bytes=5-", Accept: "a/b" });
    const { seen } = await follow(
      [...chain.map((location) => to(location)), new Response()],
      { url: new URL(from), headers },
    );
    const last = seen.at(-1)!.headers;
    for (const [secret, value] of Object.entries(SECRETS)) {
      assertEquals(last.get(secret), kept ? value : null);
    }
    assertEquals([last.get("range"), last.get("accept")], ["bytes=5-", "a/b"]);
    assertEquals(headers.get("authorization"), "Bearer s3cret", "the caller's own are untouched");
  });
}

const METHODS: [method: string, status: number, follows: string, body: string | undefined][] = [
  ["GET", 303, "GET", undefined],
  ["HEAD", 303, "HEAD", undefined],
  ["HEAD", 302, "HEAD", undefined],
  ["PUT", 301, "PUT", "abc"],
  ["PUT", 302, "PUT", "abc"],
  ["PUT", 307, "PUT", "abc"],
  ["PATCH", 308, "PATCH", "abc"],
  ["POST", 303, "GET", undefined],
  ["PUT", 303, "GET", undefined],
  ["DELETE", 307, "DELETE", undefined],
];

for (const [method, status, follows, text] of METHODS) {
  Deno.test(`redirect: ${method} by ${status} becomes ${follows}`, async () => {
    const sends = method.startsWith("P");
    const headers = new Headers(sends ? { "content-type": "a/b" } : {});
    const { seen } = await follow([to("/b", status), new Response()], {
      method,
      headers,
      ...(sends && { body: openBody(encodeText("abc")) }),
    });
    const last = seen[1]!;
    assertEquals(last.method, follows);
    assertEquals(last.headers.get("content-type"), text === undefined ? null : "a/b");
    assertEquals(last.body?.bytes, text === undefined ? undefined : encodeText(text));
  });
}

Deno.test("redirect: a stream that was sent cannot follow", async () => {
  const { response, cancelled } = watchedResponse({ status: 307, headers: { location: "/b" } });
  const body = openBody(new Blob(["abc"]).stream());
  const error = await assertRejects(
    () => follow([response], { method: "PUT", body }),
    UploadError,
    "Cannot do the thing: redirected to https://registry.test after the stream was sent. " +
      "Pass {size, open()} instead of a stream",
  );
  assertEquals([error.code, error.retryable], ["UPLOAD_FAILED", false]);
  assert(cancelled());
});

const REFUSED: [name: string, location: string, host: string, message: string][] = [
  ["https to http", "http://registry.test/?sig=s3cret", "registry.test", "from https to http"],
  ["https to http elsewhere", "http://cdn.test:80/", "cdn.test", "from https to http"],
  ["a file", "file:///etc/passwd", "", "not HTTP"],
  ["a script", "javascript:alert(1)", "", "not HTTP"],
  ["data", "data:,x", "", "not HTTP"],
  ["no URL at all", "https://", "", "not a URL"],
  ["a port that is none", "https://cdn.test:99999/", "", "not a URL"],
];

for (const [name, location, host, message] of REFUSED) {
  Deno.test(`redirect: ${name} is refused`, async () => {
    const error = await assertRejects(() => follow([to(location)]), HostRefusedError, message);
    assertEquals([error.code, error.host], ["HOST_REFUSED", host]);
    assert(!error.message.includes("s3cret"));
  });
}

const CIRCLES: [name: string, steps: Step[], maxRedirects: number, message: string][] = [
  ["to itself", [to(FROM)], 10, "in a circle at https://registry.test/v2/a/blobs/x"],
  ["by another place", [to("/b"), to(FROM)], 10, "in a circle"],
  ["with a fragment", [to(`${FROM}#again`)], 10, "in a circle"],
  ["for ever", [to("/1"), to("/2"), to("/3")], 2, "more than maxRedirects, 2, redirects"],
  ["when none may be followed", [to("/1")], 0, "more than maxRedirects, 0, redirects"],
];

for (const [name, steps, maxRedirects, message] of CIRCLES) {
  Deno.test(`redirect: a redirect ${name} ends in TOO_MANY_REDIRECTS`, async () => {
    const { send, seen } = scripted(...steps);
    const error: ApiError = await assertRejects(
      () => redirect({ maxRedirects })(send)(request({ url: new URL(FROM) })),
      TooManyRedirectsError,
      message,
    );
    assertEquals(error.code, "TOO_MANY_REDIRECTS");
    assertEquals(seen.length, steps.length);
  });
}

Deno.test("redirect: as many as the limit allows are followed, and each hop is told", async () => {
  const { answer, seen } = await follow([to("/1", 301), to("/2", 302), new Response("x")], {}, 2);
  assertEquals(answer.hops.map((hop) => hop.status), [301, 302]);
  assertEquals(seen.length, 3);
});

Deno.test("redirect: the bodies of the hops are let go of", async () => {
  const { response, cancelled } = watchedResponse({ status: 302, headers: { location: "/b" } });
  await follow([response, new Response()]);
  assert(cancelled());
});

Deno.test("redirect: a failing hop fails the request", async () => {
  const own = new Error("reset");
  assertStrictEquals(await assertRejects(() => follow([to("/b"), own])), own);
});
