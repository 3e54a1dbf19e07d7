import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { AuthenticationError } from "../../errors.ts";
import type { Credential, CredentialSource } from "../credential.ts";
import { askEcr } from "./ask_ecr.ts";
import type { ServiceAnswer } from "./ask_service.ts";
import {
  type AwsCredentials,
  awsCredentials,
  type AwsCredentialSource,
} from "./aws_credentials.ts";
import { type EcrHost, ecrHost } from "./ecr_host.ts";
import { type Expiring, KeptAnswers } from "./kept_answers.ts";
import { PROVIDER_OPTIONS, type ProviderOptions, providerSettings } from "./provider_options.ts";

/** Options of {@linkcode ecrCredentials}. */
export interface EcrCredentialsOptions extends ProviderOptions {
  /**
   * Who asks: the keys, or a function that answers them, such as `fromNodeProviderChain()` of
   * `@aws-sdk/credential-providers` for profiles, roles and instances.
   * @default {AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment}
   */
  credentials?: AwsCredentials | AwsCredentialSource;
}

export const ECR_CREDENTIALS_OPTIONS: OptionNames<EcrCredentialsOptions> = names(
  "credentials",
  PROVIDER_OPTIONS,
);

/** How long a token is kept that does not say when it ends, in milliseconds: it has 12 hours. */
const DEFAULT_LIFETIME_MS = 60 * 60 * 1_000;

/**
 * Credentials for Amazon's registries: `<account>.dkr.ecr.<region>.amazonaws.com`, and
 * `public.ecr.aws`. A token is asked for once for each account and region, and anew shortly before
 * its twelve hours are over. Without AWS credentials, `public.ecr.aws` is anonymous.
 *
 * The source throws `AuthenticationError` when there are no AWS credentials for a private registry,
 * or Amazon refuses them, `NetworkError` when Amazon's API cannot be reached, and `TimeoutError` when
 * there is no answer within 10 seconds.
 *
 * @example
 * ```ts
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { ecrCredentials } from "@davit/registry-client/auth";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const credentials = ecrCredentials({ environment: {} });
 * const name = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app";
 * const app = new RegistryClientV2({ name, credentials });
 *
 * assertEquals(app.repo.remoteName, "app");
 * assertEquals(await credentials({ host: "ghcr.io" }), undefined);
 * await assertRejects(
 *   async () => await credentials({ host: "123456789012.dkr.ecr.eu-central-1.amazonaws.com" }),
 *   Error,
 *   "AWS_ACCESS_KEY_ID",
 * );
 * ```
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 * @see https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html
 */
export function ecrCredentials(options: EcrCredentialsOptions = {}): CredentialSource {
  checkOptions(options, ECR_CREDENTIALS_OPTIONS);
  const settings = providerSettings(options);
  const kept = new KeptAnswers<Readonly<Credential>>(settings.clock);

  return async ({ host }) => {
    const place = ecrHost(host);
    if (place === undefined) return undefined;
    const what = `get a token for ${host}`;
    const keys = await awsCredentials(options.credentials, settings, what);
    if (keys === undefined) {
      if (place.service === "ecr-public") return undefined;
      throw noCredentials(what);
    }
    // Keys of somebody else must not get the token of those before.
    return await kept.get(`${host} ${keys.accessKeyId}`, async () => {
      const asked = settings.clock.now();
      const call = { what, action: "GetAuthorizationToken", parameters: {} };
      const answer = await askEcr(settings, place, keys, call);
      return tokenOf(answer, asked, what, place);
    });
  };
}

export function noCredentials(what: string): AuthenticationError {
  return new AuthenticationError(
    `Cannot ${what}: there are no AWS credentials. Set AWS_ACCESS_KEY_ID and ` +
      "AWS_SECRET_ACCESS_KEY, or give the option 'credentials'",
  );
}

/** The private API answers a list of one, the public one the object itself. */
function tokenOf(
  { fields }: ServiceAnswer,
  asked: number,
  what: string,
  { api }: EcrHost,
): Expiring<Readonly<Credential>> {
  const { authorizationData } = fields;
  const data = Array.isArray(authorizationData) ? authorizationData[0] : authorizationData;
  const { authorizationToken, expiresAt } = (data ?? {}) as Record<string, unknown>;
  const text = typeof authorizationToken === "string" ? decoded(authorizationToken) : "";
  const colon = text.indexOf(":");
  if (colon <= 0 || colon === text.length - 1) {
    throw new AuthenticationError(
      `Cannot ${what}: the answer of ${api.host} holds no usable authorizationToken`,
    );
  }
  const seconds = typeof expiresAt === "string" ? Date.parse(expiresAt) / 1_000 : expiresAt;
  const expires = typeof seconds === "number" && Number.isFinite(seconds)
    ? 1_000 * seconds
    : asked + DEFAULT_LIFETIME_MS;
  const value = { username: text.slice(0, colon), password: text.slice(colon + 1) };
  return { value: Object.freeze(value), expires };
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}
