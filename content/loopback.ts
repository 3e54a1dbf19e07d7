/**
 * Whether a host, with or without a port, is this machine: `localhost` and every name below it,
 * `127.0.0.0/8`, `[::1]`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6761#section-6.3
 */
export function isLoopback(host: string): boolean {
  return /^(?:(?:[^\s:/@]+\.)?localhost\.?|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host) ||
    host === "::1";
}
