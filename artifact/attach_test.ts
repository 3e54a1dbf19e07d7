import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { digestOf } from "../content/digest_of.ts";
import type { ContentStore } from "../content/store.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidOptionError,
  LimitError,
  ManifestVerificationError,
} from "../errors.ts";
import { buildIndex } from "../manifest/build.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { attach } from "./attach.ts";
import { attached, type AttachedOptions } from "./attached.ts";
import { detach } from "./detach.ts";
import { onStores, writeSubject } from "./fixture_test.ts";

const NOTE = "application/vnd.example.note";
const SBOM = "application/spdx+json";

/** What is attached, as text: the depth and the content of the first layer. */
async function texts(
  store: ContentStore,
  subject: Descriptor | string,
  options?: AttachedOptions,
): Promise<string[]> {
  const found: string[] = [];
  for await (const { depth, bytes } of attached(store, subject, options)) {
    found.push(`${depth} ${new TextDecoder().decode(await bytes())}`);
  }
  return found.sort();
}

async function attachText(
  store: ContentStore,
  subject: Descriptor | string,
  body: string,
  artifactType = NOTE,
): Promise<Descriptor> {
  return await attach(store, subject, { artifactType, layers: [{ body }] });
}

/** Registers a test in memory, with something to attach to. */
function inMemory(
  title: string,
  run: (store: MemoryStore, subject: Descriptor) => Promise<void>,
): void {
  Deno.test(title, async () => {
    const store = new MemoryStore();
    await run(store, await writeSubject(store));
  });
}

onStores("attached: what was attached, verified, to any depth", async (store) => {
  const subject = await writeSubject(store);
  await store.tag(subject, "v1");
  assertEquals(await texts(store, subject), []);
  const note = await attachText(store, subject, "note");
  const sbom = await attachText(store, "v1", "sbom", SBOM);
  const reply = await attachText(store, note, "reply", SBOM);
  await attachText(store, reply.digest, "reply to reply");
  await attachText(store, await writeSubject(store, "other"), "not this");
  assertEquals(await texts(store, "v1"), ["1 note", "1 sbom"]);
  assertEquals(await texts(store, subject.digest, { depth: 2 }), ["1 note", "1 sbom", "2 reply"]);
  assertEquals(await texts(store, subject, { depth: Infinity }), [
    ...["1 note", "1 sbom", "2 reply", "3 reply to reply"],
  ]);
  assertEquals(await texts(store, subject, { artifactType: SBOM }), ["1 sbom"]);
  assertEquals(await texts(store, subject, { artifactType: SBOM, depth: 9 }), [
    "1 sbom",
    "2 reply",
  ]);
  const [only] = await Array.fromAsync(attached(store, subject, { artifactType: SBOM }));
  assertEquals(only!.descriptor.digest, sbom.digest);
  assertEquals(only!.descriptor.artifactType, SBOM);
  assertEquals(only!.subject.digest, subject.digest);
  assertEquals("artifactType" in only!.manifest && only!.manifest.artifactType, SBOM);
});

onStores("attached: annotations, layers by their place, and streams", async (store) => {
  const subject = await writeSubject(store);
  await attach(store, subject, {
    artifactType: NOTE,
    layers: [{ body: "one" }, { body: "two" }],
    annotations: { "org.example.by": "me" },
    created: "2026-11-30T12:00:00Z",
  });
  const [found] = await Array.fromAsync(attached(store, subject));
  assertEquals(found!.descriptor.annotations, {
    "org.example.by": "me",
    "org.opencontainers.image.created": "2026-11-30T12:00:00Z",
  });
  assertEquals(await new Response(await found!.open()).text(), "one");
  assertEquals(await new Response(await found!.open(1)).text(), "two");
  assertEquals(new TextDecoder().decode(await found!.bytes(1)), "two");
  for (const index of [2, -1, 0.5]) {
    await assertRejects(() => found!.open(index), InvalidOptionError, "it has 2");
  }
});

onStores("attach: to a subject that is not there", async (store) => {
  const missing = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: await digestOf(encodeText("missing")),
    size: 7,
  };
  const { digest } = await attachText(store, missing, "early");
  const [found] = await Array.fromAsync(attached(store, missing));
  assertEquals(found!.descriptor.digest, digest);
  await assertRejects(() => attachText(store, "no-such-tag", "x"), ContentNotFoundError);
});

onStores("detach: it goes with what is attached to it, the rest stays", async (store) => {
  const subject = await writeSubject(store);
  const note = await attachText(store, subject, "note");
  await attachText(store, subject, "stays");
  const reply = await attachText(store, note, "reply");
  const second = await attachText(store, reply, "reply to reply");
  const removed = await detach(store, note);
  assertEquals(removed.map(({ digest }) => digest), [second, reply, note].map((it) => it.digest));
  for (const each of removed) assertEquals(await store.exists(each), false);
  assertEquals(await texts(store, subject, { depth: 9 }), ["1 stays"]);
  assertEquals(await store.exists(subject), true);
  await assertRejects(() => detach(store, note), ContentNotFoundError);
});

onStores("detach: without pruning it goes alone", async (store) => {
  const subject = await writeSubject(store);
  const note = await attachText(store, subject, "note");
  const reply = await attachText(store, note, "reply");
  assertEquals((await detach(store, note.digest, { prune: false })).length, 1);
  assertEquals(await store.exists(reply), true);
});

onStores("detach: an image is attached to nothing: InvalidOptionError", async (store) => {
  const subject = await writeSubject(store);
  await assertRejects(() => detach(store, subject), InvalidOptionError, "attached to nothing");
  assertEquals(await store.exists(subject), true);
});

inMemory(
  "attached: more than maxBytes: LimitError, and open still streams it",
  async (store, subject) => {
    await attachText(store, subject, "x".repeat(1000));
    assertEquals((await texts(store, subject, { maxBytes: 1000 })).length, 1);
    const [found] = await Array.fromAsync(attached(store, subject, { maxBytes: 999 }));
    const error = await assertRejects(() => found!.bytes(), LimitError, "maxBytes");
    assertEquals([error.limit, error.maximum], ["maxBytes", 999]);
    assertEquals((await new Response(await found!.open()).text()).length, 1000);
  },
);

/** A store whose lists of referrers hold what is given. */
function listing(store: MemoryStore, ...entries: Descriptor[]): ContentStore {
  return Object.assign(Object.create(null), {
    resolve: (reference: string) => store.resolve(reference),
    open: (descriptor: Descriptor) => store.open(descriptor),
    async *referrers() {
      yield* await Promise.resolve(entries);
    },
  });
}

inMemory(
  "attached: what is gone, none, or another's is left out, and said",
  async (store, subject) => {
    const good = await attachText(store, subject, "good");
    const others = await attachText(store, await writeSubject(store, "other"), "another's");
    const gone = { ...good, digest: await digestOf(encodeText("gone")) };
    const nonsense = encodeText("{}");
    const broken = { ...good, digest: await digestOf(nonsense), size: 2 };
    await store.write(broken, nonsense);
    const skipped: string[] = [];
    const list = listing(store, gone, broken, others, subject, good, good);
    const found = await texts(list, subject, {
      onSkipped: (descriptor, reason) => skipped.push(`${reason.name} ${descriptor.digest}`),
    });
    assertEquals(found, ["1 good"]);
    assertEquals(skipped, [
      `ContentNotFoundError ${gone.digest}`,
      `InvalidManifestError ${broken.digest}`,
      `${ManifestVerificationError.name} ${others.digest}`,
    ]);
  },
);

/** As @sigstore/oci writes it for a manifest with annotations that are not ASCII. */
inMemory("attached: an entry with a wrong size", async (store, subject) => {
  const good = await attachText(store, subject, "good");
  const list = listing(store, { ...good, size: good.size - 4 });
  assertEquals(await texts(list, subject), ["1 good"]);
  const [found] = await Array.fromAsync(attached(list, subject));
  assertEquals(found!.descriptor.size, good.size);
});

inMemory("attached: bytes that were changed: BadDigestError", async (store, subject) => {
  const good = await attachText(store, subject, "good");
  const list = listing(store, good);
  const error = new BadDigestError("changed", { expected: "a", actual: "b" });
  list.open = () => Promise.reject(error);
  assertStrictEquals(await assertRejects(() => texts(list, subject)), error);
});

inMemory("attached: an index may be attached, and has no layers", async (store, subject) => {
  const index = await buildIndex({ manifests: [], subject, artifactType: NOTE });
  await store.write(index.descriptor, index.bytes);
  const [found] = await Array.fromAsync(attached(store, subject));
  assertEquals(found!.descriptor.digest, index.descriptor.digest);
  await assertRejects(() => found!.bytes(), InvalidOptionError, "it has 0");
});

inMemory("attached: options that cannot be used: InvalidOptionError", async (store, subject) => {
  for (const depth of [0, -1, 1.5, NaN]) {
    await assertRejects(() => texts(store, subject, { depth }), InvalidOptionError, "depth");
  }
  const without = { ...listing(store), referrers: undefined } as unknown as ContentStore;
  await assertRejects(() => texts(without, subject), InvalidOptionError, "no such lists");
  await assertRejects(() => detach(without, subject), InvalidOptionError, "removes nothing");
});

inMemory(
  "attached: an index of 10,000 entries is read as far as it is asked for",
  async (store, subject) => {
    const good = await attachText(store, subject, "good");
    let opened = 0;
    const list = listing(
      store,
      good,
      ...Array.from({ length: 9_999 }, (_, at) => ({
        ...good,
        digest: `sha256:${String(at).padStart(64, "0")}`,
      })),
    );
    const { open } = list;
    list.open = (descriptor) => (opened++, open(descriptor));
    for await (const { descriptor } of attached(list, subject)) {
      assertEquals(descriptor.digest, good.digest);
      break;
    }
    assertEquals(opened, 1);
  },
);

inMemory("attached: an aborted signal ends it with its reason", async (store, subject) => {
  await attachText(store, subject, "note");
  const reason = new Error("enough");
  const options = { signal: AbortSignal.abort(reason) };
  assertStrictEquals(await assertRejects(() => texts(store, subject, options)), reason);
});
