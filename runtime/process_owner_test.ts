import { assert, assertEquals, assertMatch } from "@std/assert";
import { isRunning, PROCESS_OWNER, processOwner } from "./process_owner.ts";

Deno.test("processOwner: one name for a process, that can stand in a file's name", () => {
  assertEquals(processOwner(), processOwner());
  assertMatch(processOwner(), new RegExp(`^${PROCESS_OWNER.source}$`));
  assert(processOwner().includes(`-${Deno.pid}-`));
});

Deno.test("isRunning: this process, and one that has ended", async (t) => {
  const [machine, pid, start] = processOwner().split("-");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "console.log('up'); await Deno.stdin.readable.getReader().read()"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const linux = Deno.build.os === "linux";
  const childStart = linux
    ? (await Deno.readTextFile(`/proc/${child.pid}/stat`)).split(") ")[1]!.split(" ")[19]
    : "0";
  const owner = `${machine}-${child.pid}-${childStart}`;
  const cases: [what: string, owner: string, expected: boolean | undefined][] = [
    ["this process", processOwner(), true],
    ["another one", owner, linux ? true : undefined],
    ["one with the number of another one", `${machine}-${pid}-1`, linux ? false : undefined],
    ["one of another machine", `elsewhere-${pid}-${start}`, undefined],
    ["one that knows nothing of itself", `-${pid}-0`, undefined],
  ];
  for (const [what, owner, expected] of cases) {
    await t.step(what, () => assertEquals(isRunning(owner), expected));
  }
  child.kill("SIGKILL");
  await t.step("one that was killed, before anybody asked how it ended", async () => {
    await reader.read(); // its end
    while (isRunning(owner) !== false) await new Promise((resolve) => setTimeout(resolve, 1));
  });
  await child.stdin.close();
  await child.status;
  await reader.cancel();
  assertEquals(isRunning(owner), false);
});

Deno.test("processOwner: without permissions it names the number, and asks for nothing", async () => {
  const url = new URL("process_owner.ts", import.meta.url).href;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      `import { isRunning, processOwner } from ${JSON.stringify(url)};
      console.log(processOwner(), isRunning(processOwner()), isRunning("-1-0"));`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-prompt", "--no-lock", "--allow-import", path],
    }).output();
    const text = new TextDecoder().decode(stdout).trim();
    assertMatch(text, /^-\d+-0 true undefined$/, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(path);
  }
});
