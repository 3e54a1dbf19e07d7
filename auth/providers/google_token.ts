import { AuthenticationError } from "../../errors.ts";
import { askService, expiryOf, tokenField } from "./ask_service.ts";
import type { CheckedKey } from "./google_key.ts";
import type { Expiring } from "./kept_answers.ts";
import type { ProviderSettings } from "./provider_options.ts";

/** What the token may do: all that the account may. Pushing needs no less than this scope. */
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** How long an assertion is good for, in seconds: Google takes an hour at most. */
const ASSERTION_LIFETIME_S = 3_600;

/** Answers without TLS, and only inside Google's machines; the name is a convention of theirs. */
const METADATA_HOST = "metadata.google.internal";

const METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";

/** What the metadata server wants to see, and says itself. */
const FLAVOR = { name: "metadata-flavor", value: "Google" };

/** Loaded with the first key that signs: other ways go without it. */
function loadJose(): Promise<typeof import("jose")> {
  return import("jose");
}

/**
 * An access token for what a service account's key signs.
 *
 * @throws {AuthenticationError} When the key cannot sign, or Google refuses.
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export async function exchangeGoogleKey(
  settings: ProviderSettings,
  { key, tokenUrl }: CheckedKey,
  what: string,
): Promise<Expiring<string>> {
  const asked = settings.clock.now();
  const assertion = await sign(key, tokenUrl, asked, what);
  const request = {
    what,
    url: tokenUrl,
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString(),
    secrets: { refreshToken: assertion, accessToken: key.private_key },
  } as const;
  const answer = await askService(settings, request);
  return { value: tokenField(answer, "access_token", request), expires: expiryOf(answer, asked) };
}

async function sign(
  key: CheckedKey["key"],
  tokenUrl: URL,
  now: number,
  what: string,
): Promise<string> {
  const { importPKCS8, SignJWT } = await loadJose();
  const issued = Math.floor(now / 1_000);
  const kid = key.private_key_id;
  try {
    return await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(kid !== undefined && { kid }) })
      .setIssuer(key.client_email)
      .setAudience(tokenUrl.href)
      .setIssuedAt(issued)
      .setExpirationTime(issued + ASSERTION_LIFETIME_S)
      .sign(await importPKCS8(key.private_key, "RS256"));
  } catch {
    // Without the cause, which may quote the key.
    throw new AuthenticationError(
      `Cannot ${what}: the private_key of ${key.client_email} must be an RSA key in PEM, PKCS #8`,
    );
  }
}

/**
 * An access token of the account that this machine of Google's runs as.
 *
 * @throws {AuthenticationError} When something else than the metadata server answers.
 * @throws {NetworkError} When nothing answers: this is no machine of Google's.
 * @see https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
 */
export async function askMetadataServer(
  settings: ProviderSettings,
  what: string,
): Promise<Expiring<string>> {
  const asked = settings.clock.now();
  const request = {
    what,
    url: new URL(`http://${METADATA_HOST}${METADATA_PATH}`),
    method: "GET",
    headers: { [FLAVOR.name]: FLAVOR.value },
    secrets: {},
  } as const;
  const answer = await askService(settings, request);
  if (answer.headers.get(FLAVOR.name) !== FLAVOR.value) {
    throw new AuthenticationError(
      `Cannot ${what}: what answers at ${METADATA_HOST} is not Google's metadata server`,
    );
  }
  return { value: tokenField(answer, "access_token", request), expires: expiryOf(answer, asked) };
}
