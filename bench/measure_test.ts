import { assert, assertEquals, assertRejects } from "@std/assert";
import { requirePeers } from "../tests/peers/locate.ts";
import { measure, median, summary } from "./measure.ts";

Deno.test("median: of odd and even counts", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([7]), 7);
});

Deno.test("summary: medians of times, the most of memory", () => {
  const runs = [1, 5, 3].map((wall) => ({ wall, cpu: wall / 2, memory: wall * 10 }));
  assertEquals(summary(runs), { wall: 3, cpu: 1.5, memory: 50 });
});

Deno.test({
  ...requirePeers("time"),
  name: "measure: a process is measured, and one that fails is an error",
  async fn() {
    const run = await measure({ name: "sleeper", command: "sleep", args: ["0.05"] });
    assert(run.wall >= 0.05 && run.memory > 0.1, JSON.stringify(run));
    const failing = { name: "failing", command: "sh", args: ["-c", "echo why >&2; exit 3"] };
    await assertRejects(() => measure(failing), Error, "failing failed: why");
  },
});
