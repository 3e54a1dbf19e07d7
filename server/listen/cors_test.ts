import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../../errors.ts";
import { createRegistry, type Registry } from "../registry.ts";
import { cors, type CorsOptions } from "./cors.ts";

const PAGE = "https://app.example";

function registryFor(options: true | CorsOptions): Registry {
  const auth = { basic: { users: { me: "secret" }, anonymous: ["pull"] as const } };
  return createRegistry({ auth, middleware: [cors(options)] });
}

function preflight(registry: Registry, headers: Record<string, string>): Promise<Response> {
  return registry.fetch("http://registry.test/v2/app/blobs/uploads/", {
    method: "OPTIONS",
    headers,
  });
}

for (
  const [title, options, origin, allowed] of [
    ["all pages", true, PAGE, "*"],
    ["a page that is named", { origins: ["https://x.test", PAGE] }, PAGE, PAGE],
    ["another page", { origins: ["https://x.test"] }, PAGE, null],
    ["the same host on another port", { origins: [`${PAGE}:8443`] }, PAGE, null],
    ["a host that begins alike", { origins: [PAGE] }, `${PAGE}.evil.test`, null],
    ["another port than the scheme's", { origins: [PAGE] }, `${PAGE}:8443`, null],
    ["the same host by another scheme", { origins: [PAGE] }, "http://app.example", null],
    ["a page without an origin", { origins: [PAGE] }, "null", null],
    ["no page", { origins: [] }, PAGE, null],
  ] as [string, true | CorsOptions, string, string | null][]
) {
  Deno.test(`CORS: ${title}`, async () => {
    const registry = registryFor(options);
    const asked = await preflight(registry, {
      origin,
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization,content-range",
    });
    assertEquals(asked.status, 204);
    assertEquals(asked.headers.get("access-control-allow-origin"), allowed);
    assertEquals(
      [
        asked.headers.get("access-control-allow-methods"),
        asked.headers.get("access-control-allow-headers"),
        asked.headers.get("access-control-max-age"),
      ],
      allowed === null
        ? [null, null, null]
        : ["GET, HEAD, POST, PUT, PATCH, DELETE", "authorization,content-range", "7200"],
    );
    const answer = await registry.fetch("http://registry.test/v2/", { headers: { origin } });
    assertEquals([answer.status, answer.headers.get("access-control-allow-origin")], [
      401,
      allowed,
    ]);
    const varies = options === true ? null : "Origin";
    assertEquals([asked, answer].map(({ headers }) => headers.get("vary")), [varies, varies]);
    const exposed = answer.headers.get("access-control-expose-headers")?.toLowerCase().split(", ");
    const needed = ["www-authenticate", "docker-content-digest", "link", "location", "range"];
    const seen = needed.filter((name) => exposed?.includes(name));
    assertEquals(seen, allowed === null ? [] : needed);
    await answer.body?.cancel();
  });
}

Deno.test("CORS: a response stays what it was", async () => {
  const plain = createRegistry();
  const { headers } = await plain.fetch("http://registry.test/v2/app/blobs/uploads/?digest=x", {
    method: "POST",
  });
  const marked = await registryFor(true).fetch("http://registry.test/v2/app/tags/list", {
    headers: { origin: PAGE },
  });
  assertEquals(marked.status, 404);
  assertEquals((await marked.json()).errors[0].code, "NAME_UNKNOWN");
  assertEquals(
    marked.headers.get("docker-distribution-api-version"),
    headers.get("docker-distribution-api-version"),
  );
});

Deno.test("CORS: what is no preflight goes to the registry", async () => {
  for (
    const headers of [
      {},
      { origin: PAGE },
      { "access-control-request-method": "GET" },
    ] as Record<string, string>[]
  ) {
    const answer = await preflight(registryFor(true), headers);
    assertEquals(answer.status, 405);
    await answer.body?.cancel();
  }
});

Deno.test("CORS: headers asked for that are none are not repeated", async () => {
  for (const names of ["a b", "a,,b", "", ",", "a;b", '"a"', "é"]) {
    const answer = await preflight(registryFor(true), {
      origin: PAGE,
      "access-control-request-method": "GET",
      "access-control-request-headers": names,
    });
    assertEquals(answer.headers.get("access-control-allow-headers"), null, names);
  }
});

for (const origin of ["app.example", "https://app.example/", "https://a.test/x", "*", "null", ""]) {
  Deno.test(`CORS: ${JSON.stringify(origin)} is no origin: InvalidOptionError`, () => {
    assertThrows(() => cors({ origins: [PAGE, origin] }), InvalidOptionError, "'cors' must hold");
  });
}

Deno.test("CORS with credentials: for pages that are named, and said to them alone", async () => {
  const registry = registryFor({ origins: [PAGE], credentials: true });
  for (
    const [origin, allowed, credentials] of [
      [PAGE, PAGE, "true"],
      ["https://other.example", null, null],
      ["null", null, null],
    ] as [string, string | null, string | null][]
  ) {
    const asked = await preflight(registry, { origin, "access-control-request-method": "GET" });
    const got = await registry.fetch("http://registry.test/v2/", { headers: { origin } });
    for (const { headers } of [asked, got]) {
      assertEquals(headers.get("access-control-allow-origin"), allowed);
      assertEquals(headers.get("access-control-allow-credentials"), credentials);
      assertEquals(headers.get("vary"), "Origin");
    }
    await got.body?.cancel();
  }
  const open = await registryFor(true).fetch("http://registry.test/v2/", {
    headers: { origin: PAGE },
  });
  assertEquals(open.headers.has("access-control-allow-credentials"), false);
  await open.body?.cancel();
});
