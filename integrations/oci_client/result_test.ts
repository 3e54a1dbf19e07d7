import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ResError } from "./res_error.ts";
import { result } from "./result.ts";

const json = (value: unknown, status: number) => Promise.resolve(Response.json(value, { status }));
const empty = () => Promise.resolve({});
const refused = () =>
  json({ errors: [{ code: "DENIED", message: "no", detail: { a: 1 } }, {}] }, 403);

Deno.test("result: awaited it is the response, a 4xx too", async () => {
  assertEquals((await result(json({}, 200), empty)).raw.status, 200);
  const { raw } = await result(refused(), empty);
  assertEquals([raw.status, raw.bodyUsed], [403, false]);
  assertEquals((await result(json({}, 300), empty)).raw.status, 300);
});

Deno.test("result: from 500 on the request itself rejects", async () => {
  const error = await assertRejects(() => result(json({}, 500), empty), ResError);
  assertEquals(error.res.status, 500);
  const req = result(json({}, 502), empty);
  await assertRejects(() => req.unwrap(), ResError);
  await assertRejects(() => req.unwrapOr(() => 1), ResError);
});

Deno.test("unwrap: the answer with its response, which printing does not show", async () => {
  const req = result(json({ n: 42 }, 200), (res) => res.json() as Promise<{ n: number }>);
  const value = await req.unwrap(() => assert(false));
  assertEquals(value.n, 42);
  assertEquals(value.raw, (await req).raw);
  assertEquals(Object.keys(value), ["n"]);
  assertEquals(Deno.inspect(value), "{ n: 42 }");
});

Deno.test("unwrap: reads once, however often it is asked", async () => {
  const req = result(json({ n: 42 }, 200), (res) => res.json() as Promise<{ n: number }>);
  assertEquals([(await req.unwrap()).n, (await (await req).unwrap()).n], [42, 42]);
  assertEquals(await req.unwrapOr(() => 1), await req.unwrap());
});

Deno.test("unwrap: below 400 nothing fails", async () => {
  assertEquals((await result(json({}, 303), empty).unwrap()).raw.status, 303);
});

Deno.test("unwrap: calls back with the registry's errors, then throws", async () => {
  const seen: unknown[] = [];
  const req = result(refused(), empty);
  const error = await assertRejects(
    () => req.unwrap((res, errors) => void seen.push(res.status, errors)),
    ResError,
  );
  assertEquals(seen, [403, [{ code: "DENIED", message: "no", detail: { a: 1 } }]]);
  assertEquals(error.res, (await req).raw);
  assertEquals((await error.res.json()).errors.length, 2, "the response can still be read");
  assert(!Deno.inspect(error).includes("Response {"));
});

Deno.test("unwrapOr: what is made of the failure", async () => {
  const req = result(refused(), empty);
  assertEquals(await req.unwrapOr((_res, errors) => errors.map(({ code }) => code)), ["DENIED"]);
  const bare = result(Promise.resolve(new Response("nope", { status: 404 })), empty);
  assertEquals(await bare.unwrapOr((res, errors) => [res.status, errors]), [404, [
    { code: "", message: "nope" },
  ]]);
  const read = result(refused(), empty);
  await (await read).raw.text();
  assertEquals(await read.unwrapOr((_res, errors) => errors), []);
});

Deno.test("unwrap: what reading throws is what it throws", async () => {
  const req = result(json({}, 200), () => Promise.reject(new Error("cannot read")));
  await assertRejects(() => req.unwrap(), Error, "cannot read");
});

Deno.test("a request whose unwrap alone is awaited leaves nothing unhandled", async () => {
  const unhandled: unknown[] = [];
  const listen = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", listen);
  try {
    await assertRejects(
      () => result(Promise.reject(new TypeError("gone")), empty).unwrap(),
      TypeError,
    );
    await assertRejects(() => result(json({}, 500), empty).unwrapOr(() => 1), ResError);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(unhandled, []);
  } finally {
    removeEventListener("unhandledrejection", listen);
  }
});

Deno.test("ResError: a message of its own, and its cause", () => {
  const error = new ResError(new Response(null, { status: 404 }));
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message], [
    "ResError",
    "Cannot use the answer: its status is 404",
  ]);
  assertEquals(new ResError(new Response(), "unauthorized").message, "unauthorized");
});
