import { assertEquals } from "@std/assert";
import { EMPTY_DIGEST, specTest, type Wire } from "../fixture_test.ts";

const users = {
  admin: "secret",
  reader: { password: "r", actions: ["pull"], repositories: ["public/*"] },
} as const;

function as(user: string, password: string): { authorization: string } {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}

async function statusOf(wire: Wire, method: string, path: string, headers?: HeadersInit) {
  const { status, code } = await wire.send(method, path, { ...(headers && { headers }) });
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** Every endpoint, with what a user who may only pull gets. */
const ENDPOINTS: [method: string, path: string, reader: string][] = [
  ["GET", "/v2/", "200"],
  ["GET", "/v2/_catalog", "403 DENIED"],
  ["GET", "/v2/public/a/tags/list", "404 NAME_UNKNOWN"],
  ["GET", "/v2/public/a/manifests/v1", "404 NAME_UNKNOWN"],
  ["HEAD", "/v2/public/a/manifests/v1", "404"],
  ["PUT", "/v2/public/a/manifests/v1", "403 DENIED"],
  ["DELETE", "/v2/public/a/manifests/v1", "403 DENIED"],
  ["GET", `/v2/public/a/blobs/${EMPTY_DIGEST}`, "404 NAME_UNKNOWN"],
  ["DELETE", `/v2/public/a/blobs/${EMPTY_DIGEST}`, "403 DENIED"],
  ["POST", "/v2/public/a/blobs/uploads/", "403 DENIED"],
  ["PATCH", "/v2/public/a/blobs/uploads/x", "403 DENIED"],
  ["PUT", "/v2/public/a/blobs/uploads/x", "403 DENIED"],
  ["GET", "/v2/public/a/blobs/uploads/x", "403 DENIED"],
  ["DELETE", "/v2/public/a/blobs/uploads/x", "403 DENIED"],
  ["GET", `/v2/public/a/referrers/${EMPTY_DIGEST}`, "200"],
  ["GET", "/v2/secret/tags/list", "403 DENIED"],
  ["POST", "/v2/secret/blobs/uploads/", "403 DENIED"],
];

specTest("Basic: every endpoint asks for a user and checks what he may do", async (wire) => {
  for (const [method, path, reader] of ENDPOINTS) {
    const anonymous = await wire.send(method, path);
    assertEquals(anonymous.status, 401, path);
    if (method !== "HEAD") assertEquals(anonymous.code, "UNAUTHORIZED", path);
    assertEquals(
      anonymous.headers.get("www-authenticate"),
      'Basic realm="my \\"registry\\"", charset="UTF-8"',
    );
    assertEquals((await wire.send(method, path, { headers: as("reader", "x") })).status, 401);
    assertEquals(await statusOf(wire, method, path, as("reader", "r")), reader, path);
  }
}, { auth: { basic: { users, realm: 'my "registry"' } } });

specTest("Basic: who may push does, and nothing else comes through", async (wire) => {
  const path = `/v2/app/blobs/uploads/?digest=${EMPTY_DIGEST}`;
  assertEquals(await statusOf(wire, "POST", path, as("admin", "secret")), "201");
  assertEquals(await statusOf(wire, "GET", "/v2/app/tags/list", as("admin", "secret")), "200");
  for (
    const authorization of [
      "Basic",
      "Basic %%%",
      "Bearer abc",
      "Basic YWRtaW4=",
      as("admin", "secret").authorization.slice(0, -1) + "!",
      "",
    ]
  ) {
    assertEquals((await wire.send("GET", "/v2/", { headers: { authorization } })).status, 401);
  }
}, { auth: { basic: { users } } });

specTest("Basic with anonymous pull: the ping still asks, pulls do not", async (wire) => {
  assertEquals(await statusOf(wire, "GET", "/v2/"), "401 UNAUTHORIZED");
  assertEquals(await statusOf(wire, "GET", "/v2/_catalog"), "401 UNAUTHORIZED");
  assertEquals(await statusOf(wire, "GET", "/v2/app/tags/list"), "404 NAME_UNKNOWN");
  assertEquals(await statusOf(wire, "GET", "/v2/app/tags/list", as("", "")), "404 NAME_UNKNOWN");
  assertEquals(await statusOf(wire, "POST", "/v2/app/blobs/uploads/"), "401 UNAUTHORIZED");
  assertEquals(await statusOf(wire, "GET", "/v2/app/tags/list", as("x", "y")), "401 UNAUTHORIZED");
}, { auth: { basic: { users, anonymous: ["pull"] } } });

specTest("Basic: a mount from where the user may not pull is a session", async (wire) => {
  const headers = as("admin", "secret");
  const push = `/v2/secret/blobs/uploads/?digest=${EMPTY_DIGEST}`;
  assertEquals((await wire.send("POST", push, { headers })).status, 201);
  for (const query of [`mount=${EMPTY_DIGEST}&from=secret`, `mount=${EMPTY_DIGEST}`]) {
    const path = `/v2/own/a/blobs/uploads/?${query}`;
    assertEquals((await wire.send("POST", path, { headers: as("own", "o") })).status, 202, query);
    assertEquals((await wire.send("POST", path, { headers })).status, 201, query);
    await wire.send("DELETE", `/v2/own/a/blobs/${EMPTY_DIGEST}`, { headers });
  }
}, { auth: { basic: { users: { ...users, own: { password: "o", repositories: ["own/*"] } } } } });

specTest("Basic: a body that may not be pushed is not read", async (wire) => {
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  const path = "/v2/app/blobs/uploads/x";
  assertEquals((await wire.send("PATCH", path, { body })).status, 401);
  assertEquals([cancelled, wire.registry.requests[0]?.bytesIn], [true, 0]);
}, { auth: { basic: { users } }, memoryOnly: true });
