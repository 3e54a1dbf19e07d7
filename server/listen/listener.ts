/** A server of one runtime. */
export interface Listener {
  /** The port. */
  readonly port: number;
  /** Resolves when it has ended. */
  readonly finished: Promise<void>;
  /** Takes no more requests, and ends when those that run have been answered. */
  shutdown(): void;
  /** Ends at once. */
  abort(): void;
}

/** What a server needs for HTTPS, in PEM. */
export interface Tls {
  /** The certificate, and those that it was signed with. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}
