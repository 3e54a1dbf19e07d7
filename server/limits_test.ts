/** Options that bound what clients may leave here, on every backend. */
import { assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { RegistryBackend } from "./backends/backend.ts";
import { MemoryBackend } from "./backends/memory_backend.ts";
import { MemoryObjects } from "./backends/memory_objects_test.ts";
import { objectBackend } from "./backends/object_backend.ts";
import {
  digest,
  memoryWire,
  onDisk,
  specTest,
  streamOf,
  TestClock,
  UNKNOWN_DIGEST,
} from "./fixture_test.ts";
import { createRegistry } from "./registry.ts";

const HELLO = await digest("hello");
const LONG = await digest("hello world");

type Run = (test: (backend: RegistryBackend) => Promise<void>) => Promise<void>;

const BACKENDS: [name: string, run: Run][] = [
  ["memory", (test) => test(new MemoryBackend())],
  ["disk", (test) => onDisk(test)],
  ["object store", (test) => test(objectBackend(new MemoryObjects(), { segmentBytes: 4 }))],
];

for (const [name, run] of BACKENDS) {
  Deno.test(`blobLimit, ${name}: a blob of that size is taken, a larger one 413`, () =>
    run(async (backend) => {
      const wire = memoryWire({ backend, blobLimit: 5 });
      const post = (digest: string, body: BodyInit) =>
        wire.send("POST", `/v2/app/blobs/uploads/?digest=${digest}`, { body });
      assertEquals((await post(HELLO, "hello")).status, 201);
      for (const body of ["hello world", streamOf(["hello", " world"])]) {
        const got = await post(LONG, body);
        assertEquals([got.status, got.code], [413, "SIZE_INVALID"]);
      }
      const location = await wire.startUpload("app");
      await wire.send("PATCH", location, { body: "hel" });
      const declared = await wire.send("PATCH", location, {
        body: "lo world",
        headers: { "content-range": "3-10" },
      });
      assertEquals([declared.status, declared.headers.get("range")], [413, "0-2"], "it lives on");
      assertEquals(
        (await wire.send("PUT", `${location}?digest=${HELLO}`, { body: "lo" })).status,
        201,
      );
      const other = await wire.startUpload("app");
      const streamed = await wire.send("PATCH", other, { body: streamOf(["hello", "!"]) });
      assertEquals([streamed.status, streamed.code], [413, "SIZE_INVALID"]);
      assertEquals((await wire.send("GET", other)).status, 404, "what is left of it is gone");
    }));

  Deno.test(`openUploadLimit, ${name}: 429 for one more; those that end make room`, () =>
    run(async (backend) => {
      const clock = new TestClock();
      const { now, later } = clock;
      const limits = { openUploadLimit: 2, uploadExpiry: 1_000 };
      const wire = memoryWire({ backend, ...limits, now, later });
      const start = () => wire.send("POST", "/v2/app/blobs/uploads/");
      const [one, two] = [await wire.startUpload("app"), await wire.startUpload("other")];
      const got = await start();
      assertEquals([got.status, got.code], [429, "TOOMANYREQUESTS"]);
      assertEquals((await wire.send("DELETE", one)).status, 204);
      const three = await wire.startUpload("app");
      assertEquals(
        (await wire.send("PUT", `${two}?digest=${HELLO}`, { body: "hello" })).status,
        201,
      );
      await wire.pushBlob("app", "hello");
      await wire.startUpload("app");
      assertEquals((await start()).status, 429);
      await clock.pass(500);
      await wire.send("PATCH", three, { body: "h" });
      await clock.pass(700);
      await wire.startUpload("app"); // in place of the one that has expired
      assertEquals((await start()).status, 429);
    }));

  Deno.test(`userUploadLimit, ${name}: each user has room, and those without a name share one`, () =>
    run(async (backend) => {
      const users = { one: "1", two: "2" };
      const auth = { basic: { users, anonymous: ["pull", "push"] as const } };
      const wire = memoryWire({ backend, auth, userUploadLimit: 1 });
      const start = async (user?: string) => {
        const headers: Record<string, string> = user === undefined
          ? {}
          : { authorization: `Basic ${btoa(`${user}:${users[user as "one"]}`)}` };
        return (await wire.send("POST", "/v2/app/blobs/uploads/", { headers })).status;
      };
      const asked = ["one", "two", undefined, "one", "two", undefined];
      const got: number[] = [];
      for (const user of asked) got.push(await start(user));
      assertEquals(got, [202, 202, 202, 429, 429, 429]);
    }));
}

Deno.test("userUploadLimit: no limit where nobody logs in", async () => {
  const wire = memoryWire({ userUploadLimit: 1 });
  for (const _ of [1, 2, 3]) await wire.startUpload("app");
});

for (const sparse of [false, true]) {
  specTest(`sparse ${sparse}: manifests and indexes whose parts are not here`, async (wire) => {
    const config = { mediaType: MEDIA_TYPES.ociEmpty, digest: UNKNOWN_DIGEST, size: 2 };
    const bodies: [type: string, body: unknown][] = [
      [MEDIA_TYPES.ociManifest, {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociManifest,
        config,
        layers: [],
      }],
      [MEDIA_TYPES.ociIndex, {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests: [{ mediaType: MEDIA_TYPES.ociManifest, digest: UNKNOWN_DIGEST, size: 7 }],
      }],
    ];
    for (const [type, body] of bodies) {
      const { status, code } = await wire.putManifest("app", "v1", JSON.stringify(body), type);
      assertEquals(
        [status, code],
        sparse ? [201, undefined] : [404, "MANIFEST_BLOB_UNKNOWN"],
        type,
      );
    }
    const wrong = await wire.putManifest("app", "v1", "{}");
    assertEquals([wrong.status, wrong.code], [400, "MANIFEST_INVALID"]);
  }, { sparse });
}

for (const name of ["blobLimit", "openUploadLimit", "userUploadLimit"]) {
  Deno.test(`${name}: 0, parts and more than a number are refused`, () => {
    for (const value of [0, 1.5, -1, Infinity, NaN]) {
      assertThrows(() => createRegistry({ [name]: value }), InvalidOptionError, name);
    }
  });
}
