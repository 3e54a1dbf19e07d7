import { assertEquals, assertStringIncludes } from "@std/assert";
import { certificateAdvice } from "./certificate_advice.ts";

function coded(code: string, message = "no"): Error {
  return Object.assign(new Error(message), { code });
}

const SAID: [who: string, error: Error, advice: string | undefined][] = [
  ["Node", coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), 'hosts["a.test"].ca'],
  ["Node", coded("DEPTH_ZERO_SELF_SIGNED_CERT"), 'hosts["a.test"].ca'],
  ["Node", coded("SELF_SIGNED_CERT_IN_CHAIN"), 'hosts["a.test"].ca'],
  ["Node", coded("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), 'hosts["a.test"].ca'],
  ["Node", coded("CERT_HAS_EXPIRED"), "has expired"],
  ["Node", coded("CERT_NOT_YET_VALID"), "clock is wrong"],
  ["Node", coded("ERR_TLS_CERT_ALTNAME_INVALID"), "is for another host"],
  ["Node", coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), 'hosts["a.test"].cert'],
  ["Node", coded("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), 'hosts["a.test"].cert'],
  ["Deno", new Error("invalid peer certificate: UnknownIssuer"), 'hosts["a.test"].ca'],
  [
    "Deno",
    new Error("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"),
    "make it anew with CA:FALSE",
  ],
  ["Deno", new Error("invalid peer certificate: Expired"), "has expired"],
  ["Deno", new Error("invalid peer certificate: certificate expired: verified at"), "has expired"],
  ["Deno", new Error("invalid peer certificate: NotValidForName"), "is for another host"],
  [
    "Deno",
    new Error('invalid peer certificate: certificate not valid for name "a.test"'),
    "is for another host",
  ],
  ["Deno", new Error("received fatal alert: CertificateRequired"), "wants a client certificate"],
  ["Bun", new Error("unable to verify the first certificate"), 'hosts["a.test"].ca'],
  ["nobody", coded("ECONNRESET", "socket hang up"), undefined],
  ["nobody", coded("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1"), undefined],
];

for (const [who, error, advice] of SAID) {
  const { code = "" } = error as { code?: string };
  Deno.test(`certificateAdvice: ${who} says ${code || error.message}`, () => {
    const said = certificateAdvice("a.test", [new TypeError("fetch failed"), error]);
    if (advice === undefined) assertEquals(said, undefined);
    else assertStringIncludes(String(said), advice);
  });
}
