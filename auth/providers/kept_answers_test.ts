import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "./fake_service_test.ts";
import { KeptAnswers, MAX_KEPT, MAX_LIFE_MS, RENEW_BEFORE_MS } from "./kept_answers.ts";

const HOUR = 3_600_000;

function world(lifetime = HOUR) {
  const clock = new FakeClock();
  let asked = 0;
  const kept = new KeptAnswers<string>(clock);
  const ask = () => {
    asked++;
    return Promise.resolve({ value: `answer ${asked}`, expires: clock.time + lifetime });
  };
  return { clock, kept, ask, count: () => asked };
}

Deno.test("KeptAnswers: 100 calls at once ask once", async () => {
  const { kept, ask, count } = world();
  const answers = await Promise.all(Array.from({ length: 100 }, () => kept.get("a", ask)));
  assertEquals([new Set(answers), count()], [new Set(["answer 1"]), 1]);
});

const ENDS: [name: string, lifetime: number, after: number, asked: number][] = [
  ["at once", HOUR, 0, 1],
  ["just before it is renewed", HOUR, HOUR - RENEW_BEFORE_MS - 1, 1],
  ["when it is to be renewed", HOUR, HOUR - RENEW_BEFORE_MS, 2],
  ["half through a short life", 10_000, 4_999, 1],
  ["past half of a short life", 10_000, 5_000, 2],
  ["within a day of one that never ends", Infinity, MAX_LIFE_MS - RENEW_BEFORE_MS - 1, 1],
  ["a day after one that never ends", Infinity, MAX_LIFE_MS - RENEW_BEFORE_MS, 2],
  ["of an answer that was over when it came", -1, 0, 2],
];

for (const [name, lifetime, after, asked] of ENDS) {
  Deno.test(`KeptAnswers: a call ${name} makes ${asked} in all`, async () => {
    const { clock, kept, ask, count } = world(lifetime);
    await kept.get("a", ask);
    clock.time += after;
    await kept.get("a", ask);
    assertEquals(count(), asked);
  });
}

Deno.test("KeptAnswers: each key has its own; the oldest go", async () => {
  const { kept, ask, count } = world();
  for (let key = 0; key <= MAX_KEPT; key++) await kept.get(String(key), ask);
  assertEquals(count(), MAX_KEPT + 1);
  await kept.get(String(MAX_KEPT), ask);
  assertEquals(count(), MAX_KEPT + 1);
  await kept.get("0", ask);
  assertEquals(count(), MAX_KEPT + 2);
});

Deno.test("KeptAnswers: what failed is asked again, and shows nowhere", async () => {
  const { kept, ask, count } = world();
  await assertRejects(() => kept.get("a", () => Promise.reject(new Error("no"))), Error, "no");
  assertEquals(await kept.get("a", ask), "answer 1");
  assertEquals(count(), 1);
  assertEquals(Deno.inspect(kept, { depth: 9, showHidden: true }).includes("answer"), false);
});
