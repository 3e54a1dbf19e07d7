/**
 * `task example NAME [arguments]`: runs one of examples/ with the permissions in its header, and no
 * others.
 */
import { denoCommand } from "./deno.ts";
import { runProgram, UsageError } from "./run_program.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

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

async function main(name: string, ...args: string[]): Promise<number> {
  const names = await exampleNames();
  if (!names.includes(name)) {
    throw new UsageError(`There is no example ${name}; there are ${names.join(", ")}`);
  }
  const file = new URL(`${name}.ts`, EXAMPLES);
  const command = await denoCommand(
    ["run", ...await examplePermissions(name), file.href, ...args],
    { stdin: "inherit", stdout: "inherit", stderr: "inherit" },
  );
  return (await command.output()).code;
}

if (import.meta.main) {
  const names = (await exampleNames()).join(", ");
  const help = `usage: task example NAME [ARGUMENT]...

Runs one of examples/ with the permissions in its header, and no others. Each has a --help of its
own. The names: ${names}.`;
  await runProgram(help, main);
}
