import { type OpenBody, openBody } from "../content/body.ts";
import { assertEquals } from "@std/assert";
import type { Credential } from "./credential.ts";
import type { CredentialSource } from "./credential.ts";
import type { DavitEvent } from "../events.ts";
import { DEFAULT_LIMITS, type Limits } from "../content/limits.ts";
import type { ChannelRequest, ChannelResponse, Intent, Send } from "../transport/channel.ts";
import { encodeText } from "../content/bytes.ts";
import { Authentication, authorize } from "./authorize.ts";
import type { AuthorizeOptions } from "./authorizer.ts";
import { countedOpen, FakeClock } from "../transport/fake_send_test.ts";
import { parseScope } from "./scope.ts";

/** The registry that the tests of this room talk to. */
export const ORIGIN = "https://registry.example";

/** Fakes that the tests of this room share; it holds no tests. */
export { FakeClock };

/** A request as a fake saw it. */
export interface Seen {
  method: string;
  url: URL;
  /** `METHOD host/path`, without the query. */
  line: string;
  authorization: string | null;
  body: string;
  request: ChannelRequest;
}

/** A fake of the wire: counts and answers. */
export class FakeWire {
  readonly seen: Seen[] = [];
  readonly #open = { bodies: 0 };

  constructor(public answer: (seen: Seen) => Response | Promise<Response>) {}

  readonly send: Send = async (request): Promise<ChannelResponse> => {
    request.signal?.throwIfAborted();
    const seen: Seen = {
      method: request.method,
      url: request.url,
      line: `${request.method} ${request.url.host}${request.url.pathname}`,
      authorization: request.headers.get("authorization"),
      body: await readText(request.body),
      request,
    };
    this.seen.push(seen);
    const response = await this.answer(seen);
    return {
      response: countedOpen(response, this.#open),
      url: finalUrl(response, request.url),
      hops: [],
    };
  };

  /** The requests so far, as `METHOD host/path`. */
  get lines(): string[] {
    return this.seen.map(({ line }) => line);
  }

  /** How many bodies were neither read nor cancelled. */
  get open(): number {
    return this.#open.bodies;
  }
}

/** Where an answer of {@linkcode answerFrom} came from, or the request's URL. */
function finalUrl(response: Response, url: URL): URL {
  const from = response.headers.get("x-final-url");
  return from === null ? url : new URL(from);
}

/** A response that another URL gave, after redirects. */
export function answerFrom(url: string, response: Response): Response {
  response.headers.set("x-final-url", url);
  return response;
}

async function readText(body: OpenBody | undefined): Promise<string> {
  if (body === undefined) return "";
  const reader = await body.open();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += new TextDecoder().decode(value);
  }
}

/** How the {@linkcode FakeRegistry} behaves. */
interface FakeRegistryOptions {
  /** The `WWW-Authenticate` of its 401; the scope is put in. @default Bearer at /token */
  challenge?: (scope: string) => string | null;
  /** Users and passwords; without any, all requests get tokens. */
  users?: Record<string, string>;
  /** The answer to a wrong password under Basic. @default {401} */
  wrongPassword?: Response;
  /** The token service, in place of the fake's own. */
  token?: (seen: Seen) => Response | Promise<Response>;
}

/** A registry with a token service of its own: tokens are `t<count>`. */
export class FakeRegistry extends FakeWire {
  /** Tokens that are good, and what for. */
  readonly tokens = new Map<string, string[]>();
  /** Scopes that the token service was asked for, a list for each request. */
  readonly asked: string[][] = [];
  /** Tokens made so far. */
  made = 0;

  constructor(readonly options: FakeRegistryOptions = {}) {
    super((seen) => this.#route(seen));
  }

  /** The requests to the registry itself. */
  get calls(): Seen[] {
    return this.seen.filter(({ line }) => line.includes("registry.example/v2/"));
  }

  /** The requests to the token service. */
  get tokenCalls(): Seen[] {
    return this.seen.filter(({ line }) => !line.includes("registry.example/v2/"));
  }

  #route(seen: Seen): Response | Promise<Response> {
    if (seen.url.origin === ORIGIN && seen.url.pathname.startsWith("/v2/")) {
      return this.#registry(seen);
    }
    const query = seen.method === "POST" ? new URLSearchParams(seen.body) : seen.url.searchParams;
    this.asked.push(query.getAll("scope").flatMap((scope) => scope.split(" ")));
    return this.options.token?.(seen) ?? this.#token(seen);
  }

  #registry({ url, method, authorization }: Seen): Response {
    const scope = scopeOf(method, url.pathname);
    const challenge = this.options.challenge ??
      ((scope) =>
        `Bearer realm="${ORIGIN}/token",service="registry"${scope && `,scope="${scope}"`}`);
    const denied = (extra = "") =>
      new Response('{"errors":[{"code":"UNAUTHORIZED"}]}', {
        status: 401,
        headers: challenge(scope) === null ? {} : { "www-authenticate": challenge(scope) + extra },
      });
    if (challenge(scope)?.startsWith("Basic")) {
      const given = Object.entries(this.options.users ?? {}).map(([user, password]) =>
        `Basic ${btoa(`${user}:${password}`)}`
      );
      if (given.includes(authorization ?? "")) return new Response("ok");
      return authorization ? this.options.wrongPassword?.clone() ?? denied() : denied();
    }
    if (!authorization?.startsWith("Bearer ")) return denied();
    const granted = this.tokens.get(authorization.slice("Bearer ".length));
    if (granted === undefined) return denied(',error="invalid_token"');
    const missing = scope !== "" && !granted.some((text) => {
      const [have, want] = [parseScope(text), parseScope(scope)];
      return have.resource === want.resource &&
        (have.actions.includes("*") ||
          want.actions.every((action) => have.actions.includes(action)));
    });
    return missing ? denied(',error="insufficient_scope"') : new Response("ok");
  }

  #token({ authorization }: Seen): Response {
    const { users } = this.options;
    if (users !== undefined && authorization !== null) {
      const good = Object.entries(users).some(([user, password]) =>
        authorization === `Basic ${btoa(`${user}:${password}`)}`
      );
      if (!good) {
        return new Response('{"details":"incorrect username or password"}', { status: 401 });
      }
    }
    return Response.json({ token: this.mint(this.asked.at(-1) ?? []) });
  }

  /** A new token that is good for some scopes. */
  mint(scopes: string[]): string {
    const token = `t${++this.made}`;
    this.tokens.set(token, scopes);
    return token;
  }
}

/** What the fake registry wants for a request. */
function scopeOf(method: string, path: string): string {
  if (path === "/v2/_catalog") return "registry:catalog:*";
  const name = /^\/v2\/(.+)\/(manifests|blobs|tags)\//.exec(path)?.[1];
  if (name === undefined) return "";
  if (method === "DELETE") return `repository:${name}:delete`;
  return `repository:${name}:${method === "GET" || method === "HEAD" ? "pull" : "pull,push"}`;
}

/** A client as small as it can be: `authorize` over a fake wire, and the events. */
export interface FakeClient {
  options: AuthorizeOptions;
  authentication: Authentication;
  events: DavitEvent[];
  clock: FakeClock;
  call(method: string, path: string, intent?: Intent, extra?: Partial<ChannelRequest>): Promise<
    ChannelResponse
  >;
}

/** Puts `authorize` over a fake wire. Clients of one registry share an `authentication`. */
export function fakeClient(
  wire: FakeWire,
  credentials?: Credential | CredentialSource,
  overrides: Partial<AuthorizeOptions> & { limit?: Limits; authentication?: Authentication } = {},
): FakeClient {
  const { limit, authentication: shared, ...rest } = overrides;
  const clock = new FakeClock();
  const events: DavitEvent[] = [];
  const options: AuthorizeOptions = {
    origin: ORIGIN,
    ...(credentials && { credentials }),
    send: wire.send,
    clock,
    limits: { ...DEFAULT_LIMITS, ...limit },
    emit: (event) => events.push(event),
    ...rest,
  };
  const authentication = shared ?? new Authentication(options);
  const send = authorize(authentication)(wire.send);
  return {
    options,
    authentication,
    events,
    clock,
    call: (method, path, intent, extra = {}) =>
      send({
        method,
        url: new URL(path, options.origin),
        headers: new Headers(),
        purpose: "registry",
        what: `do ${method} ${path}`,
        ...(intent && { intent }),
        ...extra,
      }),
  };
}

/** The intent to do something with a repository. */
export function intent(repository: string, ...actions: Intent["actions"]): Intent {
  return { repository, actions };
}

/** A body that can be sent again. */
export function textBody(text: string): OpenBody {
  return openBody(encodeText(text));
}

/** The status of a call, and how many requests it took; every body must be read or cancelled. */
export async function counted(
  registry: FakeWire,
  call: () => Promise<{ response: Response }>,
): Promise<[status: number, requests: number]> {
  const before = { requests: registry.seen.length, open: registry.open };
  const { response } = await call();
  await response.body?.cancel();
  assertEquals(registry.open, before.open, "a body was left open");
  return [response.status, registry.seen.length - before.requests];
}
