/**
 * A blob from one registry to another on Deno: the response's own body becomes the request's body, and
 * no byte passes through JavaScript. What goes wrong then goes on the other way, where bytes are seen.
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  BadDigestError,
  type DavitEvent,
  NotFoundError,
  RegistryClientV2,
  RegistryStore,
} from "@davit/registry-client";
import { copy } from "@davit/registry-client/copy";
import { createRegistry } from "@davit/registry-client/server";
import { inTime } from "../faults/world.ts";

const MIB = 1024 * 1024;
const BLOB = new Uint8Array(2 * MIB).map((_, at) => at * 31 + (at >> 8));

/** Long enough that a healthy transfer ends, short enough to wait for. */
const STALL_MS = 400;

type Fault = (
  request: Request,
  next: () => Promise<Response>,
) => Response | undefined | Promise<Response | undefined>;

interface StoreOptions {
  stallTimeout?: number;
  events?: DavitEvent[];
  allowHost?: () => boolean;
}

/** A registry on a socket that misbehaves as it is told. */
class Side {
  readonly registry = createRegistry();
  readonly seen: { method: string; length: string | null; range: string | null }[] = [];
  fault: Fault = () => undefined;
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { method, headers } = request;
      this.seen.push({
        method,
        length: headers.get("content-length"),
        range: headers.get("range"),
      });
      const next = () => this.registry.fetch(request);
      return await this.fault(request, next) ?? await next();
    },
  );

  store(options: StoreOptions = {}): RegistryStore {
    const { stallTimeout = 60_000, events, allowHost } = options;
    return new RegistryStore(
      new RegistryClientV2({
        name: `http://${allowHost ? "localhost" : "127.0.0.1"}:${this.#server.addr.port}/app`,
        scopes: ["pull", "push"],
        retry: { maxAttempts: 3, minDelay: 0, maxDelay: 0 },
        limits: { stallTimeout },
        ...(allowHost && { allowHost }),
        ...(events && { onEvent: (event) => void events.push(event) }),
      }),
    );
  }

  requests(method: string) {
    return this.seen.filter((request) => request.method === method);
  }

  async close(): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The bodies that `fetch` was given, and the responses' that it gave. */
class Watch {
  readonly #fetch = globalThis.fetch;
  readonly given: unknown[] = [];
  readonly taken: unknown[] = [];

  constructor() {
    globalThis.fetch = async (input, init) => {
      if (init?.method === "PUT") this.taken.push(init.body);
      const response = await this.#fetch(input, init);
      if (init?.method === "GET") this.given.push(response.body);
      return response;
    };
  }

  /** How many bodies were handed over untouched. */
  get moved(): number {
    return this.taken.filter((body) => body instanceof ReadableStream && this.given.includes(body))
      .length;
  }

  stop(): void {
    globalThis.fetch = this.#fetch;
  }
}

interface Scene {
  source: Side;
  target: Side;
  watch: Watch;
  blob: { mediaType: string; digest: string; size: number };
}

async function onScene(fn: (scene: Scene) => Promise<void>): Promise<void> {
  const source = new Side();
  const target = new Side();
  const blob = await source.store().client.putBlob(BLOB);
  source.seen.length = 0;
  const watch = new Watch();
  try {
    await fn({ source, target, watch, blob });
  } finally {
    watch.stop();
    await source.close();
    await target.close();
  }
}

/** What `copy` does with a blob. */
async function move({ blob }: Scene, from: RegistryStore, to: RegistryStore, signal?: AbortSignal) {
  const ending = signal && { signal };
  await to.write(blob, {
    size: blob.size,
    open: (offset = 0) => from.open(blob, { offset, verify: false, ...ending }),
  }, { verify: "target", ...ending });
}

async function bytesIn(store: RegistryStore, { blob }: Scene): Promise<number> {
  return (await (await store.client.getBlob(blob.digest)).bytes()).byteLength;
}

/** A response whose body stops in the middle: it breaks, or no more comes. */
function half(how: "breaks" | "stalls"): Response {
  const piece = MIB / 4;
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (at >= BLOB.byteLength / 2) {
        if (how === "breaks") await new Promise((resolve) => setTimeout(resolve, 50));
        return how === "breaks"
          ? controller.error(new Error("cut"))
          : await new Promise<void>(() => {});
      }
      controller.enqueue(BLOB.slice(at, at += piece));
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-length": String(BLOB.byteLength) } });
}

const isPull = ({ method, url }: Request) => method === "GET" && url.includes("/blobs/sha256:");

Deno.test("hand over: the response's body is the request's, in one request, with its length", async () => {
  await onScene(async (scene) => {
    const events: DavitEvent[] = [];
    const from = scene.source.store({ events });
    const to = scene.target.store({ events });
    await move(scene, from, to);
    assertEquals(scene.watch.moved, 1);
    assertEquals(scene.source.requests("GET").length, 1);
    const size = BLOB.byteLength;
    const [put, ...more] = scene.target.requests("PUT");
    assertEquals([put?.length, more.length], [String(size), 0]);
    assertEquals(await bytesIn(to, scene), size);
    const done = events.flatMap((event) =>
      event.type === "progress" && event.done && event.bytes === size ? event.direction : []
    );
    assertEquals(done.slice(0, 2).toSorted(), ["download", "upload"]);
  });
});

Deno.test("hand over: by a copy, also where the target's token ends just before", async () => {
  await onScene(async (scene) => {
    const from = scene.source.store();
    const { blob } = scene;
    const image = { schemaVersion: 2, config: blob, layers: [blob] };
    await from.client.putManifest({
      ref: "v1",
      manifestData: new TextEncoder().encode(JSON.stringify(image)),
      mediaType: "application/vnd.oci.image.manifest.v1+json",
    });
    let tokens = 0;
    let good = 1;
    scene.target.fault = ({ method, url, headers }) => {
      const { origin, pathname } = new URL(url);
      if (pathname === "/token") return Response.json({ token: `t${++tokens}` });
      if (method === "PUT" && tokens === 1) good = 2;
      if (headers.get("authorization") === `Bearer t${good}`) return undefined;
      const challenge = `Bearer realm="${origin}/token",service="x"`;
      return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
    };
    const to = scene.target.store();
    await copy(from, "v1", to, "v1");
    assertEquals([scene.watch.moved, tokens], [1, 2]);
    assertEquals(await bytesIn(to, scene), BLOB.byteLength);
  });
});

Deno.test("hand over: a stream that is opened before is handed over too", async () => {
  await onScene(async (scene) => {
    const stream = await scene.source.store().open(scene.blob, { verify: false });
    await scene.target.store().write(scene.blob, stream, { verify: "target" });
    assertEquals(scene.watch.moved, 1);
    assertEquals(await bytesIn(scene.target.store(), scene), BLOB.byteLength);
  });
});

const watched: [name: string, open: object, write: object][] = [
  ["a body that the source verifies", {}, { verify: "target" }],
  ["a body that is verified here", { verify: false }, {}],
  ["a part", { verify: false, offset: 1 }, { verify: "target" }],
];
for (const [name, open, write] of watched) {
  Deno.test(`hand over: ${name} passes through here`, async () => {
    await onScene(async (scene) => {
      const { blob, source, target, watch } = scene;
      const { offset = 0 } = open as { offset?: number };
      const part = offset === 0 ? blob : { ...blob, size: blob.size - offset };
      const stream = await source.store().open(blob, open);
      await target.store().write(part, stream, write).catch((error) => {
        if (offset === 0) throw error;
      });
      assertEquals(watch.moved, 0);
    });
  });
}

Deno.test("hand over: a source that breaks once is gone on with", async () => {
  await onScene(async (scene) => {
    let pulls = 0;
    scene.source.fault = (request) => isPull(request) && ++pulls === 1 ? half("breaks") : undefined;
    const to = scene.target.store();
    await move(scene, scene.source.store(), to);
    assertEquals([scene.watch.moved, await bytesIn(to, scene)], [1, BLOB.byteLength]);
  });
});

Deno.test("hand over: a source that stands still is left after one stall time, and learned of", async () => {
  await onScene(async (scene) => {
    let pulls = 0;
    scene.source.fault = (request) => isPull(request) && ++pulls === 1 ? half("stalls") : undefined;
    const to = scene.target.store({ stallTimeout: STALL_MS });
    await inTime(move(scene, scene.source.store(), to));
    assertEquals([scene.watch.moved, await bytesIn(to, scene)], [1, BLOB.byteLength]);
    await to.delete(scene.blob);
    await move(scene, scene.source.store(), to);
    assertEquals([scene.watch.moved, await bytesIn(to, scene)], [1, BLOB.byteLength]);
  });
});

for (const how of ["breaks", "stalls"] as const) {
  Deno.test(`hand over: a source that always ${how} fails the transfer, and nothing lands`, async () => {
    await onScene(async (scene) => {
      scene.source.fault = (request) => isPull(request) ? half(how) : undefined;
      const to = scene.target.store({ stallTimeout: STALL_MS });
      const from = scene.source.store({ stallTimeout: STALL_MS });
      const error = await inTime(assertRejects(() => move(scene, from, to), Error));
      assert(
        ["TIMEOUT", "DOWNLOAD_FAILED", "UPLOAD_FAILED"].includes(
          (error as { code?: string }).code!,
        ),
      );
      assertEquals(await to.exists(scene.blob), false);
    });
  });
}

Deno.test("hand over: a target that wants a Content-Length it does not see gets the bytes another way", async () => {
  await onScene(async (scene) => {
    let puts = 0;
    scene.target.fault = ({ method }) =>
      method === "PUT" && ++puts === 1 ? new Response(null, { status: 411 }) : undefined;
    const to = scene.target.store();
    await move(scene, scene.source.store(), to);
    assertEquals([scene.watch.moved, await bytesIn(to, scene)], [1, BLOB.byteLength]);
    await to.delete(scene.blob);
    await move(scene, scene.source.store(), to);
    assertEquals([scene.watch.moved, puts], [1, 3]);
  });
});

Deno.test("hand over: other bytes than the digest's are refused by the target", async () => {
  await onScene(async (scene) => {
    const other = new Uint8Array(BLOB.byteLength);
    scene.source.fault = (request) =>
      isPull(request)
        ? new Response(other, { headers: { "content-length": String(other.byteLength) } })
        : undefined;
    const to = scene.target.store();
    await assertRejects(() => move(scene, scene.source.store(), to), BadDigestError);
    assertEquals(await to.exists(scene.blob), false);
    assertEquals(scene.target.requests("PUT").length, 1);
  });
});

for (const whose of ["the pull's", "the push's"]) {
  Deno.test(`hand over: ${whose} signal ends it with its reason`, async () => {
    await onScene(async (scene) => {
      const { source, target, blob } = scene;
      source.fault = (request) => isPull(request) ? half("stalls") : undefined;
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new Error("enough");
      target.fault = ({ method }) => {
        if (method === "PUT") setTimeout(() => controller.abort(reason), 50);
        return undefined;
      };
      const to = target.store();
      const pulling = whose === "the pull's" ? { signal } : {};
      const stream = await source.store().open(blob, { verify: false, ...pulling });
      const pushing = whose === "the pull's" ? {} : { signal };
      const writing = to.write(blob, stream, { verify: "target", ...pushing });
      const error = await inTime(writing).then(() => undefined, (error) => error);
      assertStrictEquals(error, reason);
      assertEquals(await to.exists(blob), false);
    });
  });
}

Deno.test("hand over: a signal that aborts afterwards disturbs nothing", async () => {
  await onScene(async (scene) => {
    const controller = new AbortController();
    await move(scene, scene.source.store(), scene.target.store(), controller.signal);
    controller.abort(new Error("late"));
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(scene.watch.moved, 1);
  });
});

Deno.test("hand over: the source is opened while the upload is started, and not for a blob that is there", async () => {
  await onScene(async (scene) => {
    const { source, target } = scene;
    const to = target.store();
    let opened = () => {};
    const asked = new Promise<void>((resolve) => opened = resolve);
    source.fault = (request) => {
      if (isPull(request)) opened();
      return undefined;
    };
    target.fault = async ({ method }) => {
      if (method === "POST") await asked; // answers once the source was asked
      return undefined;
    };
    await inTime(move(scene, source.store(), to));
    await move(scene, source.store(), to);
    assertEquals(source.requests("GET").length, 1);
  });
});

Deno.test("hand over: a push that is refused before its body lets go of the source", async () => {
  await onScene(async (scene) => {
    scene.target.fault = ({ method }) =>
      method === "POST" ? new Response(null, { status: 403 }) : undefined;
    await assertRejects(
      () => move(scene, scene.source.store(), scene.target.store()),
      Error,
      "403",
    );
  });
});

Deno.test("hand over: a source that loses the blob in the middle is not taken for the target", async () => {
  await onScene(async (scene) => {
    let pulls = 0;
    scene.source.fault = (request) => {
      if (!isPull(request)) return undefined;
      return ++pulls === 1 ? half("breaks") : new Response(null, { status: 404 });
    };
    const { client } = scene.source.store();
    const { digest, size } = scene.blob;
    const open = async (offset = 0) =>
      (await client.getBlob(digest, { size, verify: false, range: { offset } })).stream;
    const moving = scene.target.store().write(scene.blob, { size, open }, { verify: "target" });
    await assertRejects(() => moving, NotFoundError);
    assertEquals([pulls, scene.target.requests("POST").length], [2, 1]);
  });
});

Deno.test("hand over: a target whose addresses were checked is connected to at those", async () => {
  await onScene(async (scene) => {
    const to = scene.target.store({ allowHost: () => true });
    await move(scene, scene.source.store(), to);
    // Deno's fetch looks a name up by itself.
    assertEquals([scene.watch.moved, await bytesIn(to, scene)], [0, BLOB.byteLength]);
  });
});
