import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodeText } from "../../content/bytes.ts";
import { InvalidOptionError } from "../../errors.ts";
import { serve } from "../../server/listen/serve.ts";
import { digest, memoryWire, specTest } from "../fixture_test.ts";
import { createTestRegistry } from "../test_registry.ts";
import type { FaultRule } from "./faults.ts";

const START = 1_700_000_000_000;

/** A clock without waiting; endless waits end by `end`. */
function fakeTime() {
  const slept: number[] = [];
  let end: () => void = () => {};
  return {
    slept,
    now: () => START,
    end: () => end(),
    sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
      slept.push(milliseconds);
      if (milliseconds !== Infinity) return Promise.resolve();
      return new Promise((resolve, reject) => {
        end = resolve;
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
  };
}

const STATUSES: [
  name: string,
  fault: FaultRule,
  expected: [status: number, code: string | undefined, retryAfter: string | null],
][] = [
  ["429", { status: 429 }, [429, "TOOMANYREQUESTS", null]],
  ["503", { status: 503 }, [503, "UNKNOWN", null]],
  ["seconds", { status: 429, retryAfter: 7 }, [429, "TOOMANYREQUESTS", "7"]],
  ["a date", { status: 503, retryAfter: { date: 60 } }, [
    503,
    "UNKNOWN",
    "Tue, 14 Nov 2023 22:14:20 GMT",
  ]],
  ["a code", { status: 403, code: "DENIED" }, [403, "DENIED", null]],
  ["plain text", { status: 502, text: "Bad Gateway" }, [502, undefined, null]],
];
for (const [name, fault, expected] of STATUSES) {
  specTest(`fault: a status: ${name}, once`, async (wire) => {
    const got: unknown[] = [];
    for (const _ of [1, 2, 3]) {
      const { status, code, headers } = await wire.send("GET", "/v2/");
      got.push([status, code, headers.get("retry-after")]);
    }
    assertEquals(got, [[200, undefined, null], expected, [200, undefined, null]]);
    assertEquals(wire.registry.requests.map(({ status }) => status), [200, expected[0], 200]);
  }, { faults: { ...fault, on: { nth: 2 } }, now: () => START, memoryOnly: false });
}

for (const fail of ["before", "after"] as const) {
  Deno.test(`fault: the connection breaks ${fail} the registry did its work`, async () => {
    const wire = memoryWire({ faults: { fail, on: { method: "POST", nth: 1 } } });
    const path = `/v2/app/blobs/uploads/?digest=${await digest("hello")}`;
    await assertRejects(() => wire.send("POST", path, { body: "hello" }), TypeError, "broke");
    const landed = await wire.send("HEAD", `/v2/app/blobs/${await digest("hello")}`);
    assertEquals(landed.status, fail === "after" ? 200 : 404);
    assertEquals((await wire.send("POST", path, { body: "hello" })).status, 201);
    assertEquals(wire.registry.requests.map(({ status }) => status), [
      0,
      fail === "after" ? 200 : 404,
      201,
    ]);
  });
}

Deno.test("fault: the request's body breaks after k bytes, which the registry keeps", async () => {
  const wire = memoryWire({ faults: { cutRequestAfter: 3, on: { method: "PATCH", nth: 1 } } });
  const location = await wire.startUpload("app");
  await assertRejects(() => wire.send("PATCH", location, { body: "hello" }), TypeError, "broke");
  assertEquals((await wire.send("GET", location)).headers.get("range"), "0-2");
  assertEquals(wire.registry.requests[1]!.bytesIn, 3);
});

for (const cutAfter of [0, 1, 4]) {
  Deno.test(`fault: the answer's body breaks after ${cutAfter} bytes`, async () => {
    const wire = memoryWire({ faults: { cutAfter, on: { endpoint: "blob", method: "GET" } } });
    const hello = await wire.pushBlob("app", "hello");
    const response = await wire.fetch(`${wire.origin}/v2/app/blobs/${hello}`, {});
    assertEquals(response.headers.get("content-length"), "5");
    let text = "";
    await assertRejects(
      async () => {
        for await (const piece of response.body!) text += new TextDecoder().decode(piece);
      },
      TypeError,
      "broke",
    );
    assertEquals(text, "hello".slice(0, cutAfter));
    assertEquals(wire.registry.requests.at(-1)!.bytesOut, cutAfter);
  });
}

specTest("fault: over a socket a cut body is an error too", async (wire) => {
  const large = await wire.pushBlob("app", new Uint8Array(100_000));
  await assertRejects(() => wire.send("GET", `/v2/app/blobs/${large}`));
  assertEquals((await wire.send("GET", `/v2/app/blobs/${large}`)).bytes.byteLength, 100_000);
}, { faults: { cutAfter: 50_000, on: { endpoint: "blob", method: "GET", nth: 1 } } });

Deno.test("fault: no answer comes, until the client gives up", async () => {
  const time = fakeTime();
  const wire = memoryWire({
    now: time.now,
    sleep: time.sleep,
    faults: { stall: "answer", on: { nth: 1 } },
  });
  const abort = new AbortController();
  const asked = wire.fetch(`${wire.origin}/v2/`, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => asked, Error, "enough");
  assertEquals(time.slept, [Infinity]);
  assertEquals((await wire.send("GET", "/v2/")).status, 200);
});

Deno.test("fault: the answer's body stands still after k bytes, and goes on", async () => {
  const time = fakeTime();
  const wire = memoryWire({
    now: time.now,
    sleep: time.sleep,
    faults: { stall: 2, on: { method: "GET" } },
  });
  const hello = await wire.pushBlob("app", "hello");
  const { body } = await wire.fetch(`${wire.origin}/v2/app/blobs/${hello}`, {});
  const reader = body!.getReader();
  assertEquals((await reader.read()).value, encodeText("he"));
  const rest = reader.read();
  assertEquals(await Promise.race([rest, Promise.resolve("still")]), "still");
  time.end();
  assertEquals((await rest).value, encodeText("llo"));
  assertEquals((await reader.read()).done, true);
});

Deno.test("fault: cancelling a body that stands still ends its wait", async () => {
  const wire = memoryWire({ faults: { stall: 0, on: { method: "GET" } } });
  const hello = await wire.pushBlob("app", "hello");
  const { body } = await wire.fetch(`${wire.origin}/v2/app/blobs/${hello}`, {});
  const reader = body!.getReader();
  const read = reader.read();
  await reader.cancel();
  assertEquals((await read).done, true);
});

Deno.test("fault: b bytes a second, for each connection", async () => {
  const time = fakeTime();
  const wire = memoryWire({
    now: time.now,
    sleep: time.sleep,
    faults: { bytesPerSecond: 20, on: { method: "GET" } },
  });
  const hello = await wire.pushBlob("app", "hello");
  const path = `/v2/app/blobs/${hello}`;
  const both = await Promise.all([wire.send("GET", path), wire.send("GET", path)]);
  assertEquals(both.map(({ text }) => text), ["hello", "hello"]);
  // Pieces of two bytes, 100 ms each, and the last one half.
  assertEquals(time.slept.toSorted((a, b) => a - b), [50, 50, 100, 100, 100, 100]);
});

Deno.test("fault: a slow request", async () => {
  const time = fakeTime();
  const wire = memoryWire({
    now: time.now,
    sleep: time.sleep,
    faults: { bytesPerSecond: 10, on: { method: "POST" } },
  });
  await wire.pushBlob("app", "hello");
  assertEquals(time.slept, [100, 100, 100, 100, 100]);
});

Deno.test("fault: a delay", async () => {
  const time = fakeTime();
  const wire = memoryWire({ now: time.now, sleep: time.sleep, faults: { delay: 1_500 } });
  assertEquals([(await wire.send("GET", "/v2/")).status, time.slept], [200, [1_500]]);
});

specTest("fault: another byte", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { text, headers } = await wire.send("GET", `/v2/app/blobs/${hello}`);
  assertEquals([text, headers.get("docker-content-digest")], ["hemlo", hello]);
}, { faults: { corruptAt: 2, on: { method: "GET" } } });

Deno.test("fault: the real time", async () => {
  const wire = memoryWire({ faults: { delay: 5, bytesPerSecond: 1_000 } });
  const started = performance.now();
  assertEquals((await wire.send("GET", "/v2/")).text, "{}");
  assertEquals(performance.now() - started >= 6, true);
});

Deno.test("faults: the first rule sees a request first, and both count", async () => {
  const wire = memoryWire({
    faults: [
      { status: 503, on: { nth: 1 } },
      { status: 429, on: { nth: 1 } },
    ],
  });
  const got: number[] = [];
  for (const _ of [1, 2, 3]) got.push((await wire.send("GET", "/v2/")).status);
  assertEquals(got, [503, 429, 200]);
});

const INVALID: FaultRule[] = [
  { status: 99 },
  { status: 600 },
  { bytesPerSecond: 0 },
  { delay: -1 },
  { cutAfter: NaN },
  { cutRequestAfter: -1 },
  { stall: -1 },
  { corruptAt: -1 },
];
for (const fault of INVALID) {
  const [name] = Object.keys(fault);
  Deno.test(`fault: ${JSON.stringify(fault)} is an InvalidOptionError`, () => {
    assertThrows(
      () => createTestRegistry({ faults: fault }),
      InvalidOptionError,
      `'${name}' must be`,
    );
  });
}

Deno.test("fault: over a socket a broken connection is an error, or Deno's 500", async () => {
  const registry = createTestRegistry({ faults: { fail: "before", on: { nth: 1 } } });
  const server = await serve(registry);
  try {
    const broken = await fetch(`${server.url}/v2/`).catch(() => undefined);
    await broken?.body?.cancel();
    assertEquals(broken?.status ?? 500, 500);
    const whole = await fetch(`${server.url}/v2/`);
    assertEquals(await whole.text(), "{}");
  } finally {
    await server.close();
  }
});
