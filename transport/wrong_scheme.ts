import { WrongSchemeError } from "../errors.ts";
import type { HostPurpose } from "./channel.ts";
import { type FailedRequest, hostAndPort } from "./send_failure.ts";

/** What servers of TLS answer to plain HTTP, with 400: Go's, nginx and load balancers, Apache, Tomcat. */
const WANTS_TLS = /HTTP request (?:was sent )?to (?:an )?HTTPS|plain HTTP to an SSL|requires TLS/i;

/** These words come first in an answer. */
const START_BYTES = 1_024;

/** Whether an answer says that the host wants TLS. */
export function wantsTls(body: Uint8Array): boolean {
  return WANTS_TLS.test(new TextDecoder().decode(body.subarray(0, START_BYTES)));
}

/** The error of a request by https to a host that does not speak TLS, or by http to one that does. */
export function wrongScheme(
  { url, what, purpose = "registry" }: FailedRequest,
  cause?: unknown,
): WrongSchemeError {
  const { host, protocol } = url;
  const scheme = protocol === "https:" ? "https" : "http";
  const place = hostAndPort(url);
  const found = scheme === "https"
    ? `${place} does not speak TLS (https): it is a server of plain http, as a rule`
    : `${place} speaks TLS (https), and was asked by plain http`;
  return new WrongSchemeError(`Cannot ${what}: ${found}. ${remedy(host, scheme, purpose)}`, {
    host,
    scheme,
    ...(cause !== undefined && { cause }),
  });
}

/** Where the scheme is set: a registry's name often has none. */
function remedy(host: string, scheme: "http" | "https", purpose: HostPurpose): string {
  const option = `hosts[${JSON.stringify(host)}].plainHttp`;
  switch (purpose) {
    case "registry":
      return scheme === "https"
        ? `Set ${option}, or write http:// in front of the registry's name`
        : `Write https:// in front of the registry's name, and leave ${option} out`;
    case "mirror":
      return `Its url in 'mirrors' begins with the wrong scheme`;
    default:
      return "It was named so by the registry";
  }
}
