import { assert, assertEquals, assertNotMatch, assertRejects } from "@std/assert";
import type { Credential } from "./credential.ts";
import { FakeClock } from "./fake_channel_test.ts";
import { parseScopes } from "./scope.ts";
import {
  MAX_TOKENS,
  RENEW_BEFORE_MS,
  type Token,
  TokenCache,
  type TokenOwner,
} from "./token_cache.ts";

const OWNER = { realm: "https://a.example/token", service: "s" };
const PULL = parseScopes("repository:a:pull");
const BOTH = parseScopes("repository:a:pull,push");
const MINUTE = 60_000;

/** A token service: answers `t1`, `t2`, … */
function service(lifetime = MINUTE) {
  let count = 0;
  return { ask: (): Promise<Token> => Promise.resolve({ value: `t${++count}`, lifetime }) };
}

Deno.test("TokenCache asks once, and then answers from memory", async () => {
  const { ask } = service();
  const cache = new TokenCache(new FakeClock());
  assertEquals(await cache.get(OWNER, PULL, ask), { value: "t1", fresh: true });
  assertEquals(await cache.get(OWNER, PULL, ask), { value: "t1", fresh: false });
});

Deno.test("TokenCache: pull,push covers pull; pull does not cover pull,push", async () => {
  const { ask } = service();
  const cache = new TokenCache(new FakeClock());
  assertEquals((await cache.get(OWNER, PULL, ask)).value, "t1");
  assertEquals((await cache.get(OWNER, BOTH, ask)).value, "t2");
  assertEquals((await cache.get(OWNER, PULL, ask)).value, "t1");
  cache.drop("t1");
  assertEquals(await cache.get(OWNER, PULL, ask), { value: "t2", fresh: false });
});

const alice: Credential = { username: "alice", password: "secret-of-alice" };
const bob: Credential = { username: "bob", password: "secret-of-bob" };

Deno.test("TokenCache keeps realms, services, scopes and askers apart", async () => {
  const { ask } = service();
  const cache = new TokenCache(new FakeClock());
  const owners: TokenOwner[] = [
    OWNER,
    { ...OWNER, realm: "https://b.example/token" },
    { ...OWNER, service: "other" },
    { realm: OWNER.realm },
    { ...OWNER, credential: alice },
    { ...OWNER, credential: bob },
  ];
  for (const round of [1, 2]) {
    const tokens: string[] = [];
    for (const owner of owners) tokens.push((await cache.get(owner, PULL, ask)).value);
    assertEquals(tokens, ["t1", "t2", "t3", "t4", "t5", "t6"], `round ${round}`);
  }
});

Deno.test("TokenCache shows neither secrets nor tokens when it is printed", async () => {
  const cache = new TokenCache(new FakeClock());
  const ask = () => Promise.resolve({ value: "secret-token", lifetime: MINUTE });
  await cache.get({ ...OWNER, credential: alice }, PULL, ask);
  const shown = Deno.inspect(cache, { depth: 20, showHidden: true }) + JSON.stringify(cache);
  assertNotMatch(shown, /secret/);
});

Deno.test("TokenCache renews a token before it ends, counted from when it was asked for", async () => {
  const clock = new FakeClock();
  const cache = new TokenCache(clock);
  let count = 0;
  const slow = () => {
    clock.time += 5_000;
    return Promise.resolve({ value: `t${++count}`, lifetime: MINUTE });
  };
  assertEquals((await cache.get(OWNER, PULL, slow)).value, "t1");
  clock.time += MINUTE - RENEW_BEFORE_MS - 5_000 - 1;
  assertEquals((await cache.get(OWNER, PULL, slow)).value, "t1");
  clock.time += 1;
  assertEquals((await cache.get(OWNER, PULL, slow)).value, "t2");
  assertEquals(count, 2);
});

Deno.test("TokenCache: an expired token covers nothing", async () => {
  const clock = new FakeClock();
  const cache = new TokenCache(clock);
  const { ask } = service();
  await cache.get(OWNER, BOTH, ask);
  clock.time += MINUTE;
  assertEquals((await cache.get(OWNER, PULL, ask)).value, "t2");
});

Deno.test("TokenCache: 100 calls at once are one request", async () => {
  const cache = new TokenCache(new FakeClock());
  let count = 0;
  const land = Promise.withResolvers<Token>();
  const ask = () => {
    count++;
    return land.promise;
  };
  const calls = Array.from({ length: 100 }, () => cache.get(OWNER, PULL, ask));
  land.resolve({ value: "t", lifetime: MINUTE });
  const tokens = await Promise.all(calls);
  assertEquals(count, 1);
  assert(tokens.every(({ value, fresh }) => value === "t" && fresh));
});

Deno.test("TokenCache: a failure reaches all who wait, and is not remembered", async () => {
  const cache = new TokenCache(new FakeClock());
  let count = 0;
  const ask = (): Promise<Token> =>
    ++count === 1
      ? Promise.reject(new Error("no"))
      : Promise.resolve({ value: "t", lifetime: MINUTE });
  const calls = await Promise.allSettled([1, 2, 3].map(() => cache.get(OWNER, PULL, ask)));
  assert(calls.every(({ status }) => status === "rejected"));
  assertEquals(count, 1);
  assertEquals(await cache.get(OWNER, PULL, ask), { value: "t", fresh: true });
});

Deno.test("TokenCache: a caller who gives up does not end the request of the others", async () => {
  const cache = new TokenCache(new FakeClock());
  const land = Promise.withResolvers<Token>();
  let flight: AbortSignal | undefined;
  const ask = (signal: AbortSignal) => {
    flight = signal;
    return land.promise;
  };
  const first = new AbortController();
  const left = cache.get(OWNER, PULL, ask, first.signal);
  const stayed = cache.get(OWNER, PULL, ask, new AbortController().signal);
  first.abort(new Error("enough"));
  await assertRejects(() => left, Error, "enough");
  assertEquals(flight?.aborted, false);
  land.resolve({ value: "t", lifetime: MINUTE });
  assertEquals((await stayed).value, "t");
});

Deno.test("TokenCache: the request ends when nobody waits any more, and the next one is new", async () => {
  const cache = new TokenCache(new FakeClock());
  const flights: AbortSignal[] = [];
  const ask = (signal: AbortSignal): Promise<Token> => {
    flights.push(signal);
    if (flights.length === 2) return Promise.resolve({ value: "t2", lifetime: MINUTE });
    return new Promise(() => {}); // one that does not even hear the signal
  };
  const controllers = [new AbortController(), new AbortController()];
  const calls = controllers.map(({ signal }) => cache.get(OWNER, PULL, ask, signal));
  controllers.forEach((controller) => controller.abort(new Error("enough")));
  for (const call of calls) await assertRejects(() => call, Error, "enough");
  assertEquals(flights.map(({ aborted }) => aborted), [true]);
  assertEquals((await cache.get(OWNER, PULL, ask)).value, "t2");
});

Deno.test("TokenCache: an aborted signal asks for nothing", async () => {
  const cache = new TokenCache(new FakeClock());
  const never = () => Promise.reject(new Error("asked"));
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => cache.get(OWNER, PULL, never, signal), Error, "before");
});

Deno.test("TokenCache.drop forgets the token that was refused, and no newer one", async () => {
  const cache = new TokenCache(new FakeClock());
  const { ask } = service();
  await cache.get(OWNER, PULL, ask);
  cache.drop("t1");
  assertEquals((await cache.get(OWNER, PULL, ask)).value, "t2");
  cache.drop("t1");
  assertEquals((await cache.get(OWNER, PULL, ask)).value, "t2");
});

Deno.test("TokenCache keeps a bounded count: what has expired goes first, then the oldest", async () => {
  const clock = new FakeClock();
  const cache = new TokenCache(clock);
  const repository = (index: number) => parseScopes(`repository:r${index}:pull`);
  let count = 0;
  const ask = (lifetime: number) => () => Promise.resolve({ value: `t${++count}`, lifetime });
  await cache.get(OWNER, repository(0), ask(10 * MINUTE));
  for (let index = 1; index < MAX_TOKENS; index++) {
    await cache.get(OWNER, repository(index), ask(index === 1 ? MINUTE : 10 * MINUTE));
  }
  clock.time += MINUTE;
  await cache.get(OWNER, repository(MAX_TOKENS), ask(10 * MINUTE)); // takes the place of r1
  assertEquals((await cache.get(OWNER, repository(0), ask(MINUTE))).fresh, false);
  await cache.get(OWNER, repository(MAX_TOKENS + 1), ask(10 * MINUTE)); // of r0, the oldest
  assertEquals((await cache.get(OWNER, repository(2), ask(MINUTE))).fresh, false);
  assertEquals((await cache.get(OWNER, repository(0), ask(MINUTE))).fresh, true);
});
