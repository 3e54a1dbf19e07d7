/**
 * Answers that are cut, stalled or garbled on a real socket, by each of the ways that bytes travel:
 * `fetch`, and `node:http`, which `insecure` chooses.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ApiError, type ErrorCode, RegistryClientV2 } from "@davit/registry-client";
import { createRegistry } from "@davit/registry-client/server";
import { saveFile } from "@davit/registry-client/stores";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { BrokenServer, type Phase, type RawAnswer } from "./broken_server.ts";
import { leaks, SECRETS } from "./secrets.ts";
import { namesIn, sha256, utf8 } from "./world.ts";

const CONTENT = utf8("0123456789".repeat(10_000));
const DIGEST = await sha256(CONTENT);
const MANIFEST = utf8(
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
);
const HALF = new TextDecoder().decode(CONTENT.subarray(0, CONTENT.byteLength / 2));

/** What stands still is waited for this long; what breaks, on a busy machine too, much longer. */
const IMPATIENT_MS = 500;
const PATIENT_MS = 20_000;
const patience = ({ holds }: { holds?: boolean }) => holds ? IMPATIENT_MS : PATIENT_MS;

const ways: [name: string, insecure: boolean][] = [["fetch", false], ["node:http", true]];

interface Served {
  client: RegistryClientV2;
  server: BrokenServer;
}

/** A registry with a blob and a manifest, some of whose answers break. */
async function served(
  insecure: boolean,
  fault: (line: string, nth: number) => Phase | RawAnswer | undefined,
  use: (served: Served) => Promise<void>,
  limit = PATIENT_MS,
): Promise<void> {
  const registry = createRegistry();
  const pusher = new RegistryClientV2({ name: "localhost/app", fetch: registry.fetch });
  await pusher.putBlob(CONTENT);
  await pusher.putManifest({ manifestData: MANIFEST, ref: "latest" });
  const server = new BrokenServer(registry, fault);
  const client = new RegistryClientV2({
    name: `${server.url}/app`,
    insecure,
    token: SECRETS.token,
    retry: { maxAttempts: 2, minDelay: 0, maxDelay: 0 },
    limits: { responseTimeout: limit, stallTimeout: limit },
  });
  try {
    await use({ client, server });
  } finally {
    await server.close();
  }
}

const head = (length: number) => `HTTP/1.1 200 OK\ncontent-length: ${length}\n\n`;
const CHUNKED = "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n";
const chunk = (text: string) => `${text.length.toString(16)}\n${text}\n`;

/** Bodies that end too soon; each stands for the first part of the blob. */
const cuts: [name: string, answer: RawAnswer][] = [
  ["is cut", { raw: head(CONTENT.byteLength) + HALF }],
  ["stalls", { raw: head(CONTENT.byteLength) + HALF, holds: true }],
  ["is cut in a chunk", { raw: CHUNKED + chunk(HALF) + "ffff\n012345" }],
  ["is cut between chunks", { raw: CHUNKED + chunk(HALF) }],
  ["stalls between chunks", { raw: CHUNKED + chunk(HALF), holds: true }],
  ["is cut before its first byte", { raw: head(CONTENT.byteLength) }],
];

/** Answers that never become one. */
const noAnswers: [name: string, answer: RawAnswer, code: ErrorCode][] = [
  ["nothing", { raw: "" }, "NETWORK"],
  ["nothing, and the connection stays", { raw: "", holds: true }, "TIMEOUT"],
  ["half a head", { raw: "HTTP/1.1 200 OK\ncontent-le" }, "NETWORK"],
  [
    "half a head, and the connection stays",
    { raw: "HTTP/1.1 200 OK\nx: ", holds: true },
    "TIMEOUT",
  ],
  ["another protocol", { raw: "SSH-2.0-OpenSSH_9.6\n" }, "NETWORK"],
  ["a head of 2 MB", { raw: `HTTP/1.1 200 OK\nx: ${"x".repeat(2_000_000)}\n\n` }, "NETWORK"],
];

for (const [way, insecure] of ways) {
  for (const [name, answer] of cuts) {
    Deno.test(`end-2 getBlob by ${way}: a body that ${name} goes on`, async () => {
      const first = (line: string, nth: number) =>
        line.startsWith("GET") && nth === 0 ? answer : undefined;
      await served(insecure, first, async ({ client, server }) => {
        assertEquals(await (await client.getBlob(DIGEST)).bytes(), CONTENT);
        assert(server.requests.length >= 2, "it was asked for again");
        assert(server.heads.at(-1)!.get("range")?.startsWith("bytes="), "and from there on");
      }, patience(answer));
    });

    Deno.test(`end-2 getBlob by ${way}: a body that always ${name}: DOWNLOAD_FAILED`, async () => {
      await served(insecure, () => answer, async ({ client }) => {
        await using folder = await tempFolder();
        const blob = await client.getBlob(DIGEST);
        const error = await saveFile(`${folder.path}/blob`, blob.stream).catch((error) => error);
        assertInstanceOf(error, ApiError);
        assertEquals([error.code, error.retryable], ["DOWNLOAD_FAILED", true]);
        assertEquals(leaks(error), []);
        assertEquals(await namesIn(folder.path), []);
      }, patience(answer));
    });
  }

  for (const [name, answer, code] of noAnswers) {
    Deno.test(`end-8 listTags by ${way}: ${name}: ${code}`, async () => {
      await served(insecure, () => answer, async ({ client }) => {
        const error = await client.listTags().then(() => undefined, (error) => error);
        assertInstanceOf(error, ApiError);
        assertEquals([error.code, error.retryable], [code, true]);
        assert(error.message.length < 1_000, error.message);
        assertEquals(leaks(error), []);
      }, patience(answer));
    });
  }

  const small: [name: string, answer: RawAnswer, code: ErrorCode][] = [
    ["is cut", { raw: `${head(100)}{"` }, "NETWORK"],
    ["stalls", { raw: `${head(100)}{"`, holds: true }, "TIMEOUT"],
    ["is cut between chunks", { raw: CHUNKED + chunk('{"') }, "NETWORK"],
  ];
  for (const [name, answer, code] of small) {
    for (
      const [what, call] of [
        ["end-3 getManifest", (client: RegistryClientV2) => client.getManifest({ ref: "latest" })],
        ["end-8 listTags", (client: RegistryClientV2) => client.listTags()],
        ["end-1 ping", (client: RegistryClientV2) => client.ping()],
      ] as const
    ) {
      Deno.test(`${what} by ${way}: a body that ${name}: ${code}`, async () => {
        await served(insecure, () => answer, async ({ client }) => {
          const error = await call(client).then(() => undefined, (error) => error);
          assertInstanceOf(error, ApiError, Deno.inspect(error));
          assertEquals([error.code, error.retryable], [code, true]);
          assertEquals(leaks(error), []);
        }, patience(answer));
      });
    }
  }
}
