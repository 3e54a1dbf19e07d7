import { InvalidOptionError } from "../errors.ts";
import { builtin, runtimeName } from "./builtin.ts";

/** What TLS to one host is made with: all of it PEM texts. */
export interface TlsSettings {
  /** Certificates that are trusted beside the machine's own. */
  ca?: readonly string[];
  /** The client's certificate, its chain after it. */
  cert?: string;
  /** The key of the client's certificate. */
  key?: string;
}

interface Tls {
  rootCertificates: readonly string[];
  getCACertificates?(type: "default"): string[];
  createSecureContext(options: object): unknown;
}

interface DenoTls {
  createHttpClient(options: { caCerts?: string[]; cert?: string; key?: string }): DenoClient;
  permissions: { querySync(asked: { name: "sys"; kind: "ca" }): { state: string } };
}

/** A `Deno.HttpClient`. */
export interface DenoClient {
  /** Ends its idle connections. */
  close(): void;
}

/**
 * Certificates for `node:tls`, which trusts what it is given instead of the machine's own. On Deno
 * those can be read with `--allow-sys` alone: without it, only what is given is trusted.
 */
export function withSystemRoots(ca: readonly string[]): string[] {
  const tls = builtin<Tls>("tls")!;
  if (runtimeName() === "deno" && !mayReadRoots()) return [...ca];
  return [...(tls.getCACertificates?.("default") ?? tls.rootCertificates), ...ca];
}

function mayReadRoots(): boolean {
  const { Deno } = globalThis as unknown as { Deno: DenoTls };
  return Deno.permissions.querySync({ name: "sys", kind: "ca" }).state === "granted";
}

/**
 * Looks whether a host's certificates can be used, before a connection is made with them.
 *
 * @throws {InvalidOptionError} When they cannot be read, or the key is not the certificate's.
 */
export function checkTls(host: string, settings: TlsSettings): void {
  try {
    if (runtimeName() === "deno") denoClient(settings).close();
    else builtin<Tls>("tls")!.createSecureContext(settings);
  } catch (cause) {
    throw new InvalidOptionError(
      `Cannot use the certificates of hosts[${JSON.stringify(host)}]: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Connections of Deno's `fetch` with certificates of their own; the caller closes it. */
export function denoClient({ ca, cert, key }: TlsSettings): DenoClient {
  const { Deno } = globalThis as unknown as { Deno: DenoTls };
  return Deno.createHttpClient({
    ...(ca !== undefined && { caCerts: [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}
