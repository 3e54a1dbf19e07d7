import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../../errors.ts";
import { RegistryClientV2 } from "../../registry_client_v2.ts";
import { serve } from "../../server/listen/serve.ts";
import { digest } from "../fixture_test.ts";
import { createTestRegistry } from "../test_registry.ts";
import { record } from "./record.ts";
import { replay, type ReplayOptions } from "./replay.ts";
import type { Tape, TapeExchange } from "./tape.ts";

const ORIGIN = "https://registry.test";

interface Said {
  method?: string;
  path?: string;
  sent?: Record<string, string>;
  status?: number;
  headers?: Record<string, string>;
  text?: string;
  size?: number;
  cut?: true;
  took?: number;
}

/** A tape of what was said; a text is its own digest here. */
function tapeOf(...said: Said[]): Tape {
  const exchanges = said.map((each): TapeExchange => ({
    method: each.method ?? "GET",
    url: each.path?.startsWith("http") ? each.path : ORIGIN + (each.path ?? "/v2/"),
    at: 0,
    took: each.took ?? 0,
    request: { headers: each.sent ?? {} },
    response: {
      status: each.status ?? 200,
      headers: each.headers ?? {},
      ...(each.text !== undefined && {
        body: {
          digest: each.text,
          size: each.size ?? each.text.length,
          ...(each.cut && { cut: true }),
        },
      }),
    },
  }));
  const bodies = Object.fromEntries(
    said.flatMap(({ text, size }) => text === undefined || size ? [] : [[text, { text }]]),
  );
  return { version: 1, exchanges, bodies };
}

async function ask(
  answer: ReturnType<typeof replay>,
  path: string,
  init: RequestInit = {},
): Promise<[number, string]> {
  const url = path.startsWith("http") ? path : ORIGIN + path;
  const response = await answer(new Request(url, init));
  return [response.status, await response.text()];
}

Deno.test("replay: status, headers and body are those recorded", async () => {
  const tape = tapeOf({
    status: 418,
    headers: { "x-odd": "yes", "content-length": "3" },
    text: "odd",
  });
  const response = await replay(tape)(new Request(`${ORIGIN}/v2/`));
  assertEquals(response.status, 418);
  assertEquals(response.headers.get("x-odd"), "yes");
  assertEquals(await response.text(), "odd");
});

Deno.test("replay: Base64 is bytes", async () => {
  const tape = tapeOf({ text: "x", size: 3 });
  tape.bodies["x"] = { base64: "/wAB" };
  const response = await replay(tape)(new Request(`${ORIGIN}/v2/`));
  assertEquals([...new Uint8Array(await response.arrayBuffer())], [0xff, 0, 1]);
});

for (
  const [name, recorded, asked] of [
    ["the query in another order", "/v2/a/tags/list?n=1&last=b", "/v2/a/tags/list?last=b&n=1"],
    ["escapes", "/v2/a/blobs/sha256:00", "/v2/a/blobs/sha256%3A00"],
    ["escapes in the query", "/x?scope=repository%3Aa%3Apull", "/x?scope=repository:a:pull"],
  ] as [string, string, string][]
) {
  Deno.test(`replay: ${name} makes no other request`, async () => {
    assertEquals(await ask(replay(tapeOf({ path: recorded, text: "it" })), asked), [200, "it"]);
  });
}

Deno.test("replay: of requests alike, the n-th gets the n-th answer, a GET the last one again", async () => {
  const answer = replay(tapeOf({ text: "1" }, { path: "/v2/x", text: "x" }, { text: "2" }));
  assertEquals(await ask(answer, "/v2/"), [200, "1"]);
  assertEquals(await ask(answer, "/v2/"), [200, "2"]);
  assertEquals(await ask(answer, "/v2/x"), [200, "x"]);
  assertEquals(await ask(answer, "/v2/"), [200, "2"]);
});

Deno.test("replay: whoever brings Authorization at once gets the answer to that", async () => {
  const answer = replay(tapeOf({ status: 401, text: "who" }, {
    sent: { authorization: "Bearer redacted-1" },
    text: "you",
  }));
  const headers = { authorization: "Bearer mine" };
  assertEquals(await ask(answer, "/v2/", { headers }), [200, "you"]);
  assertEquals(await ask(answer, "/v2/"), [401, "who"]);
  assertEquals(await ask(answer, "/v2/", { headers }), [200, "you"]);
});

Deno.test("replay: ranges are told apart", async () => {
  const answer = replay(tapeOf({ text: "whole" }, { sent: { range: "bytes=2-" }, text: "ole" }));
  assertEquals(await ask(answer, "/v2/", { headers: { range: "bytes=2-" } }), [200, "ole"]);
  assertEquals(await ask(answer, "/v2/"), [200, "whole"]);
});

Deno.test("replay: what is not on the tape is 501 and says so, without values", async () => {
  const answer = replay(tapeOf({ method: "POST", path: "/v2/a/blobs/uploads/", status: 202 }));
  const path = "/v2/a/blobs/uploads/";
  assertEquals(await ask(answer, path, { method: "POST", body: "x" }), [202, ""]);
  const [status, text] = await ask(answer, path, { method: "POST" });
  assertEquals([status, JSON.parse(text).errors[0].message], [
    501,
    `Cannot replay POST ${ORIGIN}/v2/a/blobs/uploads/: the tape has no such request, or no more of ` +
    `them; of that path it has POST ${ORIGIN}/v2/a/blobs/uploads/`,
  ]);
  const [, other] = await ask(answer, "/token?password=s3cr3t");
  assertEquals(JSON.parse(other).errors[0].message.includes("/token?password=redacted-1: "), true);
});

Deno.test("replay: a host of the tape answers for itself, another one for all", async () => {
  const tape = tapeOf(
    { path: "https://a.test/x", text: "a", headers: { location: "https://b.test/y" } },
    { path: "https://b.test/x", text: "b" },
  );
  const answer = replay(tape);
  assertEquals(await ask(answer, "https://b.test/x"), [200, "b"]);
  const response = await replay(tape)(new Request("http://127.0.0.1:5000/x"));
  assertEquals(await response.text(), "a");
  assertEquals(response.headers.get("location"), "http://127.0.0.1:5000/y");
});

Deno.test("replay: a body that broke breaks again", async () => {
  const answer = replay(tapeOf({ text: "abc", cut: true }));
  await assertRejects(() => ask(answer, "/v2/"), TypeError, "the recorded body ends here");
});

Deno.test("replay: a failure fails again", async () => {
  const tape = tapeOf({});
  delete tape.exchanges[0]!.response;
  tape.exchanges[0]!.failure = "TimeoutError";
  await assertRejects(() => ask(replay(tape), "/v2/"), TypeError, "failed with TimeoutError");
});

for (
  const [name, options, expected] of [
    ["nothing", {}, [501, "Cannot replay the body big: its 70000 bytes are not on the tape"]],
    ["the bytes", { bodies: () => new TextEncoder().encode("given") }, [200, "given"]],
  ] as [string, ReplayOptions, [number, string]][]
) {
  Deno.test(`replay: a body that is not on the tape, with ${name} given`, async () => {
    const [status, text] = await ask(
      replay(tapeOf({ text: "big", size: 70_000 }), options),
      "/v2/",
    );
    assertEquals([status, text.includes(expected[1])], [expected[0], true]);
  });
}

Deno.test("replay: a filler has the size, and is the same every time", async () => {
  const answer = replay(tapeOf({ text: "big", size: 70_000 }), { filler: true });
  const first = await (await answer(new Request(`${ORIGIN}/v2/`))).bytes();
  const second = await (await answer(new Request(`${ORIGIN}/v2/`))).bytes();
  assertEquals(first.byteLength, 70_000);
  assertEquals(first, second);
  assertEquals(new Set(first).size > 100, true);
});

Deno.test("replay: the time of an answer is kept when that is asked for", async () => {
  const waits: number[] = [];
  const wait = (milliseconds: number) => Promise.resolve(void waits.push(milliseconds));
  await ask(replay(tapeOf({ took: 1_500 }), { wait }), "/v2/");
  await ask(replay(tapeOf({ took: 1_500 }), { timing: true, wait }), "/v2/");
  assertEquals(waits, [1_500]);
});

for (
  const [name, tape, message] of [
    ["nothing", null, "current value is undefined"],
    ["another version", { version: 2 }, "current value is 2"],
    ["a part of one", { version: 1, exchanges: [] }, "'tape' is not whole"],
    [
      "an exchange without a URL",
      { version: 1, exchanges: [{ method: "GET" }], bodies: {} },
      "lacks",
    ],
  ] as [string, unknown, string][]
) {
  Deno.test(`replay: ${name} is refused`, () => {
    assertThrows(() => createTestRegistry({ tape: tape as Tape }), InvalidOptionError, message);
  });
}

Deno.test("replay: HEAD and 204 have no body; the registry notes what was asked", async () => {
  const registry = createTestRegistry({
    tape: tapeOf({ method: "HEAD", headers: { "content-length": "3" }, text: "abc" }, {
      method: "DELETE",
      status: 204,
    }),
  });
  const head = await registry.fetch(`${ORIGIN}/v2/`, { method: "HEAD" });
  assertEquals([head.headers.get("content-length"), head.body], ["3", null]);
  assertEquals((await registry.fetch(`${ORIGIN}/v2/`, { method: "DELETE" })).status, 204);
  assertEquals(registry.requests.map(({ method, status }) => [method, status]), [
    ["HEAD", 200],
    ["DELETE", 204],
  ]);
});

Deno.test("replay: a session of uploads goes on, in memory and over a socket", async () => {
  const registry = createTestRegistry({ auth: { bearer: { users: { me: "a password" } } } });
  const recording = record(registry.fetch);
  const bytes = new TextEncoder().encode("0123456789");
  const use = async (name: string, password: string, fetch?: typeof globalThis.fetch) => {
    const client = new RegistryClientV2({
      name,
      username: "me",
      password,
      scopes: ["pull", "push"],
      ...(fetch && { fetch }),
    });
    let session = await client.startBlobUpload();
    session = await client.uploadBlobChunk({ session, data: bytes.slice(0, 4) });
    session = await client.uploadBlobChunk({ session, data: bytes.slice(4) });
    await client.completeBlobUpload({ session, digest: await digest("0123456789") });
    const text = await (await client.getBlob(await digest("0123456789"))).text();
    client.close();
    return text;
  };
  await use("http://registry.test/app", "a password", recording.fetch as typeof fetch);
  const tape = await recording.tape();
  const again = createTestRegistry({ tape });
  assertEquals(
    await use("http://registry.test/app", "none", again.fetch as typeof fetch),
    "0123456789",
  );
  const server = await serve(createTestRegistry({ tape }));
  assertEquals(await use(`${server.url}/app`, "none"), "0123456789");
  await server.close();
});
