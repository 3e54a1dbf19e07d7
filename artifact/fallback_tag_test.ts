/** Attaching over registries that keep the list of referrers in a tag, where something else is there. */
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ApiError } from "../errors.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";
import { createRegistry } from "../server/registry.ts";
import { attach } from "./attach.ts";
import { attached } from "./attached.ts";
import { bytesOf, writeSubject } from "./fixture_test.ts";

const note = {
  artifactType: "application/vnd.example.note",
  layers: [{ body: "note" }],
};

function storeWithoutApi(): RegistryStore {
  const { fetch } = createRegistry({ referrersApi: false });
  return new RegistryStore(new RegistryClientV2({ name: "localhost:5000/group/app", fetch }));
}

Deno.test("attach: the fallback tag names an image: a typed error, and the tag stays", async () => {
  const store = storeWithoutApi();
  const subject = await writeSubject(store);
  const image = await writeSubject(store, "tagged");
  const before = await bytesOf(store, subject);
  const tag = fallbackTag(subject.digest);
  await store.tag(image, tag);
  assertInstanceOf(await assertRejects(() => attach(store, subject, note)), ApiError);
  assertInstanceOf(await assertRejects(() => Array.fromAsync(attached(store, subject))), ApiError);
  assertEquals((await store.resolve(tag)).digest, image.digest);
  assertEquals(await bytesOf(store, subject), before);
});

Deno.test("attach: the fallback tag names the subject itself, as GitLab's does", async () => {
  const store = storeWithoutApi();
  const subject = await writeSubject(store);
  await store.tag(subject, fallbackTag(subject.digest));
  assertEquals(await Array.fromAsync(attached(store, subject)), []);
  const { digest } = await attach(store, subject, note);
  const found = await Array.fromAsync(attached(store, subject));
  assertEquals(found.map(({ descriptor }) => descriptor.digest), [digest]);
});
