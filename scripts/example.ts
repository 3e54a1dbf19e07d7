/**
 * `task example NAME [arguments]`: runs one of examples/ with the permissions in its header, and no
 * others.
 */
import { denoCommand } from "./deno.ts";
import { complain } from "./say.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

/** The names of the examples. */
export async function exampleNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(EXAMPLES)) {
    if (name.endsWith(".ts") && !name.endsWith("_test.ts")) {
      names.push(name.slice(0, -".ts".length));
    }
  }
  return names.sort();
}

/** The permissions of an example, out of the command in its header. */
export async function examplePermissions(name: string): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(`${name}.ts`, EXAMPLES));
  const header = /^ \* {5}deno run (.*?)examples\//m.exec(source);
  if (header === null) throw new Error(`examples/${name}.ts has no command in its header`);
  return header[1]!.trim().split(" ").filter((flag) => flag !== "");
}

if (import.meta.main) {
  const [name, ...args] = Deno.args.filter((each) => each !== "--");
  const names = await exampleNames();
  if (name === undefined || !names.includes(name)) {
    complain(`usage: task example NAME [arguments]; the names: ${names.join(", ")}`);
    Deno.exit(2);
  }
  const file = new URL(`${name}.ts`, EXAMPLES);
  const command = await denoCommand(
    ["run", ...await examplePermissions(name), file.href, ...args],
    {
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    },
  );
  const { code } = await command.output();
  Deno.exit(code);
}
