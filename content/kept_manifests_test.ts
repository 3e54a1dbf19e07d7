import { assertEquals } from "@std/assert";
import type { Bytes } from "./bytes.ts";
import { KeptManifests } from "./kept_manifests.ts";

const MIB = 1024 * 1024;

function manifest(size: number) {
  return { bytes: new Uint8Array(size) as Bytes, mediaType: "application/json" };
}

Deno.test("KeptManifests: as many as go into 4 MiB, the oldest go first", () => {
  const kept = new KeptManifests();
  for (const digest of ["a", "b", "c"]) kept.keep(digest, manifest(MIB));
  kept.keep("a", manifest(MIB)); // it is the newest now
  kept.keep("d", manifest(2 * MIB));
  const there = () => ["a", "b", "c", "d", "e"].filter((digest) => kept.get(digest) !== undefined);
  assertEquals(there(), ["a", "c", "d"]);
  assertEquals(kept.take("c")?.bytes.byteLength, MIB);
  assertEquals(kept.take("c"), undefined);
  kept.keep("b", manifest(MIB)); // into the room that was taken
  assertEquals(there(), ["a", "b", "d"]);
  kept.keep("e", manifest(5 * MIB));
  assertEquals(there(), []);
});
