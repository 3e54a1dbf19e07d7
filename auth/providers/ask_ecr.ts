import type { AwsCredentials } from "./aws_credentials.ts";
import { signAwsRequest } from "./aws_signature.ts";
import { askService, type ServiceAnswer } from "./ask_service.ts";
import type { EcrHost } from "./ecr_host.ts";
import type { ProviderSettings } from "./provider_options.ts";

/** What the two APIs call themselves in `X-Amz-Target`. */
const TARGETS: Readonly<Record<EcrHost["service"], string>> = {
  "ecr": "AmazonEC2ContainerRegistry_V20150921",
  "ecr-public": "SpencerFrontendService",
};

interface EcrCall {
  /** What is wanted, for messages. */
  what: string;
  /** The action: `GetAuthorizationToken`. */
  action: string;
  parameters: Record<string, unknown>;
  /** Codes of refusals that are an answer too. */
  accepts?: readonly string[];
}

/**
 * Calls an API of Amazon's registries, signed with Signature Version 4.
 *
 * @throws {AuthenticationError} When Amazon refuses, or answers something else.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/making-api-requests.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export async function askEcr(
  settings: ProviderSettings,
  { api, service, region }: EcrHost,
  credentials: AwsCredentials,
  { what, action, parameters, accepts }: EcrCall,
): Promise<ServiceAnswer> {
  const body = JSON.stringify(parameters);
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const { headers, signature } = await signAwsRequest(credentials, {
    method: "POST",
    url: api,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${TARGETS[service]}.${action}`,
    },
    body,
    service,
    region,
    time: settings.clock.now(),
  });
  return await askService(settings, {
    what,
    url: api,
    method: "POST",
    headers,
    body,
    secrets: {
      username: accessKeyId,
      password: secretAccessKey,
      ...(sessionToken !== undefined && { refreshToken: sessionToken }),
      // For five minutes, whoever has it can send the same request again.
      accessToken: signature,
    },
    ...(accepts && { accepts }),
  });
}
