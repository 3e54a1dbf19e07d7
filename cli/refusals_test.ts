import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { LayoutStore } from "../stores/mod.ts";
import { fakeRun } from "./fake_io_test.ts";
import { pushSample } from "./sample_test.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "davit_cli_" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("davit copy: names that are none, before anything is copied", () =>
  withFolder(async (folder) => {
    await pushSample(new LayoutStore(`${folder}/sample`), "v1");
    const cases: [target: string, ...more: string[]][] = [
      [`oci:${folder}/a:.bad`],
      [`oci:${folder}/a:full/name:v1`],
      [`oci:${folder}/a:on:v1`], // which has a digest's grammar
      ["localhost:1/a:v1", "--tag", "on:v1"],
      [`oci:${folder}/a`, "--tag", "v 2"],
      [`oci-archive:${folder}/a.tar:no/tag`],
      [`oci-archive:${folder}/a.tar:v1`, "--tag", "Upper/Name:v1"],
      [`docker-archive:${folder}/a.tar:BAD/Name`, "--platform", "linux/arm64"],
      ["localhost:1/a:v1", "--tag", "v/2"],
      [`docker-archive:${folder}/a.tar`, "--tag", "v2", "--platform", "linux/arm64"],
      ["localhost:1/a:v1", "--sparse"],
      [`docker-archive:${folder}/a.tar`, "--sparse", "--platform", "linux/arm64"],
    ];
    for (const [target, ...more] of cases) {
      const ran = await fakeRun(["copy", `oci:${folder}/sample:v1`, target, ...more]);
      assertEquals([ran.code, ran.stdout], [2, ""], ran.stderr);
      assertMatch(ran.stderr, /^davit: Cannot (?:use|parse) [^\n]+\n$/);
    }
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 1);
  }));

Deno.test("davit: no tar goes to a terminal, nor comes from one", () =>
  withFolder(async (folder) => {
    await pushSample(new LayoutStore(folder), "v1");
    for (const target of ["-", "oci-archive:-"]) {
      const ran = await fakeRun(["copy", `oci:${folder}:v1`, target], { columns: 80 });
      assertEquals([ran.code, ran.stdout], [2, ""], ran.stderr);
      assertStringIncludes(
        ran.stderr,
        "Cannot write a tar to a terminal: davit … - > FILE keeps it",
      );
    }
    for (
      const args of [["ls", "-"], ["digest", "docker-archive:-"], ["copy", "-", `oci:${folder}`]]
    ) {
      const ran = await fakeRun(args, { stdinIsTerminal: true });
      assertEquals([ran.code, ran.stdout], [2, ""]);
      assertStringIncludes(ran.stderr, "Cannot read a tar from a terminal: davit … - < FILE reads");
    }
  }));
