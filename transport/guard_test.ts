import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { HostRefusedError, NetworkError } from "../errors.ts";
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

const PRIVATE = ["192.0.2.1", "10.0.0.7"];

/** Allows public names, and addresses that do not begin with `10.`. */
function policy() {
  const asked: unknown[] = [];
  return {
    asked,
    allowHost: (host: string, purpose: string, addresses?: readonly string[]) => {
      asked.push([host, purpose, ...(addresses === undefined ? [] : [addresses])]);
      return !host.endsWith(".internal") && !addresses?.some((found) => found.startsWith("10."));
    },
  };
}

Deno.test("guard: a name is asked for first, then its addresses, which go along", async () => {
  const { asked, allowHost } = policy();
  const { send, seen } = scripted(new Response());
  const given = request();
  await guard(allowHost, () => Promise.resolve(["192.0.2.1"]))(send)(given);
  assertEquals(asked, [
    ["registry.test", "registry"],
    ["registry.test", "registry", ["192.0.2.1"]],
  ]);
  assertEquals(seen.map(({ addresses }) => addresses), [["192.0.2.1"]]);
  assertEquals(given.addresses, undefined, "the request given is left alone");
});

Deno.test("guard: a public name at a private address is refused, and the message says which", async () => {
  const { send, seen } = scripted();
  const error = await assertRejects(
    () => guard(policy().allowHost, () => Promise.resolve(PRIVATE))(send)(request()),
    HostRefusedError,
    "allowHost refuses registry.test at 192.0.2.1, 10.0.0.7 (registry)",
  );
  assertEquals([error.host, seen.length], ["registry.test", 0]);
});

Deno.test("guard: a name that is refused is not looked up", async () => {
  const looked: string[] = [];
  const lookUp = ({ host }: URL) => {
    looked.push(host);
    return Promise.resolve(PRIVATE);
  };
  const { send } = scripted();
  const url = new URL("https://registry.internal/v2/");
  await assertRejects(() => guard(policy().allowHost, lookUp)(send)(request({ url })));
  assertEquals(looked, []);
});

Deno.test("guard: addresses that nobody knows leave it at the name", async () => {
  const { asked, allowHost } = policy();
  const { send, seen } = scripted(new Response());
  await guard(allowHost, () => Promise.resolve(undefined))(send)(request());
  assertEquals([asked.length, seen.length], [1, 1]);
});

Deno.test("guard: a name that cannot be looked up is not connected to: NETWORK", async () => {
  const { send, seen } = scripted();
  const failing = () => Promise.reject(new Error("getaddrinfo ENOTFOUND registry.test"));
  const error = await assertRejects(
    () => guard(policy().allowHost, failing)(send)(request()),
    NetworkError,
    "Cannot do the thing: the connection to registry.test:443 failed: the name has no address: check how",
  );
  assertEquals([error.retryable, seen.length], [true, 0]);
});

Deno.test("guard: a program without the permission to look up is refused: HOST_REFUSED", async () => {
  const failing = () => Promise.reject(Object.assign(new Error("getaddrinfo"), { code: "EPERM" }));
  await assertRejects(
    () => guard(policy().allowHost, failing)(scripted().send)(request()),
    HostRefusedError,
    "this program may not connect to registry.test",
  );
});

Deno.test("guard: a signal ends the wait for addresses with its reason", async () => {
  const controller = new AbortController();
  const never = () => new Promise<string[]>(() => {});
  const { send, seen } = scripted();
  const call = guard(policy().allowHost, never)(send)(request({ signal: controller.signal }));
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => call), reason);
  assertEquals(seen.length, 0);
});
