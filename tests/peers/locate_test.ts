import { assertEquals, assertThrows } from "@std/assert";
import {
  cachedBinary,
  cacheFolder,
  PEER_NAMES,
  peerPath,
  versionFile,
  versionRecord,
} from "../../scripts/peers_table.ts";
import { ignoreWithout, neededPeer } from "./locate.ts";

Deno.test("cacheFolder: DAVIT_PEERS, then XDG_CACHE_HOME, then HOME", () => {
  const folder = (env: Record<string, string>) => cacheFolder((name) => env[name]);
  assertEquals(folder({ DAVIT_PEERS: "/p", XDG_CACHE_HOME: "/x", HOME: "/h" }), "/p");
  assertEquals(folder({ XDG_CACHE_HOME: "/x", HOME: "/h" }), "/x/davit/peers");
  assertEquals(folder({ XDG_CACHE_HOME: "", HOME: "/h" }), "/h/.cache/davit/peers");
  assertThrows(() => folder({}), Error, "Cannot find a cache folder");
});

Deno.test("peerPath: a binary counts only with the record of the version wanted", async () => {
  const folder = await Deno.makeTempDir();
  for (const name of PEER_NAMES) {
    const binary = cachedBinary(name, folder);
    if (binary === undefined) continue;
    assertEquals(peerPath(name, folder), undefined);
    await Deno.mkdir(binary.slice(0, binary.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(binary, "");
    assertEquals(peerPath(name, folder), undefined);
    await Deno.writeTextFile(versionFile(name, folder), versionRecord(name));
    assertEquals(peerPath(name, folder), binary);
    await Deno.writeTextFile(versionFile(name, folder), "another@0\n");
    assertEquals(peerPath(name, folder), undefined);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("requirePeers: a missing peer ignores a test, and fails it in CI", () => {
  const folder = "/nowhere";
  assertEquals(ignoreWithout(["crane"], { folder, ci: false }), { ignore: true });
  assertEquals(ignoreWithout([], { folder, ci: false }), { ignore: false });
  assertEquals(ignoreWithout(["crane"], { folder, ci: true }), { ignore: false });
  assertThrows(
    () => neededPeer("crane", { folder, ci: true }),
    Error,
    "Cannot use crane: it is not here, get it with npx -y deno@2 task peers",
  );
});
