import { assertEquals } from "@std/assert";
import { TestClock, until } from "../fixture_test.ts";
import { type Deadline, Deadlines, laterOnThisMachine } from "./deadlines.ts";

function world() {
  const clock = new TestClock(0);
  const deadlines = new Deadlines(clock.now, clock.later);
  const rung: string[] = [];
  const deadline = (name: string, due: number): Deadline => {
    const self: Deadline = {
      due,
      late() {
        rung.push(`${name} ${clock.now()}`);
        deadlines.forget(self);
      },
    };
    deadlines.watch(self);
    return self;
  };
  return { clock, deadlines, rung, deadline };
}

Deno.test("Deadlines: each is late at its own time, the earlier one first", async () => {
  const { clock, deadline, rung } = world();
  deadline("far", 500);
  deadline("near", 20);
  deadline("middle", 100);
  await clock.pass(1_000);
  assertEquals(rung, ["near 20", "middle 100", "far 500"]);
  assertEquals(clock.waiting, 0);
});

Deno.test("Deadlines: one that was put off is late at its new time alone", async () => {
  const { clock, deadline, rung } = world();
  const self = deadline("it", 100);
  await clock.pass(90);
  self.due = 150;
  await clock.pass(59);
  assertEquals(rung, []);
  await clock.pass(1);
  assertEquals(rung, ["it 150"]);
});

Deno.test("Deadlines: one that is forgotten, or never due, is not late", async () => {
  const { clock, deadline, deadlines, rung } = world();
  deadlines.forget(deadline("gone", 10));
  deadline("never", Infinity);
  await clock.pass(1_000_000);
  assertEquals([rung, clock.waiting], [[], 0]);
});

Deno.test("Deadlines: a thousand that are met cost one timer", async () => {
  const { clock, deadline, deadlines } = world();
  for (let count = 0; count < 1_000; count++) {
    deadlines.forget(deadline("met", clock.now() + 60_000));
    await clock.pass(1);
  }
  assertEquals(clock.waiting, 1);
});

Deno.test("Deadlines: a wait that no timer can take is cut into several", async () => {
  const { clock, deadline, rung } = world();
  const waits: number[] = [];
  new Deadlines(() => 0, (_, wait) => void waits.push(wait)).watch({ due: 1e15, late() {} });
  assertEquals(waits, [2 ** 31 - 1]);
  deadline("late", 2 ** 32);
  await clock.pass(2 ** 32);
  assertEquals(rung, [`late ${2 ** 32}`]);
});

Deno.test("laterOnThisMachine: runs after its time, and what never comes leaks nothing", async () => {
  laterOnThisMachine(() => {
    throw new Error("an hour has not passed");
  }, 60 * 60 * 1_000); // left behind: this test fails when that is a leak
  let rung = false;
  laterOnThisMachine(() => rung = true, 1);
  await until(() => rung); // with a timer of its own: the other one keeps nothing alive
});

Deno.test("laterOnThisMachine: keeps no process alive", async () => {
  const module = new URL("./deadlines.ts", import.meta.url).href;
  const code =
    `import { laterOnThisMachine } from "${module}"; laterOnThisMachine(() => {}, 600_000);`;
  const started = Date.now();
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", `data:text/typescript,${encodeURIComponent(code)}`],
    signal: AbortSignal.timeout(120_000),
  });
  const { code: status } = await command.output();
  assertEquals([status, Date.now() - started < 120_000], [0, true]);
});
