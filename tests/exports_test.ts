/**
 * The public API's names, entry point by entry point, as `exports.json` has them: so that every
 * change of it shows in a diff. After a change that is meant, write the file anew:
 *
 *     deno task deno run -A tests/exports_test.ts --update
 */
import { assert, assertEquals } from "@std/assert";
import { denoCommand } from "../scripts/deno.ts";

const ROOT = new URL("../", import.meta.url);
const PINNED = new URL("exports.json", import.meta.url);

/** Each entry point's names, sorted: "class ApiError". */
type Exports = Record<string, string[]>;

interface DocNode {
  name: string;
  declarations: { kind: string; declarationKind: string }[];
}

async function readJson<T>(url: URL): Promise<T> {
  return JSON.parse(await Deno.readTextFile(url));
}

async function entryPoints(): Promise<Record<string, string>> {
  const { exports } = await readJson<{ exports: Record<string, string> }>(
    new URL("deno.json", ROOT),
  );
  return exports;
}

/** The exports as they are now. `deno doc` of several files at once names each symbol only once. */
async function currentExports(): Promise<Exports> {
  const entries = Object.entries(await entryPoints());
  return Object.fromEntries(
    await Promise.all(entries.map(async ([entry, path]) => [entry, await exportsOf(path)])),
  );
}

async function exportsOf(path: string): Promise<string[]> {
  const { href } = new URL(path, ROOT);
  const command = await denoCommand(["doc", "--json", href], { cwd: ROOT });
  const { success, stdout, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: DocNode[] }>;
  };
  const values = Object.keys(await import(href));
  const { symbols } = nodes[href]!;
  const missed = values.filter((name) => !symbols.some((symbol) => symbol.name === name));
  assertEquals(missed, [], `${path} exports what its documentation does not know`);
  return symbols.flatMap((symbol) => named(symbol, values)).sort(byName);
}

/** A symbol with what it is; a class that only its type is exported of is a type. */
function named({ name, declarations }: DocNode, values: readonly string[]): string[] {
  const exported = declarations.filter(({ declarationKind }) => declarationKind === "export");
  const kinds = new Set(
    exported.map(({ kind }) => {
      if (kind === "typeAlias" || kind === "interface") return "type";
      return values.includes(name) ? kind : "type";
    }),
  );
  return kinds.size === 0 ? [] : [`${[...kinds].sort().join(" and ")} ${name}`];
}

function byName(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.split(" ").at(-1)!);
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

async function update(): Promise<void> {
  await Deno.writeTextFile(PINNED, `${JSON.stringify(await currentExports(), null, 2)}\n`);
}

if (Deno.args.includes("--update")) await update();

Deno.test("every entry point exports the names that are pinned, and no others", async () => {
  const pinned = await readJson<Exports>(PINNED);
  const current = await currentExports();
  assertEquals(Object.keys(current), Object.keys(pinned));
  for (const [entry, names] of Object.entries(current)) {
    assertEquals(names, pinned[entry], `the exports of "${entry}"`);
  }
});
