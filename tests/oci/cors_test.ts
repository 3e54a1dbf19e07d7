/** A registry that lets no page in, asked by one in a real browser. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { importMap } from "../import_map.ts";
import { requirePeers } from "../peers/locate.ts";
import { runInChromium } from "./chromium.ts";

/** Bundles the program for a browser, with the host in its place. */
async function bundle(host: string): Promise<string> {
  await using temp = await tempFolder();
  const folder = temp.path;
  await Deno.writeTextFile(`${folder}/map.json`, await importMap());
  const program = await Deno.readTextFile(new URL("cors_program.ts", import.meta.url));
  await Deno.writeTextFile(`${folder}/program.ts`, program.replaceAll("HOST", host));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform=browser", "--no-config", "--no-lock"]
      .concat(["--import-map", "map.json", "--outdir", "out", "program.ts"]),
    cwd: folder,
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  return await Deno.readTextFile(`${folder}/out/program.js`);
}

for (const lets of [false, true]) {
  Deno.test({
    ...requirePeers("chromium"),
    name: `a page asks a registry that ${lets ? "fails after it let it in" : "lets no page in"}`,
    async fn() {
      const asked: string[] = [];
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
        const { pathname } = new URL(request.url);
        asked.push(`${request.method} ${pathname}`);
        const headers = { "access-control-allow-origin": "*" };
        if (lets && pathname.endsWith("/list")) return Response.json({ tags: [] }, { headers });
        return Response.json({ tags: [] });
      });
      try {
        const host = `127.0.0.1:${server.addr.port}`;
        const printed = await runInChromium(await bundle(host), "http://127.0.0.1:9");
        const [tags, manifest] = printed.split("\n") as [string, string];
        if (lets) {
          assertEquals(tags, "answered");
          assertMatch(manifest, /^NETWORK true 4 Cannot get the manifest /, printed);
          return;
        }
        assertStringIncludes(
          tags,
          `NETWORK false 0 Cannot list the tags of ${host}/app: the connection to ${host} failed: `,
        );
        assertStringIncludes(tags, "(CORS)");
        assertMatch(manifest, /^NETWORK false 0 .*\(CORS\)/);
        assertEquals(asked.filter((line) => line.endsWith("/list")).length, 1, asked.join("\n"));
      } finally {
        await server.shutdown();
      }
    },
  });
}
