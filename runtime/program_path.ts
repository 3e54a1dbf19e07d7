import { builtin, runtimeName } from "./builtin.ts";
import { environment as ownEnvironment, type Variables } from "./environment.ts";

interface Files {
  statSync(path: string): { isFile(): boolean };
}

/**
 * What a program is run by. On Windows that is its path, found on the PATH: Node and Bun would look
 * in the current folder first, which may be a stranger's, with a program of that name in it. Deno
 * looks on the PATH alone; elsewhere the system does. `undefined` where there is no such program.
 *
 * @see https://github.com/libuv/libuv/issues/3888
 */
export function programPath(command: string, environment?: Variables): string | undefined {
  const { process } = globalThis as unknown as { process?: { platform?: string } };
  if (process?.platform !== "win32" || runtimeName() === "deno") return command;
  const files = builtin<Files>("fs");
  const own = ownEnvironment();
  return windowsPaths(command, { ...own, ...environment }).find((path) => {
    try {
      return files?.statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/**
 * Where Windows has a program that its PATH leads to: `name.exe`, never a batch file, which runs in a
 * shell. Folders given relative to the current one are left out.
 */
export function windowsPaths(command: string, environment: Variables): string[] {
  const names = Object.keys(environment).filter((name) => name.toUpperCase() === "PATH");
  const path = names.map((name) => environment[name]).findLast((value) => value !== undefined);
  const folders = path?.match(/(?:"[^"]*"|[^;])+/g) ?? []; // a quoted folder may hold ";"
  return folders.map((folder) => folder.replaceAll('"', "").trim())
    .filter((folder) => /^(?:[A-Za-z]:[\\/]|\\\\)/.test(folder))
    .map((folder) => `${folder.replace(/[\\/]+$/, "")}\\${command}.exe`);
}
