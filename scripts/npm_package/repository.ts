/** Where the package's sources are: `repository` in its `package.json`. */
import { ROOT } from "./project.ts";

/** The field as npm reads it. */
export interface Repository {
  type: "git";
  url: string;
}

/** The remote that this clone came from; `undefined` where others cannot reach it. */
export async function repositoryOfClone(): Promise<Repository | undefined> {
  const git = new Deno.Command("git", {
    args: ["-C", ROOT, "config", "--get", "remote.origin.url"],
    stdin: "null",
    stderr: "null",
  });
  const stdout = await git.output().then((output) => output.stdout, () => new Uint8Array());
  return repositoryOf(new TextDecoder().decode(stdout).trim());
}

/** A remote by https, without the credentials that may stand in it; none for a folder. */
export function repositoryOf(remote: string): Repository | undefined {
  const [, host, path] =
    /^(?:https?|ssh|git):\/\/(?:[^@/]*@)?([^:/]+\.[^:/]+)(?::\d+)?\/(.+)$/.exec(remote) ??
      /^(?:[^@/:]+@)?([^@/:]+\.[^@/:]+):(?!\/)(.+)$/.exec(remote) ?? [];
  if (host === undefined || path === undefined) return undefined;
  return { type: "git", url: `git+https://${host}/${path.replace(/(?:\.git)?\/?$/, "")}.git` };
}
