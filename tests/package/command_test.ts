/** The command from a clone, as `task davit` and Deno run it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { buildManifest } from "../../mod.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { createRegistry, serve } from "../../server/mod.ts";
import { LayoutStore } from "../../stores/mod.ts";
import { denoArguments, stdSource } from "../../scripts/deno.ts";
import { tryClosed, tryCommand, tryInterrupt } from "./command.ts";

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
  await tryClosed(await program());
});

Deno.test({
  name: "the command by Deno: an output that takes nothing is an error, told once, and ends it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const [deno, ...args] = await program();
    await using folder = await tempFolder();
    const { descriptor, bytes } = await buildManifest({ artifactType: "a/b", layers: [] });
    const store = new LayoutStore(folder.path);
    await store.write(descriptor, bytes);
    await store.tag(descriptor, "v1");
    const shell = '"$0" "$@" > /dev/full';
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", shell, deno!, ...args, "ls", `oci:${folder.path}`],
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals([code, said.split("\n").length], [1, 2], said);
    assertStringIncludes(said.toLowerCase(), "no space left");
  },
});
