import { assertEquals } from "@std/assert";
import { MemoryStore } from "../stores/memory_store.ts";
import { attach } from "../artifact/attach.ts";
import { pack } from "../artifact/pack.ts";
import { copy } from "./copy.ts";

Deno.test("an image comes with what is attached to it, and to that", async () => {
  const source = new MemoryStore();
  const artifactType = "application/vnd.example.note";
  const image = await pack(source, { artifactType, tag: "v1" });
  const note = await attach(source, image, { artifactType, layers: [{ body: "a note" }] });
  const second = await attach(source, note, { artifactType, layers: [{ body: "on it" }] });
  const target = new MemoryStore();
  const { attached, signaturesApply } = await copy(source, "v1", target, ["v1", "latest"]);
  assertEquals(attached.map(({ descriptor, subject }) => [descriptor.digest, subject]), [
    [note.digest, image.digest],
    [second.digest, note.digest],
  ]);
  assertEquals(signaturesApply, true);
  assertEquals((await target.resolve("latest")).digest, image.digest);
  assertEquals(await target.exists(second), true);
});
