import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { digest, streamOf } from "../fixture_test.ts";
import { createTestRegistry } from "../test_registry.ts";
import { record } from "./record.ts";

const ORIGIN = "http://registry.test";

function answering(response: () => Response | Promise<Response>) {
  const fetch = async (input: Request | URL | string, init?: RequestInit) => {
    const body = input instanceof Request ? input.body : new Request(input, init).body;
    if (body !== null) { for await (const _ of body); }
    return await response();
  };
  return record(fetch);
}

Deno.test("record: an exchange has its method, URL, headers, status and bodies", async () => {
  let time = 1_000;
  const registry = createTestRegistry();
  const recording = record((input, init) => {
    time += 25;
    return registry.fetch(input, init);
  }, { now: () => time });
  const url = `${ORIGIN}/v2/app/blobs/uploads/?digest=${await digest("hello")}`;
  await recording.fetch(url, { method: "POST", body: "hello", headers: { "x-key": "k" } });
  time += 100;
  const blob = await recording.fetch(
    new Request(`${ORIGIN}/v2/app/blobs/${await digest("hello")}`),
  );
  assertEquals(await blob.text(), "hello");
  const tape = JSON.parse(JSON.stringify(await recording.tape()));
  const body = { digest: await digest("hello"), size: 5 };
  assertEquals(tape.exchanges[0], {
    method: "POST",
    url,
    at: 0,
    took: 25,
    request: { headers: { "x-key": "redacted" }, body },
    response: {
      status: 201,
      headers: {
        "content-length": "0",
        "content-security-policy": "default-src 'none'; sandbox",
        "docker-content-digest": body.digest,
        "docker-distribution-api-version": "registry/2.0",
        "x-content-type-options": "nosniff",
        "location": `/v2/app/blobs/${body.digest}`,
      },
    },
  });
  assertEquals([tape.exchanges[1].at, tape.exchanges[1].took], [125, 25]);
  assertEquals(tape.exchanges[1].response.body, body);
  assertEquals(tape.bodies, { [body.digest]: { text: "hello" } });
});

for (
  const [name, send] of [
    ["text", (f, url) => f(url, { method: "POST", body: "hello" })],
    ["bytes", (f, url) => f(url, { method: "POST", body: encodeText("hello") })],
    ["a Blob", (f, url) => f(url, { method: "POST", body: new Blob(["hello"]) })],
    [
      "a stream",
      (f, url) =>
        f(url, { method: "POST", body: streamOf(["he", "llo"]), duplex: "half" } as RequestInit),
    ],
    ["a Request", (f, url) => f(new Request(url, { method: "POST", body: "hello" }))],
    ["a URL", (f, url) => f(new URL(url), { method: "POST", body: "hello" })],
  ] as [string, (fetch: ReturnType<typeof record>["fetch"], url: string) => Promise<Response>][]
) {
  Deno.test(`record: a request's body as ${name} is sent, and is on the tape`, async () => {
    const registry = createTestRegistry();
    const recording = record(registry.fetch);
    const url = `${ORIGIN}/v2/app/blobs/uploads/?digest=${await digest("hello")}`;
    assertEquals((await send(recording.fetch, url)).status, 201);
    const { exchanges: [exchange] } = await recording.tape();
    assertEquals(exchange!.request.body, { digest: await digest("hello"), size: 5 });
  });
}

Deno.test("record: bytes are Base64 where they are no text", async () => {
  const recording = record(createTestRegistry().fetch);
  const bytes = new Uint8Array([0xff, 0, 1]);
  const url = `${ORIGIN}/v2/app/blobs/uploads/`;
  await recording.fetch(url, { method: "POST", body: bytes });
  assertEquals(Object.values((await recording.tape()).bodies)[0], { base64: "/wAB" });
});

Deno.test("record: content over the limit has its digest and size alone", async () => {
  const registry = createTestRegistry();
  const recording = record(registry.fetch, { bodyLimit: 4 });
  const url = `${ORIGIN}/v2/app/blobs/uploads/?digest=${await digest("hello")}`;
  await recording.fetch(url, { method: "POST", body: "hello" });
  const tape = await recording.tape();
  assertEquals(tape.exchanges[0]!.request.body, { digest: await digest("hello"), size: 5 });
  assertEquals(tape.bodies, {});
});

Deno.test("record: a failure is on the tape by its name, and reaches the caller", async () => {
  const failure = new TypeError("to https://s.test/?sig=s3cr3t");
  const recording = record(() => Promise.reject(failure));
  await assertRejects(() => recording.fetch(`${ORIGIN}/v2/`), TypeError, "s3cr3t");
  const { exchanges: [exchange] } = await recording.tape();
  assertEquals([exchange!.failure, exchange!.response], ["TypeError", undefined]);
});

Deno.test("record: a body that breaks, or that is not read, is cut", async () => {
  const blob = `${ORIGIN}/v2/app/blobs/${await digest("x")}`;
  const broken = answering(() => new Response(streamOf(["abc"], new Error("reset"))));
  await assertRejects(async () => await (await broken.fetch(blob)).text(), Error, "reset");
  assertEquals((await broken.tape()).exchanges[0]!.response!.body, {
    digest: await digest("abc"),
    size: 3,
    cut: true,
  });
  const unread = answering(() => new Response("abc"));
  await (await unread.fetch(blob)).body!.cancel();
  assertEquals((await unread.tape()).exchanges[0]!.response!.body!.cut, true);
});

Deno.test("record: a request that waits is not on the tape yet", async () => {
  const answer = Promise.withResolvers<Response>();
  const recording = answering(() => answer.promise);
  const waiting = recording.fetch(`${ORIGIN}/v2/`);
  assertEquals((await recording.tape()).exchanges, []);
  answer.resolve(new Response("{}"));
  assertEquals(await (await waiting).text(), "{}");
  assertEquals((await recording.tape()).exchanges.length, 1);
});

Deno.test("record: a body that fetch has unpacked has neither encoding nor length", async () => {
  const recording = answering(() =>
    new Response("abc", { headers: { "content-encoding": "gzip", "content-length": "99" } })
  );
  await (await recording.fetch(`${ORIGIN}/v2/a/tags/list`)).text();
  const { headers } = (await recording.tape()).exchanges[0]!.response!;
  assertEquals(["content-encoding" in headers, "content-length" in headers], [false, false]);
});

Deno.test("record: the response keeps its URL, and one without a body is itself", async () => {
  const original = new Response(null, { status: 204 });
  assert(await answering(() => original).fetch(`${ORIGIN}/v2/`) === original);
  const response = new Response("abc");
  Object.defineProperty(response, "url", { value: "http://other.test/" });
  const seen = await answering(() => response).fetch(`${ORIGIN}/v2/`);
  assertEquals([seen.url, seen.redirected, await seen.text()], [
    "http://other.test/",
    false,
    "abc",
  ]);
});

Deno.test("record: an error of a registry as text stays, another host's does not", async () => {
  const recording = answering(() => new Response("404 page not found\n", { status: 404 }));
  await (await recording.fetch(`${ORIGIN}/v2/app/referrers/${await digest("x")}`)).text();
  await (await recording.fetch("https://s.test/x")).text();
  const tape = await recording.tape();
  const texts = tape.exchanges.map(({ response }) => tape.bodies[response!.body!.digest]);
  assertEquals(texts, [{ text: "404 page not found\n" }, { text: "redacted" }]);
});

Deno.test("record: JSON keeps what is known, its length follows", async () => {
  const body = JSON.stringify({ token: "s3cr3t-token", expires_in: 300, scope: "a", new: ["x"] });
  const recording = answering(() =>
    new Response(body, { headers: { "content-length": String(body.length) } })
  );
  await (await recording.fetch("https://a.test/token")).text();
  const tape = await recording.tape();
  const { headers, body: written } = tape.exchanges[0]!.response!;
  const text = '{"token":"redacted-1","expires_in":300,"scope":"a","new":["redacted-2"]}';
  assertEquals(tape.bodies[written!.digest], { text });
  assertEquals([written!.size, headers["content-length"]], [text.length, String(text.length)]);
});

Deno.test("record: content with a known secret in it is not kept", async () => {
  const recording = answering(() => new Response("user: me, token: 0123456789"));
  const headers = { authorization: "Bearer 0123456789" };
  await (await recording.fetch(`${ORIGIN}/v2/a/blobs/${await digest("x")}`, { headers })).text();
  const tape = await recording.tape();
  assertEquals(tape.bodies, {});
  assertEquals(tape.exchanges[0]!.response!.body!.size, 27);
});
