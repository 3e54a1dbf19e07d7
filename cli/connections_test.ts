import { assertEquals, assertMatch } from "@std/assert";
import { fakeRun } from "./fake_io_test.ts";

Deno.test("what nothing answers is told on standard error at each try, unless -q asks for quiet", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  listener.close();
  const runs = [[], ["-q"]].map((flags) => fakeRun(["ls", `${host}/app`, ...flags]));
  const [loud, quiet] = await Promise.all(runs);
  const lines = loud!.stderr.trimEnd().split("\n");
  const told = /^trying 127\.0\.0\.1:\d+ again in \d+\.\d s: Cannot list the tags of /;
  assertEquals(lines.map((line) => told.test(line)), [true, true, true, true, false]);
  assertMatch(lines.at(-1)!, /^davit: Cannot list the tags of .*; tries: 5/);
  assertEquals(quiet!.stderr.split("\n").length, 2, quiet!.stderr);
});
