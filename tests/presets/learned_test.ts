/** What the first upload to a host is refused, no later one tries again, to whichever repository. */
import { assertEquals } from "@std/assert";
import type { RegistryClientV2 } from "../../mod.ts";
import type { PresetName, TestRegistryOptions } from "../../testing/mod.ts";
import { randomBytes, streamOf, text } from "../endpoints/samples.ts";
import { code } from "./verbs.ts";
import { inWorld, refused } from "./world.ts";

const MEBIBYTE = 1024 * 1024;

interface Lesson {
  what: string;
  preset: PresetName;
  options?: Partial<TestRegistryOptions>;
  /** One upload, of bytes that nothing has. */
  push: (client: RegistryClientV2) => Promise<unknown>;
  /** What the first one is refused. */
  first: string[];
}

const mounting = async (client: RegistryClientV2, mountFrom?: string) => {
  const digest = `sha256:${crypto.randomUUID().replaceAll("-", "").repeat(2)}`;
  await client.mountBlob({ digest, ...(mountFrom !== undefined && { from: mountFrom }) });
};

const LESSONS: Lesson[] = [
  {
    what: "no more than one chunk",
    preset: "gar",
    push: (client) => client.putBlob(streamOf(randomBytes(9 * MEBIBYTE))),
    // The upload that took one chunk is gone, and with it nothing to cancel.
    first: ["PATCH 404", "DELETE 404"],
  },
  {
    what: "the largest chunk",
    preset: "ghcr",
    push: (client) => client.putBlob(randomBytes(11 * MEBIBYTE), { chunkSize: 5 * MEBIBYTE }),
    first: ["PATCH 416"],
  },
  {
    what: "the largest body",
    preset: "acr",
    push: (client) => client.putBlob(randomBytes(24 * MEBIBYTE)),
    first: ["PUT 413"],
  },
  {
    what: "the least chunk, which is told each time",
    preset: "harbor",
    options: { quirks: { minChunk: 2 * MEBIBYTE } },
    push: (client) => client.putBlob(randomBytes(5 * MEBIBYTE), { chunkSize: MEBIBYTE }),
    first: [],
  },
  {
    what: "no single POST",
    preset: "harbor",
    options: { quirks: { singlePost: 405 } },
    push: (client) => client.putBlob(randomBytes(100)),
    first: ["POST 405"],
  },
  {
    what: "no mount",
    preset: "harbor",
    options: { quirks: { mount: 405 } },
    push: (client) => mounting(client, "project/app"),
    first: ["POST 405"],
  },
  {
    what: "no mount without from",
    preset: "quay",
    push: (client) => mounting(client),
    first: ["POST 400"],
  },
  {
    what: "no word of how far an upload is",
    preset: "ecr",
    options: {
      faults: {
        cutRequestAfter: MEBIBYTE,
        on: { endpoint: "upload", method: "PUT", nth: [1, 3, 5] },
      },
      onError: () => {},
    },
    push: (client) => client.putBlob(randomBytes(3 * MEBIBYTE)),
    first: ["GET 404"],
  },
];

for (const { what, preset, options, push, first } of LESSONS) {
  Deno.test(`preset ${preset}: ${what}: refused once, and by then known`, async () => {
    await inWorld(preset, "memory", async ({ client, repository, requests }) => {
      const got: string[][] = [];
      for (const name of ["one", "two", "three"]) {
        requests.length = 0;
        await push(client.withRepo(`${repository}/${name}`));
        got.push(refused(requests));
      }
      assertEquals(got, [first, [], []]);
    }, options);
  });
}

const SESSION_THEN_PUT: PresetName[] = ["dockerHub", "distribution3", "dockerRegistry2"];

for (const preset of SESSION_THEN_PUT) {
  Deno.test(`preset ${preset}: end-4b: a POST that is not taken whole carries no bytes again`, async () => {
    await inWorld(preset, "memory", async ({ client, requests }) => {
      const sent: string[][] = [];
      for (const body of ["one", "two"]) {
        requests.length = 0;
        await client.putBlob(text(body));
        const writes = requests.filter(({ method, status }) => method !== "HEAD" && status < 400);
        sent.push(
          writes.filter(({ path }) => path.startsWith("/v2/"))
            .map(({ method, path, headers }) =>
              `${method} ${path.includes("digest=")} ${headers["content-length"] ?? 0}`
            ),
        );
      }
      assertEquals(sent, [["POST true 3", "PUT true 3"], ["POST false 0", "PUT true 3"]]);
    });
  });
}

Deno.test("preset harbor: a project without room left, by 413, teaches nothing", async () => {
  await inWorld("harbor", "memory", async ({ client, requests }) => {
    await code(() => client.putBlob(randomBytes(MEBIBYTE)), "REGISTRY_RESPONSE");
    requests.length = 0;
    await client.putBlob(randomBytes(MEBIBYTE));
    assertEquals(refused(requests), []);
    const patches = requests.filter(({ method }) => method === "PATCH");
    assertEquals(patches, [], "it goes in one request, as ever");
  }, {
    faults: {
      status: 413,
      on: { endpoint: "upload", method: ["PUT", "PATCH"], nth: { to: 5 } },
    },
  });
});

Deno.test("preset quay: end-9: a token request that names delete is refused, and * is taken", async () => {
  await inWorld("quay", "memory", async ({ client, requests }) => {
    const { digest } = await client.putBlob(text("to be deleted"));
    requests.length = 0;
    await client.deleteBlob({ digest });
    const tokens = requests.filter(({ path }) => path.startsWith("/v2/auth"));
    assertEquals(tokens.map(({ status }) => status), [400, 200]);
  });
});

const SECOND = { endpoint: "upload", method: "PATCH", nth: 2 } as const;
const LAST = { endpoint: "upload", method: "PUT", nth: 1 } as const;

const BROKEN: [how: string, faults: TestRegistryOptions["faults"], sent: string[]][] = [
  [
    "503 to the second chunk",
    { status: 503, on: SECOND },
    ["PATCH 201", "PATCH 503", "GET 404", "PATCH 201", "PUT 201"],
  ],
  ["no connection for the second chunk", { fail: "before", on: SECOND }, [
    "PATCH 201",
    "PATCH 0",
    "GET 404",
    "PATCH 201",
    "PUT 201",
  ]],
  [
    "no answer to the second chunk, which was taken",
    { fail: "after", on: SECOND },
    ["PATCH 201", "PATCH 0", "GET 404", "PATCH 416", "GET 404", "PUT 201"],
  ],
  [
    "503 to the last chunk",
    { status: 503, on: LAST },
    ["PATCH 201", "PATCH 201", "PUT 503", "HEAD 404", "GET 404", "PUT 201"],
  ],
];

for (const [how, faults, sent] of BROKEN) {
  Deno.test(`preset ecr: a stream, and ${how}: it goes out again, though nothing is told`, async () => {
    await inWorld("ecr", "memory", async ({ client, requests }) => {
      const bytes = randomBytes(9 * MEBIBYTE);
      const { digest } = await client.putBlob(streamOf(bytes));
      const lines = requests.map(({ method, status }) => `${method} ${status}`);
      assertEquals(lines, ["POST 401", "POST 202", ...sent]);
      assertEquals(await (await client.getBlob(digest)).bytes(), bytes);
    }, { faults: faults!, onError: () => {} });
  });
}
