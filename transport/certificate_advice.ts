/** What is wrong with a certificate. */
type Fault = "authority" | "client" | "expired" | "name" | "untrusted";

/**
 * How the runtimes say so: OpenSSL's codes in Node and in `node:tls` everywhere, rustls' words in
 * Deno's `fetch` and connections, BoringSSL's words in Bun.
 */
const SAID: readonly [Fault, RegExp][] = [
  ["authority", /CaUsedAsEndEntity/], // what "openssl req -x509" makes; rustls alone minds
  [
    "client",
    /CertificateRequired|CERTIFICATE_REQUIRED|certificate required|_ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE)/i,
  ],
  [
    "expired",
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate (?:has )?expired|not (?:yet )?valid yet|invalid peer certificate: (?:Expired|NotValidYet)/i,
  ],
  ["name", /ALTNAME_INVALID|HOSTNAME_MISMATCH|not valid for (?:any )?name|NotValidForName/i],
  [
    "untrusted",
    /UNABLE_TO_(?:VERIFY|GET)|SELF_SIGNED|CERT_(?:UNTRUSTED|REJECTED|REVOKED|SIGNATURE_FAILURE|CHAIN_TOO_LONG)|INVALID_(?:CA|PURPOSE)|invalid peer certificate|self.signed certificate|unable to (?:verify|get)|unknown certificate verification/i,
  ],
];

/**
 * What to do about a certificate that ended an exchange; `undefined` where something else did.
 * `causes` are the error and what caused it, `place` the host with its port.
 */
export function certificateAdvice(
  host: string,
  causes: readonly Error[],
  place: string = host,
): string | undefined {
  const said = causes.map((error) => `${(error as { code?: string }).code} ${error.message}`);
  const fault = SAID.find(([, words]) => said.some((text) => words.test(text)))?.[0];
  if (fault === undefined) return undefined;
  const entry = `hosts[${JSON.stringify(host)}]`;
  switch (fault) {
    case "authority":
      return `the certificate of ${place} is marked as an authority's (CA:TRUE), and so is no ` +
        `server's to this runtime: make it anew with CA:FALSE; ${entry}.insecure leaves it unchecked`;
    case "client":
      return `${place} wants a client certificate that it trusts: give one as ${entry}.cert and .key`;
    case "expired":
      return `the certificate of ${place} has expired, or this machine's clock is wrong; ` +
        `${entry}.insecure leaves it unchecked`;
    case "name":
      return `the certificate of ${place} is for another host; ${entry}.insecure leaves it unchecked`;
    case "untrusted":
      return `the certificate of ${place} is not trusted: give the one that signed it as ` +
        `${entry}.ca; ${entry}.insecure leaves it unchecked`;
  }
}
