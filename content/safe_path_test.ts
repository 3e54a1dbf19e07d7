import { assertEquals, assertThrows } from "@std/assert";
import { UnsafePathError } from "../errors.ts";
import { checkLinkTarget, safePath } from "./safe_path.ts";

function title(path: string | undefined): string {
  return path === undefined ? "UnsafePathError" : JSON.stringify(path.slice(0, 40));
}

for (
  const [path, expected] of [
    ["a", "a"],
    ["a/b", "a/b"],
    ["./a//b/./c/", "a/b/c"],
    [".", "."],
    ["./", "."],
    ["..a", "..a"],
    ["a..", "a.."],
    ["...", "..."],
    ["ü b", "ü b"],
    ["a:b", undefined],
    ["ab:c", "ab:c"],
    ["", undefined],
    ["a/".repeat(2048), "a/".repeat(2048).slice(0, -1)],
    [`${"a/".repeat(2048)}b`, undefined],
    ["..", undefined],
    ["../a", undefined],
    ["a/..", undefined],
    ["a/../../b", undefined],
    ["/", undefined],
    ["/a", undefined],
    ["//a", undefined],
    ["C:\\a", undefined],
    ["c:/a", undefined],
    ["\\\\host\\share", undefined],
    ["a\\b", undefined],
    ["a\0b", undefined],
  ] as const
) {
  Deno.test(`safePath: ${title(path)}: ${title(expected)}`, () => {
    if (expected !== undefined) return assertEquals(safePath(path, "the title"), expected);
    const error = assertThrows(() => safePath(path, "the title"), UnsafePathError, "the title");
    assertEquals(error.path, path);
  });
}

for (
  const [name, target, safe] of [
    ["a", "b", true],
    ["a", "b/c", true],
    ["a", ".", true],
    ["a", "./b", true],
    ["a", "...", true],
    ["d/a", "..", true],
    ["d/a", "../b", true],
    ["d/e/a", ".././../b/c", true],
    ["a", "..", false],
    ["d/a", "../..", false],
    ["d/a", "../../b", false],
    ["d/a", ".././../b", false],
    // What is before `..` may be a link to somewhere else in the folder.
    ["d/a", "b/..", false],
    ["d/a", "b/../c", false],
    ["a", "", false],
    ["a", "/", false],
    ["a", "/etc/passwd", false],
    ["a", "C:/x", false],
    ["d/a", "../C:/x", false],
    ["d/a", "..\\..\\x", false],
    ["a", "b\0c", false],
  ] as const
) {
  Deno.test(`checkLinkTarget: ${JSON.stringify(name)} → ${JSON.stringify(target)}`, () => {
    if (safe) checkLinkTarget(name, target);
    else assertThrows(() => checkLinkTarget(name, target), UnsafePathError, name);
  });
}
