/** An upload whose last bytes have come, on every backend: nothing reaches it any more. */
import { assertEquals } from "@std/assert";
import type { RegistryBackend } from "./backends/backend.ts";
import { MemoryBackend } from "./backends/memory_backend.ts";
import { MemoryObjects } from "./backends/memory_objects_test.ts";
import { objectBackend } from "./backends/object_backend.ts";
import { digest, memoryWire, onDisk, streamOf, until, type Wire } from "./fixture_test.ts";

const HELLO = await digest("hello");

const BACKENDS: [
  name: string,
  run: (test: (backend: RegistryBackend) => Promise<void>) => Promise<void>,
][] = [
  ["memory", (test) => test(new MemoryBackend())],
  ["disk", (test) => onDisk(test)],
  ["object store", (test) => test(objectBackend(new MemoryObjects(), { segmentBytes: 4 }))],
];

/** The same thing, with some of its methods replaced. */
function changed<T extends object>(thing: T, own: Partial<T>): T {
  return new Proxy(thing, {
    get(target, key) {
      const value = Reflect.get(key in own ? own : target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A backend that makes no blob of an upload until it is let go. */
function held(
  backend: RegistryBackend,
): { backend: RegistryBackend; begun: () => boolean; go: () => void } {
  let go!: () => void;
  let begun = false;
  const gate = new Promise<void>((resolve) => go = resolve);
  const slow = changed(backend, {
    createUpload: async (repository) => {
      const upload = await backend.createUpload(repository);
      return changed(upload, {
        finish: async (digest) => {
          begun = true;
          await gate;
          await upload.finish(digest);
        },
      });
    },
    // Another request of a shared storage finds the upload anew.
    upload: async (repository, id) => {
      const upload = await backend.upload(repository, id);
      return upload && changed(upload, {
        finish: async (digest) => {
          begun = true;
          await gate;
          await upload.finish(digest);
        },
      });
    },
  });
  return { backend: slow, begun: () => begun, go };
}

/** Everything that could change an upload, and what it is answered during the end and after it. */
const REQUESTS: [method: string, query: string, body: string | undefined, after: number][] = [
  ["PATCH", "", "EVIL", 404],
  ["PUT", `?digest=${HELLO}`, undefined, 404],
  ["PUT", `?digest=${HELLO}`, "EVIL", 404],
  ["PUT", `?digest=${await digest("helloEVIL")}`, "EVIL", 404],
  ["DELETE", "", undefined, 404],
  ["GET", "", undefined, 404],
];

async function answers(wire: Wire, location: string): Promise<[string, number, string?][]> {
  const all: [string, number, string?][] = [];
  for (const [method, query, body] of REQUESTS) {
    const { status, code } = await wire.send(
      method,
      location + query,
      body === undefined ? {} : { body },
    );
    all.push([method, status, code]);
  }
  return all;
}

for (const [name, run] of BACKENDS) {
  Deno.test(`end-6 PUT, ${name}: 409 for everything from its last byte on, 404 afterwards`, () =>
    run(async (inner) => {
      const { backend, begun, go } = held(inner);
      const wire = memoryWire({ backend });
      const location = await wire.startUpload("app");
      await wire.send("PATCH", location, { body: "hel" });
      // A body that was on its way when the end began is not taken either.
      const put = wire.send("PUT", `${location}?digest=${HELLO}`, { body: streamOf(["l", "o"]) });
      await until(begun);
      const during = REQUESTS.map(([method]) => [method, 409, "BLOB_UPLOAD_INVALID"]);
      during.at(-1)![2] = "BLOB_UPLOAD_INVALID";
      assertEquals(await answers(wire, location), during as never);
      go();
      assertEquals((await put).status, 201);
      const after = REQUESTS.map(([method, , , status]) => [method, status, "BLOB_UPLOAD_UNKNOWN"]);
      assertEquals(await answers(wire, location), after as never);
      assertEquals((await wire.send("GET", `/v2/app/blobs/${HELLO}`)).text, "hello");
    }));

  Deno.test(`end-6 PUT, ${name}: refused before its body was in, it leaves the session`, () =>
    run(async (backend) => {
      const wire = memoryWire({ backend });
      const location = await wire.startUpload("app");
      await wire.send("PATCH", location, { body: "hel" });
      const early = await wire.send("PUT", `${location}?digest=${HELLO}`, {
        body: "lo",
        headers: { "content-range": "4-5" },
      });
      assertEquals([early.status, early.headers.get("range")], [416, "0-2"]);
      const broken = await wire.send("PUT", `${location}?digest=${HELLO}`, {
        body: streamOf(["l"], new Error("the line is cut")),
      });
      assertEquals([broken.status, broken.headers.get("range")], [400, "0-3"]);
      const put = await wire.send("PUT", `${location}?digest=${HELLO}`, { body: "o" });
      assertEquals(put.status, 201);
    }));

  Deno.test(`end-6 PUT, ${name}: a backend that fails leaves the session`, () =>
    run(async (inner) => {
      let full = true;
      const failing = (upload: Awaited<ReturnType<RegistryBackend["createUpload"]>>) =>
        changed(upload, {
          finish: async (digest) => {
            if (full) throw new Error("no space is left");
            await upload.finish(digest);
          },
        });
      const backend = changed(inner, {
        createUpload: async (repository) => failing(await inner.createUpload(repository)),
        upload: async (repository, id) => {
          const upload = await inner.upload(repository, id);
          return upload && failing(upload);
        },
      });
      const wire = memoryWire({ backend, onError: () => {} });
      const location = await wire.startUpload("app");
      await wire.send("PATCH", location, { body: "hello" });
      assertEquals((await wire.send("PUT", `${location}?digest=${HELLO}`)).status, 500);
      full = false;
      assertEquals((await wire.send("PUT", `${location}?digest=${HELLO}`)).status, 201);
    }));
}

Deno.test("end-6 PUT, two processes on one storage: the other answers 409, and removes nothing", async () => {
  const objects = new MemoryObjects();
  let go!: () => void;
  let begun = false;
  const gate = new Promise<void>((resolve) => go = resolve);
  const slow = changed(objects, {
    put: async (key, bytes) => {
      if (key.startsWith("blobs/")) {
        begun = true;
        await gate;
      }
      await objects.put(key, bytes);
    },
  });
  const one = memoryWire({ backend: objectBackend(slow) });
  const other = memoryWire({ backend: objectBackend(objects) });
  const location = await one.startUpload("app");
  await one.send("PATCH", location, { body: "hello" });
  const put = one.send("PUT", `${location}?digest=${HELLO}`);
  await until(() => begun);
  assertEquals(
    (await answers(other, location)).map(([, status]) => status),
    REQUESTS.map(() => 409),
  );
  go();
  assertEquals((await put).status, 201);
  assertEquals(
    (await answers(other, location)).map(([, status]) => status),
    REQUESTS.map(() => 404),
  );
  assertEquals((await other.send("GET", `/v2/app/blobs/${HELLO}`)).text, "hello");
  assertEquals([...objects.keys("closing/"), ...objects.keys("cancelled/")], []);
});
