import { assertEquals } from "@std/assert";
import type { DavitEvent } from "../events.ts";
import { FakeClock } from "../transport/fake_send_test.ts";
import { progressReporter } from "./progress.ts";

function teller(total?: number) {
  const clock = new FakeClock();
  const events: DavitEvent[] = [];
  const tell = progressReporter({ clock, emit: (event) => events.push(event) }, {
    direction: "upload",
    repository: "app",
    ...(total !== undefined && { total }),
  });
  return { tell, clock, events };
}

Deno.test("progressReporter: not oftener than every 250 ms, and at the end", () => {
  const { tell, clock, events } = teller(100);
  for (let bytes = 10; bytes < 100; bytes += 10) {
    clock.time += 100;
    tell(bytes, false);
  }
  tell(100, true);
  const event = { type: "progress", direction: "upload", repository: "app", total: 100 };
  assertEquals<unknown>(events, [
    { ...event, bytes: 30, done: false },
    { ...event, bytes: 60, done: false },
    { ...event, bytes: 90, done: false },
    { ...event, bytes: 100, done: true },
  ]);
});

Deno.test("progressReporter: the last byte is the end unless it is said otherwise", () => {
  const { tell, events } = teller(100);
  tell(50);
  tell(100);
  assertEquals(events.length, 1);
});

Deno.test("progressReporter: of an unknown total", () => {
  const { tell, clock, events } = teller();
  clock.time += 250;
  tell(10);
  tell(20, true);
  assertEquals<unknown>(events, [
    { type: "progress", direction: "upload", repository: "app", bytes: 10, done: false },
    { type: "progress", direction: "upload", repository: "app", bytes: 20, done: true },
  ]);
});
