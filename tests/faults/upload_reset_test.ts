/**
 * A connection that is reset in each phase of an upload, over real sockets: what can be opened again
 * arrives with the right digest, a stream that has been read says that it is gone.
 */
import { assert, assertEquals } from "@std/assert";
import {
  ApiError,
  type Body,
  type Bytes,
  type DavitEvent,
  type PutBlobOptions,
  RegistryClientV2,
  UploadError,
} from "@davit/registry-client";
import { createRegistry } from "@davit/registry-client/server";
import { BrokenServer, type Phase } from "./broken_server.ts";
import { leaks, SECRETS, USERNAME } from "./secrets.ts";
import { inTime, sha256 } from "./world.ts";

/** Larger than what goes along with the POST. */
const LARGE: Bytes = new Uint8Array(90_000);
crypto.getRandomValues(LARGE.subarray(0, 50_000));
const DIGEST = await sha256(LARGE);
const SIZE = LARGE.byteLength;

function opener(): (offset?: number) => ReadableStream<Bytes> {
  return (offset = 0) => new Blob([LARGE.subarray(offset)]).stream();
}

interface Kind {
  name: string;
  body: () => Body;
  options?: PutBlobOptions;
  /** The method that carries the bytes. */
  carrier: "PUT" | "PATCH";
  /** Whether it can be sent again. */
  again: boolean;
}

const kinds: Kind[] = [
  { name: "bytes", body: () => LARGE, carrier: "PUT", again: true },
  { name: "a Blob", body: () => new Blob([LARGE]), carrier: "PUT", again: true },
  {
    name: "{size, open} with its digest",
    body: () => ({ size: SIZE, open: opener() }),
    options: { digest: DIGEST },
    carrier: "PUT",
    again: true,
  },
  {
    name: "{size, open}",
    body: () => ({ size: SIZE, open: opener() }),
    carrier: "PATCH",
    again: true,
  },
  {
    name: "{open} in chunks",
    body: () => ({ open: opener() }),
    options: { chunkSize: 30_000 },
    carrier: "PATCH",
    again: true,
  },
  {
    name: "bytes in chunks",
    body: () => LARGE,
    options: { chunkSize: 30_000 },
    carrier: "PATCH",
    again: true,
  },
  {
    // The last chunk is kept until it is acknowledged, so that a stream too can go on.
    name: "a stream in chunks",
    body: () => opener()(),
    options: { chunkSize: 30_000 },
    carrier: "PATCH",
    again: true,
  },
  {
    name: "a stream with its digest and size",
    body: () => opener()(),
    options: { digest: DIGEST, size: SIZE },
    carrier: "PUT",
    again: false,
  },
  {
    name: "a stream with its size",
    body: () => opener()(),
    options: { size: SIZE },
    carrier: "PATCH",
    again: false,
  },
];

/** `fetch` does not tell when bytes in memory have left, and waits for a slow connection besides. */
const UNSEEN = ["bytes", "a Blob"];

const phases: Phase[] = ["head", "body", "unanswered", "landed", "answer", "silent"];

interface Run {
  server: BrokenServer;
  client: RegistryClientV2;
  events: DavitEvent[];
  push(): Promise<unknown>;
}

/** Serves a registry whose requests of one method break, so often; and pushes to it. */
async function withBroken(
  { kind, methods, phase, times }: {
    kind: Kind;
    methods: string[];
    phase: Phase;
    times: number;
  },
  use: (run: Run) => Promise<void>,
): Promise<void> {
  const users = { [USERNAME]: SECRETS.password };
  const registry = createRegistry({ auth: { basic: { users } } });
  let broken = 0;
  let warm = false;
  const server = new BrokenServer(
    registry,
    (line) => {
      const breaks = warm && methods.some((method) => line.startsWith(method));
      return breaks && broken++ < times ? phase : undefined;
    },
  );
  const events: DavitEvent[] = [];
  const client = new RegistryClientV2({
    name: `${server.url}/app`,
    scopes: ["pull", "push"],
    username: USERNAME,
    password: SECRETS.password,
    retry: { maxAttempts: 3, minDelay: 0, maxDelay: 0 },
    // Only what stays silent is waited for: a busy machine must not look like a fault.
    limits: phase === "silent"
      ? { responseTimeout: 500, stallTimeout: 500 }
      : { responseTimeout: 20_000, stallTimeout: 20_000 },
    onEvent: (event) => events.push(event),
  });
  try {
    // The first request is refused for want of credentials: that is not the one to break.
    await client.withRepo("warm").putBlob(new Uint8Array(1));
    warm = true;
    const push = () => inTime(client.putBlob(kind.body(), kind.options));
    await use({ server, client, events, push });
    assertEquals(broken > 0, true, "nothing broke");
    for (const event of events) assertEquals(leaks(event), []);
  } finally {
    await server.close();
  }
}

async function assertThere(client: RegistryClientV2): Promise<void> {
  assertEquals(await (await client.getBlob(DIGEST)).bytes(), LARGE);
}

async function assertNotThere(client: RegistryClientV2): Promise<void> {
  const error = await client.headBlob({ digest: DIGEST }).then(() => undefined, (error) => error);
  assertEquals((error as ApiError | undefined)?.code, "NOT_FOUND");
}

for (const kind of kinds) {
  for (const method of new Set(["POST", kind.carrier, "PUT"])) {
    for (const phase of phases) {
      if (phase === "silent" && UNSEEN.includes(kind.name)) continue;
      const recovers = kind.again || method === "POST" ||
        (method === "PUT" && kind.carrier === "PATCH") ||
        (["landed", "answer"].includes(phase) && kind.carrier === "PUT");
      const outcome = recovers ? "arrives" : "UPLOAD_FAILED";

      Deno.test(`${kind.name}: one ${method} is reset, ${phase}: ${outcome}`, async () => {
        await withBroken({ kind, methods: [method], phase, times: 1 }, async ({ client, push }) => {
          if (recovers) {
            assertEquals(await push(), {
              mediaType: "application/octet-stream",
              digest: DIGEST,
              size: SIZE,
            });
            await assertThere(client);
            return;
          }
          const error = await push().then(() => undefined, (error) => error);
          assert(error instanceof UploadError, Deno.inspect(error));
          assertEquals([error.code, error.retryable], ["UPLOAD_FAILED", false]);
          assert(error.message.includes("open()"), error.message);
          assertEquals(leaks(error), []);
          await assertNotThere(client);
        });
      });
    }
  }
}

for (const kind of kinds) {
  for (const phase of ["head", "body", "unanswered"] as const) {
    const methods = ["PATCH", "PUT"];
    Deno.test(`${kind.name}: every PATCH and PUT is reset, ${phase}: UPLOAD_FAILED`, async () => {
      await withBroken(
        { kind, methods, phase, times: Infinity },
        async ({ client, push, server }) => {
          const error = await push().then(() => undefined, (error) => error);
          assert(error instanceof UploadError, Deno.inspect(error));
          assertEquals([error.code, error.retryable], [
            "UPLOAD_FAILED",
            kind.again && !kind.name.startsWith("a stream"),
          ]);
          assert(error.cause instanceof ApiError);
          assertEquals(leaks(error), []);
          // Deno's fetch sends once more by itself what broke on a connection used before.
          const carried = server.requests.filter((line) => /^P(UT|ATCH) \/v2\/app/.test(line));
          assert(carried.length <= 6, `${carried.length} tries`);
          await assertNotThere(client);
        },
      );
    });
  }
}

for (const phase of ["head", "silent"] as const) {
  const code = phase === "head" ? "NETWORK" : "TIMEOUT";
  Deno.test(`every POST is reset, ${phase}: ${code}`, async () => {
    const kind = kinds[0]!;
    await withBroken(
      { kind, methods: ["POST"], phase, times: Infinity },
      async ({ push, client }) => {
        const error = await push().then(() => undefined, (error) => error);
        assert(error instanceof ApiError, Deno.inspect(error));
        assertEquals([error.code, error.retryable], [code, true]);
        assertEquals(leaks(error), []);
        await assertNotThere(client);
      },
    );
  });
}

Deno.test("a manifest whose PUT is reset after it landed is there", async () => {
  const kind = kinds[0]!;
  const methods = ["PUT /v2/app/manifests"];
  await withBroken({ kind, methods, phase: "landed", times: 2 }, async ({ client }) => {
    const text =
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}';
    const manifestData = new TextEncoder().encode(text);
    await client.putManifest({ manifestData, ref: "latest" });
    assertEquals((await client.getManifest({ ref: "latest" })).bytes, manifestData);
  });
});
