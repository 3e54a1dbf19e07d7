import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvalidOptionError, NetworkError } from "../errors.ts";
import { openBody } from "../content/body.ts";
import { encodeText } from "../content/bytes.ts";
import type { Send } from "./channel.ts";
import { request } from "./fake_send_test.ts";
import { limit } from "./limit.ts";

/** A wire whose answers are given by hand, in any order. */
function held() {
  const started: string[] = [];
  const waiting = new Map<string, { answer: () => void; fail: (error: Error) => void }>();
  const send: Send = (request) =>
    new Promise((resolve, reject) => {
      const name = request.url.pathname.slice(1);
      started.push(name);
      waiting.set(name, {
        answer: () => resolve({ response: new Response("body"), url: request.url, hops: [] }),
        fail: reject,
      });
    });
  return { send, started, waiting };
}

function named(name: string, signal?: AbortSignal) {
  return request({ url: new URL(`https://registry.test/${name}`), ...(signal && { signal }) });
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("limit: so many at once, the others in order", async () => {
  const { send, started, waiting } = held();
  const limited = limit(2)(send);
  const all = ["a", "b", "c", "d", "e"].map((name) => limited(named(name)));
  await settle();
  assertEquals(started, ["a", "b"]);
  waiting.get("b")!.answer();
  await settle();
  assertEquals(started, ["a", "b", "c"]);
  waiting.get("a")!.answer();
  waiting.get("c")!.answer();
  await settle();
  assertEquals(started, ["a", "b", "c", "d", "e"]);
  for (const name of ["d", "e"]) waiting.get(name)!.answer();
  await Promise.all(all);
});

Deno.test("limit: a body that nobody reads holds no place", async () => {
  const { send, started, waiting } = held();
  const limited = limit(1)(send);
  const first = limited(named("a"));
  await settle();
  waiting.get("a")!.answer();
  const { response } = await first;
  assertEquals(response.bodyUsed, false);
  void limited(named("b"));
  await settle();
  assertEquals(started, ["a", "b"]);
});

Deno.test("limit: a request that fails gives its place to the next", async () => {
  const { send, started, waiting } = held();
  const limited = limit(1)(send);
  const first = limited(named("a"));
  void limited(named("b"));
  await settle();
  waiting.get("a")!.fail(new NetworkError("reset"));
  await assertRejects(() => first, NetworkError);
  await settle();
  assertEquals(started, ["a", "b"]);
});

Deno.test("limit: an abort in the queue takes the request out of it", async () => {
  const { send, started, waiting } = held();
  const limited = limit(1)(send);
  const controller = new AbortController();
  void limited(named("a"));
  const second = limited(named("b", controller.signal));
  void limited(named("c"));
  await settle();
  controller.abort(new Error("enough"));
  await assertRejects(() => second, Error, "enough");
  waiting.get("a")!.answer();
  await settle();
  assertEquals(started, ["a", "c"]);
});

Deno.test("limit: an abort after the start does not free a place twice", async () => {
  const { send, started, waiting } = held();
  const limited = limit(1)(send);
  const controller = new AbortController();
  void limited(named("a"));
  const second = limited(named("b", controller.signal));
  await settle();
  waiting.get("a")!.answer();
  await settle();
  controller.abort(new Error("the wire's business now"));
  void limited(named("c"));
  await settle();
  assertEquals(started, ["a", "b"]);
  waiting.get("b")!.answer();
  await second;
  await settle();
  assertEquals(started, ["a", "b", "c"]);
});

Deno.test("limit: a signal that has aborted takes no place", async () => {
  const { send, started } = held();
  const limited = limit(1)(send);
  const aborted = AbortSignal.abort(new Error("before"));
  await assertRejects(() => limited(named("a", aborted)), Error, "before");
  void limited(named("b"));
  await settle();
  assertEquals(started, ["b"]);
});

Deno.test("limit: uploads whose bytes come out of other requests do not keep those waiting", async () => {
  let open = 0;
  const limited: Send = limit(1)(async (asked) => {
    open++;
    // As `copy` does: the upload holds its place while it reads what is downloaded.
    if (asked.body !== undefined) await (await asked.body.open()).read();
    open--;
    return { response: new Response("bytes"), url: asked.url, hops: [] };
  });
  const upload = (name: string) => {
    const source = openBody({
      open: async () => (await limited(named(`download-${name}`))).response.body!,
    });
    return limited({ ...named(name), method: "PUT", body: source });
  };
  const answers = await Promise.all(["a", "b", "c"].map(upload));
  assertEquals([answers.length, open], [3, 0]);
});

for (const kind of ["stream", "bytes"]) {
  Deno.test(`limit: bodies of ${kind} are limited too`, async () => {
    const { send, started } = held();
    const limited = limit(1)(send);
    const body = () =>
      kind === "bytes" ? openBody(encodeText("x")) : (openBody(new Blob(["x"]).stream()));
    for (const name of ["a", "b"]) void limited({ ...named(name), body: body() });
    await settle();
    assertEquals(started, ["a"]);
  });
}

for (const count of [0, -1, 0.5, NaN]) {
  Deno.test(`limit refuses ${count}, which would let nothing through: INVALID_OPTION`, () => {
    assertThrows(() => limit(count), InvalidOptionError, `current value is ${count}`);
  });
}
