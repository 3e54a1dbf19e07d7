import { assertEquals } from "@std/assert";
import { ownPlatforms } from "./own_platforms.ts";

const cases: [name: string, here: [os: string, architecture: string], platforms: string[]][] = [
  ["Linux, x64", ["linux", "x64"], ["linux/amd64"]],
  ["Linux, arm64", ["linux", "arm64"], ["linux/arm64"]],
  ["Linux, ia32", ["linux", "ia32"], ["linux/386"]],
  ["Linux, ppc64", ["linux", "ppc64"], ["linux/ppc64le"]],
  ["macOS", ["darwin", "arm64"], ["darwin/arm64", "linux/arm64"]],
  ["Windows", ["win32", "x64"], ["windows/amd64", "linux/amd64"]],
  ["another system", ["freebsd", "riscv64"], ["freebsd/riscv64", "linux/riscv64"]],
];

for (const [name, [os, architecture], platforms] of cases) {
  Deno.test(`ownPlatforms: ${name}`, () => {
    const names = ownPlatforms({ os, architecture })
      .map((platform) => `${platform.os}/${platform.architecture}`);
    assertEquals(names, platforms);
  });
}

Deno.test("ownPlatforms: this machine's own first, by Go's names", () => {
  const [own] = ownPlatforms();
  assertEquals(own!.os, Deno.build.os);
  assertEquals(own!.architecture, { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch]);
});
