import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  askService,
  expiryOf,
  SERVICE_RETRY,
  SERVICE_TIMEOUT_MS,
  tokenField,
} from "./ask_service.ts";
import { type Answer, assertFails, BAD_ANSWERS, echo, FakeService } from "./fake_service_test.ts";
import { providerSettings } from "./provider_options.ts";

const SECRET = "s3cr+t/sl=sh";

const REQUEST = {
  what: "get a token for registry.test",
  url: new URL("https://service.test/token?key=hunter2"),
  method: "POST",
  headers: { "content-type": "text/plain" },
  body: `secret=${encodeURIComponent(SECRET)}`,
  secrets: { username: "you", password: SECRET },
} as const;

function ask(answer: Answer, more: { accepts?: string[] } = {}) {
  const service = new FakeService(answer);
  const result = () => askService(providerSettings(service.options), { ...REQUEST, ...more });
  return { service, result };
}

Deno.test("askService: the object, and what was sent for it", async () => {
  const { service, result } = ask(() => Response.json({ a: 1 }, { headers: { "x-flavor": "F" } }));
  const { fields, headers } = await result();
  assertEquals([fields, headers.get("x-flavor")], [{ a: 1 }, "F"]);
  const [{ method, body, redirect, headers: sent }] = service.seen as [typeof service.seen[0]];
  assertEquals([method, body, redirect], ["POST", REQUEST.body, "manual"]);
  assertEquals(Object.fromEntries(sent), {
    accept: "application/json",
    "content-type": "text/plain",
  });
});

for (const [name, answer, code, message] of BAD_ANSWERS) {
  if (name === "no fields") continue; // a provider's business
  Deno.test(`askService: ${name}: ${code}, with the service's name`, async () => {
    const { result } = ask(answer);
    const error = await assertFails(result, code, message, [SECRET, "hunter2"]);
    assertStringIncludes(error.message, "service.test");
  });
}

Deno.test("askService: a refusal says its status and the service's words, and no secret", async () => {
  const { result } = ask(echo);
  const error = await assertFails(
    result,
    "AUTHENTICATION_FAILED",
    "answers 400 Refused: you sent",
    [
      SECRET,
      encodeURIComponent(SECRET),
      "hunter2",
    ],
  );
  assertEquals((error as { statusCode?: number }).statusCode, 400);
});

Deno.test("askService: a refusal that is an answer", async () => {
  const { result } = ask(echo, { accepts: ["Refused"] });
  assertEquals((await result()).fields, {});
});

const fails = () => Response.json({ message: "busy" }, { status: 503 });
const broken = () => Promise.reject(new TypeError("reset"));
const fine = () => Response.json({ fine: true });
const refused = () => Response.json({}, { status: 403 });

const TRIES: [name: string, answers: Answer[], waits: number[]][] = [
  ["503, then fine", [fails, fine], [200]],
  ["a broken connection and 503, then fine", [broken, fails, fine], [200, 400]],
  ["503 to the end", [fails, fails, fails, fine], [200, 400]],
  ["403", [refused, fine], []],
];

for (const [name, answers, waits] of TRIES) {
  Deno.test(`askService: ${name}: ${waits.length + 1} tries`, async () => {
    const { service, result } = ask(() => answers[service.seen.length - 1]!({} as never));
    const slept: number[] = [];
    service.clock.sleep = (milliseconds) => {
      slept.push(milliseconds);
      return Promise.resolve();
    };
    const last = answers[Math.min(answers.length, waits.length + 1) - 1];
    if (last === fine) await result();
    else await assertFails(result, "AUTHENTICATION_FAILED", "");
    assertEquals([slept, service.seen.length], [waits, waits.length + 1]);
    assert(service.seen.length <= SERVICE_RETRY.maxAttempts);
  });
}

/** Runs with timers that end at once, and tells how long they would have been. */
async function withoutWaiting(run: () => Promise<unknown>): Promise<number[]> {
  const { setTimeout } = globalThis;
  const waits: number[] = [];
  globalThis.setTimeout = ((end: () => void, milliseconds: number) => {
    waits.push(milliseconds);
    return setTimeout(end, 1);
  }) as typeof globalThis.setTimeout;
  try {
    await run();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return waits;
}

const SILENT: [name: string, answer: Answer][] = [
  ["does not answer", () => new Promise(() => {})],
  ["never ends its answer", () => new Response(new ReadableStream())],
];

for (const [name, answer] of SILENT) {
  Deno.test(`askService: a service that ${name}: TimeoutError`, async () => {
    const { result } = ask(answer);
    const waits = await withoutWaiting(() => assertFails(result, "TIMEOUT", "did not answer"));
    assertEquals(waits, [SERVICE_TIMEOUT_MS]);
  });
}

const TOKENS: [name: string, value: unknown, good: boolean][] = [
  ["a token", "eyJ.a.b", true],
  ["none", undefined, false],
  ["a number", 1, false],
  ["an empty text", "", false],
  ["one with a line break", "a\r\nx-evil: 1", false],
];

for (const [name, value, good] of TOKENS) {
  Deno.test(`tokenField: ${name}`, async () => {
    const answer = { fields: { token: value }, headers: new Headers() };
    if (good) assertEquals(tokenField(answer, "token", REQUEST), value);
    else {
      await assertFails(
        () => tokenField(answer, "token", REQUEST),
        "AUTHENTICATION_FAILED",
        "the answer of service.test holds no usable token",
        ["x-evil"],
      );
    }
  });
}

const LIVES: [expiresIn: unknown, seconds: number][] = [
  [3_599, 3_599],
  ["3599", 3_599],
  [undefined, 60],
  [-5, 60],
  ["soon", 60],
];

for (const [expiresIn, seconds] of LIVES) {
  Deno.test(`expiryOf: expires_in ${expiresIn} is ${seconds} s`, () => {
    const answer = { fields: { expires_in: expiresIn }, headers: new Headers() };
    assertEquals(expiryOf(answer, 1_000), 1_000 + 1_000 * seconds);
  });
}
