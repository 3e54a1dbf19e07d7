/**
 * What the fault tests share: a registry that misbehaves as a test says, a client of it that holds
 * secrets, and a record of everything that was told.
 */
import { assert, assertEquals } from "@std/assert";
import {
  ApiError,
  type Bytes,
  type DavitEvent,
  type ErrorCode,
  RegistryClientV2,
} from "@davit/registry-client";
import { createRegistry, type Registry, type RegistryOptions } from "@davit/registry-client/server";
import type { RegistryClientOpts } from "@davit/registry-client/types";
import { leaks, SECRETS, USERNAME } from "./secrets.ts";

export { sha256, utf8 } from "../bytes.ts";

/** The registry's origin. */
export const ORIGIN = "https://registry.test";

/** Nobody has content with this digest. */
export const UNKNOWN = `sha256:${"0123456789abcdef".repeat(4)}`;

/** A request as the other end saw it. */
interface Seen {
  method: string;
  url: URL;
  headers: Headers;
  /** The headers that carry credentials, where there are some. */
  authorization: string | null;
}

/**
 * Answers a request in place of the registry; `undefined` leaves it to the registry, which `next`
 * asks too.
 */
export type Fault = (
  request: Request,
  url: URL,
  next: (request: Request) => Promise<Response>,
) => Response | undefined | Promise<Response | undefined>;

/** What a {@linkcode World} is made of. */
interface WorldOptions {
  /** What goes wrong. */
  fault?: Fault;
  /** The registry behind it. */
  registry?: RegistryOptions;
  /** Options of the client. */
  client?: Partial<RegistryClientOpts>;
  /** Whether the registry wants tokens. @default {true} */
  auth?: boolean;
  /** Whether the client's time limits are short: where something stands still. @default {false} */
  impatient?: boolean;
}

/** A time limit that is waited for. */
const SHORT_MS = 100;

/** A time limit that nothing reaches, on a slow machine either. */
const LONG_MS = 10_000;

/** A registry that misbehaves, and a client of it. */
export class World {
  /** The registry behind the faults. */
  readonly registry: Registry;
  /** A client of `registry.test/app`, with secrets. */
  readonly client: RegistryClientV2;
  /** Every request, wherever it went. */
  readonly seen: Seen[] = [];
  /** Every event. */
  readonly events: DavitEvent[] = [];
  /** Every error that {@linkcode caught} saw. */
  readonly errors: unknown[] = [];
  /** The tokens that the token service gave. */
  readonly tokens = new Set<string>();
  /** Told each event, after it was recorded. */
  onEvent: (event: DavitEvent) => void = () => {};
  readonly #fault: Fault;

  constructor(options: WorldOptions = {}) {
    const { fault = () => undefined, registry, client, auth = true, impatient = false } = options;
    const limit = impatient ? SHORT_MS : LONG_MS;
    const users = { [USERNAME]: SECRETS.password };
    this.registry = createRegistry({
      ...(auth && {
        auth: { bearer: { users, realm: `${ORIGIN}/token?key=${SECRETS.realmKey}` } },
      }),
      ...registry,
    });
    this.#fault = fault;
    this.client = new RegistryClientV2({
      name: "registry.test/app",
      fetch: (input, init) => this.fetch(new Request(input, init)),
      username: USERNAME,
      password: SECRETS.password,
      retry: { maxAttempts: 3, minDelay: 0, maxDelay: 0 },
      limits: { responseTimeout: limit, stallTimeout: limit },
      onEvent: (event) => {
        this.events.push(event);
        this.onEvent(event);
      },
      ...client,
    });
  }

  /** The wire. */
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    const authorization = headers.get("authorization") ?? headers.get("cookie");
    this.seen.push({ method: request.method, url, headers, authorization });
    return await this.#fault(request, url, (given) => this.#registry(given)) ??
      await this.#registry(request);
  }

  /** The registry's own answer; every upload's location carries a secret. */
  async #registry(request: Request): Promise<Response> {
    const { origin, pathname } = new URL(request.url);
    if (origin !== ORIGIN) return new Response("", { status: 404 });
    const response = await this.registry.fetch(request);
    if (pathname === "/token" && response.ok) {
      const { token } = await response.clone().json();
      this.tokens.add(token);
    }
    const location = response.headers.get("location");
    if (location?.includes("/uploads/")) {
      response.headers.set("location", `${location}?_state=${SECRETS.state}`);
    }
    return response;
  }

  /** The requests to a host, as "GET /path". */
  to(host: string): string[] {
    return this.seen.filter(({ url }) => url.host === host)
      .map(({ method, url }) => `${method} ${url.pathname}`);
  }

  /** How many tokens were asked for. */
  get tokenRequests(): number {
    return this.seen.filter(({ url }) => url.pathname === "/token").length;
  }

  /** The events of a type. */
  told<T extends DavitEvent["type"]>(type: T): Extract<DavitEvent, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as never;
  }

  /** What a call throws; it must throw, and before long. */
  async caught(call: () => Promise<unknown>): Promise<unknown> {
    try {
      await inTime(call());
    } catch (error) {
      this.errors.push(error);
      return error;
    }
    throw new Error("expected an error, and there was none");
  }

  /** Searches everything that was told so far for secrets. */
  assertSecretsKept(): void {
    for (const [kind, values] of [["event", this.events], ["error", this.errors]] as const) {
      for (const value of values) {
        assertEquals(leaks(value, this.tokens), [], `an ${kind} shows a secret`);
      }
    }
    assertEquals(leaks(this.client, this.tokens), [], "the client shows a secret");
  }

  /** Checks that no credentials went to any origin but the registry's. */
  assertCredentialsStayed(): void {
    for (const { url, authorization, headers } of this.seen) {
      if (url.origin === ORIGIN) continue;
      assertEquals(authorization, null, `credentials went to ${url.origin}`);
      assertEquals(leaks([...headers], this.tokens), [], `a secret went to ${url.origin}`);
    }
  }
}

/** One fault: what is done, and how it ends. */
interface FaultCase extends WorldOptions {
  /** The call that meets the fault. */
  call: (world: World) => Promise<unknown>;
  /** The error's code. */
  code: ErrorCode;
  /** What else is true of the error. */
  is?: Record<string, unknown>;
  /** A part of the error's message. */
  says?: string | RegExp;
  /** What else is true afterwards. */
  after?: (world: World, error: ApiError) => void | Promise<void>;
}

/** What a message may have at most, in characters: the registry's own words are cut. */
const LONGEST_MESSAGE = 4_000;

/** Registers a case: the call must fail with the code, and tell no secret. */
export function faultTest(name: string, options: FaultCase): void {
  Deno.test(`${name}: ${options.code}`, async () => {
    await runFault(options);
  });
}

/** Runs a case. */
export async function runFault(options: FaultCase): Promise<World> {
  const world = new World(options);
  const error = await world.caught(() => options.call(world));
  if (!(error instanceof ApiError)) throw error;
  assertEquals(error.code, options.code, error.stack);
  assert(error.message.startsWith("Cannot "), error.message);
  assert(error.message.length <= LONGEST_MESSAGE, `a message of ${error.message.length}`);
  for (const [field, value] of Object.entries(options.is ?? {})) {
    assertEquals(error[field as keyof typeof error], value as never, field);
  }
  const { says } = options;
  if (says !== undefined) {
    const found = typeof says === "string"
      ? error.message.includes(says)
      : says.test(error.message);
    assert(found, `${says} is not in: ${error.message}`);
  }
  await options.after?.(world, error);
  world.assertSecretsKept();
  world.assertCredentialsStayed();
  return world;
}

/** A refusal with a challenge, by default Bearer at the registry's own token service. */
export function challenged(
  challenge = `Bearer realm="${ORIGIN}/token",service="davit"`,
  status = 401,
): Response {
  return new Response("", { status, headers: { "www-authenticate": challenge } });
}

/** A call that takes longer than this hangs, even on a slow machine. */
const HANGS_MS = 30_000;

/** Waits for something that must not hang. */
export async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it takes more than ${HANGS_MS} ms`)), HANGS_MS);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The names in a folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

/** What a body does after its pieces. */
export type Ending = "ends" | "breaks" | "stalls";

/** A body of some pieces, and what it does then. */
export function bodyOf(pieces: Bytes[], ending: Ending = "ends"): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[at++];
      if (piece !== undefined) controller.enqueue(piece.slice());
      else if (ending === "ends") controller.close();
      else if (ending === "breaks") controller.error(new TypeError("connection reset by peer"));
      else return new Promise(() => {});
    },
  }, { highWaterMark: 0 });
}
