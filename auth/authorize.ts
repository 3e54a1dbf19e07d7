import type {
  ChannelRequest,
  ChannelResponse,
  Intent,
  Middleware,
  Send,
} from "../transport/channel.ts";
import { copyFields } from "../transport/header_fields.ts";
import type { AuthInfo, AuthInfoRequest } from "./auth_info.ts";
import type { AuthorizeOptions, Authorizer } from "./authorizer.ts";
import { credentialSource } from "./credential.ts";
import { registryOrigin } from "./registry_origin.ts";
import { checkTrustedRealms } from "./trusted_realms.ts";

/** What answers challenges, and all that it knows of one registry. */
type Loaded = typeof import("./negotiation.ts") & { authorizer: Authorizer };

/** How many repositories are remembered that ask nobody who they are. */
const MAX_OPEN = 1_000;

/**
 * Authentication to one registry, which its clients share. What answers challenges is loaded with the
 * first one, or with the first request that must not go without credentials: whoever reads what is
 * public may never need it.
 */
export class Authentication {
  /** The registry's origin. */
  readonly origin: string;
  readonly #options: AuthorizeOptions;
  /** Repositories that took a request without credentials before anything was loaded. */
  readonly #open = new Set<string | undefined>();
  #loading: Promise<Loaded> | undefined;
  #loaded: Loaded | undefined;

  /**
   * Checks the options; sends nothing.
   *
   * @throws {InvalidOptionError} When the origin, the credentials or `trustedRealms` cannot be used.
   */
  constructor(options: AuthorizeOptions) {
    this.origin = registryOrigin(options.origin).origin;
    checkTrustedRealms(options.trustedRealms);
    credentialSource(options.credentials);
    this.#options = options;
  }

  /**
   * Authenticates and answers the outcome, which the requests to come go by.
   *
   * @throws {AuthenticationError} As {@linkcode authInfo} does.
   */
  async info(request: AuthInfoRequest): Promise<AuthInfo> {
    const { authorizer, authInfo } = await this.#load();
    return await authInfo(authorizer, request);
  }

  /**
   * Tries a user name and password on the registry itself (end-1).
   *
   * @throws {UnauthorizedError} When they are refused.
   */
  async prove(username: string, password: string, signal?: AbortSignal): Promise<void> {
    const { authorizer } = await this.#load();
    await authorizer.prove(username, password, signal);
  }

  /** Sends a request to the registry itself; as it is, while no registry has asked for anything. */
  async send(next: Send, request: ChannelRequest, intent: Intent): Promise<ChannelResponse> {
    let refusal: ChannelResponse | undefined;
    if (this.#loading === undefined && !this.#startsWithCredentials(request)) {
      refusal = await next(request);
      const { ok, status } = refusal.response;
      if (ok) this.#remember(intent.repository);
      // A 401 may come of another registry, which this one redirects to. IBM says with 403 what it wants.
      if (status !== 401 && status !== 403) return refusal;
    }
    const { authorizer, negotiate } = this.#loaded ?? await this.#load();
    return await negotiate(authorizer, next, request, intent, refusal);
  }

  /** That a repository takes requests without credentials; others may have loaded the rest meanwhile. */
  #remember(repository: string | undefined): void {
    if (this.#loaded !== undefined) this.#loaded.authorizer.acceptOpen(repository);
    else if (this.#open.size < MAX_OPEN) this.#open.add(repository);
  }

  /** A bearer token goes along at once; before bytes that can be sent once, the registry is asked. */
  #startsWithCredentials({ body }: ChannelRequest): boolean {
    const { credentials } = this.#options;
    return body?.reopenable === false ||
      (typeof credentials === "object" && Boolean(credentials.accessToken));
  }

  #load(): Promise<Loaded> {
    return this.#loading ??= import("./negotiation.ts").then((module) => {
      const authorizer = new module.Authorizer(this.#options, this.#open);
      return this.#loaded = { ...module, authorizer };
    }).catch((error) => {
      this.#loading = undefined;
      throw error;
    });
  }
}

/**
 * Puts credentials on a registry's requests and answers its challenges. A request's intent says
 * what for; one without an intent is sent as it is, and one to another origin without credentials.
 */
export function authorize(authentication: Authentication): Middleware {
  return (next) => (request) => {
    const { intent, url, headers } = request;
    if (intent === undefined) return next(request);
    if (url.origin === authentication.origin) return authentication.send(next, request, intent);
    if (!headers.has("authorization")) return next(request);
    const without = copyFields(headers);
    without.delete("authorization");
    return next({ ...request, headers: without });
  };
}
