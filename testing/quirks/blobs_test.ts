import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { digest, memoryWire, specTest } from "../fixture_test.ts";

const AUTHORIZATION = { authorization: `Basic ${btoa("me:secret")}` };

for (
  const [how, expected] of [
    ["none", [null, null]],
    ["wrong", ["other", "other"]],
    ["sha256", ["sha256", "sha256"]],
  ] as const
) {
  specTest(`quirk: Docker-Content-Digest: ${how}`, async (wire) => {
    const sha512 = await digest("hello", "sha512");
    const pushed = await wire.send("POST", `/v2/app/blobs/uploads/?digest=${sha512}`, {
      body: "hello",
    });
    assertEquals(pushed.status, 201);
    const pulled = await wire.send("GET", `/v2/app/blobs/${sha512}`);
    assertEquals(pulled.text, "hello");
    const sha256 = await digest("hello");
    const got = [pushed, pulled].map(({ headers }) => {
      const answered = headers.get("docker-content-digest");
      if (answered === null) return null;
      return answered === sha256 ? "sha256" : answered === sha512 ? "right" : "other";
    });
    assertEquals(got, [...expected]);
  }, { quirks: { digestHeader: how } });
}

specTest("quirk: end-3: the sha256 of a sha512 manifest", async (wire) => {
  const { text } = await wire.manifest("app");
  const sha512 = await digest(text, "sha512");
  const put = await wire.putManifest("app", sha512, text);
  assertEquals(put.headers.get("docker-content-digest"), await digest(text));
  const got = await wire.send("HEAD", `/v2/app/manifests/${sha512}`);
  assertEquals(got.headers.get("docker-content-digest"), await digest(text));
}, { quirks: { digestHeader: "sha256" } });

specTest("quirk: end-2 GET: no ranges", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status, headers, text } = await wire.send("GET", `/v2/app/blobs/${hello}`, {
    headers: { range: "bytes=1-2" },
  });
  assertEquals([status, text, headers.get("accept-ranges")], [200, "hello", null]);
}, { quirks: { noRanges: true } });

Deno.test("quirk: end-2: redirected to a storage, which refuses Authorization", async () => {
  const wire = memoryWire({
    auth: { basic: { users: { me: "secret" } } },
    quirks: { blobRedirects: true },
  });
  const pushed = await wire.send("POST", `/v2/app/blobs/uploads/?digest=${await digest("hello")}`, {
    body: "hello",
    headers: AUTHORIZATION,
  });
  assertEquals(pushed.status, 201);
  const path = `/v2/app/blobs/${await digest("hello")}`;
  assertEquals((await wire.send("GET", path)).status, 401);
  const unknown = `/v2/app/blobs/${await digest("another")}`;
  assertEquals((await wire.send("GET", unknown, { headers: AUTHORIZATION })).status, 404);

  const { status, headers, bytes } = await wire.send("GET", path, { headers: AUTHORIZATION });
  const location = headers.get("location")!;
  assertEquals([status, bytes.byteLength], [307, 0]);
  assertEquals(new URL(location).origin, "http://elsewhere.registry.test");
  assert(/X-Amz-Signature=[0-9a-f]{32}$/.test(location), location);

  assertEquals((await wire.send("GET", location, { headers: AUTHORIZATION })).status, 400);
  const stored = await wire.send("GET", location);
  assertEquals([stored.status, stored.text], [200, "hello"]);
  assertEquals(stored.headers.get("docker-content-digest"), null);
  const part = await wire.send("GET", location, { headers: { range: "bytes=1-" } });
  assertEquals([part.status, part.text], [206, "ello"]);
  assertEquals(wire.registry.requests.at(-1)!.origin, "http://elsewhere.registry.test");
});

Deno.test("quirk: end-2: another status, another origin", async () => {
  const wire = memoryWire({
    quirks: { blobRedirects: { origin: "https://cdn.test:8443", status: 302 } },
  });
  const hello = await wire.pushBlob("app", "hello");
  const { status, headers } = await wire.send("HEAD", `/v2/app/blobs/${hello}`);
  assertEquals(status, 302);
  assertEquals(new URL(headers.get("location")!).origin, "https://cdn.test:8443");
});

specTest("quirk: end-2: on loopback the other name of this machine", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const response = await wire.fetch(`${wire.origin}/v2/app/blobs/${hello}`, { redirect: "manual" });
  await response.body?.cancel();
  const location = new URL(response.headers.get("location")!);
  assertNotEquals(location.origin, wire.origin);
  assertEquals(location.port, new URL(wire.origin).port);
  assertEquals((await wire.send("GET", location.href)).text, "hello");
}, { quirks: { blobRedirects: true } });
