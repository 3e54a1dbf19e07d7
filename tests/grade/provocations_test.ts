/** What is provoked must not be wrong itself: a client would be blamed for it. */
import { assertEquals } from "@std/assert";
import { createRegistry, MemoryBackend } from "@davit/registry-client/server";
import { grade } from "@davit/registry-client/testing";
import { digestOf, Hand } from "./by_hand.ts";

Deno.test("grade: redirect-blobs gives each of many downloads at once its own blob", async () => {
  const backend = new MemoryBackend();
  const seeding = new Hand(createRegistry({ backend }));
  const texts = Array.from({ length: 20 }, (_, index) => `blob ${index} `.repeat(1_000));
  for (const text of texts) await seeding.blob(text);
  const hand = new Hand(grade({ backend }, { provoke: ["redirect-blobs"] }).registry);
  const pulled = await Promise.all(texts.map(async (text) => {
    const { location } = await hand.send("GET", `/v2/app/blobs/${digestOf(text)}`);
    return digestOf((await hand.send("GET", location)).bytes);
  }));
  assertEquals(pulled, texts.map(digestOf));
});

Deno.test("grade: without a provocation many clients at once get what the registry has", async () => {
  const hand = new Hand(grade().registry);
  const texts = Array.from({ length: 20 }, (_, index) => `blob ${index}`);
  await Promise.all(texts.map((text) => hand.blob(text)));
  const pulled = await Promise.all(
    texts.map(async (text) => (await hand.send("GET", `/v2/app/blobs/${digestOf(text)}`)).bytes),
  );
  assertEquals(pulled.map(digestOf), texts.map(digestOf));
});
