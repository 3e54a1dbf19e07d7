/** What registries do beside the specification, and what a copy makes of it. */
import { assert, assertEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { describeBytes } from "../content/describe_bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import type { ContentStore } from "../content/store.ts";
import { CopyError, type CopySide, type ErrorCode } from "../errors.ts";
import { encodeManifest } from "../manifest/encode_manifest.ts";
import { EMPTY_CONFIG } from "../manifest/build.ts";
import type { Manifest } from "../manifest/types.ts";
import { RegistryClientV2 } from "../registry_client_v2.ts";
import { RegistryStore } from "../registry_store.ts";
import type { RegistryAction } from "../server/access/options.ts";
import type { Middleware } from "../server/middleware.ts";
import { LayoutStore } from "../stores/layout_store.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import type { FaultRule } from "../testing/faults/faults.ts";
import { createTestRegistry, type TestRegistryOptions } from "../testing/test_registry.ts";
import { copy } from "./copy.ts";
import {
  altered,
  count,
  digestsOf,
  failure,
  missing,
  PlainStore,
  repository,
  type TestRepository,
  withFolder,
  writeBlob,
  writeImage,
} from "./fixture_test.ts";
import { reachable } from "./reachable.ts";

/** Of more than 64 KiB a blob is sent as a stream, of more than 1 MiB memory goes on with a part. */
const SIZES = [1_000, 100_000, 3_000_000];

Deno.test("a source that fails in the middle of a blob is the side of the error, wherever that goes", async (t) => {
  const cases: [string, ErrorCode, FaultRule[]][] = [
    ["whose blob was deleted meanwhile", "NOT_FOUND", [{ status: 404 }]],
    ["whose rights ended meanwhile", "FORBIDDEN", [{ status: 403 }]],
    ["that is overloaded", "REGISTRY_RESPONSE", [{ status: 500 }]],
    ["that breaks each time", "DOWNLOAD_FAILED", [{ cutAfter: 0 }]],
  ];
  for (const [name, code, after] of cases) {
    for (const size of SIZES) {
      for (const target of [repository({}, "other").store, new PlainStore()]) {
        await t.step(`${name}, ${size} bytes to a ${target.constructor.name}`, async () => {
          const on = { endpoint: "blob", method: "GET" } as const;
          const cut = { cutAfter: size / 2, on: { ...on, nth: 1 } };
          const faults = [
            cut,
            ...after.map((each) => ({ ...each, on: { ...on, nth: { from: 2 } } })),
          ];
          const source = repository({ faults });
          const bytes = new Uint8Array(size).fill(size % 251);
          const layer = await describeBytes(bytes, MEDIA_TYPES.ociLayerGzip);
          await source.store.write(layer, bytes);
          const image = await encodeManifest({
            ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest },
            ...{ config: layer, layers: [layer] },
          } as Manifest);
          await source.store.writeTagged(image.descriptor, image.bytes, "v1");
          const error = await failure(copy(source.store, "v1", target, "v1"), CopyError);
          assertEquals(error.side, "source" satisfies CopySide, error.message);
          assertEquals(error.descriptor?.digest, layer.digest);
          assertEquals((error.cause as { code: string }).code, code, error.message);
        });
      }
    }
  }
  for (const size of SIZES) {
    for (const target of [repository({}, "other").store, new PlainStore()]) {
      await t.step(`a caller's own, ${size} bytes to a ${target.constructor.name}`, async () => {
        const store = new MemoryStore();
        const layer = await writeBlob(store, size);
        await writeImage(store, { tag: "v1", extraLayers: [layer] });
        const own = new Error("the disk is broken");
        const source = altered<ContentStore>(store, {
          open: (each, options) =>
            each.digest === layer.digest
              ? Promise.resolve(new ReadableStream({ pull: (to) => to.error(own) }))
              : store.open(each, options),
        });
        const error = await failure(copy(source, "v1", target, "v1"), CopyError);
        assertEquals([error.side, error.cause], ["source", own], error.message);
      });
    }
  }
});

Deno.test("who may push to the target and not look into it copies all the same", async () => {
  const source = new MemoryStore();
  await writeImage(source, { tag: "v1" });
  const target = repository({
    faults: ["GET", "HEAD"].map((method) => ({ status: 403, code: "DENIED", on: { method } })),
  });
  for (let at = 0; at < 2; at++) {
    const { copied, skipped } = await copy(source, "v1", target.store, ["v1", "v2"]);
    assertEquals([copied.length, skipped.length], [3, 0]);
    assertEquals(count(target.asked(), /^PUT manifests/), 2);
  }
});

Deno.test("two clients of one registry: each has the rights that it has", async (t) => {
  const users = (actions: RegistryAction[]) => ({
    admin: "a",
    reader: { password: "r", actions: ["pull" as const], repositories: ["source"] },
    writer: { password: "w", actions, repositories: ["target"] },
  });
  const cases: [string, TestRegistryOptions, boolean][] = [
    ["pull and push, Basic", { auth: { basic: { users: users(["pull", "push"]) } } }, true],
    ["pull and push, Bearer", { auth: { bearer: { users: users(["pull", "push"]) } } }, true],
    ["push alone, Basic", { auth: { basic: { users: users(["push"]) } } }, false],
    ["push alone, Bearer", { auth: { bearer: { users: users(["push"]) } } }, false],
  ];
  for (const [name, options, looks] of cases) {
    await t.step(name, async () => {
      const registry = createTestRegistry(options);
      const store = (name: string, username: string) =>
        new RegistryStore(
          new RegistryClientV2({
            name: `registry.test/${name}`,
            fetch: registry.fetch,
            scopes: ["pull", "push"],
            credentials: { username, password: username[0]! },
          }),
        );
      const layers = [500, 100_000, 600];
      await writeImage(store("source", "admin"), { tag: "v1", layers });
      const since = registry.requests.length;
      const [from, to] = [store("source", "reader"), store("target", "writer")];
      const { copied, mounted } = await copy(from, "v1", to, "v1");
      assertEquals([copied.length, mounted.length], [5, 0]);
      const needed = await reachable(from, ["v1"]);
      assertEquals(await missing(store("target", "admin"), needed.values()), []);
      const lines = registry.requests.slice(since)
        .filter(({ path, status }) => path.startsWith("/v2/target/") && status < 400)
        .map(({ method }) => method);
      // Each blob is one POST, which is refused as a mount and is an upload then, and one PUT.
      if (looks) assertEquals([count(lines, /POST/), count(lines, /PUT/)], [4, 5]);
      assertEquals(count(lines, /DELETE/), 0);
    });
  }
});

Deno.test("a mount is looked at once, whether the registry makes what it says", async (t) => {
  const lying: Middleware = (next) => async (context) => {
    const { pathname, searchParams } = context.url;
    const mount = searchParams.get("mount");
    if (mount === null) return await next(context);
    const location = pathname.replace(/uploads\/$/, mount);
    return new Response(null, { status: 201, headers: { location } });
  };
  for (const lies of [true, false]) {
    await t.step(lies ? "it does not" : "it does", async () => {
      const { store, other, asked } = repository({ middleware: lies ? [lying] : [] });
      const layers = await Promise.all([1, 2, 3].map((size) => writeBlob(store, size)));
      const target = other("other");
      asked();
      const mount = async (layer: Descriptor, signal?: AbortSignal) =>
        await target.mount(layer, store, signal && { signal });
      for (const each of layers) assertEquals(await mount(each), !lies);
      assertEquals(asked().sort(), ["HEAD blobs", ...layers.map(() => "POST blobs/uploads")]);
      assertEquals(await mount(layers[0]!, new AbortController().signal), !lies);
      assertEquals(asked(), ["POST blobs/uploads"]);
    });
  }
  await t.step("what one caller gives up is looked at by the others", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let heads = 0;
    const aborting: Middleware = (next) => async (context) => {
      if (context.request.method === "HEAD" && heads++ === 0) controller.abort(reason);
      return await next(context);
    };
    const { store, other } = repository({ middleware: [aborting] });
    const layers = [await writeBlob(store, 1), await writeBlob(store, 2)] as const;
    const target = other("other");
    heads = 0;
    const { signal } = controller;
    const [given, kept] = await Promise.allSettled([
      target.mount(layers[0], store, { signal }),
      target.mount(layers[1], store),
    ]);
    assertEquals([given.status, kept], ["rejected", { status: "fulfilled", value: true }]);
    assertEquals(await target.mount(layers[0], store), true);
  });
});

Deno.test("a blob that the target says it has, and that its garbage collection removed, is moved", async (t) => {
  for (const names of [true, false]) {
    await t.step(names ? "the refusal names it" : "the refusal names none", async () => {
      const source = new MemoryStore();
      const [gone, kept] = [await writeBlob(source, 500), await writeBlob(source, 600)];
      const image = await writeImage(source, { tag: "v1", extraLayers: [gone, kept] });
      let heads = 0;
      const stale: Middleware = (next) => async (context) => {
        const { method } = context.request;
        const isGone = method === "HEAD" && context.url.pathname.endsWith(gone.digest);
        if (isGone && (names || heads++ === 0)) {
          return new Response(null, { headers: { "content-length": "500" } });
        }
        const answer = await next(context);
        if (names || method !== "PUT" || answer.status !== 404) return answer;
        return Response.json({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN" }] }, { status: 404 });
      };
      const target = repository({ middleware: [stale] });
      await target.store.write(kept, await new Response(await source.open(kept)).bytes());
      target.asked();
      const { copied, skipped } = await copy(source, "v1", target.store, "v1");
      assertEquals(digestsOf(skipped), [kept.digest]);
      assert(copied.some(({ digest }) => digest === gone.digest));
      assertEquals(await missing(target.store, [image, gone, kept]), []);
      assertEquals(count(target.asked(), /^PUT manifests/), 2);
    });
  }
});

Deno.test("a blob that the target took, and does not know when the manifest comes, is moved once more", async (t) => {
  for (const forever of [false, true]) {
    await t.step(forever ? "and no more than that" : "", async () => {
      const source = new MemoryStore();
      const layer = await writeBlob(source, 500);
      const image = await writeImage(source, { tag: "v1", extraLayers: [layer] });
      let puts = 0;
      const forgets: Middleware = (next) => async (context) => {
        const { pathname } = context.url;
        const refused = context.request.method === "PUT" && pathname.includes("/manifests/") &&
          (puts++ === 0 || forever);
        const errors = [{ code: "MANIFEST_BLOB_UNKNOWN", detail: { digest: layer.digest } }];
        return refused ? Response.json({ errors }, { status: 404 }) : await next(context);
      };
      const target = repository({ middleware: [forgets] });
      const copying = copy(source, "v1", target.store, "v1");
      if (forever) {
        const error = await failure(copying, CopyError);
        assertEquals([error.side, error.descriptor?.digest], ["target", image.digest]);
      } else assertEquals(digestsOf((await copying).copied).length, 4);
      assertEquals([puts, count(target.asked(), /^POST/)], [2, 4]);
    });
  }
});

Deno.test("a target that fails to look at what is damaged in it takes it anew", async () => {
  const source = new MemoryStore();
  const layer = await writeBlob(source, 500);
  const image = await writeImage(source, { tag: "v1", extraLayers: [layer] });
  let pushed = false;
  const damaged: Middleware = (next) => async (context) => {
    const { request: { method }, url } = context;
    const failing = method === "HEAD" && url.pathname.endsWith(layer.digest) && !pushed;
    if (url.searchParams.get("digest") === layer.digest) pushed = true;
    return failing ? new Response(null, { status: 500 }) : await next(context);
  };
  const target = repository({ middleware: [damaged] });
  await copy(source, "v1", target.store, "v1");
  assertEquals(await missing(target.store, [image, layer]), []);
});

Deno.test("a part of a blob in the target, where a storage lost the rest, is not taken for the whole", async () => {
  const source = new MemoryStore();
  const layer = await writeBlob(source, 500);
  const image = await writeImage(source, { tag: "v1", extraLayers: [layer] });
  let pushed = false;
  const damaged: Middleware = (next) => async (context) => {
    const { method } = context.request;
    const answer = await next(context);
    if (!context.url.search.includes(encodeURIComponent(layer.digest))) {
      const isPart = method === "HEAD" && context.url.pathname.endsWith(layer.digest);
      return isPart && !pushed
        ? new Response(null, { headers: { "content-length": "9" } })
        : answer;
    }
    pushed = true;
    return answer;
  };
  const target = repository({ middleware: [damaged] });
  await target.store.write(layer, await new Response(await source.open(layer)).bytes());
  pushed = false;
  const { copied, skipped } = await copy(source, "v1", target.store, "v1");
  assertEquals([copied.length, skipped.length, pushed], [4, 0, true]);
  assertEquals(await missing(target.store, [image, layer]), []);
  assertEquals((await copy(source, "v1", target.store, "v1")).copied, []);
});

Deno.test("a manifest that is refused for another reason is not put twice", async () => {
  const source = new MemoryStore();
  const layer = await writeBlob(source, 500);
  await writeImage(source, { tag: "v1", extraLayers: [layer] });
  const target = repository({
    faults: { status: 400, code: "MANIFEST_INVALID", on: { endpoint: "manifest", method: "PUT" } },
  });
  await target.store.write(layer, await new Response(await source.open(layer)).bytes());
  target.asked();
  const error = await failure(copy(source, "v1", target.store, "v1"), CopyError);
  assertEquals(error.side, "target");
  assertEquals(count(target.asked(), /^PUT manifests/), 1);
});

Deno.test("what a source lacks comes out of its descriptor, where that brings it", async (t) => {
  const source = new MemoryStore();
  const write = async (tag: string, data: string) => {
    const bytes = encodeText("hello");
    const hello: Descriptor = { ...await describeBytes(bytes, "text/plain"), data };
    const made = await encodeManifest({
      ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, artifactType: "a/b" },
      ...{ config: { ...EMPTY_CONFIG, data: "e30=" }, layers: [hello] },
    } as Manifest);
    await source.write(made.descriptor, made.bytes);
    await source.tag(made.descriptor, tag);
    return hello;
  };
  const good = await write("good", "aGVsbG8=");
  await write("other", "aGVsbHA=");
  for (const target of [repository().store, new PlainStore()]) {
    await t.step(target.constructor.name, async () => {
      const error = await failure(copy(source, "other", target, "v1"), CopyError);
      const { code } = error.cause as { code: string };
      assertEquals([error.side, error.descriptor?.digest, code], [
        ...["source", good.digest, "BAD_DIGEST"],
      ]);
      await copy(source, "good", target, "v1");
      assertEquals(await missing(target, [good, EMPTY_CONFIG]), []);
    });
  }
});

/** Writes a document that names its type, and an index over it and an image, as a registry keeps them. */
async function writeOdd(
  { store, raw }: TestRepository,
  mediaType: string,
  members: object,
  as: "manifest" | "blob",
): Promise<Descriptor> {
  const image = await writeImage(store);
  const bytes = encodeText(JSON.stringify(members));
  const odd = await describeBytes(bytes, mediaType);
  if (as === "blob") await store.write(odd, bytes);
  else await store.write(odd, bytes, { manifest: true });
  const { bytes: body } = await encodeManifest({
    ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [image, odd] },
  } as Manifest);
  const headers = { "content-type": MEDIA_TYPES.ociIndex };
  const { status } = await raw("/v2/app/manifests/v1", { method: "PUT", body, headers });
  assertEquals(status, 201);
  return odd;
}

Deno.test("what an index lists, of a type that is not known here: a manifest comes with what it needs", async (t) => {
  const mediaType = "application/vnd.example.manifest.v1+json";
  const source = repository();
  const needed = [await writeBlob(source.store, 100), await writeBlob(source.store, 200)];
  const inner = await writeImage(source.store);
  const odd = await writeOdd(source, mediaType, {
    ...{ schemaVersion: 2, mediaType, config: needed[0], parts: [needed[1]] },
    ...{
      manifests: [inner],
      name: "odd",
      subject: { ...inner, digest: `sha256:${"0".repeat(64)}` },
    },
  }, "manifest");
  for (const kind of ["registry", "memory", "folder"]) {
    await t.step(`to a ${kind}, and back`, () =>
      withFolder(async (folder) => {
        const own = repository({}, "other");
        const target = kind === "registry"
          ? own.store
          : kind === "memory"
          ? new PlainStore()
          : new LayoutStore(folder);
        const last = repository({}, "last");
        for (const [from, to] of [[source.store, target], [target, last.store]] as const) {
          await copy(from, "v1", to, "v1");
          assertEquals(await missing(to, [...needed, inner]), []);
          const again = await copy(from, "v1", to, "v1");
          assertEquals(digestsOf(again.copied), []);
        }
        const { headers } = await last.raw(`/v2/last/manifests/${odd.digest}`, {});
        assertEquals(headers.get("content-type"), mediaType);
        const all = await reachable(target, ["v1"]);
        assert([odd, inner, ...needed].every(({ digest }) => all.has(digest)));
      }));
  }
});

Deno.test("what an index lists, of a type that is not known here: a blob is a blob", async (t) => {
  const cases: [string, object][] = [
    ["application/vnd.in-toto+json", { _type: "https://in-toto.io/Statement/v1", subject: [] }],
    ["application/vnd.dev.sigstore.bundle.v0.3+json", {
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      messageSignature: { messageDigest: { digest: "AAAA" } },
    }],
    ["application/octet-stream", {}],
  ];
  for (const [mediaType, members] of cases) {
    await t.step(mediaType, async () => {
      const source = repository();
      const odd = await writeOdd(source, mediaType, members, "blob");
      const target = repository({}, "other");
      await copy(source.store, "v1", target.store, "v1");
      assertEquals(await missing(target.store, [odd]), []);
      assertEquals((await target.raw(`/v2/other/blobs/${odd.digest}`, {})).status, 200);
      assertEquals((await copy(source.store, "v1", target.store, "v1")).copied, []);
    });
  }
});

Deno.test("what an index lists as JSON, and the source knows for a manifest, is one", async () => {
  const source = repository();
  const blob = await writeBlob(source.store, 100);
  const { mediaType, ...image } = await writeImage(source.store, { extraLayers: [blob] });
  const index = await encodeManifest({
    ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex },
    manifests: [{ ...image, mediaType: "application/json" }],
  } as Manifest);
  await source.store.writeTagged(index.descriptor, index.bytes, "v1");
  const target = repository({}, "other");
  await copy(source.store, "v1", target.store, "v1");
  assertEquals(await missing(target.store, [{ ...image, mediaType }, blob]), []);
});

Deno.test("what an index lists in a format that nobody writes any more is not lost in silence", async (t) => {
  const source = new MemoryStore();
  const image = await writeImage(source);
  const blob = await writeBlob(source, 44, "text/plain");
  const write = async (mediaType: string, members: object) => {
    const bytes = encodeText(JSON.stringify(members));
    const odd = await describeBytes(bytes, mediaType);
    await source.write(odd, bytes);
    const { bytes: index, descriptor } = await encodeManifest({
      ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [image, odd] },
    } as Manifest);
    await source.write(descriptor, index);
    await source.tag(descriptor, "v1");
    return odd;
  };
  await t.step("an artifact manifest comes with its blobs, where the target takes it", async () => {
    const mediaType = "application/vnd.oci.artifact.manifest.v1+json";
    const odd = await write(mediaType, { mediaType, artifactType: "a/b", blobs: [blob] });
    const target = new PlainStore();
    await copy(source, "v1", target, "v1");
    assertEquals(await missing(target, [odd, blob]), []);
    const puts: (string | null)[] = [];
    const takes: Middleware = (next) => (context) => {
      const { request: { method, headers }, url } = context;
      if (method !== "PUT" || !url.pathname.endsWith(odd.digest)) return next(context);
      puts.push(headers.get("content-type"));
      return Promise.resolve(new Response(null, { status: 201 }));
    };
    const old = repository({ middleware: [takes, alwaysTakes] });
    await copy(source, "v1", old.store, "v1");
    assertEquals([puts, await missing(old.store, [blob])], [[mediaType], []]);
    const error = await failure(copy(source, "v1", repository().store, "v1"), CopyError);
    assertEquals([error.side, error.descriptor?.digest], ["target", odd.digest]);
    assert((await reachable(source, ["v1"])).has(blob.digest));
  });
  for (const type of ["json", "prettyjws"]) {
    await t.step(`schema 1 is refused: ${type}`, async () => {
      const odd = await write(`application/vnd.docker.distribution.manifest.v1+${type}`, {
        ...{ schemaVersion: 1, fsLayers: [{ blobSum: blob.digest }] },
      });
      const target = new PlainStore();
      for (const run of [() => copy(source, "v1", target, "v1"), () => reachable(source, ["v1"])]) {
        const error = await failure(run(), CopyError);
        assertEquals([error.side, error.descriptor?.digest], ["source", odd.digest]);
        assert(error.message.includes("schema 1 is not supported"), error.message);
      }
      assertEquals(await Array.fromAsync(target.tags()), []);
    });
  }
});

/** Takes an index, whatever it lists. */
const alwaysTakes: Middleware = (next) => (context) =>
  context.request.headers.get("content-type") === MEDIA_TYPES.ociIndex
    ? Promise.resolve(new Response(null, { status: 201 }))
    : next(context);
