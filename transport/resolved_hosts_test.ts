import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "./fake_send_test.ts";
import { RESOLVED_FOR_MS, resolvedHosts } from "./resolved_hosts.ts";

/** A resolver that counts; each answer is another address. */
function counting(answer?: (count: number) => Promise<readonly string[] | undefined>) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const addressesOf = resolvedHosts(clock, (hostname) => {
    asked.push(hostname);
    return answer?.(asked.length) ?? Promise.resolve([`192.0.2.${asked.length}`]);
  });
  return { clock, asked, ask: (host: string) => addressesOf(new URL(`https://${host}/v2/`)) };
}

for (const literal of ["127.0.0.1", "127.1", "0x7f000001", "017700000001", "[::1]:5000"]) {
  Deno.test(`resolvedHosts: ${literal} is an address, and nobody is asked`, async () => {
    const { ask, asked } = counting();
    assertEquals([await ask(literal), asked], [undefined, []]);
  });
}

Deno.test("resolvedHosts asks once for many at once, whatever the port", async () => {
  const { ask, asked } = counting();
  const calls = Array.from({ length: 100 }, (_, index) => ask(`r.example:${5000 + index}`));
  assertEquals(new Set((await Promise.all(calls)).flat()), new Set(["192.0.2.1"]));
  assertEquals(asked, ["r.example"]);
});

Deno.test("resolvedHosts asks again after a moment, and keeps names apart", async () => {
  const { ask, asked, clock } = counting();
  assertEquals(await ask("a.example"), ["192.0.2.1"]);
  assertEquals(await ask("b.example"), ["192.0.2.2"]);
  clock.time += RESOLVED_FOR_MS - 1;
  assertEquals(await ask("a.example"), ["192.0.2.1"]);
  clock.time += 1;
  assertEquals(await ask("a.example"), ["192.0.2.3"]);
  assertEquals(asked, ["a.example", "b.example", "a.example"]);
});

Deno.test("resolvedHosts does not remember a failure", async () => {
  const { ask } = counting((count) =>
    count === 1 ? Promise.reject(new Error("ENOTFOUND")) : Promise.resolve(["192.0.2.9"])
  );
  await assertRejects(() => ask("a.example"), Error, "ENOTFOUND");
  assertEquals(await ask("a.example"), ["192.0.2.9"]);
});

Deno.test("resolvedHosts remembers a bounded count of names", async () => {
  const { ask, asked } = counting();
  for (let index = 0; index <= 100; index++) await ask(`r${index}.example`);
  await ask("r100.example");
  assertEquals(asked.length, 101);
  await ask("r0.example");
  assertEquals(asked.length, 102);
});
