import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "./content/bytes.ts";
import type { Descriptor } from "./content/descriptor.ts";
import { digestOf } from "./content/digest_of.ts";
import {
  BadDigestError,
  InvalidOptionError,
  InvalidReferenceError,
  NetworkError,
  UnauthorizedError,
} from "./errors.ts";
import { buildIndex, buildManifest, EMPTY_CONFIG_BYTES } from "./manifest/build.ts";
import { createOciFetch, type OciFetch } from "./oci_fetch.ts";
import { RegistryClientV2 } from "./registry_client_v2.ts";
import { createRegistry, type RegistryOptions } from "./server/mod.ts";

const NAME = "registry.test/you/app";
const URL_OF = `oci://${NAME}`;

/** `(module (func (export "answer") (result i32) i32.const 42))` */
const WASM = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0],
  ...[7, 10, 1, 6, 97, 110, 115, 119, 101, 114, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11],
]);

/** A file of an artifact: its title, its bytes, its type. */
type File = [title: string | undefined, bytes: Uint8Array, mediaType?: string];

const FILES: File[] = [
  ["hello.txt", encodeText("hello"), "text/plain"],
  ["lib/plug in.wasm", WASM, "application/vnd.oci.image.layer.v1.tar"],
  [undefined, encodeText("untitled")],
  ["0", encodeText("zero")],
];

/** A registry with an artifact under `v1`, and a `fetch` of what is in it. */
async function world(files: File[] = FILES, options: RegistryOptions = {}) {
  const registry = createRegistry(options);
  const client = new RegistryClientV2({
    name: NAME,
    scopes: ["pull", "push"],
    fetch: registry.fetch,
  });
  const descriptor = await push(client, files, "v1");
  registry.requests.length = 0;
  return { registry, client, descriptor, ociFetch: createOciFetch({ fetch: registry.fetch }) };
}

async function push(client: RegistryClientV2, files: File[], ref?: string): Promise<Descriptor> {
  const layers = [];
  for (const [title, bytes, mediaType = "application/octet-stream"] of files) {
    const annotations = title === undefined
      ? {}
      : { annotations: { "org.opencontainers.image.title": title } };
    layers.push({ ...await client.putBlob(bytes, { mediaType }), ...annotations });
  }
  await client.putBlob(EMPTY_CONFIG_BYTES);
  const { bytes, descriptor } = await buildManifest({ artifactType: "application/x", layers });
  await client.putManifest({ manifestData: bytes, ref: ref ?? descriptor.digest });
  return descriptor;
}

Deno.test("ociFetch: a file by its title, verified", async () => {
  const { ociFetch } = await world();
  const response = await ociFetch(`${URL_OF}:v1#hello.txt`);
  assertEquals([response.status, response.statusText, response.ok], [200, "OK", true]);
  assertEquals(response.url, `${URL_OF}:v1`);
  const digest = await digestOf(encodeText("hello"));
  assertEquals(Object.fromEntries(response.headers), {
    "accept-ranges": "bytes",
    "content-length": "5",
    "content-type": "text/plain",
    "davit-verified": "true",
    "docker-content-digest": digest,
    etag: `"${digest}"`,
  });
  assertEquals(await response.text(), "hello");
});

const named: [name: string, url: (digests: Record<string, string>) => string, text: string][] = [
  ["a title with its escapes", () => ":v1#lib/plug%20in.wasm", new TextDecoder().decode(WASM)],
  ["a title as it is", () => ":v1#lib/plug in.wasm", new TextDecoder().decode(WASM)],
  ["a layer's digest", ({ hello }) => `:v1#${hello}`, "hello"],
  ["a layer's place", () => ":v1#2", "untitled"],
  ["a title that is a number", () => ":v1#0", "zero"],
  ["the manifest's digest", ({ manifest }) => `@${manifest}#hello.txt`, "hello"],
  ["a tag and a digest", ({ manifest }) => `:other@${manifest}#hello.txt`, "hello"],
  ["a blob's own digest", ({ hello }) => `@${hello}`, "hello"],
];

for (const [name, url, text] of named) {
  Deno.test(`ociFetch: ${name}`, async () => {
    const { ociFetch, descriptor } = await world();
    const hello = await digestOf(encodeText("hello"));
    const response = await ociFetch(URL_OF + url({ hello, manifest: descriptor.digest }));
    assertEquals([response.status, await response.text()], [200, text]);
  });
}

Deno.test("ociFetch: the only layer, of latest where there is no tag", async () => {
  const { client, ociFetch } = await world();
  await push(client, [["a", encodeText("only")]], "latest");
  for (
    const url of [
      URL_OF,
      `${URL_OF}#`,
      `${URL_OF}:latest`,
      URL_OF.toUpperCase().slice(0, 6) + URL_OF.slice(6),
    ]
  ) {
    assertEquals(await (await ociFetch(url)).text(), "only");
  }
  const error = await assertRejects(() => ociFetch(`${URL_OF}:v1`), InvalidReferenceError);
  assert(error.message.includes(`"hello.txt"`), error.message);
});

Deno.test("ociFetch: takes what fetch takes, and init stands before a request", async () => {
  const { ociFetch, registry } = await world();
  const url = `${URL_OF}:v1#hello.txt`;
  const typed: typeof globalThis.fetch = ociFetch;
  assertEquals(await (await typed(new URL(url))).text(), "hello");
  const request = new Request(url, { headers: { range: "bytes=1-2" } });
  assertEquals(await (await typed(request)).text(), "el");
  assertEquals(await (await typed(request, { headers: {} })).text(), "hello");
  const head = await typed(request, { method: "head", headers: {} });
  assertEquals([head.status, head.body, head.headers.get("content-length")], [200, null, "5"]);
  assertEquals(registry.requests.at(-1)!.method, "HEAD");
});

const ranges: [range: string, status: number, text: string, contentRange: string | null][] = [
  ["bytes=1-3", 206, "ell", "bytes 1-3/5"],
  ["bytes=3-", 206, "lo", "bytes 3-4/5"],
  ["bytes=-2", 206, "lo", "bytes 3-4/5"],
  ["bytes=3-99", 206, "lo", "bytes 3-4/5"],
  ["bytes=0-4", 206, "hello", "bytes 0-4/5"],
  ["bytes=0-", 206, "hello", "bytes 0-4/5"],
  ["bytes=0-0,2-2", 200, "hello", null],
  ["items=0-1", 200, "hello", null],
  ["bytes=5-", 416, "", "bytes */5"],
  ["bytes=3-1", 416, "", "bytes */5"],
];

for (const [range, status, text, contentRange] of ranges) {
  Deno.test(`ociFetch: Range: ${range} is ${status}`, async () => {
    const { ociFetch, registry } = await world();
    const response = await ociFetch(`${URL_OF}:v1#hello.txt`, { headers: { range } });
    assertEquals(response.status, status);
    assertEquals(response.headers.get("content-range"), contentRange);
    assertEquals(await response.text(), text);
    const asked = registry.requests.filter(({ path }) => path.includes("/blobs/"));
    assertEquals(asked.length, status === 416 ? 0 : 1);
    if (status === 416) return;
    assertEquals(response.headers.get("content-length"), String(text.length));
    const whole = text.length === 5;
    assertEquals(response.headers.get("davit-verified"), String(whole), "a part is not verified");
  });
}

Deno.test("ociFetch: a HEAD has no range", async () => {
  const { ociFetch } = await world();
  const init = { method: "HEAD", headers: { range: "bytes=1-2" } };
  const { status, headers } = await ociFetch(`${URL_OF}:v1#hello.txt`, init);
  assertEquals([status, headers.get("content-length"), headers.get("content-range")], [
    200,
    "5",
    null,
  ]);
});

Deno.test("ociFetch: a HEAD of a manifest that does not say its type", async () => {
  const { registry } = await world();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const answer = await registry.fetch(request);
    if (request.method === "HEAD") answer.headers.set("content-type", "application/json");
    return answer;
  };
  const response = await createOciFetch({ fetch })(`${URL_OF}:v1#hello.txt`);
  assertEquals(await response.text(), "hello");
});

Deno.test("ociFetch: If-Range takes the ETag", async () => {
  const { ociFetch } = await world();
  const url = `${URL_OF}:v1#hello.txt`;
  const etag = (await ociFetch(url, { method: "HEAD" })).headers.get("etag")!;
  const ask = async (condition: string) => {
    const headers = { range: "bytes=0-1", "if-range": condition };
    return await (await ociFetch(url, { headers })).text();
  };
  assertEquals(await ask(etag), "he");
  assertEquals(await ask('"other"'), "hello");
});

Deno.test("ociFetch: what is not there is a 404 that says what is", async () => {
  const { ociFetch, client } = await world();
  const gone = await digestOf(encodeText("hello"));
  const cases: [url: string, says: string][] = [
    [":v2#a", "Cannot find v2"],
    [":v1#a", `"hello.txt", "lib/plug in.wasm"`],
    [":v1#4", `"4"`],
    [`@sha256:${"0".repeat(64)}`, "sha256:000"],
  ];
  for (const [url, says] of cases) {
    const response = await ociFetch(URL_OF + url);
    assertEquals([response.status, response.statusText], [404, "Not Found"]);
    const text = await response.text();
    assert(text.includes(says), text);
    const head = await ociFetch(URL_OF + url, { method: "HEAD" });
    assertEquals([head.status, head.body], [404, null]);
  }
  assertEquals((await ociFetch("oci://registry.test/none")).status, 404);
  await client.deleteBlob({ digest: gone });
  for (const method of ["GET", "HEAD"]) {
    assertEquals((await ociFetch(`${URL_OF}:v1#hello.txt`, { method })).status, 404);
  }
});

Deno.test("ociFetch: anything else rejects with a typed error", async () => {
  const { ociFetch, registry, descriptor } = await world();
  const blob = await digestOf(encodeText("hello"));
  for (
    const url of [
      ...["https://registry.test/you/app", "you/app", "oci:registry.test/app", "oci://alpine:3"],
      ...[
        "oci://you@registry.test/app",
        `${URL_OF}?platform=a`,
        "oci://registry/app",
        "oci:///app",
      ],
      ...[`${URL_OF}:.`, `${URL_OF}@sha256:0`, `${URL_OF}@${blob}#hello.txt`],
    ]
  ) {
    await assertRejects(() => ociFetch(url), InvalidReferenceError);
  }
  for (const method of ["POST", "DELETE"]) {
    await assertRejects(() => ociFetch(`${URL_OF}:v1#0`, { method }), InvalidOptionError, method);
  }
  const auth = { basic: { users: { you: "secret" } } };
  const closed = createOciFetch({ fetch: createRegistry({ auth }).fetch });
  await assertRejects(() => closed(`${URL_OF}:v1`), UnauthorizedError);
  const fetch = () => Promise.reject(new TypeError("no network"));
  const offline = createOciFetch({ fetch, retry: { maxAttempts: 1 } });
  await assertRejects(() => offline(`${URL_OF}@${descriptor.digest}`), NetworkError);
  const asked = registry.requests.length;
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => ociFetch(`${URL_OF}:v1#0`, { signal }), Error, "enough");
  assertEquals(registry.requests.length, asked);
});

Deno.test("ociFetch: other bytes end the body in an error; a part is as the registry gave it", async () => {
  const { registry } = await world();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const answer = await registry.fetch(request);
    if (request.method !== "GET" || !request.url.includes("/blobs/")) return answer;
    const bytes = new Uint8Array(await answer.arrayBuffer()).fill(120);
    return new Response(bytes, answer);
  };
  const ociFetch = createOciFetch({ fetch });
  const whole = await ociFetch(`${URL_OF}:v1#hello.txt`);
  await assertRejects(() => whole.text(), BadDigestError);
  const headers = { range: "bytes=0-1" };
  assertEquals(await (await ociFetch(`${URL_OF}:v1#hello.txt`, { headers })).text(), "xx");
});

Deno.test("ociFetch: a signal ends the body", async () => {
  const { ociFetch } = await world([["large", new Uint8Array(3 * 1024 * 1024)]]);
  const controller = new AbortController();
  const { body } = await ociFetch(`${URL_OF}:v1`, { signal: controller.signal });
  const reader = body!.getReader();
  assertEquals((await reader.read()).done, false);
  controller.abort(new Error("enough"));
  await assertRejects(() => reader.read(), Error, "enough");
});

Deno.test("ociFetch: WebAssembly.compileStreaming takes it unchanged", async () => {
  const { ociFetch } = await world();
  const compiled = await WebAssembly.compileStreaming(ociFetch(`${URL_OF}:v1#lib/plug in.wasm`));
  const { exports } = await WebAssembly.instantiate(compiled);
  assertEquals((exports.answer as () => number)(), 42);
  await assertRejects(
    () => WebAssembly.compileStreaming(ociFetch(`${URL_OF}:v1#hello.txt`)),
    TypeError,
  );
});

Deno.test("ociFetch: a tag is looked at anew by HEAD, a digest's manifest is read once", async () => {
  const { ociFetch, registry, client } = await world();
  const url = `${URL_OF}:v1#hello.txt`;
  const headers = { range: "bytes=0-1" };
  for (let at = 0; at < 3; at++) await (await ociFetch(url, { headers })).text();
  const asked = registry.requests.map(({ method, path }) => `${method} ${path.split("/").at(-2)}`);
  assertEquals(asked, [
    ...["HEAD manifests", "GET manifests", "GET blobs"],
    ...["HEAD manifests", "GET blobs", "HEAD manifests", "GET blobs"],
  ]);
  await push(client, [["hello.txt", encodeText("moved")]], "v1");
  assertEquals(await (await ociFetch(url)).text(), "moved");
});

/** An index under `multi`, of an artifact a platform. */
async function index(client: RegistryClientV2, platforms: string[]): Promise<void> {
  const manifests = [];
  for (const name of platforms) {
    const descriptor = await push(client, [["who", encodeText(name)]]);
    const [os, architecture] = name.split("/") as [string, string];
    manifests.push({ ...descriptor, platform: { os, architecture } });
  }
  const { bytes } = await buildIndex({ manifests });
  await client.putManifest({ manifestData: bytes, ref: "multi" });
}

Deno.test("ociFetch: of an index, the platform asked for, else this machine's", async () => {
  const { registry, client, ociFetch } = await world();
  const architecture = { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch]!;
  const own = `${Deno.build.os}/${architecture}`;
  await index(client, ["windows/riscv64", "linux/s390x", own]);
  const ask = async (ociFetch: OciFetch) => await (await ociFetch(`${URL_OF}:multi`)).text();
  assertEquals(await ask(ociFetch), own);
  const { fetch } = registry;
  assertEquals(await ask(createOciFetch({ fetch, platform: "linux/s390x" })), "linux/s390x");
  const windows = { os: "windows", architecture: "riscv64" };
  assertEquals(await ask(createOciFetch({ fetch, platform: windows })), "windows/riscv64");
  const missing = await createOciFetch({ fetch, platform: "linux/arm" })(`${URL_OF}:multi`);
  assertEquals(missing.status, 404);
  assert((await missing.text()).includes("linux/s390x"));
  await index(client, ["plan9/mips", "plan9/386"]);
  assertEquals((await ociFetch(`${URL_OF}:multi`)).status, 404);
  await index(client, ["plan9/mips"]);
  assertEquals(await ask(ociFetch), "plan9/mips", "the only one");
  assertEquals(
    (await createOciFetch({ fetch, platform: "linux/arm" })(`${URL_OF}:multi`)).status,
    404,
  );
});

Deno.test("ociFetch: another host that looks like none is no repository of Docker Hub", async () => {
  const asked: string[] = [];
  const fetch = (input: string | URL | Request) => {
    asked.push(new URL(new Request(input).url).host);
    return Promise.resolve(new Response(null, { status: 404 }));
  };
  const ociFetch = createOciFetch({ fetch });
  assertEquals((await ociFetch("oci://localhost/app")).status, 404);
  assertEquals((await ociFetch("oci://index.docker.io/alpine")).status, 404);
  assertEquals(asked, ["localhost", "registry-1.docker.io"]);
});

Deno.test("ociFetch: many registries and repositories at once", async () => {
  const { fetch } = createRegistry();
  const ociFetch = createOciFetch({ fetch });
  const names = Array.from({ length: 250 }, (_, at) => `host${at % 120}.test/app${at}`);
  await Promise.all(names.map(async (name) => {
    const client = new RegistryClientV2({ name, scopes: ["pull", "push"], fetch });
    await push(client, [["a", encodeText(name)]], "v1");
  }));
  for (const name of names) assertEquals(await (await ociFetch(`oci://${name}:v1`)).text(), name);
});

/** A model of 4 GiB of which nothing is there but its head: the registry makes up what is asked for. */
Deno.test("ociFetch: the head of a 4 GiB model moves less than 1 MiB", async () => {
  const size = 4 * 1024 ** 3;
  const head = encodeText(JSON.stringify({ "layer.0": { dtype: "F16", data_offsets: [0, 8] } }));
  const start = new Uint8Array(8 + head.byteLength);
  new DataView(start.buffer).setBigUint64(0, BigInt(head.byteLength), true);
  start.set(head, 8);
  const layer = {
    mediaType: "application/vnd.cncf.model.weight.v1.raw",
    digest: `sha256:${"1".repeat(64)}`,
    size,
  };
  const title = { "org.opencontainers.image.title": "model.safetensors" };
  const model = await buildManifest({
    artifactType: "application/vnd.cncf.model.manifest.v1+json",
    layers: [{ ...layer, annotations: title }],
  });
  let moved = 0;
  const counted = (pull: () => Uint8Array | undefined) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pull();
        if (piece === undefined) return controller.close();
        moved += piece.byteLength;
        controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
  const fetch: typeof globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    const headers = new Headers();
    if (request.url.includes("/manifests/")) {
      headers.set("content-type", model.descriptor.mediaType);
      headers.set("docker-content-digest", model.descriptor.digest);
      headers.set("content-length", String(model.bytes.byteLength));
      moved += model.bytes.byteLength;
      return Promise.resolve(
        new Response(request.method === "HEAD" ? null : model.bytes, { headers }),
      );
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    let at = Number(range?.[1] ?? 0);
    const end = range === null ? size : Number(range[2]) + 1;
    headers.set("content-length", String(end - at));
    headers.set("content-range", `bytes ${at}-${end - 1}/${size}`);
    const body = counted(() => {
      if (at >= end) return undefined;
      const piece = new Uint8Array(Math.min(64 * 1024, end - at));
      piece.set(start.subarray(at, at + piece.byteLength));
      at += piece.byteLength;
      return piece;
    });
    return Promise.resolve(new Response(body, { status: range === null ? 200 : 206, headers }));
  };
  const ociFetch = createOciFetch({ fetch });
  const url = `${URL_OF}:v1#model.safetensors`;
  const read = async (range: string) => {
    const response = await ociFetch(url, { headers: { range } });
    assertEquals([response.status, response.headers.get("davit-verified")], [206, "false"]);
    return new Uint8Array(await response.arrayBuffer());
  };

  // As a reader of safetensors does it: the length, then the head, then one tensor.
  const length = Number(new DataView((await read("bytes=0-7")).buffer).getBigUint64(0, true));
  assertEquals(await read(`bytes=8-${7 + length}`), head);
  assertEquals((await read(`bytes=${size - 8}-`)).byteLength, 8);
  assert(moved <= 1024 ** 2, `${moved} bytes`);

  // Without a range nothing is read before it is asked for, and what is not wanted is never sent.
  moved = 0;
  const whole = await ociFetch(url);
  assertEquals(whole.headers.get("content-length"), String(size));
  const reader = whole.body!.getReader();
  assertEquals((await reader.read()).value!.slice(8, 8 + length), head);
  await reader.cancel();
  assert(moved <= 1024 ** 2, `${moved} bytes`);
});
