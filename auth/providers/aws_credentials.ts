import { AuthenticationError } from "../../errors.ts";
import type { ProviderSettings } from "./provider_options.ts";
import { VISIBLE_ASCII } from "../credential.ts";

/** Keys of an AWS identity, by the names that AWS's own packages give them. */
export interface AwsCredentials {
  /** The access key's id: `AKIA…`, or `ASIA…` where it is temporary. */
  accessKeyId: string;
  /** The secret that signs. */
  secretAccessKey: string;
  /** What belongs to a temporary key. */
  sessionToken?: string | undefined;
}

/**
 * Answers keys of an AWS identity: what `fromNodeProviderChain()` of `@aws-sdk/credential-providers`
 * returns is one.
 */
export type AwsCredentialSource = () =>
  | AwsCredentials
  | undefined
  | Promise<AwsCredentials | undefined>;

const NAMES = {
  accessKeyId: "AWS_ACCESS_KEY_ID",
  secretAccessKey: "AWS_SECRET_ACCESS_KEY",
  sessionToken: "AWS_SESSION_TOKEN",
} as const;

/**
 * The keys that were given, or those of the environment; `undefined` where there are none.
 *
 * @param what What they are for, for messages: "get a token for …".
 * @throws {AuthenticationError} When there is one of the two and not the other, one that cannot be sent, or
 * the function that should answer them fails.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
 */
export async function awsCredentials(
  given: AwsCredentials | AwsCredentialSource | undefined,
  { variable }: ProviderSettings,
  what: string,
): Promise<AwsCredentials | undefined> {
  if (given === undefined) {
    return complete(
      {
        accessKeyId: variable(NAMES.accessKeyId),
        secretAccessKey: variable(NAMES.secretAccessKey),
        sessionToken: variable(NAMES.sessionToken),
      },
      (field) => NAMES[field],
      what,
    );
  }
  let answer: AwsCredentials | undefined;
  try {
    answer = typeof given === "function" ? await given() : given;
  } catch (cause) {
    throw new AuthenticationError(
      `Cannot ${what}: the function that should answer AWS credentials failed`,
      { cause },
    );
  }
  return complete(answer ?? {}, (field) => field, what);
}

function complete(
  keys: Partial<AwsCredentials>,
  nameOf: (field: keyof typeof NAMES) => string,
  what: string,
): AwsCredentials | undefined {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  if (!accessKeyId && !secretAccessKey) return undefined;
  const refused = (field: keyof typeof NAMES, why: string) =>
    new AuthenticationError(
      `Cannot ${what}: the AWS credentials cannot be used as ${nameOf(field)} ${why}`,
    );
  if (!accessKeyId) throw refused("accessKeyId", "is missing");
  if (!secretAccessKey) throw refused("secretAccessKey", "is missing");
  const found = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  for (const [field, value] of Object.entries(found)) {
    if (VISIBLE_ASCII.test(value)) continue;
    throw refused(field as keyof typeof NAMES, "must be visible ASCII, without line breaks");
  }
  return found;
}
