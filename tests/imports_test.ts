/** What importing the package costs: no entry point asks for what a runtime loads when it is asked. */
import { assertEquals } from "@std/assert";
import { denoCommand } from "../scripts/deno.ts";

/** Node loads all of its own `fetch` when one of these is named, which takes longer than the package. */
const LOADED_WHEN_NAMED = [
  ...["fetch", "Request", "Response", "Headers", "FormData"],
  ...["WebSocket", "EventSource", "CloseEvent", "MessageEvent"],
];

const SCRIPT = `
  const touched = [];
  for (const name of ${JSON.stringify(LOADED_WHEN_NAMED)}) {
    const value = globalThis[name];
    Object.defineProperty(globalThis, name, {
      configurable: true,
      get() {
        touched.push(name + new Error().stack.split("\\n").at(-1));
        return value;
      },
    });
  }
  const imported = await import(Deno.args[0]);
  console.log(JSON.stringify({ names: Object.keys(imported).length, touched }));
`;

const { exports } = JSON.parse(
  await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
) as { exports: Record<string, string> };

Deno.test("importing an entry point loads no fetch, and no Response", async (t) => {
  const script = await Deno.makeTempFile({ prefix: "davit_imports_", suffix: ".js" });
  try {
    await Deno.writeTextFile(script, SCRIPT);
    for (const [name, path] of Object.entries(exports)) {
      await t.step(name, async () => {
        const { href } = new URL(`../${path}`, import.meta.url);
        const command = await denoCommand(["run", "--quiet", "-A", "--no-check", script, href]);
        const { stdout, stderr } = await command.output();
        const decoder = new TextDecoder();
        assertEquals(decoder.decode(stderr), "");
        const { names, touched } = JSON.parse(decoder.decode(stdout));
        assertEquals([names > 0, touched], [name !== "./cli", []]); // a program exports nothing
      });
    }
  } finally {
    await Deno.remove(script);
  }
});
