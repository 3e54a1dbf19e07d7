import { UnsafePathError } from "../errors.ts";

/** What no name may hold. Windows takes a backslash for a slash; NUL ends a name early. */
const UNSAFE: [pattern: RegExp, why: string][] = [
  // deno-lint-ignore no-control-regex
  [/\x00/, "it holds a NUL"],
  [/\\/, "it holds a backslash"],
  [/^[A-Za-z]:/, "it begins with a drive letter"],
  [/^\//, "it is absolute"],
  // Linux opens nothing longer, and each of its parts would be a folder to make.
  [/^.{4097}/s, "it has more than 4,096 characters"],
];

/**
 * A relative path in one form: parts with one `/` between them, no `.` among them. What stands for
 * the folder itself is `.`.
 *
 * @param what What it is the name of, for the message: `the title`.
 * @throws {UnsafePathError} When it is absolute, or has `..`, a backslash, a drive letter or NUL.
 */
export function safePath(path: string, what: string): string {
  const why = UNSAFE.find(([pattern]) => pattern.test(path))?.[1];
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path === "") throw unsafe(path, what, "it is empty");
  if (why !== undefined) throw unsafe(path, what, why);
  if (parts.includes("..")) throw unsafe(path, what, "it leads out of its folder");
  return parts.length === 0 ? "." : parts.join("/");
}

/**
 * Checks that a symbolic link stays in the folder, wherever other links lead: `..` may stand at the
 * target's beginning alone, where the folders above the link are real ones. A name may be another
 * link, and `..` behind it lead anywhere.
 *
 * @param name Where the link is, as {@linkcode safePath} has it.
 * @throws {UnsafePathError} When the target may be outside.
 */
export function checkLinkTarget(name: string, target: string): void {
  const what = `the target of the link ${JSON.stringify(name)}`;
  const [, ups = "", below = ""] = /^((?:\.{1,2}(?:\/+|$))*)(.*)$/s.exec(target) ?? [];
  if (below !== "" || target === "") safePath(below, what);
  const depth = name.split("/").length - 1;
  if (ups.split("/").filter((part) => part === "..").length > depth) {
    throw unsafe(target, what, "it leads out of its folder");
  }
}

function unsafe(path: string, what: string, why: string): UnsafePathError {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return new UnsafePathError(`Cannot use ${JSON.stringify(shown)} as ${what}: ${why}`, { path });
}
