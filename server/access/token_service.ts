import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions } from "../../content/check_options.ts";
import type { PieceReader } from "../../content/piece_reader.ts";
import { bodyReader } from "../exchange.ts";
import { Deadlines, laterOnThisMachine } from "../listen/deadlines.ts";
import { type StallLimit, watchedBody } from "../listen/watched_body.ts";
import { checkInteger, harmless, STALL_TIMEOUT_MS } from "../options.ts";
import { guarded, jsonResponse, Refusal, type RefusalCode } from "../refusal.ts";
import { requestUrl } from "../request_url.ts";
import type { Access } from "./access.ts";
import { TOKEN_SERVICE_OPTIONS, type TokenServiceOptions } from "./options.ts";
import { quotedString } from "./basic_authorizer.ts";
import { readForm } from "./read_form.ts";
import { formatScopes, grantScopes, parseScopes } from "./scopes.ts";
import { TokenKeys } from "./token_keys.ts";
import { basicCredentials, namesNoUser, Users } from "./users.ts";

interface TokenRequest {
  service: string | null;
  scopes: string[];
  /** Whether a refresh token is asked for. */
  offline: boolean;
  /** The user; `undefined` for a client that has not logged in. */
  user?: string;
}

/** As long as a login takes to push a large image, and short enough to see a client renew it. */
const EXPIRES_IN_S = 300;

/** A month: who logs in on a machine does not log in again every day. */
const REFRESH_EXPIRES_IN_S = 30 * 24 * 60 * 60;

/** How long before it is given a token is good already, in seconds: clocks differ. */
const EARLY_S = 10;

/** Parameters of a token request that may not be there twice. */
const ONCE = ["grant_type", "service", "username", "password", "refresh_token", "access_type"];

/** What the header of a token says it is. */
export const ACCESS_TOKEN = "JWT";
const REFRESH_TOKEN = "refresh+jwt";

/** What the tokens of a registry say, unless its options differ. */
export const DEFAULT_SERVICE = "davit";

/**
 * A token service: gives tokens for what its users may do.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export class TokenService {
  readonly #users: Users;
  readonly #keys: TokenKeys;
  readonly #service: string;
  readonly #issuer: string;
  readonly #expiresIn: number;
  readonly #refreshExpiresIn: number;
  readonly #now: () => number;

  /**
   * The token service of the options, with their keys.
   *
   * @throws {InvalidOptionError} When one is not what it must be.
   */
  constructor(options: TokenServiceOptions, keys: TokenKeys, now: () => number) {
    const {
      service = DEFAULT_SERVICE,
      issuer = service,
      expiresIn = EXPIRES_IN_S,
      refreshExpiresIn = REFRESH_EXPIRES_IN_S,
    } = options;
    checkInteger("expiresIn", expiresIn, 1);
    checkInteger("refreshExpiresIn", refreshExpiresIn, 1);
    this.#users = new Users(options);
    this.#keys = keys;
    this.#service = service;
    this.#issuer = issuer;
    this.#expiresIn = expiresIn;
    this.#refreshExpiresIn = refreshExpiresIn;
    this.#now = now;
  }

  /**
   * Answers a token request: GET with Basic credentials or none, or OAuth2's POST, for which the
   * body is opened.
   *
   * @throws {Refusal} 405 when it is neither, 408 when the client stops in the middle of it.
   */
  async answer(request: Request, url: URL, body: () => PieceReader): Promise<Response> {
    switch (request.method) {
      case "GET":
        return await this.#get(request, url);
      case "POST":
        return await this.#post(body(), request.headers.get("content-type"));
    }
    throw new Refusal(405, "UNSUPPORTED", `Cannot ${request.method} a token: use GET or POST`, {
      headers: { allow: "GET, POST" },
    });
  }

  async #get(request: Request, url: URL): Promise<Response> {
    const header = request.headers.get("authorization");
    const query = url.searchParams;
    if (!isUnambiguous(query)) return refuse(400, "invalid_request");
    const asked: TokenRequest = {
      service: query.get("service"),
      scopes: query.getAll("scope"),
      offline: query.get("offline_token") === "true",
    };
    if (namesNoUser(header)) return await this.#grant(asked, this.#users.anonymous);
    const credentials = basicCredentials(header);
    const access = credentials && await this.#users.login(credentials.name, credentials.password);
    if (credentials === undefined || access === undefined) return this.#refuse("invalid_client");
    return await this.#grant({ ...asked, user: credentials.name }, access);
  }

  async #post(body: PieceReader, contentType: string | null): Promise<Response> {
    const form = await readForm(body, contentType);
    if (form === undefined || !isUnambiguous(form)) return refuse(400, "invalid_request");
    const asked: TokenRequest = {
      service: form.get("service"),
      scopes: form.getAll("scope"),
      offline: form.get("access_type") === "offline",
    };
    switch (form.get("grant_type")) {
      case "password": {
        const [user, password] = [form.get("username"), form.get("password")];
        if (!user || password === null) return refuse(400, "invalid_request");
        const access = await this.#users.login(user, password);
        if (access === undefined) return this.#refuse("invalid_grant");
        return await this.#grant({ ...asked, user }, access);
      }
      case "refresh_token": {
        const refreshToken = form.get("refresh_token");
        if (!refreshToken) return refuse(400, "invalid_request");
        const user = await this.#userOf(refreshToken);
        const access = user === undefined ? undefined : await this.#users.access(user);
        if (user === undefined || access === undefined) return this.#refuse("invalid_grant");
        return await this.#grant({ ...asked, user }, access, refreshToken);
      }
    }
    return refuse(400, "unsupported_grant_type");
  }

  /** A refusal with what RFC 9110 asks of every 401: how to authenticate. */
  #refuse(error: string): Response {
    const challenge = `Basic realm=${quotedString(this.#service)}, charset="UTF-8"`;
    return refuse(401, error, { "www-authenticate": challenge });
  }

  async #grant(asked: TokenRequest, access: Access, refreshToken?: string): Promise<Response> {
    if (asked.service !== null && asked.service !== this.#service) {
      return refuse(400, "invalid_request");
    }
    const { user, offline } = asked;
    const scopes = grantScopes(parseScopes(asked.scopes), access);
    const now = this.#now();
    const token = await this.#keys.token(ACCESS_TOKEN, {
      ...this.#claims(user ?? "", now, this.#expiresIn),
      aud: this.#service,
      access: scopes,
    });
    const refresh = refreshToken ??
      (offline && user !== undefined ? await this.#refreshToken(user, now) : undefined);
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

  /** A token for tokens: signed too, so that every service with the key knows it. */
  async #refreshToken(user: string, now: number): Promise<string> {
    return await this.#keys.token(REFRESH_TOKEN, {
      ...this.#claims(user, now, this.#refreshExpiresIn),
      aud: this.#refreshAudience,
    });
  }

  async #userOf(refreshToken: string): Promise<string | undefined> {
    const claims = await this.#keys.verify(refreshToken, {
      issuer: this.#issuer,
      audience: this.#refreshAudience,
      type: REFRESH_TOKEN,
      now: this.#now(),
    });
    return typeof claims?.["sub"] === "string" ? claims["sub"] : undefined;
  }

  /** No registry takes it for a token of its own. */
  get #refreshAudience(): string {
    return `${this.#service} refresh`;
  }

  #claims(user: string, now: number, seconds: number): Record<string, unknown> {
    const issued = Math.floor(now / 1_000);
    return {
      iss: this.#issuer,
      sub: user,
      iat: issued,
      nbf: issued - EARLY_S,
      exp: issued + seconds,
      jti: crypto.randomUUID(),
    };
  }
}

/**
 * A token service on its own, as a function from a `Request` to a `Response`, for registries that
 * verify its tokens by its public keys: distribution 3, or {@linkcode createRegistry} with `keys`.
 * It answers on every path that it is asked at.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 *
 * @example A token service, and a registry that knows its public key alone
 * ```ts
 * import {
 *   createRegistry,
 *   createTokenKey,
 *   tokenKeySet,
 *   tokenService,
 * } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const key = await createTokenKey();
 * const service = tokenService({ key, users: { me: "secret" } });
 * const registry = createRegistry({
 *   auth: { bearer: { realm: "https://auth.test/token", keys: await tokenKeySet(key) } },
 * });
 *
 * const url = "https://auth.test/token?service=davit&scope=repository:app:pull";
 * const headers = { authorization: `Basic ${btoa("me:secret")}` };
 * const { token } = await (await service(new Request(url, { headers }))).json();
 * const answer = await registry.fetch("https://registry.test/v2/", {
 *   headers: { authorization: `Bearer ${token}` },
 * });
 * assertEquals(answer.status, 200);
 * ```
 */
export function tokenService(
  options: TokenServiceOptions,
): (request: Request) => Promise<Response> {
  checkArgument("options", options, "options");
  checkOptions(options, TOKEN_SERVICE_OPTIONS);
  const {
    now = Date.now,
    later = laterOnThisMachine,
    stallTimeout = STALL_TIMEOUT_MS,
  } = options;
  checkInteger("stallTimeout", stallTimeout, 1);
  const { key, certificates } = options;
  const keys = new TokenKeys({
    ...(key !== undefined && { key }),
    ...(certificates !== undefined && { certificates }),
  });
  const service = new TokenService(options, keys, now);
  const limit: StallLimit = {
    stallTimeout,
    now,
    deadlines: new Deadlines(now, later),
  };
  return async (request) => {
    try {
      const url = requestUrl(request.url, request.headers.get("host"));
      if (url === undefined) return refuse(400, "invalid_request");
      const body = () => watchedBody(bodyReader(request), limit);
      return guarded(await service.answer(request, url, body));
    } catch (error) {
      if (error instanceof Refusal) return guarded(error.response());
      harmless(options.onError)(error);
      const failure = new Refusal(500, "UNKNOWN", "Cannot answer: the token service failed");
      return guarded(failure.response());
    }
  };
}

/** An error in the words of OAuth2, and in those of registries. */
function refuse(
  status: 400 | 401,
  error: string,
  headers: Record<string, string> = {},
): Response {
  const message = status === 401
    ? "Cannot give a token: the credentials are wrong"
    : "Cannot give a token: the request is not one that this service knows";
  const code: RefusalCode = status === 401 ? "UNAUTHORIZED" : "UNSUPPORTED";
  return jsonResponse(
    JSON.stringify({ error, error_description: message, errors: [{ code, message }] }),
    { status, headers: { "cache-control": "no-store", ...headers } },
  );
}

/** Whether what may be there once is not there twice (RFC 6749, 3.2); scopes may. */
function isUnambiguous(parameters: URLSearchParams): boolean {
  return ONCE.every((name) => parameters.getAll(name).length <= 1);
}
