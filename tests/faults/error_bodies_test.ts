/** Error texts of 10 MB and more: little is read, less is repeated, and it takes no time. */
import { assert, assertEquals, assertLess } from "@std/assert";
import type { ErrorCode, HttpError } from "@davit/registry-client";
import { ORIGIN, runFault, UNKNOWN, utf8, type World } from "./world.ts";

const MIB = 1024 * 1024;

/** What may be read of one error's body: the limit, and the piece that crosses it. */
const MOST_READ = 64 * 1024 + MIB / 16;

/** A call may get two answers: a mount that is refused becomes an upload. */
const ANSWERS = 2;

/** A body of a text over and over, and the count of bytes that were taken of it. */
class LongBody {
  pulled = 0;
  readonly #piece: Uint8Array<ArrayBuffer>;

  constructor(readonly size: number, text = "no, and here is why: ", readonly start = "") {
    this.#piece = utf8(text.repeat(Math.ceil(16_384 / text.length)));
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let given = 0;
    return new ReadableStream({
      start: (controller) => this.start === "" ? undefined : controller.enqueue(utf8(this.start)),
      pull: (controller) => {
        if (given >= this.size) return controller.close();
        given += this.#piece.byteLength;
        this.pulled += this.#piece.byteLength;
        controller.enqueue(this.#piece.slice());
      },
    }, { highWaterMark: 0 });
  }
}

const calls: [name: string, call: (world: World) => Promise<unknown>][] = [
  ["end-1 ping", ({ client }) => client.ping()],
  ["end-2 getBlob", ({ client }) => client.getBlob(UNKNOWN)],
  ["end-3 getManifest", ({ client }) => client.getManifest({ ref: "latest" })],
  ["end-4 putBlob", ({ client }) => client.putBlob(new Blob(["hello"]).stream())],
  ["end-8 listTags", ({ client }) => client.listTags()],
  ["end-9 deleteManifest", ({ client }) => client.deleteManifest({ ref: "latest" })],
  ["end-11 mountBlob", ({ client }) => client.mountBlob({ digest: UNKNOWN, from: "other" })],
  ["end-12 listReferrers", ({ client }) => client.listReferrers({ digest: UNKNOWN })],
  ["listRepositories", ({ client }) => client.listRepositories()],
];

const bodies: [name: string, body: () => LongBody][] = [
  ["10 MB of text", () => new LongBody(10 * MIB)],
  [
    "10 MB in one JSON message",
    () => new LongBody(10 * MIB, "x", '{"errors":[{"code":"TOO_LONG","message":"'),
  ],
  [
    "10 MB of JSON errors",
    () => new LongBody(10 * MIB, `{"code":"C","message":"${"m".repeat(1_000)}"},`, '{"errors":['),
  ],
  ["text without an end", () => new LongBody(Infinity)],
  ["one line without an end", () => new LongBody(Infinity, "x")],
];

for (const [name, call] of calls) {
  for (const [what, body] of bodies) {
    Deno.test(`${name}: 418 with ${what}: REGISTRY_RESPONSE`, async () => {
      const long = body();
      const started = performance.now();
      const { errors } = await runFault({
        auth: false,
        fault: () => new Response(long.stream(), { status: 418 }),
        call,
        code: "REGISTRY_RESPONSE",
      });
      assertLess(performance.now() - started, 20_000);
      assertLess(long.pulled, ANSWERS * MOST_READ + 1);
      const error = errors[0] as HttpError;
      for (const { message } of error.errors) assertLess(message.length, 2_100);
      assertLess(Deno.inspect(error).length, 100_000);
    });
  }
}

Deno.test("a whole body of many JSON errors: the message keeps to its bounds", async () => {
  const errors = Array.from(
    { length: 1_000 },
    (_, at) => ({ code: `C${at}`, message: "m".repeat(30) }),
  );
  const world = await runFault({
    auth: false,
    fault: () => Response.json({ errors }, { status: 400 }),
    call: ({ client }) => client.listTags(),
    code: "REGISTRY_RESPONSE",
  });
  assertLess((world.errors[0] as HttpError).errors.length, 100);
});

Deno.test("a body of JSON errors with long messages: the message keeps to its bounds", async () => {
  const errors = Array.from(
    { length: 30 },
    (_, at) => ({ code: `C${at}`, message: "m".repeat(1_900) }),
  );
  await runFault({
    auth: false,
    fault: () => Response.json({ errors }, { status: 400 }),
    call: ({ client }) => client.listTags(),
    code: "REGISTRY_RESPONSE",
    says: "C0: mmm",
  });
});

for (const [what, body] of bodies) {
  Deno.test(`the token service: 418 with ${what}: AUTHENTICATION_FAILED`, async () => {
    const long = body();
    await runFault({
      fault: (_request, url) =>
        url.pathname === "/token" ? new Response(long.stream(), { status: 418 }) : undefined,
      call: ({ client }) => client.listTags(),
      code: "AUTHENTICATION_FAILED",
      is: { statusCode: 418 },
      after: (_world, error) => assertLess(error.message.length, 700),
    });
    assertLess(long.pulled, MOST_READ + 1);
  });
}

const limits: [
  name: string,
  path: string,
  limit: "pageBytes" | "tokenBytes" | "manifestBytes",
  call: (world: World) => Promise<unknown>,
][] = [
  ["end-8 listTags", "/v2/app/tags/list", "pageBytes", ({ client }) => client.listTags()],
  ["listRepositories", "/v2/_catalog", "pageBytes", ({ client }) => client.listRepositories()],
  ["a token", "/token", "tokenBytes", ({ client }) => client.listTags()],
  [
    "end-3 getManifest",
    "/v2/app/manifests/latest",
    "manifestBytes",
    ({ client }) => client.getManifest({ ref: "latest" }),
  ],
];

for (const [name, path, limit, call] of limits) {
  for (const own of [undefined, 20_000]) {
    const code: ErrorCode = "LIMIT_EXCEEDED";
    Deno.test(`${name}: 200 without an end, ${limit} ${own ?? "as it is"}: ${code}`, async () => {
      const long = new LongBody(Infinity, "x", '{"token":"');
      await runFault({
        auth: path === "/token",
        fault: (_request, url) => url.pathname === path ? new Response(long.stream()) : undefined,
        ...(own && { client: { limits: { [limit]: own } } }),
        call,
        code,
        is: { limit, ...(own && { maximum: own }) },
      });
      assertLess(long.pulled, (own ?? 16 * MIB) + MIB / 16);
    });
  }
}

for (const ending of ["breaks", "stalls"] as const) {
  Deno.test(`an error's body that ${ending} does not hide the status`, async () => {
    let given = false;
    const body = new ReadableStream({
      pull(controller) {
        if (!given) {
          given = true;
          return controller.enqueue(utf8("half an expl"));
        }
        if (ending === "breaks") controller.error(new TypeError("reset"));
        else return new Promise(() => {});
      },
    }, { highWaterMark: 0 });
    await runFault({
      auth: false,
      impatient: ending === "stalls",
      fault: () => new Response(body, { status: 418 }),
      call: ({ client }) => client.listTags(),
      code: "REGISTRY_RESPONSE",
      says: "half an expl",
      is: { statusCode: 418, url: `${ORIGIN}/v2/app/tags/list` },
    });
  });
}

Deno.test("the registry's words cannot write to a terminal", async () => {
  const words = "\x1b[2J\x1b]0;owned\x07\r\nfake log line\x00\u202e";
  await runFault({
    auth: false,
    fault: () => Response.json({ errors: [{ code: words, message: words }] }, { status: 400 }),
    call: ({ client }) => client.listTags(),
    code: "REGISTRY_RESPONSE",
    after: (_world, error) => {
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x1f\x7f\u202e]/.test(error.message), JSON.stringify(error.message));
      assertEquals((error as HttpError).errors[0]?.message, words, "the whole text is in errors");
    },
  });
});
