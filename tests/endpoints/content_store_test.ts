import { assertEquals, assertRejects } from "@std/assert";
import { testContentStore } from "../../content/test_content_store.ts";
import { type Bytes, digestOf, RegistryClientV2, RegistryStore, TimeoutError } from "../../mod.ts";
import { createRegistry } from "../../server/mod.ts";
import { requirePeers } from "../peers/locate.ts";
import { type Registry, registryCases, startRegistry } from "../peers/registries.ts";
import { memoryFolder } from "./memory_folder.ts";
import { testRegistries } from "./on_registries.ts";
import { pushArtifact, randomBytes, text } from "./samples.ts";

let repositories = 0;

/** A store over a repository of its own. */
function storeAt(origin: string, fetch?: typeof globalThis.fetch): RegistryStore {
  const name = `${origin}/stores/case-${++repositories}`;
  return new RegistryStore(new RegistryClientV2({ name, ...(fetch && { fetch }) }));
}

for (const { kind, name, here, test } of registryCases(["none"])) {
  const title = `RegistryStore on ${name}`;
  if (!here) {
    Deno.test({ ...test, name: title, fn: () => startRegistry(kind).then(({ stop }) => stop()) });
  } else if (kind === "crane") {
    // Its repositories share their blobs, so each case has a registry of its own.
    testContentStore(title, async () => {
      const { origin, stop } = await startRegistry(kind);
      return { store: storeAt(origin), close: stop };
    }, {
      without: [
        // It answers nothing while it reads a blob: see the test below.
        "nothing is visible before the last byte was verified",
        // Each of its tags has a manifest of its own.
        "delete removes a manifest with its tags, and nothing else",
      ],
      // The pipe of its log may be read a moment longer than it lives.
      outlives: true,
    });
  } else {
    let registry: Registry;
    Deno.test.beforeAll(async () => {
      registry = await startRegistry(kind, memoryFolder());
    });
    Deno.test.afterAll(() => registry.stop());
    testContentStore(title, () => Promise.resolve({ store: storeAt(registry.origin) }), {
      outlives: true,
    });
  }
}

const { fetch: embedded } = createRegistry();
testContentStore(
  "RegistryStore on the embedded registry",
  () => {
    const damaged = new Set<string>();
    const store = storeAt("http://localhost:5000", async (input, init) => {
      const request = new Request(input, init);
      const response = await embedded(request);
      const digest = request.url.slice(request.url.lastIndexOf("/") + 1);
      if (request.method !== "GET" || !damaged.has(digest)) return response;
      const bytes = await response.bytes();
      bytes[bytes.byteLength >> 1]! ^= 1;
      return new Response(bytes, response);
    });
    const damage = ({ digest }: { digest: string }) => Promise.resolve(void damaged.add(digest));
    return Promise.resolve({ store, damage });
  },
  { outlives: true }, // the registries of other cases do
);

Deno.test({
  ...requirePeers("crane"),
  sanitizeOps: false,
  name: "RegistryStore on crane: what asks during an upload waits for it, or for its time limit",
  fn: async () => {
    const registry = await startRegistry("crane");
    try {
      const name = `${registry.origin}/stores/waits`;
      const store = new RegistryStore(new RegistryClientV2({ name }));
      const impatient = { limits: { responseTimeout: 100 }, retry: { maxAttempts: 1 } };
      const asking = new RegistryStore(new RegistryClientV2({ name, ...impatient }));
      const content = randomBytes(100_000);
      const digest = await digestOf(content);
      const descriptor = { mediaType: "text/plain", digest, size: 100_000 };
      const rest = Promise.withResolvers<void>();
      let sent = 0;
      const body = new ReadableStream<Bytes>({
        async pull(controller) {
          if (sent > 0) await rest.promise;
          controller.enqueue(content.slice(sent, sent += 50_000));
          if (sent === content.byteLength) controller.close();
        },
      });
      const written = store.write(descriptor, body);
      // The upload begins at some time: until then the answer is no.
      const waiting = async () => {
        for (let asked = 0; asked < 1000; asked++) {
          assertEquals(await asking.exists(descriptor), false);
        }
      };
      await assertRejects(waiting, TimeoutError, "did not answer within 100 ms");
      rest.resolve();
      await written;
      assertEquals(await store.exists(descriptor), true);
    } finally {
      await registry.stop();
    }
  },
});

testRegistries("RegistryStore.mount", [
  ["takes a blob from another repository, where the registry does that", async (on) => {
    const [from, to] = [new RegistryStore(on.client()), new RegistryStore(on.client())];
    const content = randomBytes(1000);
    const descriptor = await from.client.putBlob(content);
    assertEquals(await to.mount(descriptor, from), on.can("mount"));
    assertEquals(
      await to.exists(descriptor),
      on.can("mount") || !on.can("blobs of a repository"),
    );
    // There is nothing to mount: from itself, from elsewhere, or what is a manifest.
    assertEquals(await from.mount(descriptor, from), false);
    assertEquals(await to.mount(descriptor, storeAt("http://localhost:5000", embedded)), false);
    const manifest = await pushArtifact(from.client);
    assertEquals(await to.mount(manifest, from), false);
    const nowhere = { ...descriptor, digest: await digestOf(text("nothing")) };
    assertEquals(await to.mount(nowhere, from), false);
  }],
], ["none", "bearer"]);
