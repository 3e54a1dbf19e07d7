import { openBody } from "../content/body.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import type { ChannelRequest, Send } from "./channel.ts";
import { request, scripted, type Step } from "./fake_send_test.ts";
import { missingRepository, type OnMissingRepository } from "./missing_repository.ts";

const limits = DEFAULT_LIMITS;

const missing = () =>
  Response.json({ errors: [{ code: "NAME_UNKNOWN", message: "no such repository" }] }, {
    status: 404,
  });
const started = () => new Response(null, { status: 202 });

function write(init: Partial<ChannelRequest> = {}): ChannelRequest {
  return request({
    method: "POST",
    url: new URL("https://registry.test/v2/team/app/blobs/uploads/"),
    intent: { repository: "team/app", actions: ["pull", "push"] },
    ...init,
  });
}

function world(steps: Step[], onMissingRepository: OnMissingRepository = () => {}) {
  const wire = scripted(...steps);
  const made: string[] = [];
  const send = missingRepository({
    limits,
    onMissingRepository: (name) => {
      made.push(name);
      return onMissingRepository(name);
    },
  })(wire.send);
  return { send, made, seen: wire.seen };
}

const manifest = {
  method: "PUT",
  url: new URL("https://registry.test/v2/team/app/manifests/v1"),
  body: openBody(encodeText("{}")),
};
const mount = { url: new URL("https://registry.test/v2/team/app/blobs/uploads/?mount=a&from=b") };
const whole = { body: openBody(encodeText("blob")) };

const MADE: [name: string, init: Partial<ChannelRequest>][] = [
  ["end-4a POST uploads", {}],
  ["end-4b POST uploads with the blob", whole],
  ["end-11 POST uploads with mount", mount],
  ["end-7 PUT manifests", manifest],
];

for (const [name, init] of MADE) {
  Deno.test(`${name}: 404 NAME_UNKNOWN: the repository is made, and the request sent again`, async () => {
    const { send, made, seen } = world([missing(), started()]);
    const sent = write(init);
    assertEquals((await send(sent)).response.status, 202);
    assertEquals(made, ["registry.test/team/app"]);
    assertEquals(seen, [sent, sent]);
  });
}

const stream = { size: 4, reopenable: false, open: () => Promise.reject(new Error("read")) };
const BLOB_UNKNOWN = () =>
  Response.json({ errors: [{ code: "BLOB_UNKNOWN", message: "no blob" }] }, { status: 404 });

const LEFT: [name: string, init: Partial<ChannelRequest>, answer: () => Response][] = [
  ["a pull", { method: "GET" }, missing],
  ["a chunk", { method: "PATCH" }, missing],
  ["a stream that is gone", { body: stream }, missing],
  ["another 404", {}, BLOB_UNKNOWN],
  ["a 404 of no registry", {}, () => new Response("<html>NAME_UNKNOWN</html>", { status: 404 })],
  ["a 403", {}, () => new Response(missing().body, { status: 403 })],
];

for (const [name, init, answer] of LEFT) {
  Deno.test(`missingRepository leaves ${name} as it is, body and all`, async () => {
    const { send, made, seen } = world([answer()]);
    const { response } = await send(write(init));
    const expected = answer();
    assertEquals(response.status, expected.status);
    assertEquals(response.headers.get("content-type"), expected.headers.get("content-type"));
    assertEquals(await response.text(), await expected.text());
    assertEquals([made, seen.length], [[], 1]);
  });
}

Deno.test("missingRepository: one that is still missing after that is the registry's error", async () => {
  const { send, made } = world([missing(), missing()]);
  const { response } = await send(write());
  assertEquals([response.status, (await response.json()).errors[0].code, made.length], [
    404,
    "NAME_UNKNOWN",
    1,
  ]);
});

Deno.test("missingRepository: what fails ends the push, and is tried again by the next one", async () => {
  let fails = true;
  const { send, made } = world([missing(), missing(), started()], () => {
    if (fails) throw new Error("not allowed");
  });
  await assertRejects(() => send(write()), Error, "not allowed");
  fails = false;
  assertEquals((await send(write())).response.status, 202);
  assertEquals(made.length, 2);
});

Deno.test("missingRepository: 64 requests at once make one repository, late answers too", async () => {
  let exists = false;
  let calls = 0;
  const sent: ((response: Response) => void)[] = [];
  const wire: Send = async ({ url }) => {
    // The first 64 were all sent before the repository was there, and come back one by one.
    const response = exists ? started() : await new Promise<Response>((resolve) => {
      sent.push(resolve);
    });
    return { response, url, hops: [] };
  };
  const send = missingRepository({
    limits,
    onMissingRepository: async () => {
      calls++;
      await Promise.resolve();
      exists = true;
    },
  })(wire);
  const answers = Array.from({ length: 64 }, () => send(write()));
  for (const answer of sent.splice(0)) {
    answer(missing());
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals((await Promise.all(answers)).map(({ response }) => response.status), [
    ...Array(64).fill(202),
  ]);
  assertEquals(calls, 1);
});

Deno.test("missingRepository: an abort ends the wait, and not the work of the others", async () => {
  const controller = new AbortController();
  let done = () => {};
  const { send, made } = world(
    [missing(), missing(), started()],
    () => new Promise<void>((resolve) => done = resolve),
  );
  const given = send(write({ signal: controller.signal }));
  const other = send(write());
  await new Promise((resolve) => setTimeout(resolve, 0));
  controller.abort(new Error("enough"));
  await assertRejects(() => given, Error, "enough");
  done();
  assertEquals((await other).response.status, 202);
  assertEquals(made.length, 1);
});
