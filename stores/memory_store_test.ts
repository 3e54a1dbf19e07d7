import { assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentSource } from "../content/store.ts";
import { testContentStore } from "../content/test_content_store.ts";
import {
  BadDigestError,
  ContentNotFoundError,
  InvalidContentError,
  InvalidDigestError,
  InvalidOptionError,
  InvalidReferenceError,
  SizeMismatchError,
  UploadError,
} from "../errors.ts";
import { MemoryStore, memoryStore } from "./memory_store.ts";

testContentStore("MemoryStore", () => Promise.resolve({ store: memoryStore() }));

async function describe(text: string, mediaType = "text/plain"): Promise<Descriptor> {
  return await describeBytes(encodeText(text), mediaType);
}

const hello = await describe("hello");

async function storeWithHello(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.write(hello, encodeText("hello"));
  return store;
}

type ErrorClass = abstract new (...args: never[]) => Error;

for (
  const [title, run, errorClass, message] of [
    [
      "resolve",
      (store) => store.resolve("v1"),
      ContentNotFoundError,
      'Cannot resolve "v1": this store has no such tag or digest',
    ],
    [
      "open",
      (store) => store.open({ ...hello, digest: `sha256:${"0".repeat(64)}` }),
      ContentNotFoundError,
      "this store does not have it",
    ],
    [
      "open with another size",
      (store) => store.open({ ...hello, size: 7 }),
      SizeMismatchError,
      "it has 5 bytes, and the descriptor says 7",
    ],
    [
      "open from an offset past the end",
      (store) => store.open(hello, { offset: 6 }),
      InvalidOptionError,
      "'offset' must be a count of bytes up to 5: current value is 6",
    ],
    [
      "open with a length that is none",
      (store) => store.open(hello, { length: -1 }),
      InvalidOptionError,
      "'length' must be a count of bytes: current value is -1",
    ],
    [
      "exists with what is no descriptor",
      (store) => store.exists({ digest: "hello" } as Descriptor),
      InvalidContentError,
      "mediaType is not a string",
    ],
    [
      "write of other bytes",
      async (store) => store.write(await describe("other"), encodeText("wrong")),
      BadDigestError,
      `the 5 bytes that arrived have the digest ${await digestOf(encodeText("wrong"))}`,
    ],
    [
      "write of too few bytes",
      async (store) => store.write(await describe("other"), new Blob(["o"]).stream()),
      SizeMismatchError,
      "fewer bytes arrived than the 5 declared",
    ],
    [
      "write of too many bytes",
      async (store) => store.write(await describe("other"), new Blob(["others"]).stream()),
      SizeMismatchError,
      "more bytes arrived than the 5 declared",
    ],
    [
      "write under an algorithm that cannot be computed",
      (store) => store.write({ ...hello, digest: "md5:abc" }, encodeText("hello")),
      InvalidDigestError,
      "the algorithm must be sha256 or sha512",
    ],
    [
      "write of a body that fails",
      async (store) =>
        store.write(await describe("other"), { open: () => Promise.reject(new Error("gone")) }),
      UploadError,
      ": gone",
    ],
    [
      "tag with a bad name",
      (store) => store.tag(hello, ".hidden"),
      InvalidReferenceError,
      "as a tag",
    ],
    [
      "tag of what is not there",
      async (store) => store.tag(await describe("other"), "v1"),
      ContentNotFoundError,
      "this store does not have it",
    ],
    [
      "begin under an algorithm that cannot be computed",
      (store) => store.begin({ ...hello, digest: "md5:abc" }),
      InvalidDigestError,
      "the algorithm must be sha256 or sha512",
    ],
  ] as [string, (store: MemoryStore) => Promise<unknown>, ErrorClass, string][]
) {
  Deno.test(`MemoryStore: ${title}: ${errorClass.name}`, async () => {
    const store = await storeWithHello();
    // deno-lint-ignore no-explicit-any
    await assertRejects(() => run(store), errorClass as any, message);
  });
}

Deno.test("MemoryStore: resolve gives the type that content was written under", async () => {
  const store = await storeWithHello();
  await store.tag({ ...hello, mediaType: "other/type", annotations: { a: "b" } }, "v1");
  assertEquals(await store.resolve("v1"), hello);
  assertEquals(await store.resolve(hello.digest), hello);
});

Deno.test("MemoryStore: tags in ASCII order", async () => {
  const store = await storeWithHello();
  for (const tag of ["b", "a", "B", "10", "9"]) await store.tag(hello, tag);
  assertEquals(await Array.fromAsync(store.tags()), ["10", "9", "B", "a", "b"]);
});

Deno.test("MemoryStore: mount shares what another memory store has, and nothing else", async () => {
  const source = await storeWithHello();
  const store = new MemoryStore();
  assertEquals(await store.mount(await describe("other"), source), false);
  assertEquals(await store.mount({ ...hello, size: 6 }, source), false);
  const elsewhere: ContentSource = {
    resolve: () => Promise.resolve(hello),
    exists: () => Promise.resolve(true),
    open: () => source.open(hello),
  };
  assertEquals(await store.mount(hello, elsewhere), false);
  assertEquals(await store.exists(hello), false);
  assertEquals(await store.mount(hello, source), true);
  assertEquals(await store.mount(hello, elsewhere), true);
  assertEquals(await new Response(await store.open(hello)).text(), "hello");
});

Deno.test("MemoryStore: a one-shot body of what is there already is cancelled, not read", async () => {
  const store = await storeWithHello();
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream({
    pull: () => void pulled++,
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  await store.write(hello, body);
  assertEquals([pulled, cancelled], [0, true]);
});

Deno.test("MemoryStore: an endless body is read no further than the size, and cancelled", async () => {
  const store = new MemoryStore();
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => {
      pulled++;
      controller.enqueue(encodeText("hello"));
    },
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  await assertRejects(() => store.write(hello, body), SizeMismatchError);
  assertEquals([pulled, cancelled], [2, true]);
});

Deno.test("MemoryStore: bytes under a manifest's type that are none are content, and no referrer", async () => {
  const store = await storeWithHello();
  const texts = ["hello?", "{}", `{"schemaVersion":2,"subject":${JSON.stringify(hello)}}`];
  for (const text of texts) {
    const descriptor = await describe(text, MEDIA_TYPES.ociManifest);
    await store.write(descriptor, encodeText(text));
    assertEquals(await store.exists(descriptor), true);
  }
  assertEquals(await Array.fromAsync(store.referrers(hello)), []);
});

Deno.test("MemoryStore: a referrer that is given out is a copy", async () => {
  const store = await storeWithHello();
  const text = JSON.stringify({
    schemaVersion: 2,
    config: hello,
    layers: [],
    subject: hello,
    annotations: { a: "b" },
  });
  await store.write(await describe(text, MEDIA_TYPES.ociManifest), encodeText(text));
  for await (const referrer of store.referrers(hello)) referrer.annotations!["a"] = "changed";
  const [again] = await Array.fromAsync(store.referrers(hello));
  assertEquals([again?.annotations, again?.artifactType], [{ a: "b" }, "text/plain"]);
});

Deno.test("MemoryStore.begin: two writers share what came, and parts may overlap", async () => {
  const store = new MemoryStore();
  const digits = await describe("0123456789");
  const first = await store.begin(digits);
  const second = await store.begin(digits);
  await first.write(encodeText("0123"), 0);
  await second.write(encodeText("89"), 8);
  await second.write(encodeText("23456"), 2);
  const { behind, offset } = await store.begin(digits);
  assertEquals([offset, behind], [7, [[8, 10]]]);
  await assertRejects(() => first.commit(), SizeMismatchError);
  await first.write(encodeText("678"), 6);
  await second.commit();
  assertEquals(await new Response(await store.open(digits)).text(), "0123456789");
  const after = await store.begin(digits);
  assertEquals(after.offset, 10);
  await after.commit();
});

Deno.test("MemoryStore.begin: what stands behind a gap", async () => {
  const store = new MemoryStore();
  const digits = await describe("0123456789");
  const first = await store.begin(digits);
  for (const at of [9, 2, 3, 6]) await first.write(encodeText(`${at}`), at);
  await first.close();
  const next = await store.begin(digits);
  assertEquals([next.offset, next.behind], [0, [[2, 4], [6, 7], [9, 10]]]);
  await next.write(encodeText("01"), 0);
  assertEquals((await store.begin(digits)).behind, [[6, 7], [9, 10]]);
  for (const [at, text] of [[4, "45"], [7, "78"]] as const) await next.write(encodeText(text), at);
  await next.commit();
  assertEquals(await new Response(await store.open(digits)).text(), "0123456789");
});

Deno.test("MemoryStore.begin: the longer of two parts at one place counts", async () => {
  const store = new MemoryStore();
  const partial = await store.begin(hello);
  await partial.write(encodeText("hel"), 0);
  await partial.write(encodeText("h"), 0);
  await partial.write(encodeText("hello"), 0);
  await partial.commit();
  assertEquals(await store.exists(hello), true);
});

Deno.test("MemoryStore.begin: places that are none: InvalidOptionError, SizeMismatchError", async () => {
  const partial = await new MemoryStore().begin(hello);
  for (const offset of [-1, 0.5, NaN]) {
    await assertRejects(
      () => partial.write(encodeText("h"), offset),
      InvalidOptionError,
      `current value is ${offset}`,
    );
  }
  await assertRejects(() => partial.write(encodeText("hello"), 1), SizeMismatchError);
});
