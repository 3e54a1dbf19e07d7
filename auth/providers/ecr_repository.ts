import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import { quoteInput } from "../../reference/quote_input.ts";
import { askEcr } from "./ask_ecr.ts";
import { awsCredentials } from "./aws_credentials.ts";
import {
  ECR_CREDENTIALS_OPTIONS,
  type EcrCredentialsOptions,
  noCredentials,
} from "./ecr_credentials.ts";
import { ecrHost } from "./ecr_host.ts";
import { providerSettings } from "./provider_options.ts";

/** Options of {@linkcode ensureEcrRepository}. */
export interface EcrRepositoryOptions extends EcrCredentialsOptions {
  /**
   * Whether tags stay with the manifest that they first name; private registries alone.
   * @default {false}
   */
  immutableTags?: boolean;
  /** Tags of the repository itself, for who pays and who owns it. @default {{}} */
  resourceTags?: Readonly<Record<string, string>>;
}

const ECR_REPOSITORY_OPTIONS: OptionNames<EcrRepositoryOptions> = names(
  "immutableTags resourceTags",
  ECR_CREDENTIALS_OPTIONS,
);

/** What Amazon says of a repository that is there already. */
const EXISTS = "RepositoryAlreadyExistsException";

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html */
const NAME = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/**
 * Makes a repository in one of Amazon's registries where there is none: a push to a private registry
 * does not, and ends with 404 `NAME_UNKNOWN`. A repository that is there stays as it is. Only the
 * repository's owner can make it; the identity needs `ecr:CreateRepository`.
 *
 * @param name The whole name: `123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app`. In
 * `public.ecr.aws/alias/app` the alias is the account's, and is not sent.
 * @returns Whether it was made: `false` where it was there.
 * @throws {InvalidOptionError} When the name is not one of Amazon's registries', or is not a
 * repository's.
 * @throws {AuthenticationError} When there are no AWS credentials, or Amazon refuses.
 * @throws {NetworkError} When Amazon's API cannot be reached.
 * @throws {TimeoutError} When there is no answer within 10 seconds.
 *
 * @example
 * ```ts
 * import { ensureEcrRepository } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const made = await ensureEcrRepository(
 *   "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app",
 *   {
 *     credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 *     // In place of Amazon, for this example:
 *     fetch: () => Promise.resolve(Response.json({ repository: {} })),
 *   },
 * );
 *
 * assertEquals(made, true);
 * ```
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
 * @see https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_CreateRepository.html
 */
export async function ensureEcrRepository(
  name: string,
  options: EcrRepositoryOptions = {},
): Promise<boolean> {
  checkOptions(options, ECR_REPOSITORY_OPTIONS);
  checkArgument("name", name, "text");
  const { immutableTags = false, resourceTags = {}, credentials } = options;
  const [host = "", ...parts] = name.split("/");
  const place = ecrHost(host);
  const repository = (place?.service === "ecr-public" ? parts.slice(1) : parts).join("/");
  if (place === undefined || !NAME.test(repository)) {
    throw new InvalidOptionError(
      "Cannot create a repository: its name must begin with a host of Amazon's registries, and go " +
        `on with lower-case words: current value is ${quoteInput(name)}`,
    );
  }
  const isPublic = place.service === "ecr-public";
  if (isPublic && immutableTags) {
    throw new InvalidOptionError(
      "Cannot create a repository: immutableTags must be false in public.ecr.aws, which has none",
    );
  }
  const what = `create the repository ${repository} in ${host}`;
  const settings = providerSettings(options);
  const keys = await awsCredentials(credentials, settings, what);
  if (keys === undefined) throw noCredentials(what);
  const tags = Object.entries(resourceTags).map(([Key, Value]) => ({ Key, Value }));
  const parameters = {
    repositoryName: repository,
    ...(place.account !== undefined && { registryId: place.account }),
    ...(immutableTags && { imageTagMutability: "IMMUTABLE" }),
    ...(tags.length > 0 && { tags }),
  };
  const call = { what, action: "CreateRepository", parameters, accepts: [EXISTS] };
  const { refusal } = await askEcr(settings, place, keys, call);
  return refusal !== EXISTS;
}
