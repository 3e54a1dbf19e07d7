import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { digest, EMPTY_DIGEST, memoryWire, specTest, streamOf, type Wire } from "./fixture_test.ts";

const octets = { "content-type": MEDIA_TYPES.octetStream };

function patch(wire: Wire, location: string, body: BodyInit, range?: string) {
  const headers = { ...octets, ...(range !== undefined && { "content-range": range }) };
  return wire.send("PATCH", location, { body, headers });
}

function put(wire: Wire, location: string, digest: string, body?: BodyInit, range?: string) {
  const headers = { ...octets, ...(range !== undefined && { "content-range": range }) };
  return wire.send("PUT", `${location}?digest=${digest}`, { headers, ...(body && { body }) });
}

async function blobText(wire: Wire, digest: string): Promise<string> {
  const { status, text } = await wire.send("GET", `/v2/app/blobs/${digest}`);
  assertEquals(status, 200);
  return text;
}

specTest("end-4a POST uploads: 202 with a Location and an empty Range", async (wire) => {
  const { status, headers } = await wire.send("POST", "/v2/app/blobs/uploads/");
  assertEquals(status, 202);
  assertEquals(headers.get("range"), "0-0");
  assertEquals(headers.get("content-length"), "0");
  assertEquals(headers.get("oci-chunk-min-length"), null);
  const id = headers.get("docker-upload-uuid");
  assertEquals(headers.get("location"), `/v2/app/blobs/uploads/${id}`);
});

specTest("end-4a POST uploads: without the last slash too; two sessions differ", async (wire) => {
  const first = await wire.send("POST", "/v2/app/blobs/uploads");
  const second = await wire.send("POST", "/v2/app/blobs/uploads");
  assertEquals([first.status, second.status], [202, 202]);
  assertNotEquals(first.headers.get("location"), second.headers.get("location"));
});

specTest("end-4a POST uploads: an upload alone makes no repository", async (wire) => {
  await wire.startUpload("app");
  assertEquals((await wire.send("GET", "/v2/app/tags/list")).code, "NAME_UNKNOWN");
});

specTest("end-4b POST uploads with digest: 201 with Location and digest", async (wire) => {
  const hello = await digest("hello");
  const path = `/v2/app/blobs/uploads/?digest=${hello}`;
  const { status, headers } = await wire.send("POST", path, { body: "hello", headers: octets });
  assertEquals([status, headers.get("location")], [201, `/v2/app/blobs/${hello}`]);
  assertEquals(headers.get("docker-content-digest"), hello);
  assertEquals(await blobText(wire, hello), "hello");
});

specTest("end-4b POST uploads with a digest that is wrong or malformed: 400", async (wire) => {
  for (const bad of [await digest("other"), "sha256:abc", "hello", "", "md5:abc"]) {
    const path = `/v2/app/blobs/uploads/?digest=${bad}`;
    const { status, code, headers } = await wire.send("POST", path, { body: "hello" });
    assertEquals([status, code], [400, "DIGEST_INVALID"], bad);
    assertEquals(headers.get("location"), null, bad);
  }
  assertEquals((await wire.send("GET", "/v2/_catalog")).json, { repositories: [] });
});

specTest("end-4b, end-6: a blob of no bytes by every method", async (wire) => {
  const ways: [title: string, push: (repository: string) => Promise<number>][] = [
    ["POST", async (repository) => {
      const path = `/v2/${repository}/blobs/uploads/?digest=${EMPTY_DIGEST}`;
      return (await wire.send("POST", path)).status;
    }],
    [
      "POST and PUT",
      async (repository) =>
        (await put(wire, await wire.startUpload(repository), EMPTY_DIGEST)).status,
    ],
    ["POST, PATCH and PUT", async (repository) => {
      const location = await wire.startUpload(repository);
      assertEquals((await patch(wire, location, "")).status, 202);
      return (await put(wire, location, EMPTY_DIGEST)).status;
    }],
  ];
  for (const [index, [title, push]] of ways.entries()) {
    assertEquals(await push(`app${index}`), 201, title);
    const { status, headers } = await wire.send("HEAD", `/v2/app${index}/blobs/${EMPTY_DIGEST}`);
    assertEquals([status, headers.get("content-length")], [200, "0"], title);
  }
});

specTest("end-4c POST uploads with digest-algorithm: sha512 in chunks", async (wire) => {
  const sha512 = await digest("hello", "sha512");
  const location = await wire.startUpload("app", "?digest-algorithm=sha512");
  await patch(wire, location, "hel", "0-2");
  await patch(wire, location, "lo", "3-4");
  const { status, headers } = await put(wire, location, sha512);
  assertEquals([status, headers.get("docker-content-digest")], [201, sha512]);
  assertEquals(await blobText(wire, sha512), "hello");
});

specTest("end-4c POST uploads with an algorithm that is not there: 400", async (wire) => {
  for (const algorithm of ["md5", "", "SHA512"]) {
    const path = `/v2/app/blobs/uploads/?digest-algorithm=${algorithm}`;
    const { status, code } = await wire.send("POST", path);
    assertEquals([status, code], [400, "DIGEST_INVALID"], algorithm);
  }
});

specTest("end-5 PATCH: 202 with Location and the Range so far", async (wire) => {
  const location = await wire.startUpload("app");
  const first = await patch(wire, location, "hel", "0-2");
  assertEquals([first.status, first.headers.get("range")], [202, "0-2"]);
  const next = first.headers.get("location")!;
  const second = await patch(wire, next, "lo", "3-4");
  assertEquals([second.status, second.headers.get("range")], [202, "0-4"]);
  const hello = await digest("hello");
  assertEquals((await put(wire, second.headers.get("location")!, hello)).status, 201);
  assertEquals(await blobText(wire, hello), "hello");
});

specTest("end-5 PATCH: the first Location stays good", async (wire) => {
  const location = await wire.startUpload("app");
  for (const [index, letter] of [..."hello"].entries()) {
    assertEquals((await patch(wire, location, letter, `${index}-${index}`)).status, 202);
  }
  const hello = await digest("hello");
  assertEquals((await put(wire, location, hello)).status, 201);
  assertEquals(await blobText(wire, hello), "hello");
});

specTest("end-5 PATCH without Content-Range and Content-Length: appends", async (wire) => {
  const location = await wire.startUpload("app");
  const first = await patch(wire, location, streamOf(["he", "l"]));
  assertEquals([first.status, first.headers.get("range")], [202, "0-2"]);
  const second = await patch(wire, location, streamOf(["l", "o"]));
  assertEquals([second.status, second.headers.get("range")], [202, "0-4"]);
  assertEquals((await put(wire, location, await digest("hello"))).status, 201);
});

specTest("end-5 PATCH out of order or repeated: 416, and the session lives on", async (wire) => {
  const location = await wire.startUpload("app");
  await patch(wire, location, "hel", "0-2");
  const wrong = [
    ["0-2", "hel"],
    ["2-3", "lo"],
    ["4-5", "lo"],
    ["9-10", "lo"],
    ["x", "lo"],
    [
      "4-3",
      "l",
    ],
    ["bytes 3-4/5", "lo"],
    ["-3", "lo"],
    ["3-", "lo"],
  ];
  for (const [range, body] of wrong) {
    const { status, code, headers } = await patch(wire, location, body!, range);
    assertEquals([status, code], [416, "BLOB_UPLOAD_INVALID"], range);
    assertEquals([headers.get("range"), headers.get("location")], ["0-2", location], range);
  }
  const state = await wire.send("GET", location);
  assertEquals([state.status, state.headers.get("range")], [204, "0-2"]);
  assertEquals((await patch(wire, location, "lo", "3-4")).status, 202);
  assertEquals((await put(wire, location, await digest("hello"))).status, 201);
});

specTest("end-5 PATCH whose Content-Range has another length: 400 SIZE_INVALID", async (wire) => {
  const location = await wire.startUpload("app");
  const { status, code } = await patch(wire, location, "hello", "0-2");
  assertEquals([status, code], [400, "SIZE_INVALID"]);
});

specTest("end-5 PATCH of a stream that is shorter or longer than it says: 400", async (wire) => {
  const location = await wire.startUpload("app");
  const short = await patch(wire, location, streamOf(["he"]), "0-2");
  assertEquals([short.status, short.code], [400, "SIZE_INVALID"]);
  assertEquals(short.headers.get("range"), "0-1");
  const long = await patch(wire, location, streamOf(["llo", "!"]), "2-4");
  assertEquals([long.status, long.code], [400, "SIZE_INVALID"]);
  assertEquals(long.headers.get("range"), "0-4");
  assertEquals((await put(wire, location, await digest("hello"))).status, 201);
});

specTest("end-5 PATCH whose body breaks: 400, and what came stays", async (wire) => {
  const location = await wire.startUpload("app");
  const broken = await patch(wire, location, streamOf(["he", "l"], new Error("gone")));
  assertEquals([broken.status, broken.code], [400, "BLOB_UPLOAD_INVALID"]);
  assertEquals((await wire.send("GET", location)).headers.get("range"), "0-2");
  assertEquals((await patch(wire, location, "lo", "3-4")).status, 202);
  assertEquals((await put(wire, location, await digest("hello"))).status, 201);
}, { memoryOnly: true });

specTest("end-5 PATCH beside another one to the same session: 416", async (wire) => {
  const location = await wire.startUpload("app");
  let go = () => {};
  const gate = new Promise<void>((resolve) => go = resolve);
  let pulled = () => {};
  const started = new Promise<void>((resolve) => pulled = resolve);
  const slow = new ReadableStream<Bytes>({
    async pull(controller) {
      pulled();
      await gate;
      controller.enqueue(encodeText("hello"));
      controller.close();
    },
  }, { highWaterMark: 0 });
  const first = patch(wire, location, slow);
  await started;
  const second = await patch(wire, location, "hello");
  assertEquals([second.status, second.code], [416, "BLOB_UPLOAD_INVALID"]);
  go();
  assertEquals((await first).status, 202);
  assertEquals((await put(wire, location, await digest("hello"))).status, 201);
}, { memoryOnly: true });

specTest("end-6 PUT: the whole blob at once", async (wire) => {
  const hello = await digest("hello");
  const { status, headers } = await put(wire, await wire.startUpload("app"), hello, "hello");
  assertEquals([status, headers.get("location")], [201, `/v2/app/blobs/${hello}`]);
  assertEquals(headers.get("docker-content-digest"), hello);
  assertEquals(headers.get("content-length"), "0");
  assertEquals(await blobText(wire, hello), "hello");
});

specTest("end-6 PUT: may carry the last chunk, with or without its range", async (wire) => {
  for (const range of ["3-4", undefined]) {
    const location = await wire.startUpload("app");
    await patch(wire, location, "hel", "0-2");
    const hello = await digest("hello");
    assertEquals((await put(wire, location, hello, "lo", range)).status, 201, range);
    assertEquals(await blobText(wire, hello), "hello");
  }
});

specTest("end-6 PUT out of order: 416, and the session lives on", async (wire) => {
  const hello = await digest("hello");
  const location = await wire.startUpload("app");
  await patch(wire, location, "hel", "0-2");
  for (const range of ["0-1", "4-5", "2-3"]) {
    const { status, code, headers } = await put(wire, location, hello, "lo", range);
    assertEquals([status, code], [416, "BLOB_UPLOAD_INVALID"], range);
    assertEquals(headers.get("range"), "0-2");
  }
  const state = await wire.send("GET", location);
  assertEquals([state.status, state.headers.get("range")], [204, "0-2"]);
  assertEquals((await put(wire, location, hello, "lo", "3-4")).status, 201);
});

specTest(
  "end-6 PUT with a malformed digest or none: 400, and the session lives on",
  async (wire) => {
    const location = await wire.startUpload("app");
    for (
      const query of ["", "?digest=", "?digest=sha256:abc", "?digest=hello", "?digest=md5:abc"]
    ) {
      const { status, code } = await wire.send("PUT", location + query, { body: "hello" });
      assertEquals([status, code], [400, "DIGEST_INVALID"], query);
    }
    assertEquals((await put(wire, location, await digest("hello"), "hello")).status, 201);
  },
);

specTest("end-6 PUT with a wrong digest: 400, nothing stored, the session ended", async (wire) => {
  const other = await digest("other");
  const location = await wire.startUpload("app");
  const { status, code } = await put(wire, location, other, "hello");
  assertEquals([status, code], [400, "DIGEST_INVALID"]);
  assertEquals((await wire.send("GET", location)).code, "BLOB_UPLOAD_UNKNOWN");
  for (const each of [other, await digest("hello")]) {
    assertEquals((await wire.send("HEAD", `/v2/app/blobs/${each}`)).status, 404);
  }
});

specTest("end-6 PUT: sha512 without digest-algorithm, in one go and in chunks", async (wire) => {
  const sha512 = await digest("hello", "sha512");
  const whole = await put(wire, await wire.startUpload("app"), sha512, "hello");
  assertEquals([whole.status, whole.headers.get("docker-content-digest")], [201, sha512]);
  const location = await wire.startUpload("app");
  await patch(wire, location, "hel", "0-2");
  const chunked = await put(wire, location, sha512, "lo", "3-4");
  assertEquals([chunked.status, chunked.headers.get("location")], [
    201,
    `/v2/app/blobs/${sha512}`,
  ]);
  assertEquals(await blobText(wire, sha512), "hello");
  const head = await wire.send("HEAD", `/v2/app/blobs/${sha512}`);
  assertEquals(head.headers.get("docker-content-digest"), sha512);
  assertEquals((await wire.send("HEAD", `/v2/app/blobs/${await digest("hello")}`)).status, 404);
});

specTest("end-6 PUT with a wrong sha512 digest after chunks: 400", async (wire) => {
  const location = await wire.startUpload("app");
  await patch(wire, location, "hello", "0-4");
  const { status, code } = await put(wire, location, await digest("other", "sha512"));
  assertEquals([status, code], [400, "DIGEST_INVALID"]);
});

specTest("end-6 PUT of a blob that is there: 201", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  assertEquals((await put(wire, await wire.startUpload("app"), hello, "hello")).status, 201);
  assertEquals(await blobText(wire, hello), "hello");
});

specTest("end-6 PUT: two uploads of one blob at once both succeed", async (wire) => {
  const hello = await digest("hello");
  const locations = [await wire.startUpload("app"), await wire.startUpload("app")];
  const answers = await Promise.all(
    locations.map((location) => put(wire, location, hello, "hello")),
  );
  assertEquals(answers.map(({ status }) => status), [201, 201]);
  assertEquals(await blobText(wire, hello), "hello");
});

specTest("end-6 PUT of 64 MiB in chunks: the bytes are exact, and time is linear", async (wire) => {
  const chunk = new Uint8Array(8 * 1024 * 1024).map((_, index) => index * 7 >>> 2) as Bytes;
  const location = await wire.startUpload("app");
  const whole = new Uint8Array(chunk.byteLength * 8);
  for (let index = 0; index < 8; index++) {
    whole.set(chunk, index * chunk.byteLength);
    const first = index * chunk.byteLength;
    const range = `${first}-${first + chunk.byteLength - 1}`;
    assertEquals((await patch(wire, location, chunk, range)).status, 202);
  }
  const all = await digestOf(whole);
  assertEquals((await put(wire, location, all)).status, 201);
  assertEquals(await digestOf((await wire.send("GET", `/v2/app/blobs/${all}`)).bytes), all);
}, { memoryOnly: true });

specTest("end-13 GET of an upload: 204 with Location and Range", async (wire) => {
  const location = await wire.startUpload("app");
  await patch(wire, location, "hel", "0-2");
  const { status, headers, bytes } = await wire.send("GET", location);
  assertEquals([status, bytes.byteLength], [204, 0]);
  assertEquals([headers.get("location"), headers.get("range")], [location, "0-2"]);
});

specTest("end-14 DELETE of an upload: 204, and it is gone", async (wire) => {
  const location = await wire.startUpload("app");
  await patch(wire, location, "hel", "0-2");
  assertEquals((await wire.send("DELETE", location)).status, 204);
  const hello = await digest("hello");
  for (
    const answer of [
      await wire.send("GET", location),
      await wire.send("DELETE", location),
      await patch(wire, location, "lo", "3-4"),
      await put(wire, location, hello, "lo"),
    ]
  ) {
    assertEquals([answer.status, answer.code], [404, "BLOB_UPLOAD_UNKNOWN"]);
  }
});

specTest("end-14 DELETE of an upload works with deletes off", async (wire) => {
  assertEquals((await wire.send("DELETE", await wire.startUpload("app"))).status, 204);
}, { deletes: false });

specTest("end-14 DELETE while a chunk is on its way: the chunk is answered 404", async (wire) => {
  const location = await wire.startUpload("app");
  let sendMore = () => {};
  const gate = new Promise<void>((resolve) => sendMore = resolve);
  let pulls = 0;
  const slow = new ReadableStream<Bytes>({
    async pull(controller) {
      if (pulls++ === 0) return controller.enqueue(encodeText("hel"));
      await gate;
      controller.close();
    },
  });
  const patched = patch(wire, location, slow);
  assertEquals((await wire.send("DELETE", location)).status, 204);
  sendMore();
  assertEquals((await patched).code, "BLOB_UPLOAD_UNKNOWN");
}, { memoryOnly: true });

specTest("end-5, end-6, end-13, end-14: 404 BLOB_UPLOAD_UNKNOWN", async (wire) => {
  const elsewhere = (await wire.startUpload("app")).replace("/app/", "/other/");
  for (const path of ["/v2/app/blobs/uploads/nothing", elsewhere]) {
    for (const method of ["PATCH", "PUT", "GET", "DELETE"]) {
      const query = method === "PUT" ? `?digest=${EMPTY_DIGEST}` : "";
      const { status, code } = await wire.send(method, path + query);
      assertEquals([status, code], [404, "BLOB_UPLOAD_UNKNOWN"], `${method} ${path}`);
    }
  }
});

specTest("end-6 PUT after the end of the upload: 404", async (wire) => {
  const hello = await digest("hello");
  const location = await wire.startUpload("app");
  assertEquals((await put(wire, location, hello, "hello")).status, 201);
  assertEquals((await put(wire, location, hello, "hello")).code, "BLOB_UPLOAD_UNKNOWN");
});

specTest("OCI-Chunk-Min-Length: announced, and a short chunk must be the last", async (wire) => {
  const location = await wire.startUpload("app");
  const first = await patch(wire, location, "0123", "0-3");
  assertEquals([first.status, first.headers.get("oci-chunk-min-length")], [202, "4"]);
  assertEquals((await patch(wire, location, "45", "4-5")).status, 202);
  for (
    const answer of [
      await patch(wire, location, "6789", "6-9"),
      await patch(wire, location, streamOf(["6789"])),
      await put(wire, location, await digest("0123456789"), "6789"),
    ]
  ) {
    assertEquals([answer.status, answer.code], [400, "SIZE_INVALID"]);
    assertEquals(answer.headers.get("range"), "0-5");
  }
  assertEquals((await put(wire, location, await digest("012345"))).status, 201);
}, { chunkMinLength: 4 });

Deno.test("uploads: one that is not used is forgotten after its time", async () => {
  let time = 0;
  const wire = memoryWire({ uploadExpiry: 1000, now: () => time });
  const [idle, used] = [await wire.startUpload("app"), await wire.startUpload("app")];
  time = 900;
  assertEquals((await patch(wire, used, "hel")).status, 202);
  time = 1500;
  assertEquals((await wire.send("GET", idle)).code, "BLOB_UPLOAD_UNKNOWN");
  assertEquals((await wire.send("GET", used)).status, 204);
  time = 2501;
  await wire.startUpload("app");
  assertEquals((await wire.send("GET", used)).code, "BLOB_UPLOAD_UNKNOWN");
});

Deno.test("uploads: nothing is read ahead of what is stored", async () => {
  const wire = memoryWire();
  const location = await wire.startUpload("app");
  let pulled = 0;
  let endless: ReadableStreamDefaultController<Bytes> | undefined;
  const body = new ReadableStream<Bytes>({
    start: (controller) => void (endless = controller),
    pull(controller) {
      if (pulled++ < 10) controller.enqueue(new Uint8Array(1000));
    },
  }, { highWaterMark: 0 });
  const answer = patch(wire, location, body);
  while (pulled < 10) await new Promise((resolve) => setTimeout(resolve, 1));
  assert(pulled <= 11, `${pulled} pieces were asked for`);
  endless!.close();
  assertEquals((await answer).headers.get("range"), "0-9999");
});
