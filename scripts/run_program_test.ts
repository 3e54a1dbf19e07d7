import { assertEquals, assertMatch } from "@std/assert";
import { ApiError, NetworkError } from "../mod.ts";
import { plainly, UsageError } from "./run_program.ts";
import { tempFolder } from "./temp_folder.ts";

const FILE = new URL("./run_program.ts", import.meta.url).href;

const errors: [name: string, error: unknown, said: string][] = [
  ["no error", "text", "text"],
  ["an error without a name of its own", new Error("Cannot go on"), "Cannot go on"],
  ["arguments", new UsageError("usage: x Y"), "usage: x Y"],
  ["davit's own", new NetworkError("Cannot pull"), "NetworkError: Cannot pull"],
  ["a bug", new TypeError("x is not a function"), "TypeError: x is not a function"],
  [
    "Deno's of a file",
    Object.assign(new Deno.errors.NotFound("No such file (os error 2): readfile 'a/b'"), {
      code: "ENOENT",
    }),
    "Cannot open a/b: there is no such file or folder",
  ],
  [
    "Node's of a file",
    Object.assign(new Error("ENOENT: no such file or directory, open 'a b'"), { code: "ENOENT" }),
    "Cannot open a b: there is no such file or folder",
  ],
  [
    "davit's own of a file",
    Object.assign(new ApiError("Cannot read 'a'"), { code: "ENOENT" }),
    "ApiError: Cannot read 'a'",
  ],
];

for (const [name, error, said] of errors) {
  Deno.test(`plainly: ${name}`, () => assertEquals(plainly(error), said));
}

/** Runs a program of one line, without permissions. */
async function run(
  main: string,
  args: string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using folder = await tempFolder();
  const file = `${folder.path}/program.ts`;
  await Deno.writeTextFile(
    file,
    `import { runProgram, UsageError } from "${FILE}";
     const HELP = "usage: REGISTRY_USER=… twice NUMBER OS/ARCHITECTURE [MORE OF THEM]\\n\\nDoubles.";
     await runProgram(HELP, ${main});`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-lock", "--no-prompt", file, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const USAGE = "usage: REGISTRY_USER=… twice NUMBER OS/ARCHITECTURE [MORE OF THEM]\n";
const BOTH = ["1", "a/b"];
const PRINTS = "(...args) => console.log(args.join())";

const PRINTED = `${USAGE}\nDoubles.\n`;

const ends: [name: string, main: string, args: string[], code: number, out: string, err: RegExp][] =
  [
    ["its arguments, without --", PRINTS, ["--", ...BOTH], 0, "1,a/b\n", /^$/],
    ["its exit code", "() => Promise.resolve(3)", BOTH, 3, "", /^$/],
    ["an argument is missing", PRINTS, ["1"], 2, "", new RegExp(`^${RegExp.escape(USAGE)}$`)],
    ["--help", PRINTS, ["--help"], 0, PRINTED, /^$/],
    ["-h behind others", PRINTS, [...BOTH, "-h"], 0, PRINTED, /^$/],
    ["what cannot be used", '() => { throw new UsageError("no"); }', BOTH, 2, "", /^no\n$/],
  ];

const NO = 'new Error("no")';
const fails: [name: string, main: string, err: RegExp][] = [
  ["what it throws", '() => { throw new TypeError("no"); }', /^TypeError: no\n$/],
  ["what it rejects with", `async () => { await null; throw ${NO}; }`, /^no\n$/],
  [
    "a rejection that nobody waits for",
    `() => { Promise.reject(${NO}); return new Promise(() => setTimeout(() => {}, 9e4)); }`,
    /^no\n$/,
  ],
  [
    "an error in an event",
    `() => new Promise(() => setTimeout(() => { throw ${NO}; }))`,
    /^no\n$/,
  ],
  [
    "a permission that is missing: the flag is named",
    '() => fetch("http://127.0.0.1:5999")',
    /^[^\n]*--allow-net[^\n]*\n$/,
  ],
];
for (const [name, main, err] of fails) ends.push([name, main, BOTH, 1, "", err]);

for (const [name, main, args, expected, out, err] of ends) {
  Deno.test(`runProgram: ${name}`, async () => {
    const { code, stdout, stderr } = await run(main, args);
    assertMatch(stderr, err);
    assertEquals([code, stdout], [expected, out]);
  });
}
