import { CredentialError } from "../../errors.ts";
import type { Credential } from "../credential.ts";
import { checkHelperName } from "./helper_protocol.ts";
import { canonicalKey, configKey, matchingKeys } from "./config_keys.ts";

type JsonObject = Record<string, unknown>;

/** A config of Docker's or podman's, read. Entries are looked at when they are needed. */
export interface DockerConfig {
  /** Where it is from: a path, or a variable's name. */
  source: string;
  /** Credentials, by their keys. */
  auths: JsonObject;
  /** The helper for each registry, by its keys. */
  credHelpers: JsonObject;
  /** The helper for every other registry. */
  credsStore?: string;
}

/** Control characters: no user name or password holds one (RFC 7617), a badly made file does. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * Parses a config as a JSON object. The text is in no message: it may hold passwords.
 *
 * @throws {CredentialError} When it is empty, not JSON, or not an object.
 */
export function parseConfigObject(text: string, source: string): JsonObject {
  const body = text.replace(/^\uFEFF/, ""); // Windows editors write a byte order mark
  const { fail } = failure(source);
  if (body.trim() === "") throw fail("it is empty", "remove it, or log in again");
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw fail("it is not JSON"); // the cause would quote it
  }
  if (!isObject(value)) throw fail("it is not a JSON object");
  return value;
}

/**
 * Reads a config.
 *
 * @throws {CredentialError} When it is not one.
 */
export function parseDockerConfig(text: string, source: string): DockerConfig {
  const { auths, credHelpers, credsStore } = parseConfigObject(text, source);
  return {
    source,
    auths: objectOf(auths, "auths", source),
    credHelpers: objectOf(credHelpers, "credHelpers", source),
    ...(credsStore !== undefined && credsStore !== null && credsStore !== "" && {
      credsStore: checkHelperName(credsStore, "credsStore", source),
    }),
  };
}

/**
 * The helper that has the credentials of a registry by the config's `credHelpers`, and the key
 * that says so; an empty name says that none has.
 *
 * @throws {CredentialError} When its name is not one.
 */
function helperFor(
  { credHelpers, source }: DockerConfig,
  host: string,
): { key: string; name: string } | undefined {
  const [key] = matchingKeys(Object.keys(credHelpers), { host });
  if (key === undefined) return undefined;
  const name = credHelpers[key];
  if (name === "") return { key, name };
  return { key, name: checkHelperName(name, `credHelpers["${key}"]`, source) };
}

/** Where helpers may have the credentials of a registry. */
export interface Stores {
  /** The helpers, in the order in which they are asked. */
  names: string[];
  /** What they may have it under: its key, and the names that the config has for it. */
  servers: string[];
}

/**
 * Where a config says that helpers have the credentials of a registry: the one in its
 * `credHelpers`, then `credsStore`. An empty name in `credHelpers` takes it out of `credsStore`.
 *
 * @throws {CredentialError} When the name of a helper is not one.
 */
export function storesFor(config: DockerConfig, host: string): Stores {
  const helper = helperFor(config, host);
  const names = helper?.name === "" ? [] : [helper?.name, config.credsStore];
  const servers = [
    canonicalKey(host),
    ...(helper === undefined ? [] : [helper.key]),
    ...matchingKeys(Object.keys(config.auths), { host }),
  ];
  return {
    names: [...new Set(names)].filter((name) => name !== undefined),
    servers: [...new Set(servers)],
  };
}

/**
 * The credentials in an entry of `auths`; `undefined` where there are none in it, as Docker writes
 * it for what a helper has.
 *
 * @throws {CredentialError} When it cannot be read.
 */
export function entryCredential(
  { auths, source }: DockerConfig,
  key: string,
): Credential | undefined {
  const { fail, isText } = failure(source, `auths["${key}"]`);
  const entry = auths[key] ?? {};
  if (!isObject(entry)) throw fail("it is not a JSON object");
  const text = (field: string) => isText(field, entry[field]);
  const credential: Credential = {
    ...decodeAuth(text("auth"), fail) ??
      { username: text("username"), password: text("password") },
    refreshToken: text("identitytoken"),
    accessToken: text("registrytoken"),
  };
  const found = Object.entries(credential).filter(([, value]) => value !== undefined);
  if (found.length === 0) return undefined;
  for (const [field, value] of found) {
    if (CONTROL.test(value)) {
      throw fail(
        `its ${FILE_FIELDS[field] ?? field} holds a line break or another control character`,
        "write it again, without what stands at its end",
      );
    }
  }
  if (credential.password !== undefined && credential.username === undefined) {
    throw fail("it has a password and no user name");
  }
  return Object.fromEntries(found);
}

/** What the file calls the fields whose names are not its own. */
const FILE_FIELDS: Record<string, string> = {
  refreshToken: "identitytoken",
  accessToken: "registrytoken",
};

type Fail = (why: string, remedy?: string) => CredentialError;

/** Reads `auth`: a user name, a colon and a password, in base64. */
function decodeAuth(auth: string | undefined, fail: Fail): Credential | undefined {
  if (auth === undefined) return undefined;
  let text: string;
  try {
    const bytes = Uint8Array.from(atob(auth), (character) => character.charCodeAt(0));
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fail("its auth is not base64 of UTF-8 text");
  }
  const colon = text.indexOf(":");
  if (colon === -1) throw fail("its auth holds no colon between user name and password");
  // Docker takes such zeros away, too: old versions wrote them.
  const password = text.slice(colon + 1).replace(/\0+$/, "");
  return {
    ...(colon > 0 && { username: text.slice(0, colon) }),
    ...(password !== "" && { password }),
  };
}

/** The keys of `auths` for a repository; those of the whole registry alone where none is given. */
export function entryKeys(
  { auths }: DockerConfig,
  target: { host: string; repository?: string },
): { key: string; path: string }[] {
  return matchingKeys(Object.keys(auths), target)
    .map((key) => ({ key, path: configKey(key).path }));
}

function failure(source: string, where?: string): {
  fail: Fail;
  isText(field: string, value: unknown): string | undefined;
} {
  const fail: Fail = (why, remedy = "mend it, or log in again") =>
    new CredentialError(
      `Cannot use ${where === undefined ? source : `${where} of ${source}`}: ${why}; ${remedy}`,
      { source },
    );
  return {
    fail,
    isText(field, value) {
      if (value === undefined || value === null || value === "") return undefined;
      if (typeof value !== "string") throw fail(`its ${field} is not a text`);
      return value;
    },
  };
}

function objectOf(value: unknown, field: string, source: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  throw failure(source).fail(`its ${field} is not a JSON object`);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
