/**
 * Certificates (X.509 version 3, ECDSA P-256 with SHA-256), self-signed or not, in a few lines of DER:
 * the registries' token authentication takes its trust from one, TLS too, and Deno has none to give.
 */
import { encodeBase64 } from "@std/encoding/base64";

type Octets = Uint8Array<ArrayBuffer>;

/** A certificate with its keys. */
export interface Certificate {
  /** Its subject. */
  commonName: string;
  /** The keys; the private one signs tokens (ES256). */
  keys: CryptoKeyPair;
  /** The certificate in DER, in base64 as the `x5c` header has it. */
  x5c: string;
  /** The certificate in PEM. */
  pem: string;
  /** The private key in PEM (PKCS #8). */
  keyPem: string;
}

/** How long before and after now it is valid: clocks differ, and tests are short. */
const VALID_MS = 24 * 60 * 60_000;

// Object identifiers in DER, content only: RFC 5758 (3.2), RFC 5280 (4.1.2.4, 4.2.1.6, 4.2.1.9).
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];

/** What a certificate says. */
export interface CertificateOptions {
  /** Its subject. @default {"davit tests"} */
  commonName?: string;
  /** Whose key signs it. @default {its own} */
  issuer?: Certificate;
  /** The host names it is for. @default {["localhost"]} */
  names?: string[];
  /** Whether it is for 127.0.0.1 too. @default {true} */
  loopback?: boolean;
  /** Until when it is valid, in milliseconds since 1970. @default {a day from now} */
  notAfter?: number;
  /** Whether others may be signed with its key. @default {false} */
  authority?: boolean;
}

/** Makes a certificate for `localhost` and `127.0.0.1`. */
export async function selfSigned(commonName = "davit tests"): Promise<Certificate> {
  return await makeCertificate({ commonName });
}

/** Makes a certificate, signed by its own key or by another one's. */
export async function makeCertificate(options: CertificateOptions = {}): Promise<Certificate> {
  const { commonName = "davit tests", issuer } = options;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  const body = certificateBody({ ...options, commonName }, spki);
  const hash = { name: "ECDSA", hash: "SHA-256" };
  const signing = (issuer?.keys ?? keys).privateKey;
  const raw = new Uint8Array(await crypto.subtle.sign(hash, signing, body));
  const certificate = sequence(body, ecdsaWithSha256(), bitString(ecdsaSignature(raw)));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    commonName,
    keys,
    x5c: encodeBase64(certificate),
    pem: pem("CERTIFICATE", certificate),
    keyPem: pem("PRIVATE KEY", pkcs8),
  };
}

function certificateBody(options: CertificateOptions, spki: Octets): Octets {
  const { commonName = "", issuer, names = ["localhost"], loopback = true } = options;
  const now = Date.now();
  const { notAfter = now + VALID_MS, authority = false } = options;
  const serial = crypto.getRandomValues(new Uint8Array(8));
  serial[0] = 0x40 | (serial[0]! & 0x3f); // positive, and of full length
  const validity = sequence(utcTime(Math.min(now, notAfter) - VALID_MS), utcTime(notAfter));
  const hosts = names.map((name) => der(0x82, new TextEncoder().encode(name)));
  const addresses = loopback ? [der(0x87, octets([127, 0, 0, 1]))] : [];
  const extensions = [extension(SUBJECT_ALT_NAME, sequence(...hosts, ...addresses))];
  if (authority) extensions.push(extension(BASIC_CONSTRAINTS, sequence(der(0x01, octets([0xff])))));
  return sequence(
    der(0xa0, der(0x02, octets([2]))), // version 3
    der(0x02, serial),
    ecdsaWithSha256(),
    distinguishedName(issuer?.commonName ?? commonName),
    validity,
    distinguishedName(commonName),
    spki,
    der(0xa3, sequence(...extensions)),
  );
}

function distinguishedName(commonName: string): Octets {
  return sequence(der(0x31, sequence(der(0x06, octets(COMMON_NAME)), utf8(commonName))));
}

function extension(identifier: number[], content: Octets): Octets {
  return sequence(der(0x06, octets(identifier)), der(0x04, content));
}

function ecdsaWithSha256(): Octets {
  return sequence(der(0x06, octets(ECDSA_WITH_SHA256)));
}

/** WebCrypto answers r and s side by side; certificates have them as two integers. */
function ecdsaSignature(raw: Octets): Octets {
  return sequence(unsigned(raw.subarray(0, 32)), unsigned(raw.subarray(32)));
}

function unsigned(bytes: Octets): Octets {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const rest = bytes.subarray(start);
  return der(0x02, rest[0]! < 0x80 ? rest : octets([0, ...rest]));
}

function utcTime(milliseconds: number): Octets {
  const text = new Date(milliseconds).toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  return der(0x17, new TextEncoder().encode(text.slice(2)));
}

function utf8(text: string): Octets {
  return der(0x0c, new TextEncoder().encode(text));
}

function bitString(content: Octets): Octets {
  return der(0x03, octets([0, ...content]));
}

function sequence(...parts: Octets[]): Octets {
  return der(0x30, octets(parts.flatMap((part) => [...part])));
}

function der(tag: number, content: Octets): Octets {
  const { length } = content;
  if (length < 0x80) return octets([tag, length, ...content]);
  if (length < 0x100) return octets([tag, 0x81, length, ...content]);
  return octets([tag, 0x82, length >> 8, length & 0xff, ...content]);
}

function octets(values: number[]): Octets {
  return new Uint8Array(values);
}

function pem(label: string, content: Octets): string {
  const lines = encodeBase64(content).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
