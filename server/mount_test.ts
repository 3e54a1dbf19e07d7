import { assertEquals } from "@std/assert";
import { digest, specTest, UNKNOWN_DIGEST } from "./fixture_test.ts";

specTest("end-11 POST mount: 201 when the source has the blob", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const path = `/v2/copy/blobs/uploads/?mount=${hello}&from=app`;
  const { status, headers } = await wire.send("POST", path);
  assertEquals([status, headers.get("location")], [201, `/v2/copy/blobs/${hello}`]);
  assertEquals(headers.get("docker-content-digest"), hello);
  assertEquals((await wire.send("GET", `/v2/copy/blobs/${hello}`)).text, "hello");
});

specTest("end-11 POST mount: 201 within one repository", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status } = await wire.send("POST", `/v2/app/blobs/uploads/?mount=${hello}&from=app`);
  assertEquals(status, 201);
});

specTest("end-11 POST mount: 202 with a usable session when the source lacks it", async (wire) => {
  await wire.pushBlob("app", "other");
  await wire.pushBlob("elsewhere", "hello");
  const hello = await digest("hello");
  for (const from of ["app", "nowhere"]) {
    const path = `/v2/copy/blobs/uploads/?mount=${hello}&from=${from}`;
    const { status, headers } = await wire.send("POST", path);
    assertEquals(status, 202, from);
    const location = headers.get("location")!;
    const put = await wire.send("PUT", `${location}?digest=${hello}`, { body: "hello" });
    assertEquals(put.status, 201, from);
  }
});

specTest("end-11 POST mount without from: 201 when any repository has it", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  const { status } = await wire.send("POST", `/v2/copy/blobs/uploads/?mount=${hello}`);
  assertEquals(status, 201);
  assertEquals((await wire.send("GET", `/v2/copy/blobs/${hello}`)).text, "hello");
});

specTest("end-11 POST mount without from: 202 for an unknown digest", async (wire) => {
  const path = `/v2/copy/blobs/uploads/?mount=${UNKNOWN_DIGEST}`;
  assertEquals((await wire.send("POST", path)).status, 202);
});

specTest("end-11 POST mount of what cannot be there: 202 with a usable session", async (wire) => {
  const hello = await wire.pushBlob("app", "hello");
  for (
    const query of [
      "mount=sha256:abc&from=app",
      "mount=&from=app",
      "mount=",
      `mount=${hello}&from=App`,
      `mount=${hello}&from=../app`,
      `mount=${hello}&from=`,
      `mount=${hello}&from=localhost:5000/app`,
      `mount=${hello}&from=%0Ax`,
      `mount=${hello}&from=%E6%97%A5`,
      `mount=${UNKNOWN_DIGEST}&from=app`,
      `mount=md5:abc&from=app`,
    ]
  ) {
    const { status, headers } = await wire.send("POST", `/v2/copy/blobs/uploads/?${query}`);
    assertEquals(status, 202, query);
    const path = `${headers.get("location")}?digest=${hello}`;
    assertEquals((await wire.send("PUT", path, { body: "hello" })).status, 201, query);
  }
});
