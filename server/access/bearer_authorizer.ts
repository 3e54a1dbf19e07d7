import type { PieceReader } from "../../content/piece_reader.ts";
import { InvalidOptionError } from "../../errors.ts";
import { Refusal, type RefusalCode } from "../refusal.ts";
import type { Access, Authorizer, Need } from "./access.ts";
import { quotedString } from "./basic_authorizer.ts";
import type { BearerAuthOptions } from "./options.ts";
import { formatScopes, hasScope, type Scope, scopesOfClaim } from "./scopes.ts";
import { TokenKeys } from "./token_keys.ts";
import { ACCESS_TOKEN, DEFAULT_SERVICE, TokenService } from "./token_service.ts";

/** Stands for the registry's own origin, which every request tells. */
const ANY_ORIGIN = "http://registry.invalid";

/** Bearer authentication: the check of tokens, whose service may be here or another. */
export class BearerAuthorizer implements Authorizer {
  /** Where the registry answers token requests; `undefined` where another service does. */
  readonly tokenPath?: string;
  readonly #service: string;
  readonly #issuer: string;
  readonly #realm: string;
  readonly #externalUrl: string | undefined;
  readonly #keys: TokenKeys;
  readonly #tokens: TokenService | undefined;
  readonly #now: () => number;

  /**
   * The check that the options ask for, and their token service.
   *
   * @throws {InvalidOptionError} When an option is not what it must be.
   */
  constructor(options: BearerAuthOptions, now: () => number, externalUrl?: string) {
    const { realm = "/token", service = DEFAULT_SERVICE, issuer = service } = options;
    if (!URL.canParse(realm, ANY_ORIGIN)) {
      throw new InvalidOptionError(
        `Cannot create a registry as 'realm' must be a path or a URL: current value is ${realm}`,
      );
    }
    this.#keys = new TokenKeys(options);
    if (this.#keys.sign) {
      this.#tokens = new TokenService(options, this.#keys, now);
      this.tokenPath = new URL(realm, ANY_ORIGIN).pathname;
    } else if (!URL.canParse(realm)) {
      throw new InvalidOptionError(
        "Cannot create a registry as 'realm' must be the URL of the token service, where 'keys' " +
          `come without 'key': current value is ${realm}`,
      );
    }
    this.#realm = realm;
    this.#externalUrl = externalUrl;
    this.#service = service;
    this.#issuer = issuer;
    this.#now = now;
  }

  /** Answers a token request, whose body is opened where it is needed. */
  async token(request: Request, url: URL, body: () => PieceReader): Promise<Response> {
    return await this.#tokens!.answer(request, url, body);
  }

  /**
   * What the request's token is for.
   *
   * @throws {Refusal} 401 with a challenge when there is none, it has ended, or is not for this.
   */
  async authorize(request: Request, url: URL, need: Need): Promise<Access> {
    const header = request.headers.get("authorization");
    if (header === null) throw this.#challenge(url, need, "UNAUTHORIZED", "it takes a token");
    const claims = await this.#claims(/^bearer +(\S+) *$/i.exec(header)?.[1]);
    if (claims === undefined) {
      const why = "the token is not one of this registry, or has ended";
      throw this.#challenge(url, need, "UNAUTHORIZED", why, "invalid_token");
    }
    const scopes = scopesOfClaim(claims["access"]);
    const access: Access = {
      user: typeof claims["sub"] === "string" ? claims["sub"] : "",
      may: (repository, action) => hasScope(scopes, "repository", repository, action),
      lists: hasScope(scopes, "registry", "catalog", "*"),
    };
    if (need === "login" || (need === "catalog" ? access.lists : may(access, need))) return access;
    // An anonymous token authenticates nothing: its client has yet to log in.
    const [code, why] = claims["sub"]
      ? ["DENIED", "the token is not for this"] as const
      : ["UNAUTHORIZED", "it takes credentials, and there were none"] as const;
    throw this.#challenge(url, need, code, why, "insufficient_scope");
  }

  async #claims(token: string | undefined): Promise<Record<string, unknown> | undefined> {
    if (token === undefined) return undefined;
    return await this.#keys.verify(token, {
      issuer: this.#issuer,
      audience: this.#service,
      type: ACCESS_TOKEN,
      now: this.#now(),
    });
  }

  /** Where clients find the token service: a path is this registry's own, as they know it. */
  #realmFor(url: URL): string {
    const realm = new URL(this.#realm, ANY_ORIGIN);
    if (realm.origin !== ANY_ORIGIN) return realm.href;
    return (this.#externalUrl ?? url.origin) + realm.pathname + realm.search;
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
      `realm=${quotedString(this.#realmFor(url))}`,
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

function may(access: Access, { repository, action }: Exclude<Need, string>): boolean {
  return access.may(repository, action);
}

/** The scopes that a challenge asks for: a push pulls as well, to see what is there. */
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
