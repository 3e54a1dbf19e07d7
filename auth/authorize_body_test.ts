import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UploadError } from "../errors.ts";
import { counted, fakeClient, FakeRegistry, intent, textBody } from "./fake_channel_test.ts";

const you = { username: "you", password: "x" };
const PULL = intent("app", "pull");
const PUSH = intent("app", "pull", "push");
const TAGS = "/v2/app/tags/list";
const UPLOADS = "/v2/app/blobs/uploads/";

Deno.test("a body that can be opened again is sent again", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  const body = textBody("hello");
  assertEquals(
    await counted(registry, () => client.call("PUT", "/v2/app/manifests/1", PUSH, { body })),
    [200, 3],
  );
  assertEquals(registry.calls.map(({ body }) => body), ["hello", "hello"]);
});

const stream = (text: string) => ({ ...textBody(text), reopenable: false });

Deno.test("a stream waits for the challenge, which /v2/ tells, and goes out once", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  const put = () => client.call("PUT", "/v2/app/blobs/uploads/1", PUSH, { body: stream("hello") });
  assertEquals(await counted(registry, put), [200, 3]);
  assertEquals(registry.calls.map(({ body }) => body), ["", "hello"]);
  assertEquals(await counted(registry, put), [200, 1]);
});

Deno.test("a stream that was sent is not sent again: UPLOAD_FAILED says to pass open()", async () => {
  const registry = new FakeRegistry();
  const client = fakeClient(registry, you);
  await counted(registry, () => client.call("POST", UPLOADS, PUSH));
  registry.tokens.clear();
  const error = await assertRejects(
    () => client.call("PUT", "/v2/app/blobs/uploads/1", PUSH, { body: stream("hello") }),
    UploadError,
    "Pass {size, open()}",
  );
  assertEquals([error.code, error.retryable], ["UPLOAD_FAILED", false]);
  assertStringIncludes(error.message, "Cannot do PUT /v2/app/blobs/uploads/1: ");
  assertEquals(registry.calls.filter(({ body }) => body === "hello").length, 1);
  assertEquals(registry.open, 0);
});

Deno.test("a stream that may not be pushed is the registry's 401", async () => {
  const registry = new FakeRegistry({ challenge: () => 'Basic realm="r"', users: { you: "y" } });
  const client = fakeClient(registry, you);
  assertEquals(
    await counted(
      registry,
      () => client.call("PUT", "/v2/app/blobs/uploads/1", PUSH, { body: stream("hello") }),
    ),
    [401, 2],
  );
});

Deno.test("a request's own headers and object are left alone", async () => {
  const registry = new FakeRegistry();
  const headers = new Headers({ accept: "x/y" });
  await fakeClient(registry, you).call("GET", TAGS, PULL, { headers });
  assertEquals([...headers], [["accept", "x/y"]]);
  assertEquals(registry.calls.map(({ request }) => request.headers.get("accept")), ["x/y", "x/y"]);
});
