import { assert, assertEquals, assertRejects } from "@std/assert";
import { Flights, RecentMap } from "./recent.ts";

Deno.test("RecentMap: so many entries, those used last", () => {
  const map = new RecentMap<string, number>(2);
  map.set("a", 1).set("b", 2);
  assertEquals(map.get("a"), 1); // b is the oldest from here on
  map.set("c", 3);
  assertEquals([...map], [["a", 1], ["c", 3]]);
  map.set("a", 4).set("d", 5); // an entry that is set again is new
  assertEquals([...map], [["a", 4], ["d", 5]]);
  assertEquals([map.get("c"), map.size], [undefined, 2]);
});

Deno.test("RecentMap: getOr makes what is not there, once", () => {
  const map = new RecentMap<string, number>(1);
  let made = 0;
  const make = () => ++made;
  assertEquals([map.getOr("a", make), map.getOr("a", make)], [1, 1]);
  assertEquals([map.getOr("b", make), map.getOr("a", make)], [2, 3]);
});

Deno.test("Flights: calls of one key at the same time are one, whatever it comes to", async () => {
  const flights = new Flights<number>();
  const calls: (() => void)[] = [];
  const call = () => new Promise<number>((resolve) => calls.push(() => resolve(calls.length)));
  const [one, same, other] = [
    flights.run("a", call),
    flights.run("a", call),
    flights.run("b", call),
  ];
  for (const end of calls) end();
  assertEquals(await Promise.all([one, same, other]), [2, 2, 2]);
  await assertRejects(() => flights.run("a", () => Promise.reject(new Error("no"))), Error, "no");
  const again = flights.run("a", call);
  assert(calls.length === 3);
  calls[2]!();
  assertEquals(await again, 3);
});
