import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { HostRefusedError } from "../errors.ts";
import { request, scripted } from "./fake_send_test.ts";
import { guard } from "./guard.ts";
import { redirect } from "./redirect.ts";

Deno.test("guard: without allowHost everything passes", async () => {
  const { send, seen } = scripted(new Response());
  await guard(undefined)(send)(request());
  assertEquals(seen.length, 1);
});

for (const allowed of [true, Promise.resolve(true)]) {
  Deno.test(`guard: a host that is allowed passes (${typeof allowed})`, async () => {
    const asked: unknown[] = [];
    const { send, seen } = scripted(new Response());
    const url = new URL("https://registry.test:5000/v2/");
    await guard((...args) => {
      asked.push(args);
      return allowed;
    })(send)(request({ url, purpose: "upload" }));
    assertEquals(asked, [["registry.test:5000", "upload"]]);
    assertEquals(seen.length, 1);
  });
}

for (const refused of [false, Promise.resolve(false)]) {
  Deno.test(`guard: a host that is refused is never asked (${typeof refused})`, async () => {
    const { send, seen } = scripted();
    const error = await assertRejects(
      () => Promise.resolve(guard(() => refused)(send)(request())),
      HostRefusedError,
      "Cannot do the thing: allowHost refuses registry.test (registry)",
    );
    assertEquals([error.code, error.host], ["HOST_REFUSED", "registry.test"]);
    assertEquals(seen.length, 0);
  });
}

Deno.test("guard: what allowHost throws is thrown", async () => {
  const own = new Error("the policy broke");
  const { send, seen } = scripted();
  const thrown = await assertRejects(() => guard(() => Promise.reject(own))(send)(request()));
  assertStrictEquals(thrown, own);
  assertEquals(seen.length, 0);
});

Deno.test("guard: every hop of a redirect is asked for, as a redirect", async () => {
  const asked: string[] = [];
  const { send, seen } = scripted(
    new Response(null, { status: 307, headers: { location: "http://169.254.169.254/latest" } }),
  );
  const guarded = guard((host, purpose) => {
    asked.push(`${host} ${purpose}`);
    return host === "registry.test";
  })(send);
  const url = new URL("http://registry.test/v2/");
  await assertRejects(
    () => redirect({ maxRedirects: 10 })(guarded)(request({ url })),
    HostRefusedError,
  );
  assertEquals(asked, ["registry.test registry", "169.254.169.254 redirect"]);
  assertEquals(seen.length, 1);
});
