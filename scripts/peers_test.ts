import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bringPeers } from "./peers.ts";
import { cachedBinary, versionFile, versionRecord } from "./peers_table.ts";
import { tempFolder } from "./temp_folder.ts";

Deno.test("bringPeers: what is there is left alone, and named with its version and place", async () => {
  await using temp = await tempFolder();
  const folder = temp.path;
  const binary = cachedBinary("crane", folder)!;
  await Deno.writeTextFile(binary, "");
  await Deno.writeTextFile(versionFile("crane", folder), versionRecord("crane"));
  const lines: string[] = [];
  const failed = await bringPeers(["crane"], folder, (line) => lines.push(line));
  assertEquals(failed, []);
  assertEquals(lines, [`crane  v0.22.1     ${binary}  (already there)`]);
});

/** Runs the script where neither Go's modules nor npm's packages can be had. */
async function offline(args: string[], env: Record<string, string> = {}) {
  await using temp = await tempFolder();
  const folder = temp.path;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      "--no-check",
      "-A",
      new URL("./peers.ts", import.meta.url).href,
      ...args,
    ],
    env: {
      CI: "",
      DAVIT_PEERS: `${folder}/peers`,
      GOPROXY: "off",
      GOMODCACHE: `${folder}/modules`,
      GOFLAGS: "",
      npm_config_registry: "http://127.0.0.1:1",
      npm_config_fetch_retries: "0",
      npm_config_cache: `${folder}/npm`,
      ...env,
    },
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("task peers: what cannot be had is said with the reason", async () => {
  const { code, said } = await offline(["crane", "node24"]);
  assertEquals(code, 1);
  assertMatch(said, /^crane {3}missing: \S/m);
  assertMatch(said, /^node24 {2}missing: \S/m);
  assertStringIncludes(said, "0 of 2 peers are there");
  assertStringIncludes(said, "tests that need");
});

Deno.test("task peers: where npm finds no network, a line says which request failed", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    for await (const connection of closed) connection.close();
  })();
  const npm_config_registry = `http://127.0.0.1:${closed.addr.port}`;
  const { code, said } = await offline(["node24"], { npm_config_registry });
  closed.close();
  await closing;
  assertEquals(code, 1);
  assertMatch(
    said,
    /^node24 {2}missing: there is no network: request to [^\n]* failed, reason: .*$/m,
  );
  assertEquals(said.trim().split("\n").length, 3);
});

Deno.test("task peers: an unknown name is refused", async () => {
  const { code, said } = await offline(["cranes"]);
  assertEquals(code, 2);
  assertStringIncludes(said, "There is no peer cranes; there are olareg, oras");
});
