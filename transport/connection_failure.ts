import { type ApiError, CertificateError, NetworkError, ProxyError } from "../errors.ts";
import { ProxyFailure } from "../runtime/proxy_failure.ts";
import { certificateAdvice } from "./certificate_advice.ts";
import { describe, type FailedRequest, MAX_CAUSES, sendFailure } from "./send_failure.ts";

/**
 * The error of a broken exchange where the runtime says more than that the network failed, on Deno,
 * Node and Bun: a certificate that is not trusted stays so, which no retry mends; a proxy has an
 * error of its own.
 */
export function connectionFailure(request: FailedRequest, error: unknown): ApiError {
  const failure = sendFailure(request, error);
  if (failure === error || !(failure instanceof NetworkError)) return failure;
  const { cause } = failure; // without the URL
  if (error instanceof ProxyFailure) return proxyFailure(request, error, cause);
  const { host, protocol } = request.url;
  const advice = protocol === "https:" && certificateAdvice(host, causesOf(cause));
  if (!advice) return failure;
  return new CertificateError(`Cannot ${request.what}: ${advice} (${describe(cause)})`, {
    cause,
    host,
  });
}

function proxyFailure(
  request: FailedRequest,
  { host, status }: ProxyFailure,
  cause: unknown,
): ProxyError {
  const login = status !== 407 ? "" : ". Give it a user name and password it takes: " +
    "'proxy' as http://user:password@host:port";
  return new ProxyError(
    `Cannot ${request.what}: the proxy ${host} cannot be used: ${describe(cause)}${login}`,
    { cause, proxy: host, ...(status !== undefined && { statusCode: status }) },
  );
}

/** An error and what caused it, as far as that is looked at. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let at = error; at instanceof Error && causes.length < MAX_CAUSES; at = at.cause) {
    causes.push(at);
  }
  return causes;
}
