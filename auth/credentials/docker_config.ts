import { decodeBase64 } from "../../content/base64.ts";
import { CredentialError } from "../../errors.ts";
import type { Credential } from "../credential.ts";
import { checkHelperName } from "./helper_protocol.ts";
import { isObject, type JsonObject, parseObject } from "../../content/json_object.ts";

/** A config of Docker's or podman's. Entries are checked when they are needed. */
export interface DockerConfig {
  /** Where it is from: a path, or a variable's name. */
  source: string;
  /** Credentials, by their keys. */
  auths: JsonObject;
  /** The helper for each registry, by its keys. */
  credHelpers: JsonObject;
  /** The helper for every other registry. */
  credsStore?: string;
  /** Headers for requests to registries. */
  httpHeaders: Readonly<Record<string, string>>;
}

/** Control characters: no user name or password holds one (RFC 7617), a badly made file does. */
// deno-lint-ignore no-control-regex
export const CONTROL: RegExp = /[\x00-\x1f\x7f]/;

/**
 * Parses a config as a JSON object. The text is in no message: it may hold passwords.
 *
 * @throws {CredentialError} When it is empty, not JSON, or not an object.
 */
export function parseConfigObject(text: string, source: string): JsonObject {
  const body = text.replace(/^\uFEFF/, ""); // Windows editors write a byte order mark
  if (body.trim() === "") throw broken(source, "it is empty", "remove it, and log in again");
  return parseObject(
    body,
    (why) => broken(source, `it ${why}`, "mend it, or remove it and log in again"),
  );
}

/**
 * Parses a config.
 *
 * @throws {CredentialError} When it is not one.
 */
export function parseDockerConfig(text: string, source: string): DockerConfig {
  const config = parseConfigObject(text, source);
  const object = (field: string): JsonObject => {
    const value = config[field] ?? {};
    if (isObject(value)) return value;
    throw broken(source, `its ${field} is not a JSON object`);
  };
  const store = config.credsStore ?? "";
  const headers = Object.entries(object("HttpHeaders"));
  return {
    source,
    auths: object("auths"),
    credHelpers: object("credHelpers"),
    httpHeaders: Object.fromEntries(
      headers.filter((header): header is [string, string] => typeof header[1] === "string"),
    ),
    ...(store !== "" && { credsStore: checkHelperName(store, "credsStore", source) }),
  };
}

/**
 * The credentials in an entry of `auths`; `undefined` where there are none in it, as in the one that
 * Docker writes for what a helper keeps.
 *
 * @throws {CredentialError} When it cannot be read.
 */
export function entryCredential(
  { auths, source }: DockerConfig,
  key: string,
): Credential | undefined {
  const fail: Fail = (why, remedy) => broken(`auths["${key}"] of ${source}`, why, remedy, source);
  const entry = auths[key] ?? {};
  if (!isObject(entry)) throw fail("it is not a JSON object");
  const text = (field: string) => {
    const value = entry[field] ?? "";
    if (typeof value !== "string") throw fail(`its ${field} is not a text`);
    return value;
  };
  const auth = text("auth");
  const fields = {
    ...(auth === ""
      ? { username: text("username"), password: text("password") }
      : decodeAuth(auth, fail)),
    identitytoken: text("identitytoken"),
    registrytoken: text("registrytoken"),
  };
  for (const [field, value] of Object.entries(fields)) {
    if (!CONTROL.test(value)) continue;
    throw fail(
      `its ${field} holds a line break or another control character`,
      "write it again, without what stands at its end",
    );
  }
  const { username, password, identitytoken, registrytoken } = fields;
  if (password !== "" && username === "") throw fail("it has a password and no user name");
  const credential = {
    ...(username !== "" && { username }),
    ...(password !== "" && { password }),
    ...(identitytoken !== "" && { refreshToken: identitytoken }),
    ...(registrytoken !== "" && { accessToken: registrytoken }),
  };
  return Object.keys(credential).length === 0 ? undefined : credential;
}

type Fail = (why: string, remedy?: string) => CredentialError;

/** Decodes `auth`: a user name, a colon and a password, in base64. */
function decodeAuth(auth: string, fail: Fail): { username: string; password: string } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(decodeBase64(auth));
  } catch {
    throw fail("its auth is not base64 of UTF-8 text");
  }
  const colon = text.indexOf(":");
  if (colon === -1) throw fail("its auth holds no colon between user name and password");
  let end = text.length;
  while (text[end - 1] === "\0") end--; // as Docker does: old versions wrote them
  return { username: text.slice(0, colon), password: text.slice(colon + 1, end) };
}

function broken(
  what: string,
  why: string,
  remedy = "mend it, or log in again",
  source = what,
): CredentialError {
  return new CredentialError(`Cannot use ${what}: ${why}; ${remedy}`, { source });
}
