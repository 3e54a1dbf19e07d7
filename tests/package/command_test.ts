/** The command from a clone, as `task davit` and Deno run it. */
import { assertEquals } from "@std/assert";
import { createRegistry, serve } from "../../server/mod.ts";
import { denoArguments, stdSource } from "../../scripts/deno.ts";
import { tryCommand, tryInterrupt } from "./command.ts";

const MAIN = decodeURIComponent(new URL("../../cli/main.ts", import.meta.url).pathname);

async function program(): Promise<string[]> {
  const { source } = await stdSource();
  return [Deno.execPath(), ...denoArguments(["run", "--quiet", "-A", "--no-check", MAIN], source)];
}

Deno.test("the command by Deno: copies, and its exit codes", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  const server = await serve(createRegistry());
  try {
    await tryCommand(await program(), version, `${new URL(server.url).host}/command`);
  } finally {
    await server.close();
  }
});

Deno.test("the command by Deno: interrupted, it ends with 130, and goes on the next time", async () => {
  await tryInterrupt(await program());
});

Deno.test("the command by Deno: whoever reads its result may go away", async () => {
  const [deno, ...args] = await program();
  const child = new Deno.Command(deno!, {
    args: [...args, "--help"],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const { code, stderr } = await child.output().catch(async () => ({
    code: (await child.status).code,
    stderr: await new Response(child.stderr).bytes(),
  }));
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});
