import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoArguments, denoCommand } from "./deno.ts";
import { tempFolder } from "./temp_folder.ts";

const LOCK = new URL("./npm_std/deno.lock", import.meta.url);

Deno.test("denoArguments: npm's lock is frozen, and belongs to the project's configuration", () => {
  const [command, ...args] = denoArguments(["run", "-A", "a.ts"], "npm");
  assertEquals([command, args.slice(-2)], ["run", ["-A", "a.ts"]]);
  assert(args.includes("--frozen"));
  assertMatch(args[args.indexOf("--config") + 1]!, /\/deno\.json$/);
  assertEquals(denoArguments(["run", "a.ts"], "jsr"), ["run", "a.ts"]);
  assertEquals(denoArguments(["fmt", "a.ts"], "npm"), ["fmt", "a.ts"]);
});

for (
  const own of [["--config", "x.json"], ["--config=x.json"], ["-c", "x.json"], ["--no-config"]]
) {
  Deno.test(`denoArguments: the caller's own configuration is the only one: ${own[0]}`, () => {
    const args = denoArguments(["check", ...own, "a.ts"], "npm");
    assertEquals(args.slice(-own.length - 1), [...own, "a.ts"]);
    assert(!args.slice(0, -own.length - 1).includes("--config"));
  });
}

/** What git would tell of the checkout; nothing where there is no git. */
async function checkoutStatus(): Promise<string> {
  const { stdout } = await new Deno.Command("git", {
    args: ["status", "--porcelain"],
    cwd: new URL(".", import.meta.url),
    stderr: "null",
  }).output().catch(() => ({ stdout: new Uint8Array() }));
  return new TextDecoder().decode(stdout) + await Deno.readTextFile(LOCK);
}

Deno.test("denoCommand: whatever is run, and from wherever, the checkout stays as it is", async (t) => {
  await using temp = await tempFolder();
  const folder = temp.path;
  const before = await checkoutStatus();
  await Deno.writeTextFile(`${folder}/outside.ts`, 'import "@std/assert";\n');
  await Deno.writeTextFile(
    `${folder}/unlocked.ts`,
    'import "npm:@noble/hashes@2.3.0/sha2.js";\n',
  );
  for (const command of [["run", "-A"], ["check"], ["info", "--json"], ["doc"], ["cache"]]) {
    for (const cwd of [folder, decodeURIComponent(new URL("..", import.meta.url).pathname)]) {
      await t.step(
        `${command[0]} in ${cwd === folder ? "another folder" : "the project"}`,
        async () => {
          const args = [...command, `${folder}/outside.ts`];
          const { success, stderr } = await (await denoCommand(args, { cwd })).output();
          assert(success, new TextDecoder().decode(stderr));
          assertEquals(await checkoutStatus(), before);
        },
      );
    }
  }
  await t.step("a package that is not in the lock is refused, not added", async () => {
    const args = ["run", `${folder}/unlocked.ts`];
    const { success } = await (await denoCommand(args, { cwd: folder })).output();
    assert(!success || Deno.env.get("DAVIT_STD") === "jsr");
    assertEquals(await checkoutStatus(), before);
  });
});
