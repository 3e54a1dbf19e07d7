import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Counts,
  countsOf,
  countsSoFar,
  failuresIn,
  lastLine,
  pathsIn,
  preloads,
  sanitizers,
  secretLines,
  sharedIsolates,
  skippedLine,
  startsPrograms,
  stoppedLine,
} from "./test.ts";
import { ALARM, MARKS } from "./secret_search.ts";

const outputs: [string, string, boolean, Counts][] = [
  ["passed", "ok | 12 passed | 0 failed (3s)", true, { passed: 12, failed: 0, skipped: 0 }],
  [
    "with steps",
    "noise\n\nok | 41 passed (54 steps) | 0 failed (4s)\n",
    true,
    { passed: 41, failed: 0, skipped: 0 },
  ],
  [
    "ignored tests and steps",
    "ok | 27 passed (3 steps) | 0 failed | 14 ignored (7 steps) (282ms)",
    true,
    { passed: 27, failed: 0, skipped: 21 },
  ],
  [
    "failed, in colours",
    "\x1b[0m\x1b[31mFAILED\x1b[0m | 38 passed (1 step) | 3 failed (2 steps) \x1b[0m\x1b[38;5;245m(5s)\x1b[0m\n\nerror: Test failed",
    false,
    { passed: 38, failed: 3, skipped: 0 },
  ],
  [
    "a test that prints a summary itself: the last one counts",
    "ok | 1 passed | 0 failed (1s)\nFAILED | 2 passed | 1 failed (1s)\n",
    false,
    { passed: 2, failed: 1, skipped: 0 },
  ],
  ["type errors: no summary", "error: TS2322", false, { passed: 0, failed: 1, skipped: 0 }],
  ["leaked, yet ok", "ok | 3 passed | 0 failed (1s)", false, { passed: 3, failed: 1, skipped: 0 }],
];

for (const [name, output, success, expected] of outputs) {
  Deno.test(`countsOf: ${name}`, () => assertEquals(countsOf(output, success), expected));
}

Deno.test("a run that the time limit stops: what it had come to, and that no test failed", () => {
  const output = "./a_test.ts => one ... ok (1ms)\n" +
    "./a_test.ts => \x1b[1mtwo\x1b[0m ... \x1b[32mok\x1b[0m (2s)\n./b_test.ts => three ... ignored (0ms)\n" +
    "./b_test.ts => four ... ";
  const counts = countsSoFar(output);
  assertEquals(counts, { passed: 2, failed: 0, skipped: 1 });
  assertStringIncludes(
    stoppedLine(counts),
    "before every test had run: 2 had passed, no test failed",
  );
  assertStringIncludes(
    stoppedLine(counts, 65_000, "SIGTERM"),
    "stopped by SIGTERM after 1 min 05 s",
  );
  const failed = countsSoFar(`${output}FAILED (1ms)\n`);
  assertEquals(failed, { passed: 2, failed: 1, skipped: 1 });
  assertStringIncludes(stoppedLine(failed), "1 failed");
});

Deno.test("what failed is told again: the last list, cut where it is long, and every name", () => {
  assertEquals(failuresIn("one ... ok (1ms)\n\nok | 1 passed | 0 failed (1s)\n"), "");
  const told = failuresIn(
    "a ... FAILED\n\n\x1b[1m ERRORS \x1b[0m\n\nfrom within a test\n FAILURES \n\n" +
      `\n ERRORS \n\na => ./a_test.ts:1:1\nerror: no${"\n    at b".repeat(100)}\n` +
      "\n FAILURES \n\na => ./a_test.ts:1:1\nc => ./c_test.ts:1:1\n\nFAILED | 1 passed | 2 failed (1s)\n",
  );
  assertEquals(told.match(/at b/g)!.length < 60, true);
  assertEquals(told.includes("from within"), false);
  assertStringIncludes(told, "ERRORS \n\na => ./a_test.ts:1:1\nerror: no\n    at b");
  assertEquals(
    told.endsWith(" FAILURES \n\na => ./a_test.ts:1:1\nc => ./c_test.ts:1:1"),
    true,
  );
});

Deno.test("lastLine: skipped only where there were some", () => {
  assertEquals(lastLine({ passed: 3, failed: 1, skipped: 0 }), "3 passed, 1 failed");
  assertEquals(lastLine({ passed: 3, failed: 0, skipped: 2 }), "3 passed, 0 failed, 2 skipped");
});

Deno.test("skippedLine: names what is missing and the command that brings it", () => {
  const line = skippedLine(2, ["crane", "oras"])!;
  assertStringIncludes(line, "skipped 2 tests");
  assertStringIncludes(line, "crane, oras");
  assertStringIncludes(line, "npx -y deno@2 task peers");
  assertEquals(skippedLine(0, ["crane"]), undefined);
  assertEquals(skippedLine(2, []), undefined);
});

Deno.test("pathsIn: neither options nor the filter's text are paths", () => {
  assertEquals(pathsIn(["--filter", "tags", "content/", "--fail-fast"]), ["content/"]);
  assertEquals(pathsIn(["--filter=tags"]), []);
});

Deno.test("sharedIsolates: each file in one isolate, rooms apart, alike sizes, tests/ first", () => {
  const many = Array.from({ length: 20 }, (_, at) => `content/${at}_test.ts`);
  const isolates = sharedIsolates(["a_test.ts", ...many, "tests/a/b_test.ts", "tests/c_test.ts"]);
  assertEquals([...isolates], [
    ["tests_1", ["tests/a/b_test.ts", "tests/c_test.ts"]],
    ["content_1", many.filter((_, at) => at % 2 === 0)],
    ["content_2", many.filter((_, at) => at % 2 === 1)],
    ["root_1", ["a_test.ts"]],
  ]);
});

Deno.test("task test: the last line, the line before it and the exit code", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/made_test.ts`,
    `Deno.test("good", () => {});
     Deno.test("bad", () => { throw new Error("bad"); });
     Deno.test({ name: "left", ignore: true, fn() {} });`,
  );
  const run = async (...args: string[]) => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "-A", new URL("./test.ts", import.meta.url).pathname, ...args],
      env: { DAVIT_PEERS: `${folder}/none`, DAVIT_STD: "npm", NO_COLOR: "1" },
      stderr: "null",
    }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  };
  const failed = await run(folder);
  assertEquals([failed.code, failed.lines.at(-1)], [1, "1 passed, 1 failed, 1 skipped"]);
  assertStringIncludes(failed.lines.at(-2)!, "npx -y deno@2 task peers");
  const passed = await run("--filter", "good", folder);
  assertEquals([passed.code, passed.lines.at(-1)], [0, "1 passed, 0 failed"]);
  assertEquals(await run(`${folder}/none_test.ts`), { code: 2, lines: [""] });
  await Deno.remove(folder, { recursive: true });
});

const ROOT = new URL("../", import.meta.url).pathname;

/** Whether a program listens there. */
async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  const ignore = Deno.build.os === "windows";
  Deno.test({
    name: `task test: ${signal} ends it and what its tests started, and no test has failed`,
    ignore,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      await Deno.writeTextFile(
        `${folder}/made_test.ts`,
        `Deno.test("good", () => {});
         Deno.test("waits", async () => {
           const child = new Deno.Command(Deno.execPath(), {
             args: ["run", "--no-config", "-A", "${folder}/listens.ts"],
           }).spawn();
           await child.status;
         });`,
      );
      await Deno.writeTextFile(
        `${folder}/listens.ts`,
        `const { port } = Deno.listen({ hostname: "127.0.0.1", port: 0 }).addr;
         await Deno.writeTextFile("${folder}/part", String(port));
         await Deno.rename("${folder}/part", "${folder}/port");
         setInterval(() => {}, 1000);`,
      );
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-lock", "-A", `${ROOT}scripts/test.ts`, "--no-check", folder],
        env: { DAVIT_PEERS: `${folder}/none`, DAVIT_STD: "npm", NO_COLOR: "1" },
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const output = child.output();
      let port: number | undefined;
      while (port === undefined) {
        await pause();
        port = await Deno.readTextFile(`${folder}/port`).then(Number, () => undefined);
      }
      child.kill(signal);
      const { code, stdout } = await output;
      const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
      assertEquals([code, lines.at(-1)], [1, "1 passed, 0 failed"]);
      const [said = ""] = lines.filter((line) => line.startsWith(`stopped by ${signal} after `));
      assertStringIncludes(said, "before every test had run: 1 had passed, no test failed");
      for (let left = 1_000; left > 0 && await listens(port); left--) await pause();
      assertEquals(await listens(port), false, "what the tests started has ended");
      await Deno.remove(folder, { recursive: true });
    },
  });
}

const errors = `import { ApiError } from "${ROOT}errors.ts";`;
const leaks: [name: string, source: string, told: boolean][] = [
  ["an error", `${errors} Deno.test("t", () => void new ApiError("Cannot: SECRET"));`, true],
  [
    "a cause",
    `${errors} Deno.test("t", () => void new ApiError("Cannot", { cause: new Error("SECRET") }));`,
    true,
  ],
  [
    "a field",
    `${errors} class E extends ApiError { url = "SECRET" } Deno.test("t", () => void new E("Cannot"));`,
    true,
  ],
  [
    "an event",
    `Deno.test("t", () => void [].push({ type: "request", url: "https://x/?SECRET" }));`,
    true,
  ],
  [
    "a tape",
    `Deno.test("t", () => void JSON.stringify({ exchanges: ["SECRET"], bodies: {} }));`,
    true,
  ],
  ["a log", `Deno.test("t", () => console.error("SECRET"));`, true],
  [
    "a password in base64",
    `${errors} Deno.test("t", () => void new ApiError("Cannot: " + btoa("you:SECRET")));`,
    true,
  ],
  [
    "what a header held",
    `${errors} Deno.test("t", () => {
      new Headers().set("Authorization", "Bearer abcdefghijkl");
      void new ApiError("Cannot: abcdefghijkl");
    });`,
    true,
  ],
  ["nothing", `${errors} Deno.test("t", () => void [new ApiError("Cannot"), "SECRET"]);`, false],
];

Deno.test("task test: a secret that is told fails the run, though every test passed", async () => {
  for (const [name, source, told] of leaks) {
    const folder = await Deno.makeTempDir();
    const secret = MARKS.find((mark) => mark.startsWith("h"))!;
    await Deno.writeTextFile(`${folder}/made_test.ts`, source.replace("SECRET", secret));
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "-A", `${ROOT}scripts/test.ts`, folder],
      env: { DAVIT_PEERS: `${folder}/none`, DAVIT_STD: "npm", NO_COLOR: "1" },
      stderr: "null",
    }).output();
    await Deno.remove(folder, { recursive: true });
    const last = new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1);
    const expected = told ? [1, "1 passed, 1 failed"] : [0, "1 passed, 0 failed"];
    assertEquals([code, last], expected, name);
  }
});

Deno.test("sanitizers: asked for where Deno does not check by itself", () => {
  for (const version of ["2.0.0", "2.8.4"]) assertEquals(sanitizers(version, true), []);
  for (const version of ["2.9.0", "2.10.1", "3.0.0"]) {
    assertEquals(sanitizers(version, true), ["--sanitize-resources", "--sanitize-ops"]);
    assertEquals(sanitizers(version, false), ["--sanitize-resources"]);
  }
});

Deno.test("preloads: the search for secrets, where Deno can and nothing is measured", () => {
  const [watch = ""] = preloads("2.4.0", ["--parallel", "auth/"]);
  assertStringIncludes(watch, "--preload=");
  assertStringIncludes(watch, "/scripts/secret_watch.ts");
  assertEquals(preloads("2.10.0", []), [watch]);
  assertEquals(preloads("2.3.9", []), []);
  assertEquals(preloads("2.9.0", ["tests/security/linear_time_alone_test.ts"]), []);
});

Deno.test("secretLines: what was told, and what stands in the output itself", () => {
  const output = ["fine", `${ALARM} a tape shows a signed token`, `password ${MARKS[0]}`, "ok"];
  assertEquals(secretLines(output.join("\n")), 2);
  const titles = [
    "./a_test.ts => it takes SECRET ... ok (1ms)",
    "it takes SECRET => ./a_test.ts:1:6",
  ];
  assertEquals(secretLines(titles.join("\n").replaceAll("SECRET", MARKS[0]!)), 0);
  assertEquals(secretLines("fine\nok | 1 passed | 0 failed (1s)"), 0);
});

Deno.test("startsPrograms: by the paths, from above and below", () => {
  const yes = ["tests", "./tests/", "tests/endpoints", "tests/peers/clients_test.ts"];
  for (const path of yes) assertEquals(startsPrograms([path]), true, path);
  assertEquals(startsPrograms(["a/b_alone_test.ts"]), true);
  for (const path of ["content", "tests/faults/abort_test.ts", "server/"]) {
    assertEquals(startsPrograms([path]), false, path);
  }
  assertEquals(startsPrograms([]), false);
});
