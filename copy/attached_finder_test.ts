import { assertEquals, assertRejects } from "@std/assert";
import type { Descriptor } from "../content/descriptor.ts";
import type { ContentStore } from "../content/store.ts";
import { ManifestVerificationError } from "../errors.ts";
import { MemoryStore } from "../stores/mod.ts";
import { AttachedFinder } from "./attached_finder.ts";
import { altered, writeImage } from "./fixture_test.ts";

Deno.test("a list that is no list is passed over where the fallback tag was read, and nowhere else", async () => {
  const store = new MemoryStore();
  const image = await writeImage(store, { tag: "v1" });
  const asked: unknown[] = [];
  const broken = altered<ContentStore>(store, {
    // deno-lint-ignore require-yield
    async *referrers(_subject: Descriptor, options: { fallback?: boolean }) {
      asked.push(options.fallback);
      throw new ManifestVerificationError("it is an image");
    },
  });
  const { signal } = new AbortController();
  assertEquals(await new AttachedFinder(broken, signal).find(image), []);
  const listed = new AttachedFinder(broken, signal, new Set(["v1"]));
  await assertRejects(() => listed.find(image), ManifestVerificationError);
  assertEquals(asked, [true, false]);
});
