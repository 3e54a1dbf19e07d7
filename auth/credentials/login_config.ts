import { encodeBase64 } from "../../content/base64.ts";
import { encodeText } from "../../content/bytes.ts";
import type { Credential } from "../credential.ts";
import { parseConfigObject, parseDockerConfig } from "./docker_config.ts";
import { canonicalKey, DOCKER_HUB, matchingKeys, WEB_LOGIN_KEYS } from "./config_keys.ts";

/** A config without anything in it, as Docker writes one. */
const NEW_CONFIG = '{\n\t"auths": {}\n}\n';

/**
 * A config's text with an entry for a registry in its `auths`, in place of all that were for the
 * same registry; what else it holds, its order and its indentation stay.
 *
 * @throws {CredentialError} When the text is not a config.
 */
export function withEntry(
  text: string | undefined,
  host: string,
  entry: Record<string, string>,
  source: string,
): string {
  return changed(text ?? NEW_CONFIG, source, (auths) => {
    const key = canonicalKey(host);
    for (const other of matchingKeys(Object.keys(auths), { host })) {
      if (other !== key) delete auths[other];
    }
    auths[key] = entry;
  });
}

/**
 * A config's text without a registry's entries; `undefined` where it has none.
 *
 * @throws {CredentialError} When the text is not a config.
 */
export function withoutEntry(
  text: string | undefined,
  host: string,
  source: string,
): string | undefined {
  if (text === undefined) return undefined;
  if (keysOf(parseDockerConfig(text, source).auths, host).length === 0) return undefined;
  return changed(text, source, (auths) => {
    for (const key of keysOf(auths, host)) delete auths[key];
  });
}

/** The keys of `auths` that go with a registry's login; podman's for parts of it stay. */
function keysOf(auths: Record<string, unknown>, host: string): string[] {
  const keys = Object.keys(auths);
  const webLogin = host === DOCKER_HUB ? keys.filter((key) => WEB_LOGIN_KEYS.includes(key)) : [];
  return [...matchingKeys(keys, { host }), ...webLogin];
}

/** The entry of `auths` that holds credentials. */
export function entryOf(credential: Credential): Record<string, string> {
  const { username, password = "", refreshToken, accessToken } = credential;
  // As Docker does: a password beside an identity token is not kept.
  const secret = refreshToken === undefined ? password : "";
  return {
    ...(username !== undefined && { auth: encodeBase64(encodeText(`${username}:${secret}`)) }),
    ...(refreshToken !== undefined && { identitytoken: refreshToken }),
    ...(accessToken !== undefined && { registrytoken: accessToken }),
  };
}

function changed(
  text: string,
  source: string,
  change: (auths: Record<string, unknown>) => void,
): string {
  parseDockerConfig(text, source); // a broken config stays as it is
  const config = parseConfigObject(text, source);
  const auths = (config.auths ?? {}) as Record<string, unknown>;
  change(auths);
  config.auths = auths;
  const indentation = /[{,]\r?\n([ \t]+)"/.exec(text)?.[1] ?? "";
  const end = /\r?\n$/.exec(text)?.[0] ?? "";
  const written = JSON.stringify(config, undefined, indentation) + end;
  return text.includes("\r\n") ? written.replace(/\r?\n/g, "\r\n") : written;
}
