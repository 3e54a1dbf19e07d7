/** What one upload shows and the next one uses; nothing, where the upload came to nothing. */
import { assertEquals, assertRejects } from "@std/assert";
import { HttpError } from "../errors.ts";
import type { Body } from "../content/body.ts";
import type { RegistryCapabilities } from "../transport/channel.ts";
import { failure, type FakeOptions, sample, type Seen } from "./fake_registry_test.ts";
import {
  type FakeUploads,
  fakeUploads,
  type Fault,
  midway,
  pieces,
  reopenable,
} from "./fake_uploads_test.ts";
import { mountBlob } from "./mount.ts";
import { putBlob, type PutBlobOptions } from "./put_blob.ts";

const SIZE = 1_000_000;

/** A registry with a rule: what it refuses, it refuses always. */
function ruled(
  refuse: (seen: Seen) => Response | undefined,
  change: (server: FakeUploads) => void = () => {},
  options: FakeOptions = {},
) {
  const test = fakeUploads((server) => {
    change(server);
    const rule: Fault = async (seen, serve) => refuse(seen) ?? await serve();
    for (const method of ["HEAD", "GET", "POST", "PATCH", "PUT", "DELETE"]) {
      server.faults.push(...Array.from({ length: 50 }, (): [string, Fault] => [method, rule]));
    }
  }, options);
  let from = 0;

  /** The methods of one push, of bytes that nothing has. */
  async function push(
    body: (bytes: ReturnType<typeof sample>) => Body = (bytes) => bytes,
    options: PutBlobOptions = {},
  ): Promise<string[]> {
    const bytes = sample(SIZE);
    crypto.getRandomValues(bytes.subarray(0, 16));
    const before = from;
    await putBlob(test.channel, "app", body(bytes), options)
      .finally(() => from = test.seen.length);
    return test.methods().slice(before);
  }
  return { ...test, push, facts: (): RegistryCapabilities => ({ ...test.channel.capabilities }) };
}

const size = (seen: Seen) => Number(seen.request.body?.size ?? 0);
const tooLarge = (most: number) => (seen: Seen) =>
  size(seen) > most ? failure(413, "SIZE_INVALID") : undefined;

const stream = { size: SIZE };
const open = (bytes: ReturnType<typeof sample>) => reopenable(bytes).body;

Deno.test("learned: a whole PATCH that is refused is not tried again", async () => {
  const { push, facts } = ruled(({ method, headers }) =>
    method === "PATCH" && !headers.has("content-range") ? failure(405, "UNSUPPORTED") : undefined
  );
  assertEquals(await push(open), ["POST", "PATCH", "DELETE", "POST", `PUT ${SIZE}`]);
  assertEquals(facts(), { wholePatch: false });
  assertEquals(await push(open), ["POST", `PUT ${SIZE}`], "read for its digest first");
  assertEquals(await push(pieces, stream), ["POST", `PUT ${SIZE}`], "in chunks: one will do");
});

Deno.test("learned: a stream whose PATCH was refused fails once, and the next one goes in chunks", async () => {
  const { push, facts } = ruled(({ method, headers }) =>
    method === "PATCH" && !headers.has("content-range") ? failure(411, "SIZE_INVALID") : undefined
  );
  await assertRejects(() => push(pieces, stream));
  assertEquals(facts(), { suspected: { wholePatch: false } });
  assertEquals(await push(), ["HEAD", "POST", `PUT ${SIZE}`], "bytes show nothing of a PATCH");
  assertEquals(facts(), { suspected: { wholePatch: false } });
  assertEquals(await push(pieces, stream), ["POST", `PUT ${SIZE}`]);
  assertEquals(facts(), { wholePatch: false });
});

Deno.test("learned: a stream refused for its size fails once, and the next one goes in chunks", async () => {
  const { push, facts, channel } = ruled(tooLarge(600_000));
  const suspected = { maxBody: SIZE - 1, maxChunk: SIZE / 2 };
  await assertRejects(() => push(pieces, stream));
  assertEquals(facts(), { suspected });
  await putBlob(channel, "app", sample(10));
  assertEquals(facts(), { suspected }, "a smaller one shows nothing of that");
  assertEquals((await push(pieces, stream)).slice(-3), ["POST", "PATCH 500000", "PUT 500000"]);
  assertEquals(facts(), suspected);
});

Deno.test("learned: a stream refused, as its quota is spent, teaches nothing; nor does the next one", async () => {
  const { push, facts } = ruled(tooLarge(0));
  await assertRejects(() => push(pieces, stream));
  await assertRejects(() => push(pieces, stream));
  assertEquals(facts(), {});
});

Deno.test("learned: a registry that takes no bytes at all, its quota spent, teaches nothing", async () => {
  const { push, facts } = ruled(tooLarge(0));
  await assertRejects(() => push(), HttpError, "413");
  assertEquals(facts(), {});
  await assertRejects(() => push(open), HttpError, "413");
  assertEquals(facts(), {});
});

Deno.test("learned: a single POST that is refused, as any POST is, teaches nothing", async () => {
  const { channel, facts } = ruled(({ method }) =>
    method === "POST" ? failure(404, "NOT_HERE") : undefined
  );
  await assertRejects(() => putBlob(channel, "app", sample(10)), HttpError, "404");
  assertEquals(facts(), {});
});

Deno.test("learned: a single POST that alone is refused is not tried again", async () => {
  const { channel, seen, facts } = ruled(({ method, url }) =>
    method === "POST" && url.searchParams.has("digest") ? failure(405, "UNSUPPORTED") : undefined
  );
  await putBlob(channel, "app", sample(10));
  assertEquals(facts(), { singlePost: false });
  const before = seen.length;
  await putBlob(channel, "other", sample(11));
  assertEquals(seen.slice(before).map(({ method }) => method), ["HEAD", "POST", "PUT"]);
});

Deno.test("learned: the size of a body, from smaller parts that were taken, and never a larger one", async () => {
  const { push, facts, channel } = ruled(tooLarge(600_000));
  Object.assign(channel.capabilities, { chunks: false });
  await push();
  const known = { maxBody: SIZE - 1, maxChunk: SIZE / 2 };
  assertEquals(facts(), { ...known, chunks: false });
  assertEquals(await push(), ["HEAD", "POST", "PATCH 500000", "PUT 500000"], "size comes first");
  Object.assign(channel.capabilities, { maxBody: 700_000, maxChunk: 300_000 });
  await push();
  assertEquals(facts(), { maxBody: 700_000, maxChunk: 300_000, chunks: false });
});

Deno.test("learned: of two uploads at once, the smaller limits stay", async () => {
  const { channel, facts } = ruled(tooLarge(300_000));
  await Promise.all([SIZE, 500_000].map((size) => putBlob(channel, "app", sample(size))));
  assertEquals(facts(), { maxBody: 499_999, maxChunk: 250_000 });
});

Deno.test("learned: chunks are refused, once the whole was taken", async () => {
  const second = ({ method, headers }: Seen) =>
    method === "PATCH" && !/^0-|^$/.test(headers.get("content-range") ?? "")
      ? failure(404, "BLOB_UPLOAD_UNKNOWN")
      : undefined;
  const { push, facts } = ruled(second);
  const chunks = { chunkSize: 300_000 };
  await push(open, chunks);
  assertEquals(facts(), { chunks: false });
  assertEquals(await push(open, chunks), ["POST", `PATCH ${SIZE}`, "PUT"]);

  const neither = ruled((seen) => size(seen) === SIZE ? failure(403, "DENIED") : second(seen));
  await assertRejects(() => neither.push(open, chunks), HttpError, "403");
  assertEquals(neither.facts(), {}, "nor the whole");
});

/** Each upload's first PUT breaks midway. */
function broken(test: ReturnType<typeof ruled>): void {
  test.server.faults.unshift(["PUT", midway(test.server, 300_000)]);
}

Deno.test("learned: a registry that does not tell how far an upload is, is not asked again", async () => {
  const test = ruled(({ method, url }) =>
    method === "GET" && url.pathname.includes("/uploads/")
      ? failure(404, "BLOB_UPLOAD_UNKNOWN")
      : undefined
  );
  const again = ["DELETE", "POST", `PUT ${SIZE}`];
  broken(test);
  const first = await test.push();
  assertEquals(first.slice(-5), ["HEAD", "GET", ...again]);
  assertEquals(test.facts(), { uploadStatus: false });
  broken(test);
  assertEquals((await test.push()).slice(-4), ["HEAD", ...again]);
});

const UNANSWERED: [how: string, answer: () => Response][] = [
  ["503", () => new Response(null, { status: 503 })],
  ["204 without a Range, as of an empty upload", () => new Response(null, { status: 204 })],
];

for (const [how, answer] of UNANSWERED) {
  Deno.test(`learned: a status of ${how} says nothing of the next`, async () => {
    const test = ruled(({ method, url }) =>
      method === "GET" && url.pathname.includes("/uploads/") ? answer() : undefined
    );
    broken(test);
    await test.push();
    assertEquals(test.facts(), {});
  });
}

Deno.test("learned: that no status is given, but not from an upload that came to nothing", async () => {
  const test = ruled(({ method, url }) => {
    if (method === "GET" && url.pathname.includes("/uploads/")) return failure(404, "NOT_HERE");
    if (method === "PUT") return failure(403, "DENIED");
  });
  broken(test);
  await assertRejects(() => test.push(), HttpError, "403");
  assertEquals(test.facts(), {});
});

Deno.test("learned: an upload that is gone says nothing of those that are there", async () => {
  const test = ruled(({ method }) => {
    if (method === "GET" || method === "DELETE") return failure(404, "BLOB_UPLOAD_UNKNOWN");
  });
  broken(test);
  await test.push();
  assertEquals(test.facts(), {});
});

const MOUNTS: [
  name: string,
  from: string | undefined,
  status: number,
  code: string,
  learned: object,
][] = [
  ["405", "other", 405, "UNSUPPORTED", { mount: false }],
  ["UNSUPPORTED", "other", 400, "UNSUPPORTED", { mount: false }],
  ["a repository that may not be read", "other", 403, "DENIED", {}],
  ["a repository that is not there", "other", 404, "NAME_UNKNOWN", {}],
  ["a bad request", "other", 400, "NAME_INVALID", {}],
  ["Quay's 400 without from", undefined, 400, "BLOB_UPLOAD_INVALID", { mountFromAny: false }],
];

for (const [name, from, status, code, learned] of MOUNTS) {
  Deno.test(`learned: end-11 POST ?mount: ${name}`, async () => {
    const { channel, seen, facts } = ruled(({ url }) =>
      url.searchParams.has("mount") ? failure(status, code) : undefined
    );
    const digest = `sha256:${"a".repeat(64)}`;
    const mount = () => mountBlob(channel, "app", digest, from === undefined ? {} : { from });
    assertEquals((await mount()).mounted, false);
    assertEquals(facts(), learned);
    await mount();
    const known = Object.keys(learned).length > 0;
    assertEquals(seen.length, known ? 3 : 4);
  });
}

Deno.test("learned: a mount that is refused, as any POST is, teaches nothing", async () => {
  const { channel, facts } = ruled(({ method }) =>
    method === "POST" ? failure(405, "UNSUPPORTED") : undefined
  );
  const digest = `sha256:${"a".repeat(64)}`;
  await assertRejects(() => mountBlob(channel, "app", digest, { from: "other" }), HttpError, "405");
  assertEquals(facts(), {});
});
