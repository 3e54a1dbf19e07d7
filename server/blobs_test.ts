import { assertEquals } from "@std/assert";
import type { Bytes } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { digest, EMPTY_DIGEST, specTest, UNKNOWN_DIGEST } from "./fixture_test.ts";

specTest("end-2 GET blobs: 200 with the bytes, their length and digest", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status, text, headers } = await wire.send("GET", `/v2/app/blobs/${hello}`);
  assertEquals([status, text], [200, "hello"]);
  assertEquals(headers.get("content-length"), "5");
  assertEquals(headers.get("docker-content-digest"), hello);
  assertEquals(headers.get("content-type"), "application/octet-stream");
  assertEquals(headers.get("accept-ranges"), "bytes");
});

specTest("end-2 HEAD blobs: 200 with the length and digest, and no body", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status, bytes, headers } = await wire.send("HEAD", `/v2/app/blobs/${hello}`);
  assertEquals([status, bytes.byteLength], [200, 0]);
  assertEquals(headers.get("content-length"), "5");
  assertEquals(headers.get("docker-content-digest"), hello);
});

specTest("end-2 GET and HEAD blobs: a blob of no bytes has Content-Length 0", async (wire) => {
  await wire.pushBlob("app", "");
  for (const method of ["GET", "HEAD"]) {
    const { status, bytes, headers } = await wire.send(method, `/v2/app/blobs/${EMPTY_DIGEST}`);
    assertEquals([status, bytes.byteLength], [200, 0], method);
    assertEquals(headers.get("content-length"), "0", method);
  }
});

specTest("end-2 GET blobs: an escaped colon is a colon", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const path = `/v2/app/blobs/${hello.replace(":", "%3A")}`;
  assertEquals((await wire.send("GET", path)).text, "hello");
});

specTest(
  "end-2 GET blobs: 404 BLOB_UNKNOWN, 404 NAME_UNKNOWN, 400 DIGEST_INVALID",
  async (wire) => {
    const hello = await wire.pushBlob("app", "hello");
    const cases: [path: string, status: number, code: string][] = [
      [`/v2/app/blobs/${UNKNOWN_DIGEST}`, 404, "BLOB_UNKNOWN"],
      ["/v2/app/blobs/md5:abc", 404, "BLOB_UNKNOWN"],
      [`/v2/other/blobs/${hello}`, 404, "NAME_UNKNOWN"],
      ["/v2/app/blobs/sha256:abc", 400, "DIGEST_INVALID"],
      ["/v2/app/blobs/hello", 400, "DIGEST_INVALID"],
    ];
    for (const [path, status, code] of cases) {
      const got = await wire.send("GET", path);
      assertEquals([got.status, got.code], [status, code], path);
      assertEquals((await wire.send("HEAD", path)).status, status, path);
    }
  },
);

specTest("end-2 GET blobs: a blob of another repository is not found", async (wire) => {
  const hello = await wire.pushBlob("secret", "hello");
  await wire.pushBlob("app", "other");
  const { status, code } = await wire.send("GET", `/v2/app/blobs/${hello}`);
  assertEquals([status, code], [404, "BLOB_UNKNOWN"]);
});

specTest("end-2 GET blobs with Range: 206 with the exact Content-Range", async (wire) => {
  const digits = await wire.pushBlob("app", "0123456789");
  const cases: [range: string, text: string, contentRange: string][] = [
    ["bytes=0-0", "0", "bytes 0-0/10"],
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=-100", "0123456789", "bytes 0-9/10"],
    ["bytes=8-100", "89", "bytes 8-9/10"],
    ["bytes=0-", "0123456789", "bytes 0-9/10"],
  ];
  for (const [range, text, contentRange] of cases) {
    const got = await wire.send("GET", `/v2/app/blobs/${digits}`, { headers: { range } });
    assertEquals([got.status, got.text], [206, text], range);
    assertEquals(got.headers.get("content-range"), contentRange, range);
    assertEquals(got.headers.get("content-length"), String(text.length), range);
  }
});

specTest("end-2 GET blobs with Range: 416 outside the blob", async (wire) => {
  const digits = await wire.pushBlob("app", "0123456789");
  for (const range of ["bytes=10-", "bytes=10-20", "bytes=500-0", "bytes=-0", "bytes=a-b"]) {
    const got = await wire.send("GET", `/v2/app/blobs/${digits}`, { headers: { range } });
    assertEquals([got.status, got.code], [416, "SIZE_INVALID"], range);
    assertEquals(got.headers.get("content-range"), "bytes */10", range);
  }
});

specTest(
  "end-2 GET blobs with Range: what is no single byte range gives the whole",
  async (wire) => {
    const digits = await wire.pushBlob("app", "0123456789");
    const cases: HeadersInit[] = [
      { range: "bytes=0-1,4-5" },
      { range: "pages=1-2" },
      { range: "bytes=2-4", "if-range": '"some-tag"' },
    ];
    for (const headers of cases) {
      const got = await wire.send("GET", `/v2/app/blobs/${digits}`, { headers });
      assertEquals([got.status, got.text], [200, "0123456789"], JSON.stringify(headers));
    }
  },
);

specTest("end-2 HEAD blobs with Range: 200 with the whole length", async (wire) => {
  const digits = await wire.pushBlob("app", "0123456789");
  const headers = { range: "bytes=2-4" };
  const got = await wire.send("HEAD", `/v2/app/blobs/${digits}`, { headers });
  assertEquals([got.status, got.headers.get("content-length")], [200, "10"]);
});

specTest("end-2 GET blobs: 8 MiB arrive whole, and in parts", async (wire) => {
  const content = new Uint8Array(8 * 1024 * 1024 + 17).map((_, index) => index * 31 >>> 3) as Bytes;
  const large = await wire.pushBlob("app", content);
  const whole = await wire.send("GET", `/v2/app/blobs/${large}`);
  assertEquals(await digestOf(whole.bytes), large);
  const headers = { range: "bytes=1048570-5242890" };
  const part = await wire.send("GET", `/v2/app/blobs/${large}`, { headers });
  assertEquals(await digestOf(part.bytes), await digestOf(content.slice(1048570, 5242891)));
});

specTest("end-10 DELETE blobs: 202, and it is gone", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  assertEquals((await wire.send("DELETE", `/v2/app/blobs/${hello}`)).status, 202);
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).code, "BLOB_UNKNOWN");
  const again = await wire.send("DELETE", `/v2/app/blobs/${hello}`);
  assertEquals([again.status, again.code], [404, "BLOB_UNKNOWN"]);
});

specTest("end-10 DELETE blobs: a mounted copy lives on", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  await wire.send("POST", `/v2/copy/blobs/uploads/?mount=${hello}&from=app`);
  assertEquals((await wire.send("DELETE", `/v2/app/blobs/${hello}`)).status, 202);
  assertEquals((await wire.send("GET", `/v2/copy/blobs/${hello}`)).text, "hello");
  assertEquals((await wire.send("GET", `/v2/app/blobs/${hello}`)).status, 404);
});

specTest("end-10 DELETE blobs: 400 DIGEST_INVALID, 404 NAME_UNKNOWN", async (wire) => {
  const malformed = await wire.send("DELETE", "/v2/app/blobs/sha256:x");
  assertEquals([malformed.status, malformed.code], [400, "DIGEST_INVALID"]);
  const unknown = await wire.send("DELETE", `/v2/app/blobs/${await digest("hello")}`);
  assertEquals([unknown.status, unknown.code], [404, "NAME_UNKNOWN"]);
});

specTest("end-10 DELETE blobs with deletes off: 405 UNSUPPORTED, and it stays", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status, code, headers } = await wire.send("DELETE", `/v2/app/blobs/${hello}`);
  assertEquals([status, code, headers.get("allow")], [405, "UNSUPPORTED", "GET, HEAD"]);
  assertEquals((await wire.send("HEAD", `/v2/app/blobs/${hello}`)).status, 200);
}, { deletes: false });
