import { assert, assertEquals, assertNotMatch, assertRejects } from "@std/assert";
import type { Identity } from "./credential.ts";
import { FakeClock } from "./fake_channel_test.ts";
import { parseScopes } from "./scope.ts";
import {
  MAX_TOKENS,
  RENEW_BEFORE_MS,
  type Token,
  type TokenOwner,
  TokenStore,
} from "./token_store.ts";

const OWNER = 1;
const SERVICE: TokenOwner = { realm: "https://a.example/token", service: "s" };
const PULL = parseScopes("repository:a:pull");
const BOTH = parseScopes("repository:a:pull,push");
const MINUTE = 60_000;

/** A token service: answers `t1`, `t2`, … */
function service(lifetime = MINUTE) {
  let count = 0;
  return { ask: (): Promise<Token> => Promise.resolve({ value: `t${++count}`, lifetime }) };
}

Deno.test("TokenStore asks once, and then answers from memory", async () => {
  const { ask } = service();
  const store = new TokenStore(new FakeClock());
  assertEquals(await store.get(OWNER, PULL, ask), { value: "t1", fresh: true });
  assertEquals(await store.get(OWNER, PULL, ask), { value: "t1", fresh: false });
});

Deno.test("TokenStore: pull,push covers pull; pull does not cover pull,push", async () => {
  const { ask } = service();
  const store = new TokenStore(new FakeClock());
  assertEquals((await store.get(OWNER, PULL, ask)).value, "t1");
  assertEquals((await store.get(OWNER, BOTH, ask)).value, "t2");
  assertEquals((await store.get(OWNER, PULL, ask)).value, "t1");
  store.drop("t1");
  assertEquals(await store.get(OWNER, PULL, ask), { value: "t2", fresh: false });
});

Deno.test("TokenStore: the order of scopes and actions does not matter", async () => {
  const { ask } = service();
  const store = new TokenStore(new FakeClock());
  await store.get(OWNER, parseScopes("repository:b:pull,push repository:a:pull"), ask);
  const turned = parseScopes("repository:a:pull repository:b:push,pull");
  assertEquals(store.find(OWNER, turned), "t1");
});

Deno.test("TokenStore.find answers what is there, and asks for nothing", async () => {
  const clock = new FakeClock();
  const store = new TokenStore(clock);
  const land = Promise.withResolvers<Token>();
  assertEquals(store.find(OWNER, PULL), undefined);
  const call = store.get(OWNER, PULL, () => land.promise);
  assertEquals(store.find(OWNER, PULL), undefined, "it is on its way");
  land.resolve({ value: "t", lifetime: MINUTE });
  await call;
  assertEquals([store.find(OWNER, PULL), store.find(OWNER, BOTH)], ["t", undefined]);
  assertEquals(store.find(OWNER + 1, PULL), undefined);
  clock.time += MINUTE - RENEW_BEFORE_MS;
  assertEquals(store.find(OWNER, PULL), undefined);
});

Deno.test("TokenStore: a wider token that serves a narrower call is dropped for both", async () => {
  const { ask } = service();
  const store = new TokenStore(new FakeClock());
  await store.get(OWNER, BOTH, ask);
  assertEquals([store.find(OWNER, PULL), store.find(OWNER, PULL)], ["t1", "t1"]);
  store.drop("t1");
  assertEquals([store.find(OWNER, PULL), store.find(OWNER, BOTH)], [undefined, undefined]);
});

const IDENTITIES: Identity[] = [
  undefined,
  { username: "alice", password: "secret" },
  { username: "bob", password: "secret" },
  { username: "alice", password: "other secret" },
  { username: "alice" },
  { username: "alice", password: "secret", refreshToken: "secret" },
  { refreshToken: "secret" },
  { accessToken: "secret" },
];

const OWNERS: TokenOwner[] = [
  ...IDENTITIES.map((identity) => ({ ...SERVICE, identity })),
  { ...SERVICE, realm: "https://b.example/token" },
  { ...SERVICE, realm: "https://a.example/token?scope=repository:a:pull" },
  { ...SERVICE, service: "other" },
  { realm: SERVICE.realm },
];

Deno.test("TokenStore keeps realms, services and identities apart, by value", async () => {
  const { ask } = service();
  const store = new TokenStore(new FakeClock());
  const expected = OWNERS.map((_, at) => `t${at + 1}`);
  for (const round of [1, 2]) {
    const tokens: string[] = [];
    for (const owner of OWNERS) {
      const copy = structuredClone(owner); // what is equal is the same, whichever object holds it
      tokens.push((await store.get(store.owner(copy), PULL, ask)).value);
    }
    assertEquals(tokens, expected, `round ${round}`);
  }
});

Deno.test("TokenStore remembers a bounded count of owners; a number never stands for two", () => {
  const store = new TokenStore(new FakeClock());
  const owner = (index: number) => store.owner({ realm: `https://r${index}.example/` });
  const numbers = Array.from({ length: MAX_TOKENS + 1 }, (_, index) => owner(index));
  assertEquals(new Set(numbers).size, MAX_TOKENS + 1);
  assertEquals(owner(MAX_TOKENS), numbers.at(-1));
  assert(!numbers.includes(owner(0)));
});

Deno.test("TokenStore shows neither secrets nor tokens when it is printed", async () => {
  const store = new TokenStore(new FakeClock());
  const ask = () => Promise.resolve({ value: "secret-token", lifetime: MINUTE });
  for (const owner of OWNERS) await store.get(store.owner(owner), PULL, ask);
  const shown = Deno.inspect(store, { depth: 20, showHidden: true }) + JSON.stringify(store);
  assertNotMatch(shown, /secret/);
});

Deno.test("TokenStore renews a token before it ends, counted from when it was asked for", async () => {
  const clock = new FakeClock();
  const store = new TokenStore(clock);
  let count = 0;
  const slow = () => {
    clock.time += 5_000;
    return Promise.resolve({ value: `t${++count}`, lifetime: MINUTE });
  };
  assertEquals((await store.get(OWNER, PULL, slow)).value, "t1");
  clock.time += MINUTE - RENEW_BEFORE_MS - 5_000 - 1;
  assertEquals((await store.get(OWNER, PULL, slow)).value, "t1");
  clock.time += 1;
  assertEquals((await store.get(OWNER, PULL, slow)).value, "t2");
  assertEquals(count, 2);
});

Deno.test("TokenStore: an expired token covers nothing", async () => {
  const clock = new FakeClock();
  const store = new TokenStore(clock);
  const { ask } = service();
  await store.get(OWNER, BOTH, ask);
  clock.time += MINUTE;
  assertEquals((await store.get(OWNER, PULL, ask)).value, "t2");
});

Deno.test("TokenStore: 100 calls at once are one request", async () => {
  const store = new TokenStore(new FakeClock());
  let count = 0;
  const land = Promise.withResolvers<Token>();
  const ask = () => {
    count++;
    return land.promise;
  };
  const calls = Array.from({ length: 100 }, () => store.get(OWNER, PULL, ask));
  land.resolve({ value: "t", lifetime: MINUTE });
  const tokens = await Promise.all(calls);
  assertEquals(count, 1);
  assert(tokens.every(({ value, fresh }) => value === "t" && fresh));
});

Deno.test("TokenStore: a failure reaches all who wait, and is not remembered", async () => {
  const store = new TokenStore(new FakeClock());
  let count = 0;
  const ask = (): Promise<Token> =>
    ++count === 1
      ? Promise.reject(new Error("no"))
      : Promise.resolve({ value: "t", lifetime: MINUTE });
  const calls = await Promise.allSettled([1, 2, 3].map(() => store.get(OWNER, PULL, ask)));
  assert(calls.every(({ status }) => status === "rejected"));
  assertEquals(count, 1);
  assertEquals(await store.get(OWNER, PULL, ask), { value: "t", fresh: true });
});

Deno.test("TokenStore: a caller who gives up does not end the request of the others", async () => {
  const store = new TokenStore(new FakeClock());
  const land = Promise.withResolvers<Token>();
  let flight: AbortSignal | undefined;
  const ask = (signal: AbortSignal) => {
    flight = signal;
    return land.promise;
  };
  const first = new AbortController();
  const left = store.get(OWNER, PULL, ask, first.signal);
  const stayed = store.get(OWNER, PULL, ask, new AbortController().signal);
  first.abort(new Error("enough"));
  await assertRejects(() => left, Error, "enough");
  assertEquals(flight?.aborted, false);
  land.resolve({ value: "t", lifetime: MINUTE });
  assertEquals((await stayed).value, "t");
});

Deno.test("TokenStore: the request ends when no one waits any more, and the next one is new", async () => {
  const store = new TokenStore(new FakeClock());
  const flights: AbortSignal[] = [];
  const ask = (signal: AbortSignal): Promise<Token> => {
    flights.push(signal);
    if (flights.length === 2) return Promise.resolve({ value: "t2", lifetime: MINUTE });
    return new Promise(() => {}); // one that does not even hear the signal
  };
  const controllers = [new AbortController(), new AbortController()];
  const calls = controllers.map(({ signal }) => store.get(OWNER, PULL, ask, signal));
  controllers.forEach((controller) => controller.abort(new Error("enough")));
  for (const call of calls) await assertRejects(() => call, Error, "enough");
  assertEquals(flights.map(({ aborted }) => aborted), [true]);
  assertEquals((await store.get(OWNER, PULL, ask)).value, "t2");
});

Deno.test("TokenStore: an aborted signal asks for nothing", async () => {
  const store = new TokenStore(new FakeClock());
  const never = () => Promise.reject(new Error("asked"));
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => store.get(OWNER, PULL, never, signal), Error, "before");
});

Deno.test("TokenStore.drop forgets the token that was refused, and no newer one", async () => {
  const store = new TokenStore(new FakeClock());
  const { ask } = service();
  await store.get(OWNER, PULL, ask);
  store.drop("t1");
  assertEquals((await store.get(OWNER, PULL, ask)).value, "t2");
  store.drop("t1");
  assertEquals((await store.get(OWNER, PULL, ask)).value, "t2");
});

Deno.test("TokenStore keeps a bounded count: what has expired goes first, then the oldest", async () => {
  const clock = new FakeClock();
  const store = new TokenStore(clock);
  const repository = (index: number) => parseScopes(`repository:r${index}:pull`);
  let count = 0;
  const ask = (lifetime: number) => () => Promise.resolve({ value: `t${++count}`, lifetime });
  await store.get(OWNER, repository(0), ask(10 * MINUTE));
  for (let index = 1; index < MAX_TOKENS; index++) {
    await store.get(OWNER, repository(index), ask(index === 1 ? MINUTE : 10 * MINUTE));
  }
  clock.time += MINUTE;
  await store.get(OWNER, repository(MAX_TOKENS), ask(10 * MINUTE)); // takes the place of r1
  assertEquals((await store.get(OWNER, repository(0), ask(MINUTE))).fresh, false);
  await store.get(OWNER, repository(MAX_TOKENS + 1), ask(10 * MINUTE)); // of r0, the oldest
  assertEquals((await store.get(OWNER, repository(2), ask(MINUTE))).fresh, false);
  assertEquals((await store.get(OWNER, repository(0), ask(MINUTE))).fresh, true);
});
