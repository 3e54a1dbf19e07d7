import { InvalidOptionError } from "../../errors.ts";
import type { TokenKey, TokenKeySet } from "./options.ts";

/** How a key signs where it does not say: by its kind, or its kind and curve. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  "EC P-256": "ES256",
  "EC P-384": "ES384",
  "EC P-521": "ES512",
  "OKP Ed25519": "EdDSA",
  "RSA": "RS256",
};

/** What a token may be signed with: distribution's list, less what shares a secret. */
const TRUSTED_ALGORITHMS = [
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
];

/** The public part of a key, by its kind. */
const PUBLIC_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["crv", "x", "y"],
  OKP: ["crv", "x"],
  RSA: ["n", "e"],
};

const PEM_KEY = /^\s*-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\s*$/;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g;

/** What a token says: its claims by name. */
type Claims = Record<string, unknown>;

/** What a token must be, to be believed. */
interface Expected {
  /** Who gave it. */
  issuer: string;
  /** What it is for. */
  audience: string;
  /** What its header says it is: `typ`. */
  type: string;
  /** The time, in milliseconds since 1970. */
  now: number;
}

/** A key that signs. */
interface Signer {
  /** What the header says of it. */
  header: { alg: string; kid: string; x5c?: string[] };
  /** The key for `jose`. */
  key: CryptoKey | Uint8Array;
  /** Its public part. */
  public: TokenKey;
}

/** What finds the key that a token names. */
type KeySet = ReturnType<typeof import("jose")["createLocalJWKSet"]>;

/** The keys that sign and verify. */
export interface TokenKeysOptions {
  /** The private key; without it one is made. */
  key?: string | TokenKey;
  /** Its certificates in PEM. */
  certificates?: string;
  /** Public keys that are trusted too; with these alone nothing is signed. */
  keys?: TokenKeySet;
}

/** Loaded when the first token is signed or verified: a registry without Bearer goes without it. */
function loadJose(): Promise<typeof import("jose")> {
  return import("jose");
}

/**
 * How far clocks may differ for a token to begin, in seconds: distribution's leeway. Its end is not
 * put off.
 */
const CLOCK_TOLERANCE_S = 60;

/**
 * Signs tokens, and verifies them by signature and claims, as distribution's token specification
 * has it.
 *
 * @see https://distribution.github.io/distribution/spec/auth/jwt/
 */
export class TokenKeys {
  readonly #options: TokenKeysOptions;
  #signer: Promise<Signer> | undefined;
  #trusted: Promise<KeySet> | undefined;

  /**
   * The keys of the options.
   *
   * @throws {InvalidOptionError} When one is not of the kind it must be.
   */
  constructor(options: TokenKeysOptions) {
    const { key, certificates, keys } = options;
    if (key !== undefined) checkPrivateKey(key);
    if (certificates !== undefined && (key === undefined || chainOf(certificates).length === 0)) {
      throw badOption("certificates", "be in PEM, and come with 'key'");
    }
    if (keys !== undefined) checkPublicKeys(keys);
    this.#options = options;
  }

  /** Whether tokens can be signed: not where others' are trusted alone. */
  get sign(): boolean {
    return this.#options.key !== undefined || this.#options.keys === undefined;
  }

  /** A token of a type with these claims. */
  async token(type: string, claims: Claims): Promise<string> {
    const { SignJWT } = await loadJose();
    const { header, key } = await this.#signing();
    return await new SignJWT(claims).setProtectedHeader({ typ: type, ...header }).sign(key);
  }

  /** The claims of a token; `undefined` when it is not what is expected, or of no key here. */
  async verify(token: string, { issuer, audience, type, now }: Expected): Promise<
    Claims | undefined
  > {
    const { jwtVerify } = await loadJose();
    const keySet = await this.#trusting();
    const options = {
      issuer,
      audience,
      algorithms: TRUSTED_ALGORITHMS,
      currentDate: new Date(now),
      clockTolerance: CLOCK_TOLERANCE_S,
    };
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keySet, options).catch(
        async (error) => {
          // Its header names no key, and several could have signed it.
          for await (const key of candidatesOf(error)) {
            const verified = await jwtVerify(token, key, options).catch(() => undefined);
            if (verified !== undefined) return verified;
          }
          throw error;
        },
      );
      const { typ } = protectedHeader;
      // Other services leave it out.
      if (typ !== undefined && typ.toLowerCase() !== type.toLowerCase()) return undefined;
      // Not jose's own check, which the tolerance would put off; and a token must have an end.
      return payload.exp !== undefined && payload.exp * 1_000 > now ? payload : undefined;
    } catch {
      return undefined; // the keys have been read: whatever is wrong is wrong with the token
    }
  }

  #signing(): Promise<Signer> {
    return this.#signer ??= readSigner(this.#options);
  }

  /** Kept: it imports each key once, and not for every token. */
  #trusting(): Promise<KeySet> {
    return this.#trusted ??= this.#readTrusted();
  }

  async #readTrusted(): Promise<KeySet> {
    const { createLocalJWKSet } = await loadJose();
    const keys = await Promise.all((this.#options.keys?.keys ?? []).map(publicKey));
    if (this.sign) keys.push((await this.#signing()).public);
    return createLocalJWKSet({ keys });
  }
}

/**
 * Makes a private key for a token service: ES256, with its name. Kept as JSON, it can be shared by
 * several services, and outlive them.
 *
 * @example Two registries that take each other's tokens
 * ```ts
 * import { createRegistry, createTokenKey } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const key = await createTokenKey();
 * const bearer = { key, users: { me: "secret" } };
 * const [first, second] = [createRegistry({ auth: { bearer } }), createRegistry({ auth: { bearer } })];
 * const headers = { authorization: `Basic ${btoa("me:secret")}` };
 * const { token } = await (await first.fetch("http://first.test/token", { headers })).json();
 * const answer = await second.fetch("http://second.test/v2/", {
 *   headers: { authorization: `Bearer ${token}` },
 * });
 * assertEquals(answer.status, 200);
 * ```
 */
export async function createTokenKey(): Promise<TokenKey> {
  const { exportJWK, generateKeyPair } = await loadJose();
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const key = await exportJWK(privateKey) as TokenKey;
  const { kid } = await publicKey(key);
  return { ...key, alg: "ES256", use: "sig", ...(kid !== undefined && { kid }) };
}

/**
 * The public part of a private key as a JWKS: what those need who verify tokens, `keys` of another
 * registry here, and the file that `auth.token.jwks` of distribution names.
 *
 * @throws {InvalidOptionError} When it is no private key in JSON or in PEM (PKCS #8).
 *
 * @example
 * ```ts
 * import { createTokenKey, tokenKeySet } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { keys } = await tokenKeySet(await createTokenKey());
 * assertEquals(Object.keys(keys[0]!).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
 * ```
 */
export async function tokenKeySet(key: string | TokenKey): Promise<TokenKeySet> {
  checkPrivateKey(key);
  return { keys: [(await readSigner({ key })).public] };
}

async function readSigner({ key, certificates }: TokenKeysOptions): Promise<Signer> {
  const { importJWK } = await loadJose();
  const jwk = typeof key === "string" ? await fromPem(key) : key ?? await createTokenKey();
  const shared = await publicKey(jwk);
  const { alg, kid } = shared as { alg: string; kid: string };
  const chain = chainOf(certificates ?? "");
  return {
    header: { alg, kid, ...(chain.length > 0 && { x5c: chain }) },
    key: await importJWK({ ...jwk, alg }).catch((cause) => {
      throw badOption("key", "be a private key that can sign", { cause });
    }),
    public: shared,
  };
}

/** A PEM key says what kind it is in a way that only trying can tell here. */
async function fromPem(pem: string): Promise<TokenKey> {
  const { exportJWK, importPKCS8 } = await loadJose();
  for (const alg of Object.values(ALGORITHMS)) {
    try {
      const key = await importPKCS8(pem, alg, { extractable: true });
      return { ...await exportJWK(key) as TokenKey, alg };
    } catch { /* of another kind */ }
  }
  throw badOption("key", "be an EC, RSA or Ed25519 key");
}

/** What may be known of a key, with its name and its algorithm. */
async function publicKey(key: TokenKey): Promise<TokenKey> {
  const shared: TokenKey = { kty: key.kty };
  for (const name of PUBLIC_PARAMETERS[key.kty] ?? []) shared[name] = key[name];
  try {
    const kid = key.kid ?? await keyName(shared);
    return { ...shared, kid, alg: algorithmOf(key)!, use: "sig" };
  } catch (cause) {
    throw badOption("key", `have all that its kind has: ${PUBLIC_PARAMETERS[key.kty]}`, { cause });
  }
}

/**
 * The name of a key that has none: its thumbprint (RFC 7638), but as distribution 3 reckons it of a
 * certificate, without the zeros at the start of an EC key's coordinates. One key in 128 has some.
 *
 * @see https://github.com/distribution/distribution/blob/v3.1.2/registry/auth/token/util.go#L72
 */
export async function keyName(key: TokenKey): Promise<string> {
  const { base64url, calculateJwkThumbprint } = await loadJose();
  if (key.kty !== "EC") return await calculateJwkThumbprint(key);
  const short = (text: unknown) => {
    const octets = base64url.decode(text as string);
    return base64url.encode(octets.subarray(octets.findIndex((octet) => octet !== 0)));
  };
  return await calculateJwkThumbprint({ ...key, x: short(key["x"]), y: short(key["y"]) });
}

function algorithmOf({ kty, crv, alg }: TokenKey): string | undefined {
  return alg ?? ALGORITHMS[kty] ?? ALGORITHMS[`${kty} ${crv}`];
}

function checkPrivateKey(key: string | TokenKey): void {
  const fine = typeof key === "string" ? PEM_KEY.test(key) : isKey(key) && key["d"] !== undefined;
  if (!fine) throw badOption("key", "be a private key in JSON, or in PEM as PKCS #8");
}

function checkPublicKeys({ keys }: TokenKeySet): void {
  if (Array.isArray(keys) && keys.length > 0 && keys.every(isKey)) return;
  throw badOption("keys", "be public keys in JSON: EC, OKP or RSA");
}

/** A shared secret is none: who can verify with it can sign. */
function isKey(key: TokenKey): boolean {
  if (typeof key !== "object" || key === null) return false;
  const alg = algorithmOf(key);
  return Object.hasOwn(PUBLIC_PARAMETERS, key.kty) && alg !== undefined &&
    TRUSTED_ALGORITHMS.includes(alg);
}

/** The keys of an error of `jose` that found more than one. */
function candidatesOf(error: unknown): AsyncIterable<CryptoKey> | [] {
  const { code } = error as { code?: unknown };
  return code === "ERR_JWKS_MULTIPLE_MATCHING_KEYS" ? error as AsyncIterable<CryptoKey> : [];
}

/** The certificates as tokens have them: DER in base64. */
function chainOf(certificates: string): string[] {
  return [...certificates.matchAll(PEM_CERTIFICATE)].map(([, text]) => text!.replace(/\s+/g, ""));
}

function badOption(name: string, must: string, options?: ErrorOptions): InvalidOptionError {
  return new InvalidOptionError(
    `Cannot use the keys of tokens as '${name}' must ${must}`,
    options,
  );
}
