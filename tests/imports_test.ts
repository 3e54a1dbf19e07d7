/**
 * What importing the package costs: no entry point asks for what a runtime loads when it is asked, or
 * for another package before it is needed.
 */
import { assertEquals } from "@std/assert";
import { denoCommand } from "../scripts/deno.ts";
import { tempFolder } from "../scripts/temp_folder.ts";

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

/** What cannot be used without a package. */
const PACKAGES: Record<string, string[]> = {
  "./chainloop": ["@cfworker/json-schema"],
  "./cli": ["commander"],
};

interface ModuleGraph {
  redirects: Record<string, string>;
  modules: {
    specifier: string;
    dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[];
  }[];
}

Deno.test("importing an entry point loads no other package than its own", async () => {
  await using folder = await tempFolder();
  const entries = Object.entries(exports).map(([name, path]) => ({
    name,
    href: new URL(`../${path}`, import.meta.url).href,
  }));
  const all = `${folder.path}/all.js`;
  await Deno.writeTextFile(all, entries.map(({ href }) => `import "${href}";\n`).join(""));
  const { stdout } = await (await denoCommand(["info", "--json", all])).output();
  const graph = JSON.parse(new TextDecoder().decode(stdout)) as ModuleGraph;
  const loaded = entries.map(({ name, href }) => [name, packagesOf(graph, href)]);
  assertEquals(loaded, entries.map(({ name }) => [name, PACKAGES[name] ?? []]));
});

/** The packages that a module loads at once; not the standard library, which may come from npm. */
function packagesOf({ redirects, modules }: ModuleGraph, first: string): string[] {
  const dependencies = new Map(modules.map((each) => [each.specifier, each.dependencies ?? []]));
  const found = new Set([first]);
  for (const specifier of found) {
    for (const { isDynamic, code } of dependencies.get(specifier) ?? []) {
      if (isDynamic || code?.specifier === undefined) continue;
      found.add(redirects[code.specifier] ?? code.specifier);
    }
  }
  const names = [...found].map((each) => /^npm:\/?((?:@[^/]+\/)?[^/@]+)/.exec(each)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined && name !== "deno-std")
    .sort() as string[];
}
