import { encodeText } from "../../content/bytes.ts";
import { decodeBase64, encodeBase64 } from "../../content/base64.ts";
import { InvalidOptionError } from "../../errors.ts";

/** What counts of a service account's key file; other fields are kept. */
export interface GoogleServiceAccountKey {
  /** `service_account`. */
  type: string;
  /** The account: `name@project.iam.gserviceaccount.com`. */
  client_email: string;
  /** The private key in PEM, PKCS #8. */
  private_key: string;
  /** The key's id. */
  private_key_id?: string;
  /** Who exchanges what the key signs for a token. @default {"https://oauth2.googleapis.com/token"} */
  token_uri?: string;
  /** Whatever else Google puts in. */
  [field: string]: unknown;
}

export interface CheckedKey {
  /** What it says. */
  key: GoogleServiceAccountKey;
  /** Its text, as the password of `_json_key`. */
  json: string;
  /** Its text in base64, as the password of `_json_key_base64`. */
  base64: string;
  /** Who exchanges what it signs. */
  tokenUrl: URL;
}

const TOKEN_URI = "https://oauth2.googleapis.com/token";

/** Hosts of Google's that a key may name. A key file from a stranger could name another one. */
const TOKEN_HOSTS = ["accounts.google.com", "googleapis.com"];

/**
 * A service account's key out of what a program has: the object, its JSON, or that in base64.
 *
 * @param tokenHosts Hosts that `token_uri` may name beside Google's.
 * @throws {InvalidOptionError} When it is none of those. The message never shows it.
 * @see https://cloud.google.com/iam/docs/keys-create-delete
 */
export function checkGoogleKey(
  given: string | GoogleServiceAccountKey,
  tokenHosts: readonly string[] = [],
): CheckedKey {
  const json = typeof given === "string" ? jsonOf(given) : JSON.stringify(given);
  let key: unknown;
  try {
    key = JSON.parse(json);
  } catch {
    throw refused("must be the key file's JSON, or that in base64"); // the cause quotes it
  }
  if (!isKey(key)) {
    throw refused(
      "must be of the type service_account, with client_email and private_key: current type is " +
        typeName(key),
    );
  }
  const tokenUrl = tokenUrlOf(key.token_uri ?? TOKEN_URI, tokenHosts);
  return { key, json, base64: encodeBase64(encodeText(json)), tokenUrl };
}

function jsonOf(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) return trimmed;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64(trimmed)).trim();
  } catch {
    return "";
  }
}

function isKey(value: unknown): value is GoogleServiceAccountKey {
  if (typeof value !== "object" || value === null) return false;
  const { type, client_email, private_key, private_key_id, token_uri } = value as Record<
    string,
    unknown
  >;
  return type === "service_account" &&
    [client_email, private_key].every((field) => typeof field === "string" && field !== "") &&
    [private_key_id, token_uri].every((field) => ["string", "undefined"].includes(typeof field));
}

/** What a key file says it is, where that is a word: `authorized_user`. */
function typeName(value: unknown): string {
  const { type } = (value ?? {}) as { type?: unknown };
  return typeof type === "string" && /^\w{1,40}$/.test(type) ? type : "none";
}

function tokenUrlOf(uri: string, tokenHosts: readonly string[]): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const trusted = url !== undefined && url.protocol === "https:" && url.username === "" &&
    (tokenHosts.includes(url.host) ||
      TOKEN_HOSTS.some((host) => url.host === host || url.host.endsWith(`.${host}`)));
  if (!trusted) {
    throw refused(
      "names a token_uri that is not one of Google's over https; 'tokenHosts' allows others: " +
        `current host is ${url?.host ?? "none"}`,
    );
  }
  return url;
}

function refused(why: string): InvalidOptionError {
  return new InvalidOptionError(`Cannot use the service account's key: it ${why}`);
}
