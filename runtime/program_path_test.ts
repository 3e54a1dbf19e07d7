import { assertEquals } from "@std/assert";
import { runProgram, runProgramSync } from "./process.ts";
import { programPath, windowsPaths } from "./program_path.ts";

const PATHS: [name: string, environment: Record<string, string>, expected: string[]][] = [
  ["no PATH", {}, []],
  ["an empty one", { PATH: "" }, []],
  ["its folders, in their order", { PATH: "C:\\a;D:/b\\" }, ["C:\\a\\x.exe", "D:/b\\x.exe"]],
  ["as Windows spells it", { Path: "C:\\a" }, ["C:\\a\\x.exe"]],
  ["the root of a disk, and of a network", { PATH: "C:\\;\\\\nas\\b" }, [
    "C:\\x.exe",
    "\\\\nas\\b\\x.exe",
  ]],
  ["quotes and spaces", { PATH: ' "C:\\a;b" ;"C:\\Program Files"' }, [
    "C:\\a;b\\x.exe",
    "C:\\Program Files\\x.exe",
  ]],
  [
    "nothing that begins in the current folder",
    { PATH: '.;;tools;..\\x;C:tools;\\tools;"";C:\\a' },
    ["C:\\a\\x.exe"],
  ],
];

for (const [name, environment, expected] of PATHS) {
  Deno.test(`windowsPaths: ${name}`, () => assertEquals(windowsPaths("x", environment), expected));
}

/** Runs something as on Node, on Windows, with a disk that has one program; nothing may wait. */
function onWindows(program: string, run: () => void): string[] {
  const spawned: string[] = [];
  const spawn = (command: string) => {
    spawned.push(command);
    return { status: 0, on() {} };
  };
  const statSync = (path: string) => {
    if (path !== program) throw Object.assign(new Error("none"), { code: "ENOENT" });
    return { isFile: () => true };
  };
  const modules: Record<string, object> = {
    "node:fs": { statSync },
    "node:child_process": { spawn, spawnSync: spawn },
  };
  const deno = Object.getOwnPropertyDescriptor(globalThis, "Deno")!;
  const process = Reflect.get(globalThis, "process");
  Object.defineProperty(globalThis, "Deno", { ...deno, value: undefined });
  Reflect.set(globalThis, "process", {
    platform: "win32",
    env: { Path: "C:\\a;C:\\b" },
    getBuiltinModule: (name: string) => modules[name],
  });
  try {
    run();
  } finally {
    Object.defineProperty(globalThis, "Deno", deno);
    Reflect.set(globalThis, "process", process);
  }
  return spawned;
}

const options = { input: new Uint8Array(0), timeout: 1_000, maxBytes: 10 };

Deno.test("runProgramSync: on Windows a program is run by its path, never by its name", () => {
  const run = (environment?: Record<string, string>) => () =>
    void runProgramSync("x", [], { ...options, ...(environment && { environment }) });
  assertEquals(onWindows("C:\\b\\x.exe", run()), ["C:\\b\\x.exe"]);
  assertEquals(onWindows("C:\\c\\x.exe", run({ PATH: "C:\\c" })), ["C:\\c\\x.exe"]);
  assertEquals(onWindows("C:\\b\\x.exe", run({ PATH: "C:\\c" })), []);
  assertEquals(onWindows("x.exe", run()), [], "one in the current folder is none");
});

Deno.test("runProgram, runProgramSync: what is nowhere on Windows' PATH is not found", async () => {
  let sync: unknown, later: unknown;
  onWindows("x.exe", () => {
    sync = runProgramSync("x", [], options).ended;
    later = runProgram("x", [], options).then(({ ended }) => ended);
  });
  assertEquals([sync, await later], ["not found", "not found"]);
});

Deno.test("programPath: elsewhere the name is enough", () => assertEquals(programPath("x"), "x"));
