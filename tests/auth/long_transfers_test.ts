/** Tokens that end in the middle of a transfer: they are renewed, and not a byte is lost. */
import { assert, assertEquals } from "@std/assert";
import { type DavitEvent, RegistryClientV2 } from "@davit/registry-client";
import { createRegistry } from "@davit/registry-client/server";

const MINUTE_MS = 60_000;
const SIZE = 1_000_000;
const CONTENT = new Uint8Array(SIZE).map((_, index) => index * 7 + (index >> 8));
const DIGEST = "sha256:" + [...new Uint8Array(await crypto.subtle.digest("SHA-256", CONTENT))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * A registry whose tokens last a minute, and whose clock goes on by two when a token is used more
 * often than that: the client's own clock knows nothing of it.
 */
function forgetful(uses: number, around: (response: Response) => Response = (same) => same) {
  let time = Date.now();
  const used = new Map<string, number>();
  const tokens: string[] = [];
  const refused: string[] = [];
  const events: DavitEvent[] = [];
  const registry = createRegistry({
    auth: { bearer: { users: { you: "it is 5ecret" }, expiresIn: 60 } },
    now: () => time,
  });
  const client = new RegistryClientV2({
    name: "registry.test/app",
    username: "you",
    password: "it is 5ecret",
    retry: { minDelay: 0, maxDelay: 0 },
    onEvent: (event) => events.push(event),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const { pathname, searchParams } = new URL(request.url);
      const { method } = request;
      const authorization = request.headers.get("authorization");
      if (pathname === "/token") tokens.push(searchParams.getAll("scope")[0]!);
      else if (authorization !== null) {
        const times = (used.get(authorization) ?? 0) + 1;
        used.set(authorization, times);
        if (times > uses) time += 2 * MINUTE_MS;
      }
      const response = await registry.fetch(request);
      if (response.status === 401) refused.push(`${method} ${pathname.split("/")[3] ?? ""}`);
      return around(response);
    },
  });
  return { client, tokens, refused, events };
}

const pushes: [name: string, body: () => Blob | ReadableStream][] = [
  ["a blob", () => new Blob([CONTENT])],
  ["a stream that can be read once", () => new Blob([CONTENT]).stream()],
];

for (const [name, body] of pushes) {
  Deno.test(`end-5 a push of ${name} in 10 chunks: tokens that end in its middle are renewed`, async () => {
    const { client, tokens, refused } = forgetful(3);
    const { digest, size } = await client.putBlob(body() as Blob, {
      size: SIZE,
      chunkSize: SIZE / 10,
    });
    assertEquals([digest, size], [DIGEST, SIZE]);
    const renewed = refused.filter((line) => line === "PATCH blobs").length;
    assert(renewed >= 3, refused.join());
    // The others: for the challenge, for the look whether the blob is there, and for the push.
    assert(tokens.length <= renewed + 3, `${tokens.length} tokens`);
    assertEquals(tokens.at(-1), "repository:app:pull,push");
    assertEquals(await (await client.getBlob(DIGEST)).bytes(), CONTENT);
  });
}

/** The body's first part; then the connection breaks. */
function broken(response: Response, bytes: number): Response {
  let left = bytes;
  const reader = response.body!.getReader();
  const body = new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(value.slice(0, left));
      left -= value.byteLength;
      if (left > 0) return;
      await reader.cancel();
      controller.error(new TypeError("connection reset by peer"));
    },
  }, { highWaterMark: 0 });
  return new Response(body, response);
}

Deno.test("end-2 a download that breaks four times, with a token that has ended each time, is whole", async () => {
  let breaks = 4;
  const { client, tokens, refused, events } = forgetful(1, (response) => {
    const downloads = [200, 206].includes(response.status) &&
      response.headers.get("content-type") === "application/octet-stream";
    return downloads && response.body !== null && breaks-- > 0
      ? broken(response, SIZE / 5)
      : response;
  });
  await client.putBlob(CONTENT);
  const before = tokens.length;
  refused.length = 0;
  assertEquals(await (await client.getBlob(DIGEST)).bytes(), CONTENT);
  const resumed = events.filter((event) => event.type === "resume");
  assertEquals(resumed.map(({ direction }) => direction), new Array(4).fill("download"));
  assertEquals(refused.filter((line) => line !== "GET blobs"), []);
  assert(refused.length >= 2, `${refused.length} refusals`);
  assert(tokens.length - before <= refused.length, `${tokens.length - before} tokens`);
});
