import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { CredentialSource } from "../credential.ts";
import { hostOption } from "./registry_host.ts";

/** Options of {@linkcode quayCredentials}: a robot with its token, or an application's token. */
export interface QuayCredentialsOptions {
  /** The robot's whole name: `organization+name`, or `user+name`. */
  robot?: string;
  /** The robot's token, or the application's where there is no robot. */
  token: string;
  /** The registry. @default {"quay.io"} */
  host?: string;
}

const QUAY_CREDENTIALS_OPTIONS: OptionNames<QuayCredentialsOptions> = names("robot token host");

/** Options of {@linkcode harborCredentials}. */
export interface HarborCredentialsOptions {
  /** The registry: `harbor.example.com`, with its port where it has one. */
  host: string;
  /** The robot's whole name: `robot$project+name`, or `robot$name` for one of the whole system. */
  robot: string;
  /** The robot's secret. */
  secret: string;
  /** What robots' names begin with, which Harbor's administrator can change. @default {"robot$"} */
  prefix?: string;
}

const HARBOR_CREDENTIALS_OPTIONS: OptionNames<HarborCredentialsOptions> = names(
  "host robot secret prefix",
);

/** The user name that goes with an application's token. */
const OAUTH_USER = "$oauthtoken";

/** @see https://docs.redhat.com/en/documentation/red_hat_quay/3/html/use_red_hat_quay/allow-robot-access-user-repo */
const QUAY_ROBOT = /^[a-z0-9][a-z0-9._-]*\+[a-z][a-z0-9_-]*$/;

/**
 * Credentials of a robot at Quay, or of an application's token. They are checked when they are
 * given: a robot without its organization is refused by Quay with no more than "unauthorized".
 *
 * @throws {InvalidOptionError} When the robot's name is not one, there is no token, or `host` is not
 * a host.
 *
 * @example
 * ```ts
 * import { quayCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = quayCredentials({ robot: "you+ci", token: "secret" });
 *
 * assertEquals(await credentials({ host: "quay.io" }), { username: "you+ci", password: "secret" });
 * assertEquals(await credentials({ host: "ghcr.io" }), undefined);
 * ```
 *
 * @see https://docs.quay.io/glossary/robot-accounts.html
 */
export function quayCredentials(options: QuayCredentialsOptions): CredentialSource {
  checkArgument("options", options, "options");
  checkOptions(options, QUAY_CREDENTIALS_OPTIONS);
  const { robot, token, host = "quay.io" } = options;
  const refused = (why: string) => new InvalidOptionError(`Cannot use quayCredentials: ${why}`);
  if (!token) throw refused("token must not be empty");
  if (robot !== undefined && !QUAY_ROBOT.test(robot)) {
    throw refused(
      "robot must be organization+name, in lower case: current value is " + JSON.stringify(robot),
    );
  }
  const registry = hostOption("quayCredentials", host);
  const username = robot ?? OAUTH_USER;
  return (target) => target.host === registry ? { username, password: token } : undefined;
}

/**
 * Credentials of a robot at a Harbor. They are checked when they are given: in a shell's double
 * quotes, `robot$ci` is `robot`, and Harbor says no more than "unauthorized".
 *
 * @throws {InvalidOptionError} When the robot's name does not begin with the prefix, there is no
 * secret, or `host` is not a host.
 *
 * @example
 * ```ts
 * import { harborCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = harborCredentials({
 *   host: "harbor.example.com",
 *   robot: "robot$project+ci",
 *   secret: "secret",
 * });
 *
 * assertEquals(await credentials({ host: "harbor.example.com" }), {
 *   username: "robot$project+ci",
 *   password: "secret",
 * });
 * ```
 *
 * @see https://goharbor.io/docs/main/administration/robot-accounts/
 */
export function harborCredentials(options: HarborCredentialsOptions): CredentialSource {
  checkArgument("options", options, "options");
  checkOptions(options, HARBOR_CREDENTIALS_OPTIONS);
  const { host, robot, secret, prefix = "robot$" } = options;
  const refused = (why: string) => new InvalidOptionError(`Cannot use harborCredentials: ${why}`);
  if (!secret) throw refused("secret must not be empty");
  checkArgument("robot", robot, "text");
  if (!robot.startsWith(prefix) || robot.length === prefix.length || robot.includes(":")) {
    throw refused(
      `robot must begin with ${prefix}, and go on with the robot's name; a shell replaces $ and ` +
        `what follows in double quotes: current value is ${JSON.stringify(robot)}`,
    );
  }
  const registry = hostOption("harborCredentials", host);
  return (target) => target.host === registry ? { username: robot, password: secret } : undefined;
}
