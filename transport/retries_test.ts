import { assertEquals } from "@std/assert";
import { FakeClock } from "./fake_send_test.ts";
import { Retries } from "./retry.ts";
import type { RetryPolicy } from "./retry_policy.ts";

const POLICY: RetryPolicy = { maxAttempts: 4, minDelay: 100, maxDelay: 1_000 };

function retries(policy = POLICY): Retries {
  return new Retries({
    retry: policy,
    limits: { retryAfter: 60_000 },
    clock: new FakeClock(),
    random: () => 1,
  });
}

Deno.test("Retries: the waits double, and there is one fewer than tries", () => {
  const state = retries();
  assertEquals([1, 2, 3, 4].map(() => state.failed()), [100, 200, 400, undefined]);
  assertEquals(state.failures, 4);
});

for (
  const [factor, waits] of [[1, [100, 100, 100]], [3, [100, 300, 900]], [0, [100, 0, 0]]] as const
) {
  Deno.test(`Retries: the waits grow by a factor of ${factor}`, () => {
    const state = retries({ ...POLICY, factor });
    assertEquals([1, 2, 3].map(() => state.failed()), [...waits]);
  });
}

Deno.test("Retries: progress makes earlier failures count no more", () => {
  const state = retries();
  state.failed();
  state.failed();
  state.progressed();
  assertEquals(state.failures, 0);
  assertEquals([1, 2, 3, 4].map(() => state.failed()), [100, 200, 400, undefined]);
});

Deno.test("Retries: a failure that costs a quarter leaves more tries, each with a longer wait", () => {
  const state = retries({ ...POLICY, maxAttempts: 2 });
  assertEquals(state.failed(), 100);
  assertEquals([1, 2, 3].map(() => state.failed(0, 1 / 4)), [200, 400, 800]);
  assertEquals(state.failed(0, 1 / 4), undefined);
});

const WAITS: [name: string, retryAfter: number, wait: number | undefined][] = [
  ["shorter than the policy's", 50, 100],
  ["longer than the policy's", 5_000, 5_000],
  ["the longest that is allowed", 60_000, 60_000],
  ["longer than the limit", 60_001, undefined],
];

for (const [name, retryAfter, wait] of WAITS) {
  Deno.test(`Retries: a Retry-After that is ${name}`, () => {
    assertEquals(retries().failed(retryAfter), wait);
  });
}
