import { assert, assertEquals, assertLess } from "@std/assert";
import { tempFolder } from "../scripts/temp_folder.ts";
import { canRunPrograms, type RunOptions, runProgram, runProgramSync } from "./process.ts";

const WAYS = {
  runProgram,
  runProgramSync: (...args: Parameters<typeof runProgramSync>) =>
    Promise.resolve(runProgramSync(...args)),
};

const limits = { timeout: 20_000, maxBytes: 100_000 };
const text = (value: string) => new TextEncoder().encode(value);

/** Programs of `sh`; what they wrote is answered as text. */
async function sh(
  way: keyof typeof WAYS,
  script: string,
  options: Partial<RunOptions> = {},
): Promise<unknown[]> {
  const outcome = await WAYS[way]("sh", ["-c", script], {
    ...{ input: text("in put\n"), ...limits },
    ...options,
  });
  if (outcome.ended !== "by itself") return [outcome.ended];
  const [stdout, stderr] = [outcome.stdout, outcome.stderr].map((bytes) =>
    new TextDecoder().decode(bytes.subarray(0, 100))
  );
  return [outcome.code, stdout, stderr];
}

for (const way of ["runProgram", "runProgramSync"] as const) {
  const cases: [
    name: string,
    script: string,
    expected: unknown[],
    options?: Partial<RunOptions>,
  ][] = [
    ["input and both outputs", "cat; echo no >&2", [0, "in put\n", "no\n"]],
    ["an exit code", "exit 3", [3, "", ""]],
    ["a signal", "kill -9 $$", [null, "", ""]],
    ["input that nobody reads", "echo 1", [0, "1\n", ""]],
    ["nothing to read", "cat", [0, "", ""], { input: new Uint8Array(0) }],
    ["as much output as it may write", "head -c 9 /dev/zero | tr '\\0' x", [0, "xxxxxxxxx", ""], {
      maxBytes: 9,
    }],
    ["more output", "head -c 5000000 /dev/zero", ["too much output"]],
    ["more on the other output", "head -c 5000000 /dev/zero >&2", ["too much output"]],
    ["output without end", "exec yes", ["too much output"]],
    ["a program that hangs", "exec sleep 60", ["timeout"], { timeout: 200 }],
    ["no limit of time", "echo 1", [0, "1\n", ""], { timeout: Infinity }],
    ["half a millisecond more", "echo 1", [0, "1\n", ""], { timeout: 20_000.5 }],
    ["no limit of output", "echo 1", [0, "1\n", ""], { maxBytes: Infinity }],
    ["one that does not listen", "trap '' TERM; while :; do sleep 60; done", ["timeout"], {
      timeout: 200,
    }],
    ["its environment", 'printf %s "$A"', [0, "b", ""], {
      environment: { A: "b", PATH: Deno.env.get("PATH") },
    }],
  ];
  for (const [name, script, expected, options] of cases) {
    // Deno's spawnSync looks at how much there is when the program has ended.
    if (way === "runProgramSync" && name === "output without end") continue;
    Deno.test(`${way}: ${name}`, async () => {
      const start = performance.now();
      assertEquals(await sh(way, script, options), expected);
      assertLess(performance.now() - start, limits.timeout);
    });
  }

  Deno.test(`${way}: a program is looked for where its environment says`, async () => {
    await using folder = await tempFolder();
    await Deno.writeTextFile(`${folder.path}/davit-here`, "#!/bin/sh\necho here");
    const options = { input: text(""), ...limits, environment: { PATH: `${folder.path}:/bin` } };
    const unable = await WAYS[way]("davit-here", [], options);
    assert(unable.ended === "not started" || unable.ended === "not found", "no right to run it");
    await Deno.chmod(`${folder.path}/davit-here`, 0o755);
    assertEquals((await WAYS[way]("davit-here", [], options)).ended, "by itself");
    assertEquals((await WAYS[way]("davit-nowhere", [], options)).ended, "not found");
    const elsewhere = { ...options, environment: { PATH: "/bin" } };
    assertEquals((await WAYS[way]("davit-here", [], elsewhere)).ended, "not found");
  });
}

Deno.test("runProgram, runProgramSync: a runtime that refuses", async () => {
  const process = Reflect.get(globalThis, "process");
  const refuse = () => {
    throw new Deno.errors.NotCapable("Requires run access");
  };
  const fake = { getBuiltinModule: () => ({ spawn: refuse, spawnSync: refuse }) };
  Reflect.set(globalThis, "process", fake);
  try {
    const options = { input: text(""), ...limits };
    assertEquals((await runProgram("sh", [], options)).ended, "not started");
    assertEquals(runProgramSync("sh", [], options).ended, "not started");
    Reflect.set(globalThis, "process", undefined);
    assertEquals(canRunPrograms(), false);
  } finally {
    Reflect.set(globalThis, "process", process);
  }
  assertEquals(canRunPrograms(), true);
});
