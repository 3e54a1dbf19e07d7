import { bytesStream } from "../content/body.ts";
import { type Bytes, EMPTY } from "../content/bytes.ts";
import { pieceReader, readAll } from "../content/piece_reader.ts";
import { ApiError, InvalidOptionError } from "../errors.ts";
import type { BearerAuthOptions } from "./auth_options.ts";
import { quotedString } from "./basic_authorizer.ts";
import type { Access, Authorizer, Need } from "./access.ts";
import { checkInteger } from "./options.ts";
import { jsonResponse, Refusal, type RefusalCode } from "./refusal.ts";
import { formatScopes, grantScopes, hasScope, parseScopes, type Scope } from "./scopes.ts";
import { basicCredentials, saysNobody, Users } from "./users.ts";

interface Grant {
  scopes: Scope[];
  /** When it ends, in milliseconds since 1970. */
  expires: number;
}

interface TokenRequest {
  service: string | null;
  scopes: string[];
  /** Whether a refresh token is asked for. */
  offline: boolean;
  /** Who asks; `undefined` for nobody in particular. */
  user?: string;
}

/** A login or a request for a token, in bytes: the longest refresh token known is 21 KB. */
const FORM_BYTES = 64 * 1024;

/** More refresh tokens than that are a program that never stores them: the oldest are forgotten. */
const MAX_REFRESH_TOKENS = 10_000;

/** As long as a login takes to push a large image, and short enough to see a client renew it. */
const EXPIRES_IN_S = 300;

/** Stands for the registry's own origin, which every request tells. */
const ANY_ORIGIN = "http://registry.invalid";

/**
 * A token service, and the check of its tokens.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export class TokenService implements Authorizer {
  /** Where the registry answers token requests. */
  readonly tokenPath: string;
  readonly #users: Users;
  readonly #realm: string;
  readonly #service: string;
  readonly #expiresIn: number;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #grants = new Map<string, Grant>();
  readonly #refreshTokens = new Map<string, string>();

  /**
   * The token service of the options.
   *
   * @throws {InvalidOptionError} When the realm is neither a path nor a URL.
   */
  constructor(options: BearerAuthOptions, now: () => number) {
    const { realm = "/token", service = "davit", expiresIn = EXPIRES_IN_S } = options;
    checkInteger("expiresIn", expiresIn, 1);
    if (!URL.canParse(realm, ANY_ORIGIN)) {
      throw new InvalidOptionError(
        `Cannot create a registry as 'realm' must be a path or a URL: current value is ${realm}`,
      );
    }
    this.tokenPath = new URL(realm, ANY_ORIGIN).pathname;
    this.#users = new Users(options);
    this.#realm = realm;
    this.#service = service;
    this.#expiresIn = expiresIn;
    this.#now = now;
  }

  /**
   * What the request's token is for.
   *
   * @throws {Refusal} 401 with a challenge when there is none, it has ended, or is not for this.
   */
  authorize(request: Request, url: URL, need: Need): Promise<Access> {
    return new Promise((resolve) => {
      const header = request.headers.get("authorization");
      const token = /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
      const grant = token === undefined ? undefined : this.#grants.get(token);
      if (header === null) {
        throw this.#challenge(url, need, "UNAUTHORIZED", "it takes a token");
      }
      if (grant === undefined || grant.expires <= this.#now()) {
        throw this.#challenge(
          url,
          need,
          "UNAUTHORIZED",
          "the token is not one of this registry, or has ended",
          "invalid_token",
        );
      }
      if (!covers(grant, need)) {
        throw this.#challenge(
          url,
          need,
          "DENIED",
          "the token is not for this",
          "insufficient_scope",
        );
      }
      const may: Access["may"] = (repository, action) =>
        hasScope(grant.scopes, "repository", repository, action);
      resolve({ may });
    });
  }

  /**
   * Answers a token request: GET with Basic credentials or none, or OAuth2's POST.
   *
   * @throws {Refusal} 405 when it is neither.
   */
  async token(request: Request, url: URL): Promise<Response> {
    switch (request.method) {
      case "GET":
        return await this.#get(request, url);
      case "POST":
        return await this.#post(request);
    }
    throw new Refusal(405, "UNSUPPORTED", `Cannot ${request.method} a token: use GET or POST`, {
      headers: { allow: "GET, POST" },
    });
  }

  async #get(request: Request, url: URL): Promise<Response> {
    const header = request.headers.get("authorization");
    const query = url.searchParams;
    const asked: TokenRequest = {
      service: query.get("service"),
      scopes: query.getAll("scope"),
      offline: query.get("offline_token") === "true",
    };
    if (saysNobody(header)) return this.#answer(asked, this.#users.anonymous);
    const credentials = basicCredentials(header);
    const access = credentials && await this.#users.login(credentials.name, credentials.password);
    if (credentials === undefined || access === undefined) return refuse(401, "invalid_client");
    return this.#answer({ ...asked, user: credentials.name }, access);
  }

  async #post(request: Request): Promise<Response> {
    const form = await readForm(request);
    if (form === undefined) return refuse(400, "invalid_request");
    const asked: TokenRequest = {
      service: form.get("service"),
      scopes: form.getAll("scope"),
      offline: form.get("access_type") === "offline",
    };
    switch (form.get("grant_type")) {
      case "password": {
        const user = form.get("username") ?? "";
        const access = await this.#users.login(user, form.get("password") ?? "");
        if (access === undefined) return refuse(401, "invalid_grant");
        return this.#answer({ ...asked, user }, access);
      }
      case "refresh_token": {
        const refreshToken = form.get("refresh_token") ?? "";
        const user = this.#refreshTokens.get(refreshToken);
        const access = user === undefined ? undefined : this.#users.access(user);
        if (user === undefined || access === undefined) return refuse(401, "invalid_grant");
        return this.#answer({ ...asked, user }, access, refreshToken);
      }
    }
    return refuse(400, "unsupported_grant_type");
  }

  #answer(asked: TokenRequest, access: Access, refreshToken?: string): Response {
    if (asked.service !== null && asked.service !== this.#service) {
      return refuse(400, "invalid_request");
    }
    const { user } = asked;
    const scopes = grantScopes(parseScopes(asked.scopes), access, user !== undefined);
    const now = this.#now();
    this.#forgetEnded(now);
    const token = randomToken();
    this.#grants.set(token, { scopes, expires: now + this.#expiresIn * 1_000 });
    const refresh = refreshToken ??
      (asked.offline && user !== undefined ? this.#refreshToken(user) : undefined);
    const body = {
      token,
      access_token: token,
      expires_in: this.#expiresIn,
      issued_at: new Date(now).toISOString(),
      scope: formatScopes(scopes),
      ...(refresh !== undefined && { refresh_token: refresh }),
    };
    return jsonResponse(JSON.stringify(body), { headers: { "cache-control": "no-store" } });
  }

  #refreshToken(user: string): string {
    const token = randomToken();
    this.#refreshTokens.set(token, user);
    if (this.#refreshTokens.size > MAX_REFRESH_TOKENS) {
      const [oldest] = this.#refreshTokens.keys();
      this.#refreshTokens.delete(oldest!);
    }
    return token;
  }

  #forgetEnded(now: number): void {
    for (const [token, { expires }] of this.#grants) {
      if (expires > now) return;
      this.#grants.delete(token);
    }
  }

  #challenge(
    url: URL,
    need: Need,
    code: RefusalCode,
    why: string,
    error?: "invalid_token" | "insufficient_scope",
  ): Refusal {
    const scopes = formatScopes(scopesFor(need));
    const parameters = [
      `realm=${quotedString(new URL(this.#realm, url.origin).href)}`,
      `service=${quotedString(this.#service)}`,
      ...(scopes === "" ? [] : [`scope=${quotedString(scopes)}`]),
      ...(error === undefined ? [] : [`error=${quotedString(error)}`]),
    ];
    return new Refusal(401, code, `Cannot answer: ${why}`, {
      headers: { "www-authenticate": `Bearer ${parameters.join(",")}` },
      ...(scopes !== "" && { detail: { scope: scopes } }),
    });
  }
}

/** The scopes that a challenge asks for: whoever pushes pulls as well, to see what is there. */
function scopesFor(need: Need): Scope[] {
  if (need === "login") return [];
  if (need === "catalog") return [{ type: "registry", name: "catalog", actions: ["*"] }];
  const { repository, action, mountFrom } = need;
  const actions = action === "push" ? ["pull", "push"] : [action];
  const scopes: Scope[] = [{ type: "repository", name: repository, actions }];
  if (mountFrom !== undefined && mountFrom !== repository) {
    scopes.push({ type: "repository", name: mountFrom, actions: ["pull"] });
  }
  return scopes;
}

function covers({ scopes }: Grant, need: Need): boolean {
  if (need === "login") return true;
  if (need === "catalog") return hasScope(scopes, "registry", "catalog", "*");
  return hasScope(scopes, "repository", need.repository, need.action);
}

async function readForm(request: Request): Promise<URLSearchParams | undefined> {
  try {
    const body = (request.body ?? bytesStream(EMPTY)) as ReadableStream<Bytes>;
    const bytes = await readAll(pieceReader(body), {
      name: "the form",
      bytes: FORM_BYTES,
      what: "the token request",
    });
    return new URLSearchParams(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** An error in the words of OAuth2, and in those of registries. */
function refuse(status: 400 | 401, error: string): Response {
  const message = status === 401
    ? "Cannot give a token: the credentials are wrong"
    : "Cannot give a token: the request is not one that this service knows";
  const code: RefusalCode = status === 401 ? "UNAUTHORIZED" : "UNSUPPORTED";
  return jsonResponse(
    JSON.stringify({ error, error_description: message, errors: [{ code, message }] }),
    { status, headers: { "cache-control": "no-store" } },
  );
}

/** 244 random bits: cannot be guessed. */
function randomToken(): string {
  return (crypto.randomUUID() + crypto.randomUUID()).replaceAll("-", "");
}
