import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { AuthenticationError, InvalidOptionError } from "../../errors.ts";
import { fileSystem, readWhole } from "../../runtime/files.ts";
import type { Credential, CredentialSource } from "../credential.ts";
import { type CheckedKey, checkGoogleKey, type GoogleServiceAccountKey } from "./google_key.ts";
import { askMetadataServer, exchangeGoogleKey } from "./google_token.ts";
import { KeptAnswers } from "./kept_answers.ts";
import {
  PROVIDER_OPTIONS,
  type ProviderOptions,
  type ProviderSettings,
  providerSettings,
} from "./provider_options.ts";
import { tokenFrom, type TokenSource } from "./token_source.ts";

/**
 * Options of {@linkcode googleCredentials}: exactly one of `accessToken`, `key`,
 * `applicationCredentials` and `metadataServer`.
 */
export interface GoogleCredentialsOptions extends ProviderOptions {
  /**
   * An access token, or a function that answers one each time, such as a call of `getAccessToken()`
   * of `google-auth-library`.
   */
  accessToken?: TokenSource;
  /** A service account's key: the object, its JSON, or that in base64. */
  key?: string | GoogleServiceAccountKey;
  /**
   * Whether the key is taken from the file that GOOGLE_APPLICATION_CREDENTIALS names.
   * @default {false}
   */
  applicationCredentials?: boolean;
  /**
   * Whether the metadata server is asked, which machines on Google Cloud have.
   * @default {false}
   */
  metadataServer?: boolean;
  /**
   * How a key is used: exchanged for an access token that is good for an hour; or sent to the
   * registry itself as the password of this user.
   * @default {"exchange"}
   */
  keyAs?: "exchange" | "_json_key" | "_json_key_base64";
  /**
   * Hosts that a key's `token_uri` may name beside Google's.
   * @default {[]}
   */
  tokenHosts?: readonly string[];
}

const GOOGLE_CREDENTIALS_OPTIONS: OptionNames<GoogleCredentialsOptions> = names(
  "accessToken key applicationCredentials metadataServer keyAs tokenHosts",
  PROVIDER_OPTIONS,
);

/** The user name that goes with an access token. */
const TOKEN_USER = "oauth2accesstoken";

/** How large a key file can be, in bytes: they have 2 to 3 KiB. */
const MAX_KEY_FILE_BYTES = 64 * 1024;

const WAYS = ["accessToken", "key", "applicationCredentials", "metadataServer"] as const;

/**
 * Whether a host is one of Google's registries: Artifact Registry's `<place>-docker.pkg.dev`, and
 * `gcr.io` with what is below it.
 *
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication
 */
function isGoogleHost(host: string): boolean {
  return /^[a-z0-9-]+-docker\.pkg\.dev$|^(?:[a-z0-9-]+\.)?gcr\.io$/.test(host);
}

/**
 * Credentials for Google's registries: Artifact Registry's `<place>-docker.pkg.dev`, and `gcr.io`.
 * Access tokens are kept until shortly before they end.
 *
 * The source throws `AuthenticationError` when Google refuses, or answers something else,
 * `NetworkError` when Google, or the metadata server, cannot be reached, and `TimeoutError` when
 * there is no answer within 10 seconds.
 *
 * @throws {InvalidOptionError} When there is not exactly one way to get a token, or the key is not a
 * service account's.
 *
 * @example
 * ```ts
 * import { googleCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = googleCredentials({ accessToken: "ya29.token" });
 *
 * assertEquals(await credentials({ host: "europe-docker.pkg.dev" }), {
 *   username: "oauth2accesstoken",
 *   password: "ya29.token",
 * });
 * assertEquals(await credentials({ host: "docker.pkg.dev.example.com" }), undefined);
 * ```
 *
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication
 */
export function googleCredentials(options: GoogleCredentialsOptions): CredentialSource {
  checkArgument("options", options, "options");
  checkOptions(options, GOOGLE_CREDENTIALS_OPTIONS);
  const settings = providerSettings(options);
  const { accessToken, key, metadataServer, keyAs = "exchange", tokenHosts } = options;
  const ways = WAYS.filter((way) => options[way]);
  if (ways.length !== 1) {
    throw new InvalidOptionError(
      `Cannot use googleCredentials: it must have one of ${WAYS.join(", ")}: current value is ` +
        (ways.join(" and ") || "none"),
    );
  }
  const given = key ? checkGoogleKey(key, tokenHosts) : undefined;
  const kept = new KeptAnswers<string>(settings.clock);

  return async ({ host }) => {
    if (!isGoogleHost(host)) return undefined;
    const what = `get a token for ${host}`;
    if (accessToken) return withToken(await tokenFrom(accessToken, what));
    if (metadataServer) {
      return withToken(await kept.get("", () => askMetadataServer(settings, what)));
    }
    const checked = given ?? await keyFromFile(settings, what, tokenHosts);
    if (keyAs === "_json_key") return { username: keyAs, password: checked.json };
    if (keyAs === "_json_key_base64") return { username: keyAs, password: checked.base64 };
    const { client_email, private_key_id } = checked.key;
    return withToken(
      await kept.get(
        `${client_email} ${private_key_id}`,
        () => exchangeGoogleKey(settings, checked, what),
      ),
    );
  };
}

function withToken(token: string): Credential {
  return { username: TOKEN_USER, password: token };
}

/** The key in the file that the environment names. It is read each time: keys change. */
async function keyFromFile(
  { variable }: ProviderSettings,
  what: string,
  tokenHosts: readonly string[] | undefined,
): Promise<CheckedKey> {
  const path = variable("GOOGLE_APPLICATION_CREDENTIALS");
  const refused = (why: string, cause?: unknown) =>
    new AuthenticationError(
      `Cannot ${what}: ${why}`,
      cause === undefined ? {} : { cause },
    );
  if (path === undefined) throw refused("GOOGLE_APPLICATION_CREDENTIALS is not set");
  const file = `the file ${path} that GOOGLE_APPLICATION_CREDENTIALS names`;
  const files = fileSystem();
  if (files === undefined) throw refused("this runtime has no files");
  const found = await readWhole(files, path, MAX_KEY_FILE_BYTES).catch((cause) => {
    throw refused(`${file} cannot be read`, cause);
  });
  if (typeof found === "string") throw refused(`${file} is ${found}`);
  try {
    return checkGoogleKey(new TextDecoder().decode(found), tokenHosts);
  } catch (error) {
    throw refused(`${file} cannot be used: ${(error as Error).message}`);
  }
}
