/** What a proxy that could not be used is thrown as, before anybody knows what it was needed for. */
export class ProxyFailure extends Error {
  /** The proxy's host. */
  readonly host: string;
  /** The status it answered with, where it answered. */
  readonly status: number | undefined;

  /** Says in `message` what is wrong with the proxy. */
  constructor(message: string, options: ErrorOptions & { host: string; status?: number }) {
    super(message, options);
    this.host = options.host;
    this.status = options.status;
  }
}
