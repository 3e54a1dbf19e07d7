import { assertEquals, assertRejects } from "@std/assert";
import { ContentNotFoundError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import type { ContentStore } from "./store.ts";
import { image } from "./store_fixture_test.ts";

/** The contract of {@linkcode ContentStore.delete}, for stores that have it. */
export const deleteCases: [title: string, run: (store: ContentStore) => Promise<void>][] = [
  ["delete removes a manifest with its tags, and nothing else", async (store) => {
    if (store.delete === undefined) return;
    const one = await written(store, "one");
    const other = await written(store, "other");
    await store.tag(one, "v1");
    await store.tag(other, "v2");
    await store.delete(one);
    assertEquals(await store.exists(one), false);
    await assertRejects(() => store.open(one), ContentNotFoundError);
    await assertRejects(() => store.resolve("v1"), ContentNotFoundError);
    assertEquals((await store.resolve("v2")).digest, other.digest);
    await written(store, "one");
    assertEquals(await store.exists(one), true);
  }],
  ["delete of an attached manifest takes it out of its subject's referrers", async (store) => {
    if (store.delete === undefined || store.referrers === undefined) return;
    const subject = await written(store, "subject");
    const one = await written(store, "one", subject);
    const other = await written(store, "other", subject);
    const left = async () =>
      (await Array.fromAsync(store.referrers!(subject))).map(({ digest }) => digest).sort();
    assertEquals(await left(), [one.digest, other.digest].sort());
    await store.delete(one);
    assertEquals(await left(), [other.digest]);
    await store.delete(other);
    assertEquals(await left(), []);
    assertEquals(await store.exists(subject), true);
  }],
  ["delete of what is not there does nothing", async (store) => {
    if (store.delete === undefined) return;
    const subject = await written(store, "subject");
    await store.delete(subject);
    await store.delete(subject);
  }],
];

async function written(
  store: ContentStore,
  label: string,
  subject?: Descriptor,
): Promise<Descriptor> {
  const extra = subject && { subject, artifactType: "text/plain" };
  const { descriptor, bytes, config, configBytes } = await image(label, extra);
  await store.write(config, configBytes);
  await store.write(descriptor, bytes);
  return descriptor;
}
