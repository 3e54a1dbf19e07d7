import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { digest, specTest, streamOf, type Wire } from "../fixture_test.ts";
import type { QuirkOptions } from "./options.ts";

const UPLOADS = "/v2/app/blobs/uploads/";

async function patch(
  wire: Wire,
  location: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<[status: number, range: string | null]> {
  const answer = await wire.send("PATCH", location, { body, headers });
  return [answer.status, answer.headers.get("range")];
}

async function close(wire: Wire, location: string, content: string, body = ""): Promise<number> {
  const query = `digest=${await digest(content)}`;
  const path = `${location}${location.includes("?") ? "&" : "?"}${query}`;
  return (await wire.send("PUT", path, { body })).status;
}

async function has(wire: Wire, content: string): Promise<boolean> {
  return (await wire.send("HEAD", `/v2/app/blobs/${await digest(content)}`)).status === 200;
}

const CASES: [name: string, quirks: QuirkOptions, run: (wire: Wire) => Promise<void>][] = [
  ["end-4b POST: 202 and the bytes are gone", { singlePost: 202 }, async (wire) => {
    const path = `${UPLOADS}?digest=${await digest("hello")}`;
    const { status, headers } = await wire.send("POST", path, { body: "hello" });
    assertEquals([status, headers.get("range"), await has(wire, "hello")], [202, "0-0", false]);
    assertEquals(await close(wire, headers.get("location")!, "hello", "hello"), 201);
  }],
  ["end-4b POST: refused", { singlePost: 405 }, async (wire) => {
    const path = `${UPLOADS}?digest=${await digest("hello")}`;
    const { status, code } = await wire.send("POST", path, { body: "hello" });
    assertEquals([status, code, await has(wire, "hello")], [405, "UNSUPPORTED", false]);
    await wire.startUpload("app");
  }],
  ["end-11 mount: 202 though the source has it", { mount: 202 }, async (wire) => {
    const hello = await wire.pushBlob("source", "hello");
    const { status, headers } = await wire.send("POST", `${UPLOADS}?mount=${hello}&from=source`);
    assertEquals([status, await has(wire, "hello")], [202, false]);
    assertEquals(await close(wire, headers.get("location")!, "hello", "hello"), 201);
  }],
  ["end-11 mount: 405", { mount: 405 }, async (wire) => {
    const hello = await wire.pushBlob("source", "hello");
    const { status, code } = await wire.send("POST", `${UPLOADS}?mount=${hello}&from=source`);
    assertEquals([status, code, await has(wire, "hello")], [405, "UNSUPPORTED", false]);
  }],
  ["end-11 mount without from: 400", { mountWithoutFrom: 400 }, async (wire) => {
    const hello = await wire.pushBlob("source", "hello");
    assertEquals((await wire.send("POST", `${UPLOADS}?mount=${hello}`)).status, 400);
    assertEquals((await wire.send("POST", `${UPLOADS}?mount=${hello}&from=source`)).status, 201);
  }],
  ["end-5 PATCH: a chunk after one below the least size is 416", { minChunk: 4 }, async (wire) => {
    const { headers } = await wire.send("POST", UPLOADS);
    assertEquals(headers.get("oci-chunk-min-length"), "4");
    const location = headers.get("location")!;
    assertEquals(await patch(wire, location, "hell"), [202, "0-3"]);
    assertEquals(await patch(wire, location, "o"), [202, "0-4"]);
    assertEquals((await patch(wire, location, "more"))[0], 416);
    assertEquals(await close(wire, location, "hello"), 201);
  }],
  ["end-5 PATCH: above the largest size 413", { maxChunk: { bytes: 4 } }, async (wire) => {
    const location = await wire.startUpload("app");
    assertEquals((await patch(wire, location, "hello"))[0], 413);
    assertEquals((await wire.send("GET", location)).headers.get("range"), "0-0");
    assertEquals(await patch(wire, location, "hell"), [202, "0-3"]);
  }],
  [
    "end-5 PATCH: above the largest size, of unknown length",
    { maxChunk: { bytes: 4, status: 416 } },
    async (wire) => {
      const location = await wire.startUpload("app");
      const body = streamOf(["hel", "lo"]);
      assertEquals((await wire.send("PATCH", location, { body })).status, 416);
    },
  ],
  [
    "end-5 PATCH: the largest size of those with Content-Range",
    { maxChunk: { bytes: 4, status: 416, ranged: true } },
    async (wire) => {
      const location = await wire.startUpload("app");
      assertEquals((await patch(wire, location, "hello", { "content-range": "0-4" }))[0], 416);
      assertEquals(await patch(wire, location, "hello"), [202, "0-4"]);
    },
  ],
  ["end-6 PUT: above the largest size 413", { maxPut: 4 }, async (wire) => {
    const location = await wire.startUpload("app");
    assertEquals(await close(wire, location, "hello", "hello"), 413);
    await patch(wire, location, "hell");
    assertEquals(await close(wire, location, "hello", "o"), 201);
  }],
  [
    "end-5 PATCH: 201, and Range stuck at the first chunk",
    { patchStatus: 201, stuckRange: true },
    async (wire) => {
      const location = await wire.startUpload("app");
      assertEquals(await patch(wire, location, "hel"), [201, "0-2"]);
      assertEquals(await patch(wire, location, "lo"), [201, "0-2"]);
      assertEquals(await close(wire, location, "hello"), 201);
    },
  ],
  ["end-5 PATCH: Content-Range is not looked at", { noContentRange: true }, async (wire) => {
    const location = await wire.startUpload("app");
    assertEquals(await patch(wire, location, "hel", { "content-range": "0-2" }), [202, "0-2"]);
    assertEquals(await patch(wire, location, "x", { "content-range": "100-100" }), [202, "0-3"]);
    assertEquals(await close(wire, location, "hello"), 400);
  }],
  ["end-13 GET: 404", { noUploadStatus: true }, async (wire) => {
    const location = await wire.startUpload("app");
    const { status, code } = await wire.send("GET", location);
    assertEquals([status, code], [404, "BLOB_UPLOAD_UNKNOWN"]);
    assertEquals((await patch(wire, location, "hello"))[0], 202);
  }],
  ["end-5 PATCH: a second one ends the upload", { oneChunk: true }, async (wire) => {
    const location = await wire.startUpload("app");
    assertEquals((await patch(wire, location, "hel"))[0], 202);
    assertEquals((await patch(wire, location, "lo"))[0], 404);
    assertEquals((await wire.send("GET", location)).status, 404);
  }],
  ["end-6 PUT: several chunks are not closed without the last", {
    noEmptyClose: true,
  }, async (wire) => {
    const location = await wire.startUpload("app");
    await patch(wire, location, "he");
    await patch(wire, location, "ll");
    assertEquals(await close(wire, location, "hell"), 400);
    assertEquals(await close(wire, location, "hello", "o"), 201);
  }],
  ["end-5 PATCH: 411 without Content-Length", { patchNeedsLength: true }, async (wire) => {
    const location = await wire.startUpload("app");
    const body = streamOf(["hello"]);
    assertEquals((await wire.send("PATCH", location, { body })).status, 411);
    const headers = { "content-length": "5" };
    assertEquals((await wire.send("PATCH", location, { body: "hello", headers })).status, 202);
  }],
  ["end-5 PATCH: 416 says neither Location nor Range", { bareUploadErrors: true }, async (wire) => {
    const location = await wire.startUpload("app");
    const { status, headers } = await wire.send("PATCH", location, {
      body: "hello",
      headers: { "content-range": "7-11" },
    });
    assertEquals([status, headers.get("location"), headers.get("range")], [416, null, null]);
  }],
  ["Location: absolute", { locations: { form: "absolute" } }, async (wire) => {
    const location = await wire.startUpload("app");
    assert(location.startsWith(`${wire.origin}${UPLOADS}`), location);
    assertEquals(await close(wire, location, "hello", "hello"), 201);
  }],
  ["Location: from the request's path", { locations: { form: "relative" } }, async (wire) => {
    const { headers } = await wire.send("POST", UPLOADS);
    const location = headers.get("location")!;
    assert(/^[0-9a-f-]{36}$/.test(location), location);
    const closed = await wire.send("PUT", `${UPLOADS}${location}?digest=${await digest("hello")}`, {
      body: "hello",
    });
    assertEquals([closed.status, closed.headers.get("location")], [
      201,
      `../${await digest("hello")}`,
    ]);
  }],
  ["Location: a query that must come back, decoded", {
    locations: { query: "decoded" },
  }, async (wire) => {
    const start = async () => new URL(await wire.startUpload("app"), "http://registry.test");
    const put = async (location: URL, query: string) =>
      (await wire.send("PUT", `${location.pathname}?${query}`, { body: "hello" })).status;
    const hello = `digest=${await digest("hello")}`;
    const ways: [name: string, query: (location: URL) => string, status: number][] = [
      ["as it came", ({ search }) => `${search.slice(1)}&${hello}`, 201],
      ["escaped anew", ({ searchParams }) => `${searchParams}&${hello}`, 201],
      ["behind others", ({ searchParams }) => `${hello}&${searchParams}`, 201],
      ["not at all", () => hello, 400],
      ["empty", () => `_state=&${hello}`, 400],
      ["another one", ({ searchParams }) => `_state=${searchParams.get("_state")}x&${hello}`, 400],
    ];
    for (const [name, query, status] of ways) {
      const location = await start();
      assertEquals(await put(location, query(location)), status, name);
    }
  }],
  ["Location: a query that must come back", { locations: { query: true } }, async (wire) => {
    const location = await wire.startUpload("app");
    const [path, query] = location.split("?") as [string, string];
    assert(/^_state=[0-9a-f]{12}%2F%2b\+~==$/.test(query), query);
    assertEquals(await close(wire, path, "hello", "hello"), 400);
    const encoded = `${path}?${new URLSearchParams(query)}`;
    assertEquals(await close(wire, encoded, "hello", "hello"), 400);
    assertEquals(await close(wire, `${location}x`, "hello", "hello"), 400);
    assertEquals(await close(wire, location, "hello", "hello"), 201);
  }],
  ["Location: good once", { locations: { once: true } }, async (wire) => {
    const first = await wire.startUpload("app");
    const { headers } = await wire.send("PATCH", first, { body: "hel" });
    const second = headers.get("location")!;
    assertNotEquals(second, first);
    assertEquals((await patch(wire, first, "lo"))[0], 404);
    const asked = await wire.send("GET", second);
    assertEquals(asked.status, 204);
    assertEquals(await close(wire, second, "hello", "lo"), 404);
    assertEquals(await close(wire, asked.headers.get("location")!, "hello", "lo"), 201);
  }],
];

for (const [name, quirks, run] of CASES) specTest(`quirk: ${name}`, run, { quirks });

specTest("quirk: Location: good for one that writes", async (wire) => {
  const first = await wire.startUpload("app");
  const { headers } = await wire.send("PATCH", first, { body: "hel" });
  assertEquals((await patch(wire, first, "lo"))[0], 404);
  assertEquals((await patch(wire, headers.get("location")!, "lo"))[0], 202);
}, { quirks: { locations: { once: "writes" } } });

specTest("quirk: Location: on another origin, which refuses Authorization", async (wire) => {
  const authorization = `Basic ${btoa("me:secret")}`;
  const started = await wire.send("POST", UPLOADS, { headers: { authorization } });
  const location = started.headers.get("location")!;
  assertNotEquals(new URL(location).origin, wire.origin);
  const refused = await wire.send("PATCH", location, {
    body: "hello",
    headers: { authorization },
  });
  assertEquals([refused.status, refused.text.includes("InvalidArgument")], [400, true]);
  const patched = await wire.send("PATCH", location, { body: "hello" });
  assertEquals(patched.status, 202);
  const next = patched.headers.get("location")!;
  assertEquals(await close(wire, next, "hello"), 201);
  const blob = await wire.send("GET", `/v2/app/blobs/${await digest("hello")}`, {
    headers: { authorization },
  });
  assertEquals(blob.text, "hello");
  const unknown = new URL("/elsewhere/nothing", location).href;
  assertEquals((await wire.send("PATCH", unknown, { body: "hello" })).status, 403);
}, {
  auth: { basic: { users: { me: "secret" } } },
  quirks: { locations: { otherOrigin: true, query: true, once: true } },
});

specTest("quirk: whoever may not push is told so, and nothing else", async (wire) => {
  for (const query of ["?digest=sha256:1", "?mount=sha256:1", "?mount=sha256:1&from=other"]) {
    const { status, code } = await wire.send("POST", UPLOADS + query);
    assertEquals([query, status, code], [query, 401, "UNAUTHORIZED"]);
  }
  for (const method of ["PATCH", "PUT", "GET"]) {
    assertEquals((await wire.send(method, `${UPLOADS}1`)).status, 401, method);
  }
}, {
  auth: { basic: { users: { me: "secret" } } },
  quirks: {
    singlePost: 405,
    mount: 405,
    patchNeedsLength: true,
    noUploadStatus: true,
    maxPut: 1,
  },
});

specTest("quirk: on the second request alone", async (wire) => {
  const got: number[] = [];
  for (const content of ["a", "b", "c"]) {
    const path = `${UPLOADS}?digest=${await digest(content)}`;
    got.push((await wire.send("POST", path, { body: content })).status);
  }
  assertEquals(got, [201, 405, 201]);
}, { quirks: { singlePost: 405, on: { endpoint: "uploads", nth: 2 } } });

specTest("quirks: a rule for all, and another for one repository", async (wire) => {
  const app = await wire.send("POST", UPLOADS);
  const other = await wire.send("POST", "/v2/other/blobs/uploads/");
  assertEquals(app.headers.get("location")!.startsWith("/v2/"), true);
  assertEquals(other.headers.get("location")!.startsWith(wire.origin), true);
  assertEquals([app, other].map(({ headers }) => headers.get("warning")), [
    '299 - "going away"',
    '299 - "going away"',
  ]);
}, {
  quirks: [
    { warnings: ["going away"] },
    { locations: { form: "absolute" }, on: { repository: "other" } },
  ],
});
