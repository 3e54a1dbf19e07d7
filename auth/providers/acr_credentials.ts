import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { Credential, CredentialSource } from "../credential.ts";
import { askService, expiryOf, tokenField } from "./ask_service.ts";
import { type Expiring, KeptAnswers } from "./kept_answers.ts";
import { PROVIDER_OPTIONS, type ProviderOptions, providerSettings } from "./provider_options.ts";
import { tokenFrom, type TokenSource } from "./token_source.ts";

/** A service principal of Microsoft Entra. */
export interface AzureServicePrincipal {
  /** The application's (client's) id. */
  clientId: string;
  /** The secret. */
  clientSecret: string;
}

/** Options of {@linkcode acrCredentials}: one of `entraToken` and `servicePrincipal`. */
export interface AcrCredentialsOptions extends ProviderOptions {
  /**
   * An access token of Microsoft Entra for the scope
   * `https://containerregistry.azure.net/.default`, or a function that answers one each time, such
   * as a call of `getToken()` of a credential of `@azure/identity`.
   */
  entraToken?: TokenSource;
  /**
   * A service principal. With `tenantId` its secret goes to Microsoft Entra alone, for a token; else
   * it goes to the registry as a password.
   */
  servicePrincipal?: AzureServicePrincipal;
  /** The tenant: its id, or its domain. */
  tenantId?: string;
  /**
   * What the token is for: a registry may also take one for Azure's resource manager.
   * @default {"https://containerregistry.azure.net/.default"}
   */
  scope?: string;
  /**
   * Whether the registry's refresh token is given as a password, with the user name that Azure has
   * for it: the client then asks for tokens by GET.
   * @default {false}
   */
  asPassword?: boolean;
}

const ACR_CREDENTIALS_OPTIONS: OptionNames<AcrCredentialsOptions> = names(
  "entraToken servicePrincipal tenantId scope asPassword",
  PROVIDER_OPTIONS,
);

/** @see https://learn.microsoft.com/azure/container-registry/container-registry-authentication */
const SCOPE = "https://containerregistry.azure.net/.default";

/** The user name that goes with a refresh token. */
const TOKEN_USER = "00000000-0000-0000-0000-000000000000";

/**
 * Where Entra is, by the end of a registry's name: each national cloud has its own.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
 */
const AUTHORITIES: Readonly<Record<string, string>> = {
  io: "https://login.microsoftonline.com",
  cn: "https://login.partner.microsoftonline.cn",
  us: "https://login.microsoftonline.us",
};

/** A registry's name, perhaps with that of a region, and the cloud's ending. */
const HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)?\.azurecr\.(io|cn|us)$/;

/** A tenant's id or domain: it becomes a part of a path. */
const TENANT = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

/**
 * How long a refresh token is kept that does not say when it ends, in milliseconds: Azure documents
 * three hours.
 */
const DEFAULT_LIFETIME_MS = 60 * 60 * 1_000;

/**
 * Credentials for Azure's registries, `<name>.azurecr.io`: a token of Microsoft Entra is exchanged
 * at the registry for a refresh token, which is kept until shortly before it ends; or a service
 * principal logs in with its password.
 *
 * The source throws `AuthenticationError` when Entra or the registry refuses, or answers
 * something else, `NetworkError` when one of them cannot be reached, and `TimeoutError` when there is
 * no answer within 10 seconds.
 *
 * @throws {InvalidOptionError} When there is not exactly one of `entraToken` and `servicePrincipal`,
 * or one that cannot be used.
 *
 * @example
 * ```ts
 * import { acrCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = acrCredentials({
 *   servicePrincipal: { clientId: "11111111-2222-3333-4444-555555555555", clientSecret: "secret" },
 * });
 *
 * assertEquals(await credentials({ host: "you.azurecr.io" }), {
 *   username: "11111111-2222-3333-4444-555555555555",
 *   password: "secret",
 * });
 * assertEquals(await credentials({ host: "you.azurecr.io.example.com" }), undefined);
 * ```
 *
 * @see https://azure.github.io/acr/AAD-OAuth.html
 */
export function acrCredentials(options: AcrCredentialsOptions): CredentialSource {
  checkArgument("options", options, "options");
  checkOptions(options, ACR_CREDENTIALS_OPTIONS);
  const settings = providerSettings(options);
  const { entraToken, servicePrincipal, tenantId, scope = SCOPE, asPassword = false } = options;
  checkWay(options);
  const refreshTokens = new KeptAnswers<string>(settings.clock);
  const entraTokens = new KeptAnswers<string>(settings.clock);

  /** A token of Entra's: what was given, or what the service principal gets. */
  async function entra(cloud: string, what: string): Promise<string> {
    if (entraToken !== undefined) return await tokenFrom(entraToken, what);
    const authority = AUTHORITIES[cloud]!;
    return await entraTokens.get(authority, async () => {
      const { clientId, clientSecret } = servicePrincipal!;
      const asked = settings.clock.now();
      const request = {
        what,
        url: new URL(`${authority}/${tenantId}/oauth2/v2.0/token`),
        method: "POST",
        ...form({
          grant_type: "client_credentials",
          client_id: clientId,
          client_secret: clientSecret,
          scope,
        }),
        secrets: { username: clientId, password: clientSecret },
      } as const;
      const answer = await askService(settings, request);
      const value = tokenField(answer, "access_token", request);
      return { value, expires: expiryOf(answer, asked) };
    });
  }

  /** The registry's refresh token for a token of Entra's. */
  async function exchange(host: string, cloud: string, what: string): Promise<Expiring<string>> {
    const asked = settings.clock.now();
    const token = await entra(cloud, what);
    const request = {
      what,
      url: new URL(`https://${host}/oauth2/exchange`),
      method: "POST",
      ...form({
        grant_type: "access_token",
        service: host,
        ...(tenantId !== undefined && { tenant: tenantId }),
        access_token: token,
      }),
      secrets: { accessToken: token },
    } as const;
    const answer = await askService(settings, request);
    const value = tokenField(answer, "refresh_token", request);
    return { value, expires: jwtExpiry(value) ?? asked + DEFAULT_LIFETIME_MS };
  }

  return async ({ host }): Promise<Credential | undefined> => {
    const cloud = HOST.exec(host)?.[1];
    if (cloud === undefined) return undefined;
    if (servicePrincipal !== undefined && tenantId === undefined) {
      return { username: servicePrincipal.clientId, password: servicePrincipal.clientSecret };
    }
    const what = `get a token for ${host}`;
    const refreshToken = await refreshTokens.get(host, () => exchange(host, cloud, what));
    return asPassword ? { username: TOKEN_USER, password: refreshToken } : { refreshToken };
  };
}

function form(fields: Record<string, string>): { headers: Record<string, string>; body: string } {
  return {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  };
}

function checkWay({ entraToken, servicePrincipal, tenantId }: AcrCredentialsOptions): void {
  const refused = (why: string) => new InvalidOptionError(`Cannot use acrCredentials: ${why}`);
  if ((entraToken === undefined) === (servicePrincipal === undefined)) {
    throw refused(
      `it must have one of entraToken and servicePrincipal: current value is ${
        entraToken === undefined ? "none" : "both"
      }`,
    );
  }
  if (servicePrincipal !== undefined) {
    const { clientId, clientSecret } = servicePrincipal;
    if (!clientId || !clientSecret) {
      throw refused("servicePrincipal must have a clientId and a clientSecret");
    }
  }
  if (tenantId !== undefined && !TENANT.test(tenantId)) {
    throw refused(
      `tenantId must be an id or a domain: current value is ${JSON.stringify(tenantId)}`,
    );
  }
}

/**
 * When a JWT ends, in milliseconds since 1970, as it says itself: nothing is proved by it, and a
 * wrong answer costs one request more.
 */
function jwtExpiry(token: string): number | undefined {
  const payload = token.split(".")[1] ?? "";
  try {
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof exp === "number" && Number.isFinite(exp) ? 1_000 * exp : undefined;
  } catch {
    return undefined;
  }
}
