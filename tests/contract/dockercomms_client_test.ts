/** DockerComms' contract: the client, each method under its own name. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  BadDigestError,
  type Bytes,
  ContentNotFoundError,
  type Descriptor,
  ForbiddenError,
  InvalidOptionError,
  InvalidReferenceError,
  SizeMismatchError,
} from "@davit/registry-client";
import {
  ArtifactTypeBundle,
  ArtifactTypeReceipt,
  Client,
  type ClientOptions,
  EmptyConfigDescriptor,
  MediaTypeManifest,
  newBundleManifest,
  newClient,
  newMessageManifest,
  newReceiptManifest,
} from "@davit/registry-client/dockercomms";
import { createRegistry, type RegistryOptions } from "@davit/registry-client/server";
import { type ErrorClass, sha256, UNKNOWN, utf8, wire } from "./sample.ts";

const NAME = "ghcr.io/you/inbox";

/** A client of a registry in memory, and what it was asked, as "HEAD /v2/… 404". */
function inbox(options: RegistryOptions = {}, clientOptions: ClientOptions = {}) {
  const registry = createRegistry({
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  const client = new Client(NAME, { fetch: registry.fetch, ...clientOptions });
  const taken = () =>
    registry.requests.splice(0).map(({ method, path, status }) =>
      `${method} ${path.replace("/v2/you/inbox", "").replace(/\?.*/, "")} ${status}`
    );
  return { registry, client, taken };
}

async function blob(text: string, mediaType = "text/plain"): Promise<Descriptor> {
  const bytes = utf8(text);
  return { mediaType, digest: await sha256(bytes), size: bytes.byteLength };
}

async function pushMessage(client: Client, tag: string, from = "you"): Promise<Descriptor> {
  const { bytes, descriptor } = await newMessageManifest({ from }, []).build();
  await client.ensureEmptyConfig();
  await client.pushManifest(descriptor, bytes, tag);
  return descriptor;
}

async function textOf(stream: ReadableStream<Bytes>): Promise<string> {
  return await new Response(stream).text();
}

const places: [reference: string, url: string, options?: ClientOptions][] = [
  ["ghcr.io/you/inbox", "https://ghcr.io/v2/you/inbox"],
  ["registry/foo", "http://registry/v2/foo"],
  ["registry:5000/foo", "http://registry:5000/v2/foo"],
  ["localhost/foo", "http://localhost/v2/foo"],
  ["localhost:5000/foo", "http://localhost:5000/v2/foo"],
  ["127.0.0.1:5000/foo", "http://127.0.0.1:5000/v2/foo"],
  ["[::1]:5000/foo", "http://[::1]:5000/v2/foo"],
  ["[2001:db8::1]/foo", "https://[2001:db8::1]/v2/foo"],
  ["registry.example.com:5000/foo", "https://registry.example.com:5000/v2/foo"],
  ["docker.io/you", "https://registry-1.docker.io/v2/you"],
  ["docker.io/you/inbox", "https://registry-1.docker.io/v2/you/inbox"],
  ["registry/foo", "https://registry/v2/foo", { plainHttp: false }],
  ["ghcr.io/foo", "http://ghcr.io/v2/foo", { plainHttp: true }],
  ["lan.example/foo", "http://lan.example/v2/foo", {
    hosts: { "lan.example": { plainHttp: true } },
  }],
];

for (const [reference, url, options] of places) {
  const title = options === undefined ? "" : `, ${JSON.stringify(options)}`;
  Deno.test(`the first part is always the registry: ${reference}${title}`, async () => {
    const { fetch, lines } = wire(() => Response.json({ name: "", tags: [] }));
    const client = newClient(reference, { fetch, ...options });
    assertInstanceOf(client, Client);
    assertEquals(client.reference, reference);
    assertEquals(lines(), []);
    assertEquals(await Array.fromAsync(client.tags()), []);
    assertEquals(lines(), [`GET ${url}/tags/list`]);
  });
}

for (
  const reference of [
    "nohost",
    "://invalid",
    "",
    "/foo",
    "ghcr.io/",
    "https://ghcr.io/foo",
    "ghcr.io/foo:v1",
    `ghcr.io/foo@${UNKNOWN}`,
    "ghcr.io/Foo",
    "you@ghcr.io/foo",
    "ghcr.io:port/foo",
  ]
) {
  Deno.test(`an error: ${JSON.stringify(reference)}`, () => {
    assertThrows(() => new Client(reference), InvalidReferenceError);
    assertThrows(() => newClient(reference), InvalidReferenceError);
  });
}

Deno.test("username and password are short for credentials, and stand alone", async () => {
  const users = { you: "a long password" };
  const login = { username: "you", password: "a long password" };
  const { client } = inbox({ auth: { basic: { users } } }, login);
  assertEquals(await client.exists(await blob("x")), false);
  assertThrows(() => new Client(NAME, { ...login, credentials: login }), InvalidOptionError);
});

Deno.test("ensureEmptyConfig: pushes {} unless it is there", async () => {
  const { client, taken } = inbox();
  await client.ensureEmptyConfig();
  assertEquals(await textOf(await client.fetchBlob(EmptyConfigDescriptor)), "{}");
  taken();
  await client.ensureEmptyConfig();
  assertEquals(taken(), [`HEAD /blobs/${EmptyConfigDescriptor.digest} 200`]);
});

Deno.test("exists: 404 is false, any other failure throws; a manifest's type asks for a manifest", async () => {
  const { client, taken } = inbox();
  const descriptor = await blob("hello");
  assertEquals(await client.exists(descriptor), false);
  await client.pushBlob(descriptor, utf8("hello"));
  assertEquals(await client.exists(descriptor), true);
  const message = await pushMessage(client, "m");
  taken();
  assertEquals(await client.exists(message), true);
  assertEquals(await client.exists({ ...descriptor, mediaType: MediaTypeManifest }), false);
  assertEquals(taken(), [
    `HEAD /manifests/${message.digest} 200`,
    `HEAD /manifests/${descriptor.digest} 404`,
  ]);
  const { fetch } = wire(() => new Response(null, { status: 403 }));
  const refused = new Client(NAME, { fetch });
  await assertRejects(() => refused.exists(descriptor), ForbiddenError);
  await assertRejects(() => refused.exists(message), ForbiddenError);
});

Deno.test("pushBlob: what is there is not sent, and a stream is let go of", async () => {
  const { client, taken } = inbox();
  const descriptor = await blob("hello");
  await client.pushBlob(descriptor, new Blob(["hello"]).stream());
  assertEquals(await textOf(await client.fetchBlob(descriptor)), "hello");
  taken();
  let cancelled = false;
  const stream = new ReadableStream<Bytes>({
    cancel() {
      cancelled = true;
    },
  });
  await client.pushBlob(descriptor, stream);
  assert(cancelled);
  assertEquals(taken(), [`HEAD /blobs/${descriptor.digest} 200`]);
});

Deno.test("pushBlob: a manifest goes where manifests are, without a tag, and is sent once", async () => {
  const { client, taken } = inbox();
  await client.ensureEmptyConfig();
  const { bytes, descriptor } = await newReceiptManifest().build();
  taken();
  await client.pushBlob(descriptor, bytes);
  await client.pushBlob(descriptor, new Blob([bytes]).stream());
  const path = `/manifests/${descriptor.digest}`;
  assertEquals(taken(), [`HEAD ${path} 404`, `PUT ${path} 201`, `HEAD ${path} 200`]);
  assertEquals(await textOf(await client.fetchBlob(descriptor)), new TextDecoder().decode(bytes));
});

const wrong: [content: string, error: ErrorClass][] = [
  ["hallo", BadDigestError],
  ["hello!", SizeMismatchError],
  ["hell", SizeMismatchError],
];

for (const [text, error] of wrong) {
  Deno.test(`pushBlob, pushManifest: "${text}" for "hello" is refused`, async () => {
    const { client } = inbox();
    const descriptor = await blob("hello");
    const manifest = { ...descriptor, mediaType: MediaTypeManifest };
    const contents = [() => utf8(text), () => new Blob([text]), () => new Blob([text]).stream()];
    for (const content of contents) {
      await assertRejects(() => client.pushBlob(descriptor, content()), error);
      await assertRejects(() => client.pushBlob(manifest, content()), error);
      await assertRejects(() => client.pushManifest(manifest, content(), "v1"), error);
    }
    assertEquals(await client.exists(descriptor), false);
  });
}

Deno.test("fetchBlob: verified, and a stream that can be cancelled", async () => {
  let text = "hello";
  const { fetch } = wire(() => new Response(text));
  const client = new Client(NAME, { fetch });
  const descriptor = await blob("hello");
  await (await client.fetchBlob(descriptor)).cancel();
  text = "hallo";
  await assertRejects(async () => textOf(await client.fetchBlob(descriptor)), BadDigestError);
});

Deno.test("fetchManifest: descriptor and all bytes, by tag and digest; verified", async () => {
  const { client } = inbox();
  const { bytes, descriptor } = await newReceiptManifest({ from: "you" }).build();
  await client.ensureEmptyConfig();
  await client.pushManifest(descriptor, new Blob([bytes]).stream(), "r");
  for (const reference of ["r", descriptor.digest]) {
    assertEquals(await client.fetchManifest(reference), { descriptor, bytes });
    assertEquals(await client.resolve(reference), descriptor);
  }
  const { fetch } = wire(() =>
    new Response(bytes, { headers: { "content-type": MediaTypeManifest } })
  );
  await assertRejects(() => new Client(NAME, { fetch }).fetchManifest(UNKNOWN), BadDigestError);
});

Deno.test("what is not there: ContentNotFoundError", async () => {
  const { client } = inbox();
  await pushMessage(client, "m");
  const nothing = { mediaType: "text/plain", digest: UNKNOWN, size: 1 };
  const calls = [
    () => client.fetchBlob(nothing),
    () => client.fetchManifest("none"),
    () => client.fetchManifest(UNKNOWN),
    () => client.resolve("none"),
    () => client.tag({ ...nothing, mediaType: MediaTypeManifest }, "t"),
  ];
  for (const call of calls) await assertRejects(call, ContentNotFoundError, NAME);
});

Deno.test("pushManifest: one PUT under the tag; tag: a manifest that is there", async () => {
  const { client, taken } = inbox();
  await client.ensureEmptyConfig();
  const { bytes, descriptor } = await newReceiptManifest().build();
  taken();
  await client.pushManifest(descriptor, bytes, "one");
  assertEquals(taken(), ["PUT /manifests/one 201"]);
  await client.tag(descriptor, "two");
  assertEquals(await client.resolve("two"), descriptor);
});

Deno.test("tags: a page at a time after `last`, or one by one", async () => {
  const { client, taken } = inbox({ tagPageSize: 2 });
  for (const tag of ["a", "b", "c", "d", "e"]) await pushMessage(client, tag);
  const pages: string[][] = [];
  await client.tags("", (page) => {
    pages.push(page);
  });
  assertEquals(pages, [["a", "b"], ["c", "d"], ["e"]]);
  assertEquals(await Array.fromAsync(client.tags()), ["a", "b", "c", "d", "e"]);
  assertEquals(await Array.fromAsync(client.tags({ last: "c" })), ["d", "e"]);
  const after: string[] = [];
  await client.tags("b", (page) => {
    after.push(...page);
  });
  assertEquals(after, ["c", "d", "e"]);

  taken();
  let waited = 0;
  const stop = client.tags("", async () => {
    await Promise.resolve();
    waited++;
    throw new Error("enough");
  });
  await assertRejects(() => stop, Error, "enough");
  assertEquals([waited, taken()], [1, ["GET /tags/list 200"]]);
});

for (const referrersApi of [true, false]) {
  const where = referrersApi ? "the referrers API" : "the fallback tag";
  Deno.test(`referrers by ${where}: pages, a filter, "" is all, what \`each\` throws ends it`, async () => {
    const { client } = inbox({ referrersApi, referrersPageSize: 2 });
    const subject = await pushMessage(client, "m");
    const layer = await blob("{}", ArtifactTypeBundle);
    await client.pushBlob(layer, utf8("{}"));
    for (const by of ["a", "b", "c"]) {
      const { bytes, descriptor } = await newBundleManifest(subject, { by }, layer).build();
      await client.pushManifest(descriptor, bytes, `bundle-${by}`);
    }
    const receipt = newReceiptManifest();
    receipt.subject = subject;
    const { bytes, descriptor } = await receipt.build();
    await client.pushManifest(descriptor, bytes, "receipt");

    const sizes = async (artifactType: string) => {
      const pages: Descriptor[][] = [];
      await client.referrers(subject, artifactType, async (page) => {
        await Promise.resolve();
        pages.push(page);
      });
      return pages.map((page) => page.length);
    };
    assertEquals(await sizes(""), referrersApi ? [2, 2] : [4]);
    assertEquals(await sizes(ArtifactTypeBundle), referrersApi ? [2, 1] : [3]);
    assertEquals(await sizes("application/vnd.other"), []);
    const found = await Array.fromAsync(
      client.referrers(subject, { artifactType: ArtifactTypeReceipt }),
    );
    assertEquals(found.map(({ digest }) => digest), [descriptor.digest]);
    assertEquals((await Array.fromAsync(client.referrers(subject))).length, 4);
    assertEquals(
      (await Array.fromAsync(client.referrers(subject, { artifactType: "" }))).length,
      4,
    );
    let pages = 0;
    const stopped = client.referrers(subject, "", () => {
      pages++;
      throw new Error("enough");
    });
    await assertRejects(() => stopped, Error, "enough");
    assertEquals(pages, 1);
    assertEquals(await client.referrersSupported(subject), referrersApi);
  });
}

Deno.test("referrersSupported: false for 404, for unsupported, and where nothing can be reached", async () => {
  const subject = { mediaType: MediaTypeManifest, digest: UNKNOWN, size: 1 };
  const errors = [{ code: "UNSUPPORTED" }];
  const answers = [
    () => new Response(null, { status: 404 }),
    () => Response.json({ errors }, { status: 405 }),
    () => new Response(null, { status: 403 }),
    () => Promise.reject(new TypeError("offline")),
  ];
  for (const answer of answers) {
    const { fetch } = wire(answer);
    const client = new Client(NAME, { fetch, retry: { maxAttempts: 1 } });
    assertEquals(await client.referrersSupported(subject), false);
  }
  const { client } = inbox();
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => client.referrersSupported(subject, { signal }), Error, "enough");
});

Deno.test("the last argument of every method ends it with the signal's reason; the client's too", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  const ending = { signal };
  const descriptor = await blob("hello");
  const manifest = { ...descriptor, mediaType: MediaTypeManifest };
  const calls = (client: Client, options?: { signal: AbortSignal }) => [
    () => client.ensureEmptyConfig(options),
    () => client.exists(descriptor, options),
    () => client.fetchBlob(descriptor, options),
    () => client.fetchManifest("t", options),
    () => client.pushBlob(descriptor, utf8("hello"), options),
    () => client.pushManifest(manifest, utf8("hello"), "t", options),
    () => client.referrers(manifest, "", () => {}, options),
    () => Array.fromAsync(client.referrers(manifest, options)),
    () => client.referrersSupported(manifest, options),
    () => client.resolve("t", options),
    () => client.tag(manifest, "t", options),
    () => client.tags("", () => {}, options),
    () => Array.fromAsync(client.tags(options)),
  ];
  const all = [...calls(inbox().client, ending), ...calls(inbox({}, ending).client)];
  for (const [at, call] of all.entries()) {
    await assertRejects<Error>(call as () => Promise<unknown>, Error, "enough", `call ${at}`);
  }
});
