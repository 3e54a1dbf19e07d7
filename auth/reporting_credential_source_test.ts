import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { AuthenticationError, InvalidOptionError, UnauthorizedError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import { responseError } from "../transport/expect.ts";
import type { ChannelRequest } from "../transport/channel.ts";
import { dockerCredentials } from "./credentials/docker_credentials.ts";
import type { Credential, CredentialSource } from "./credential.ts";
import { counted, fakeClient, FakeRegistry, FakeWire, intent } from "./fake_channel_test.ts";
import { failedReason, reportingCredentialSource } from "./reporting_credential_source.ts";

const TARGET = { host: "r.example", repository: "a" };
const PULL = intent("app", "pull");
const TAGS = "/v2/app/tags/list";
const JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ5b3UifQ.c2ln";

function reporting(source: CredentialSource) {
  const events: DavitEvent[] = [];
  return {
    events,
    asked: reportingCredentialSource(source, (event) => events.push(event))(TARGET),
  };
}

for (const nothing of [undefined, null, {}, { username: "", password: "" }]) {
  Deno.test(`reportingCredentialSource: ${JSON.stringify(nothing) ?? "undefined"} is none`, async () => {
    const { events, asked } = reporting(() => nothing as Credential | undefined);
    assertEquals([await asked, events], [undefined, []]);
  });
}

const FAILURES: [name: string, thrown: unknown, message: string][] = [
  ["an error", new Error("the helper is missing"), "the credential source failed: the helper is"],
  ["a text", "the helper is missing", "the credential source failed: the helper is missing"],
  ["nothing at all", undefined, "the credential source failed: undefined"],
  ["an error without words", new Error(""), "r.example: the credential source failed"],
  ["lines", new Error("one\n\u001b[31mtwo"), "failed: one [31mtwo"],
  ["a token", new Error(`bad answer ${JWT}`), "failed: bad answer ***"],
  ["a URL with a query", new Error("GET https://sts.example/?key=1"), "https://sts.example/?…"],
  ["a long text", new Error("x".repeat(10_000)), `${"x".repeat(300)}…`],
];

for (const [name, thrown, message] of FAILURES) {
  for (const way of ["throws", "rejects with"]) {
    Deno.test(`reportingCredentialSource: a source that ${way} ${name}: AUTHENTICATION_FAILED, and an event`, async () => {
      const { events, asked } = reporting(() => {
        if (way === "throws") throw thrown;
        return Promise.reject(thrown);
      });
      const error = await assertRejects(() => asked, AuthenticationError, message);
      assert(error.message.startsWith("Cannot get credentials for r.example: the credential"));
      assertEquals([error.code, error.cause], ["AUTHENTICATION_FAILED", thrown]);
      const [event] = events;
      assertEquals(events.length, 1);
      assert(event?.type === "credentials-failed");
      assertEquals(event.host, "r.example");
      assert(event.message.startsWith("Cannot get credentials for r.example"), event.message);
      assert(!JSON.stringify(events).includes(JWT));
    });
  }
}

Deno.test("reportingCredentialSource: davit's own errors pass as they are", async () => {
  const failure = new AuthenticationError("Cannot log in: because");
  const { events, asked } = reporting(() => Promise.reject(failure));
  assertStrictEquals(await assertRejects(() => asked), failure);
  assertEquals(events, [{
    type: "credentials-failed",
    host: "r.example",
    message: "Cannot log in: because",
  }]);
});

Deno.test("reportingCredentialSource: what a source goes on without is told, and does not end it", async () => {
  const { events, asked } = reporting((_target, report) => {
    report?.(new Error("the config is empty"));
    report?.(new AuthenticationError("Cannot run it"));
    return { username: "you" };
  });
  assertEquals(await asked, { username: "you" });
  assertEquals(events.map((event) => [event.type, Reflect.get(event, "message")]), [
    [
      "credentials-failed",
      "Cannot get credentials for r.example: the credential source failed: the config is empty",
    ],
    ["credentials-failed", "Cannot run it"],
  ]);
});

Deno.test("an empty config of Docker's: podman's credentials go along, and an event tells why", async () => {
  const registry = new FakeRegistry({ users: { you: "x" } });
  const client = fakeClient(
    registry,
    dockerCredentials({
      config: ["docker", "podman"],
      read: (path) =>
        path === "docker"
          ? ""
          : JSON.stringify({ auths: { "registry.example": { auth: btoa("you:x") } } }),
    }),
  );
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(registry.tokenCalls[0]?.authorization, `Basic ${btoa("you:x")}`);
  const [event] = client.events;
  assertEquals(event?.type, "credentials-failed");
  assert(JSON.stringify(event).includes("Cannot use docker: it is empty"));
});

Deno.test("reportingCredentialSource: an answer that cannot be used is a failure", async () => {
  const { events, asked } = reporting(() => ({ username: "a:b", password: "hunter2" }));
  await assertRejects(() => asked, InvalidOptionError, "username must not hold ':'");
  assertEquals(events.map(({ type }) => type), ["credentials-failed"]);
});

Deno.test("failedReason names the failure on one line", () => {
  const failure = new AuthenticationError("Cannot run it:\nexit 1");
  assertEquals(
    failedReason(failure),
    "the request was anonymous, as the credential source failed: Cannot run it: exit 1",
  );
});

const broken: CredentialSource = () => Promise.reject(new Error("the keychain is locked"));

Deno.test("a source that fails does not stop an anonymous pull, and is asked once for many", async () => {
  let asked = 0;
  const registry = new FakeRegistry();
  const client = fakeClient(registry, () => {
    asked++;
    throw new Error("the keychain is locked");
  });
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 3]);
  assertEquals(registry.tokenCalls.map(({ authorization }) => authorization), [null]);
  for (let time = 0; time < 10; time++) {
    assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
  }
  client.clock.time += 3_600_000;
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 2]);
  assertEquals(asked, 1);
  assertEquals(client.events.filter(({ type }) => type === "credentials-failed").length, 1);
});

/** What a caller of an endpoint gets for a refusal. */
async function refusalOf(wire: FakeWire, source: CredentialSource, method = "GET") {
  const client = fakeClient(wire, source);
  const answer = await client.call(method, TAGS, PULL);
  const request = { method, url: new URL(TAGS, client.options.origin), what: "list the tags" };
  return {
    client,
    error: await responseError(client.options, request as ChannelRequest, answer),
  };
}

const REFUSING: [name: string, status: number, challenge: string | undefined][] = [
  ["Basic", 401, 'Basic realm="r"'],
  ["Bearer, whatever the token", 401, 'Bearer realm="/token"'],
  ["403 after an anonymous token", 403, 'Bearer realm="/token"'],
];

for (const [name, status, challenge] of REFUSING) {
  Deno.test(`a registry that refuses after the source failed says so: ${name}`, async () => {
    const wire = new FakeWire(({ line, authorization }) => {
      if (line.endsWith("/token")) return Response.json({ token: "anonymous" });
      const asks = authorization === null && challenge !== undefined;
      return new Response("", {
        status: asks ? 401 : status,
        headers: status === 401 || asks ? { "www-authenticate": challenge! } : {},
      });
    });
    const { error } = await refusalOf(wire, broken);
    assertEquals(error.statusCode, status);
    assertEquals(
      error.message,
      `Cannot list the tags: ${status} (the request was anonymous, as the credential source ` +
        "failed: Cannot get credentials for registry.example: the credential source failed: " +
        "the keychain is locked)",
    );
    assert(error.cause instanceof AuthenticationError);
    assertEquals((error.cause.cause as Error).message, "the keychain is locked");
  });
}

Deno.test("a refusal with credentials says nothing of sources", async () => {
  const wire = new FakeWire(() =>
    new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } })
  );
  const { error } = await refusalOf(wire, () => ({ username: "you", password: "x" }));
  assert(error instanceof UnauthorizedError);
  assertEquals([error.message, error.cause], [
    "Cannot list the tags: 401 (the password of you was refused)",
    undefined,
  ]);
});

Deno.test("a refusal after credentials were withheld names trustedRealms", async () => {
  const wire = new FakeWire(({ url }) =>
    url.host === "sso.example" ? Response.json({ token: "anonymous" }) : new Response("", {
      status: 401,
      headers: { "www-authenticate": 'Bearer realm="https://sso.example/token"' },
    })
  );
  const { error } = await refusalOf(wire, () => ({ username: "you", password: "x" }));
  assert(error.message.includes('trustedRealms: {"registry.example": "sso.example"}'));
});

Deno.test("a token service that refuses an anonymous request says that the source failed, and is its cause", async () => {
  const registry = new FakeRegistry({ token: () => new Response("", { status: 401 }) });
  const error = await assertRejects(
    () => fakeClient(registry, broken).call("GET", TAGS, PULL),
    AuthenticationError,
    "as the credential source failed: Cannot get credentials for registry.example",
  );
  assertEquals(error.statusCode, 401);
  assert(error.cause instanceof AuthenticationError);
});

Deno.test("a source that works again is asked at the first call after a refusal", async () => {
  let works = false;
  const registry = new FakeRegistry({ challenge: () => 'Basic realm="r"', users: { you: "x" } });
  const client = fakeClient(registry, () => {
    if (!works) throw new Error("the keychain is locked");
    return { username: "you", password: "x" };
  });
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [401, 1]);
  works = true;
  assertEquals(await counted(registry, () => client.call("GET", TAGS, PULL)), [200, 1]);
});

Deno.test("an abort while the source is asked is the signal's reason, not a failure", async () => {
  const controller = new AbortController();
  const client = fakeClient(new FakeRegistry(), () => new Promise(() => {}));
  const call = client.call("GET", TAGS, PULL, { signal: controller.signal });
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason));
  assertStrictEquals(await assertRejects(() => call), reason);
  assertEquals(client.events, []);
});

for (const [challenge, answer] of [['Bearer realm="/token"', "Bearer"], ["Basic", "throws"]]) {
  Deno.test(`end-1 authInfo with a source that fails, ${challenge}: ${answer}`, async () => {
    const { authentication, events } = fakeClient(new FakeRegistry(), broken);
    const ping = new Response("", { status: 401, headers: { "www-authenticate": challenge! } });
    const info = () => authentication.info({ ping });
    if (answer === "throws") {
      await assertRejects(info, AuthenticationError, "the keychain is locked");
    } else assertEquals(await info(), { type: "Bearer", token: "t1" });
    assertEquals(events[0]?.type, "credentials-failed");
  });
}

Deno.test("a credential object that cannot be used is an error at once, not a failed source", () => {
  const wire = new FakeRegistry();
  const error = (() => {
    try {
      return fakeClient(wire, { username: "a:b" });
    } catch (error) {
      return error;
    }
  })();
  assert(error instanceof InvalidOptionError);
  assertEquals(wire.seen, []);
});
