/** What a request may say of itself, and what it may not: types, hosts, addresses. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { InvalidOptionError } from "../errors.ts";
import { MemoryBackend } from "./backends/memory_backend.ts";
import { digest, memoryWire, specTest } from "./fixture_test.ts";
import { createRegistry } from "./registry.ts";
import { requestUrl } from "./request_url.ts";

const OCI = MEDIA_TYPES.ociManifest;
const OWN = "application/vnd.acme.thing.v1+json";

for (
  const [header, own, served] of [
    // What a client says, what the manifest calls itself, what is served; none: MANIFEST_INVALID.
    [OCI, OCI, OCI],
    [`${OCI}; charset=utf-8`, OCI, OCI],
    [`${OCI};charset="utf-8"; x=y`, OCI, OCI],
    [OCI.toUpperCase(), OCI, OCI],
    [` ${OCI} `, OCI, OCI],
    [undefined, OCI, OCI],
    ["", OCI, OCI],
    [undefined, undefined, OCI],
    [OCI, undefined, OCI],
    [`${OWN}; charset=utf-8`, OWN, OWN],
    [undefined, OWN, OWN],
    [undefined, OWN.toUpperCase(), OWN],
    [undefined, "x/\u65e5\u672c", undefined],
    [undefined, "x/y\nz", undefined],
    [undefined, "x/y\r\nset-cookie: a=b", undefined],
    [undefined, "text", undefined],
    [undefined, "a/b/c", undefined],
    [undefined, "/b", undefined],
    [undefined, "a/", undefined],
    [undefined, "a b/c", undefined],
    [undefined, `a/${"b".repeat(128)}`, undefined],
    [undefined, 7, undefined],
    ["text", "text", undefined],
    [`${OWN}, ${OWN}`, OWN, OWN],
    [OCI, OWN, undefined],
    ["text/html", OCI, undefined],
  ] as [string | undefined, unknown, string | undefined][]
) {
  specTest(
    `end-7 PUT manifests: Content-Type ${JSON.stringify(header)}, mediaType ${
      JSON.stringify(own)?.slice(0, 60)
    }`,
    async (wire) => {
      const { text } = await wire.manifest("app", { mediaType: own });
      const body = new TextEncoder().encode(text);
      const put = await wire.send("PUT", "/v2/app/manifests/v1", {
        body,
        headers: header === undefined ? {} : { "content-type": header },
      });
      if (served === undefined) {
        assertEquals([put.status, put.code], [400, "MANIFEST_INVALID"]);
        assertEquals((await wire.send("GET", "/v2/app/manifests/v1")).status, 404);
        return;
      }
      assertEquals(put.status, 201, put.text);
      for (const method of ["GET", "HEAD"]) {
        const { headers } = await wire.send(method, "/v2/app/manifests/v1");
        assertEquals(headers.get("content-type"), served);
      }
    },
    { memoryOnly: !/^[\x20-\x7e]*$/.test(header ?? "") || header === "" },
  );
}

for (
  const [stored, served] of [
    [`${OCI}; charset=utf-8`, OCI],
    [OCI.toUpperCase(), OCI],
    ["x/\u65e5\u672c", MEDIA_TYPES.octetStream],
    ["x/y\nz", MEDIA_TYPES.octetStream],
    ["", MEDIA_TYPES.octetStream],
  ]
) {
  Deno.test(`end-3 GET manifests: ${JSON.stringify(stored)}, which an older version took`, async () => {
    const backend = new MemoryBackend();
    const wire = memoryWire({ backend });
    const bytes = new TextEncoder().encode("{}");
    const name = await digest("{}") as never;
    await backend.putManifest("app" as never, { digest: name, contentType: stored!, bytes }, [
      "v1" as never,
    ]);
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await wire.send(method, "/v2/app/manifests/v1");
      assertEquals([status, headers.get("content-type")], [200, served]);
    }
  });
}

specTest("nothing that is served runs in a browser", async (wire) => {
  const page = await wire.pushBlob("app", "<script>alert(1)</script>");
  await wire.pushManifest("app", "v1");
  const paths = ["/v2/", `/v2/app/blobs/${page}`, "/v2/app/manifests/v1", "/v2/app/tags/list"];
  for (const path of [...paths, `/v2/app/referrers/${page}`, "/v2/app/manifests/none", "/none"]) {
    for (const method of ["GET", "HEAD"]) {
      const { headers } = await wire.send(method, path);
      assertEquals(headers.get("x-content-type-options"), "nosniff", path);
      assertEquals(headers.get("content-security-policy"), "default-src 'none'; sandbox", path);
    }
  }
});

for (
  const [text, host, pathname] of [
    ["http://r.test/v2/", null, "/v2/"],
    ["http://r.test/v2/", "r.test:5000", "/v2/"],
    ["https://[::1]:5000/v2/a?n=1#x", "[::1]:5000", "/v2/a"],
    ["http+unix://%2Ftmp%2Fsock/v2/", "localhost", "/v2/"],
    ["http://r.test", "", "/"],
    ["http://r.test/v2/a%2fb/x", null, "/v2/a%2fb/x"],
    ["http://r.test/v2/a..b/.c/...", null, "/v2/a..b/.c/..."],
    ["http://any/v2/private/x?/v2/public/x", "any/v2/private/x?", undefined],
    ["http://r.test/v2/", "a b", undefined],
    ["http://r.test/v2/", "a, b", undefined],
    ["http://u@r.test/v2/", null, undefined],
    ["http://r.test:99999/v2/", null, undefined],
    ["http://[::g]/v2/", null, undefined],
    ["http://r.test/v2/public/../private", null, undefined],
    ["http://r.test/v2/public/%2e%2E/private", null, undefined],
    ["http://r.test/v2/public/.%2e", null, undefined],
    ["http://r.test/v2/./a", null, undefined],
    ["http://r.test/v2\\a", null, undefined],
    ["http://r.test/v2/\u65e5", null, undefined],
    ["ftp://r.test/v2/", null, undefined],
    ["/v2/", null, undefined],
  ] as [string, string | null, string | undefined][]
) {
  Deno.test(`requestUrl: ${JSON.stringify(text)}, Host ${JSON.stringify(host)}`, () => {
    assertEquals(requestUrl(text, host)?.pathname, pathname);
  });
}

for (
  const [title, input, init] of [
    ["no URL", "not a url", undefined],
    ["a path", "/v2/", undefined],
    ["a URL with a password", "http://u:p@r.test/v2/", undefined],
    ["GET with a body", "http://r.test/v2/", { method: "GET", body: "x" }],
    ["a method that is none", "http://r.test/v2/", { method: "A B" }],
    ["CONNECT", "http://r.test/v2/", { method: "CONNECT" }],
    ["a header that is none", "http://r.test/v2/", { headers: { "a b": "c" } }],
  ] as [string, string, RequestInit | undefined][]
) {
  Deno.test(`fetch never rejects: ${title}: 400`, async () => {
    const response = await createRegistry().fetch(input, init);
    assertEquals(response.status, 400);
    assertEquals((await response.json()).errors[0].code, "UNSUPPORTED");
  });
}

const CLAIMS = {
  "x-forwarded-proto": "https",
  "x-forwarded-host": "evil.example",
  "x-forwarded-port": "443",
  "forwarded": "proto=https;host=evil.example",
};

for (
  const [externalUrl, base] of [
    [undefined, ""],
    ["https://registry.example.com", "https://registry.example.com"],
    ["https://registry.example.com/", "https://registry.example.com"],
    ["http://registry.example.com:8080", "http://registry.example.com:8080"],
    ["https://example.com/registry", "https://example.com/registry"],
  ] as [string | undefined, string][]
) {
  specTest(`externalUrl ${externalUrl}: every Location, and pages stay on it`, async (wire) => {
    const hello = await digest("hello");
    const send = (method: string, path: string, body?: string) =>
      wire.send(method, path, { headers: CLAIMS, ...(body !== undefined && { body }) });
    const inner = (location: string | null) => location!.slice(base.length);
    const started = await send("POST", "/v2/app/blobs/uploads/");
    const location = started.headers.get("location");
    assert(location!.startsWith(`${base}/v2/app/blobs/uploads/`), location!);
    const chunk = await send("PATCH", inner(location), "hello");
    assertEquals(chunk.headers.get("location"), location);
    const put = await send("PUT", `${inner(location)}?digest=${hello}`);
    assertEquals(put.headers.get("location"), `${base}/v2/app/blobs/${hello}`);
    const late = await send(
      "PATCH",
      `${inner(await wire.startUpload("app").then((at) => at))}`,
      "x",
    );
    assert(late.headers.get("location")!.startsWith(`${base}/v2/`));
    const { text, digest: name } = await wire.manifest("app");
    for (const tag of ["a", "b"]) {
      const pushed = await wire.putManifest("app", tag, text);
      assertEquals(pushed.headers.get("location"), `${base}/v2/app/manifests/${name}`);
    }
    const { headers } = await send("GET", "/v2/app/tags/list?n=1");
    const path = externalUrl === undefined ? "" : new URL(externalUrl).pathname.replace(/\/$/, "");
    assertEquals(headers.get("link"), `<${path}/v2/app/tags/list?n=1&last=a>; rel="next"`);
  }, externalUrl === undefined ? {} : { externalUrl });

  for (
    const [realm, expected] of [
      [undefined, `${base || "http://inner:5000"}/token`],
      ["/auth?x=y", `${base || "http://inner:5000"}/auth?x=y`],
      ["https://auth.example/token", "https://auth.example/token"],
    ] as [string | undefined, string][]
  ) {
    Deno.test(`externalUrl ${externalUrl}, realm ${realm}: the challenge, whatever a client claims`, async () => {
      const { fetch } = createRegistry({
        ...(externalUrl !== undefined && { externalUrl }),
        auth: { bearer: { users: { me: "secret" }, ...(realm !== undefined && { realm }) } },
      });
      const { headers } = await fetch("http://inner:5000/v2/", { headers: CLAIMS });
      assertEquals(headers.get("www-authenticate"), `Bearer realm="${expected}",service="davit"`);
    });
  }
}

Deno.test("externalUrl: what is no address is refused", () => {
  for (
    const bad of [
      "registry.example.com",
      "ftp://a",
      "https://u:p@a",
      "https://a/?b",
      "https://a/#b",
      "",
    ]
  ) {
    assertThrows(() => createRegistry({ externalUrl: bad }), InvalidOptionError, "externalUrl");
  }
});

Deno.test("nothing of a request goes into a challenge unchecked", async () => {
  const registry = createRegistry({ auth: { bearer: { users: { a: "b" } } } });
  const mount = `mount=${await digest("")}`;
  const own = 'scope="repository:a:pull,push"';
  for (
    const [from, scope] of [
      ["b/c", 'scope="repository:a:pull,push repository:b/c:pull"'],
      ["%0Ax", own],
      ["%E6%97%A5", own],
      ["%22,error=%22x", own],
      ["b:pull%20repository:c", own],
      ["App", own],
      ["", own],
    ]
  ) {
    const url = `http://r.test/v2/a/blobs/uploads/?${mount}&from=${from}`;
    const { status, headers } = await registry.fetch(url, { method: "POST" });
    assertEquals(status, 401, from);
    assertEquals(
      headers.get("www-authenticate"),
      `Bearer realm="http://r.test/token",service="davit",${scope}`,
    );
  }
});

specTest("GET token: nothing is granted for names that are no names", async (wire) => {
  for (
    const [scope, granted] of [
      ["repository:app:pull", "repository:app:pull"],
      ["repository:App:pull", ""],
      ["repository:../app:pull", ""],
      ["repository:host:5000/app:pull", ""],
      ["repository:%0Aapp:pull", ""],
      ["repository:%E6%97%A5:pull", ""],
      ["repository:*:pull", ""],
      ["repository::pull", ""],
      ["registry:other:*", ""],
      ["registry:catalog:*", "registry:catalog:*"],
    ]
  ) {
    const headers = { authorization: `Basic ${btoa("me:secret")}` };
    const { status, json } = await wire.send("GET", `/token?scope=${scope}`, { headers });
    assertEquals([status, json.scope], [200, granted], scope);
  }
}, { auth: { bearer: { users: { me: "secret" } } } });
