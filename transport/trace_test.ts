import { assertEquals, assertRejects } from "@std/assert";
import type { DavitEvent } from "../events.ts";
import { FakeClock, request, scripted, type Step } from "./fake_send_test.ts";
import { trace } from "./trace.ts";

function traced(...steps: Step[]) {
  const clock = new FakeClock();
  const events: DavitEvent[] = [];
  const wire = scripted(...steps);
  const send = trace({ clock, emit: (event) => events.push(event), secrets: {} })(
    wire.send,
  );
  return { send, events, clock, of: (type: string) => events.filter((e) => e.type === type) };
}

function warning(...headers: string[]): Response {
  return new Response(null, {
    headers: headers.map((value): [string, string] => ["warning", value]),
  });
}

const OTHER = { url: new URL("https://other.test:5000/") };

Deno.test("trace: tells the request, then the response and how long it took", async () => {
  const { send, events, clock } = traced(() => {
    clock.time += 42;
    return new Response(null, { status: 202 });
  });
  await send(request({
    method: "PATCH",
    url: new URL("https://me:pw@registry.test/up?_state=s3cret&digest=d"),
  }));
  const told = { method: "PATCH", url: "https://registry.test/up?_state=…&digest=d" };
  assertEquals(events, [
    { type: "request", ...told },
    { type: "response", ...told, status: 202, duration: 42 },
  ]);
});

Deno.test("trace: a failure has no response", async () => {
  const { send, events } = traced(new Error("reset"));
  await assertRejects(() => send(request()), Error, "reset");
  assertEquals(events.map(({ type }) => type), ["request"]);
});

Deno.test("trace: a warning is told once for each text and host", async () => {
  const { send, of } = traced(
    warning('299 - "old"'),
    warning('299 - "old", 299 - "new"'),
    warning('299 - "old"', '299 - "new"'),
    warning('299 - "old"'),
  );
  for (let i = 0; i < 3; i++) await send(request());
  await send(request(OTHER));
  assertEquals(of("warning"), [
    { type: "warning", host: "registry.test", text: "old" },
    { type: "warning", host: "registry.test", text: "new" },
    { type: "warning", host: "other.test:5000", text: "old" },
  ]);
});

Deno.test("trace: a warning is remembered among a thousand others, not among more", async () => {
  const words = Array.from({ length: 1_000 }, (_, i) => `299 - "${i}"`);
  const { send, of } = traced(
    warning(words.join(", ")),
    warning('299 - "0"'),
    warning('299 - "one too many"'),
    warning('299 - "0"'),
  );
  for (const count of [1_000, 1_000, 1_001, 1_002]) {
    await send(request());
    assertEquals(of("warning").length, count);
  }
});

function quota(remaining: number): Response {
  const headers = { "ratelimit-limit": "100;w=60", "ratelimit-remaining": `${remaining};w=60` };
  return new Response(null, { headers });
}

Deno.test("trace: the quota is told when it changes, for each host", async () => {
  const answers = [quota(1), quota(1), quota(0), quota(0), new Response(), quota(0)];
  const { send, of } = traced(...answers);
  for (let i = 0; i < 3; i++) await send(request());
  await send(request(OTHER));
  for (let i = 0; i < 2; i++) await send(request());
  const told = (host: string, remaining: number): DavitEvent => ({
    type: "rate-limit",
    host,
    limit: 100,
    remaining,
    window: 60,
  });
  assertEquals(of("rate-limit"), [
    told("registry.test", 1),
    told("registry.test", 0),
    told("other.test:5000", 0),
  ]);
});
