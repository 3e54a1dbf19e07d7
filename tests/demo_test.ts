/** `task demo`: its lines, its exit code, and what it leaves behind. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { buildImageConfig, buildManifest, RegistryClientV2 } from "../mod.ts";
import { outFolder } from "../scripts/demo.ts";
import { denoCommand } from "../scripts/deno.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import { createRegistry, serve } from "../server/mod.ts";

const DEMO = new URL("../scripts/demo.ts", import.meta.url).href;

/** Runs the demo in a folder of its own. */
async function demo(
  args: string[],
  look: (run: { code: number; stdout: string; stderr: string; cwd: string }) => Promise<void>,
): Promise<void> {
  await using temp = await tempFolder();
  const cwd = temp.path;
  const command = await denoCommand(["run", "--quiet", "-A", DEMO, ...args], {
    cwd,
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  await look({ code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), cwd });
}

/** What a run of the demo must say, in this order. */
const LINES = [
  /^A registry in this process serves http:\/\/127\.0\.0\.1:\d+$/m,
  /made an image\s+two platforms, three layers, \d+(\.\d+)? MB/,
  /shared layer, in one request\s+\d.* MB\b.*MB\/s/,
  /shared layer, mounted/,
  /linux\/amd64 layer, chunks of \d.*MB\/s/,
  /linux\/arm64 layer, chunks of \d.*MB\/s/,
  /index over two platforms\s+\S+, under 25 tags/,
  /tags\s+25, in 3 pages/,
  /latest\s+\S+, application\/vnd\.oci\.image\.index\.v1\+json/,
  /latest for linux\/amd64\s+\S+, 2 layers/,
  /latest for linux\/arm64\s+\S+, 2 layers/,
  /Pull into an OCI layout folder/,
  /verified/,
  /attached a note to the index/,
  /referrers\s+\S+ application\/vnd\.example\.note/,
  /deleted the note\s+0 referrers left/,
  /deleted the tag 1\.1\s+24 tags left/,
  /^Done in \d+\.\d s\. Next:$/m,
  /task demo -- docker\.io\/library\/alpine:3/,
];

Deno.test("task demo: pushes, lists, pulls, verifies, attaches, deletes, and says so", async () => {
  await demo([], async ({ code, stdout, stderr, cwd }) => {
    assertEquals(code, 0, stderr);
    let at = 0;
    for (const line of LINES) {
      const found = line.exec(stdout.slice(at));
      assert(found !== null, `${line} is not in, or not where it should be:\n${stdout}`);
      at += found.index;
    }
    const left: string[] = [];
    for await (const { name } of Deno.readDir(cwd)) left.push(name);
    assertEquals(left, [], "nothing is left in the folder");
  });
});

Deno.test("task demo -- REFERENCE: pulls an image into an OCI layout", async () => {
  const registry = createRegistry();
  const server = await serve(registry);
  try {
    const client = new RegistryClientV2({ name: `${server.url}/app` });
    const layer = await client.putBlob(crypto.getRandomValues(new Uint8Array(50_000)));
    const config = await buildImageConfig({
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [] },
    });
    await client.putBlob(config.bytes);
    const { bytes, descriptor } = await buildManifest({
      config: config.descriptor,
      layers: [layer],
    });
    await client.putManifest({ manifestData: bytes, ref: "v1" });
    await demo([`${server.url}/app:v1`], async ({ code, stdout, stderr, cwd }) => {
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, `from ${server.url}`);
      assertMatch(stdout, /resolved\s+\S+, .*application\/vnd\.oci\.image\.manifest\.v1\+json/);
      const folder = `out/${new URL(server.url).host.replace(":", "+")}/app`;
      assertStringIncludes(stdout, folder);
      const index = JSON.parse(await Deno.readTextFile(`${cwd}/${folder}/index.json`));
      assertEquals(index.manifests[0].digest, descriptor.digest);
      const blob = `${cwd}/${folder}/blobs/sha256/${layer.digest.slice("sha256:".length)}`;
      assertEquals((await Deno.stat(blob)).size, 50_000);
    });
    // The separator that npx and deno leave in may stand before it.
    await demo(["--", `${server.url}/app@${descriptor.digest}`], ({ code, stderr }) => {
      assertEquals(code, 0, stderr);
      return Promise.resolve();
    });
  } finally {
    await server.close();
  }
});

Deno.test("task demo -- REFERENCE: every repository of every registry has a folder of its own", () => {
  const places = [
    ["docker.io", "library/app"],
    ["docker.io", "library_app"],
    ["docker.io", "library/app/blobs"],
    ["ghcr.io", "library/app"],
    ["localhost", "app"],
    ["localhost:5000", "app"],
    ["localhost:5001", "app"],
    ["localhost-5000", "app"],
    ["[::1]:5000", "app"],
  ] as const;
  const folders = places.map(([registry, repository]) => outFolder(registry, repository));
  assertEquals(new Set(folders).size, places.length);
  for (const folder of folders) {
    assertMatch(folder, /^out\/[A-Za-z0-9.+-]+\/[a-z0-9._+-]+$/);
    const inside = folders.filter((each) => each.startsWith(`${folder}/`));
    assertEquals(inside, [], "no layout lies within another one");
  }
  assertEquals(outFolder("ghcr.io", "you/app"), "out/ghcr.io/you+app");
});

Deno.test("task demo -- --help: what it does, and nothing else", async () => {
  await demo(["--", "--help"], ({ code, stdout, stderr }) => {
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^usage: task demo \[-- REFERENCE\]\n\n[^]*out\//);
    return Promise.resolve();
  });
});

const failures: [name: string, reference: (free: string) => string, says: RegExp][] = [
  ["nobody answers", (free) => `http://${free}/app:v1`, /^NetworkError: Cannot .*127\.0\.0\.1/],
  [
    "it is not a reference",
    () => "low/UPPER",
    /^InvalidReferenceError: Cannot parse "low\/UPPER"/,
  ],
];

for (const [name, reference, says] of failures) {
  Deno.test(`task demo -- REFERENCE: ${name}: one clear line, and exit code 1`, async () => {
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const host = `127.0.0.1:${free.addr.port}`;
    free.close();
    await demo([reference(host)], ({ code, stderr }) => {
      assertEquals(code, 1);
      const lines = stderr.trim().split("\n");
      assertEquals(lines.length, 1, stderr);
      assertMatch(lines[0]!, says);
      return Promise.resolve();
    });
  });
}
