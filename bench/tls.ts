/** A registry's data once more, over TLS: the programs trust its certificate by their environment. */
import { selfSigned } from "../tests/peers/certificate.ts";
import { startChild } from "../tests/peers/child.ts";
import { neededPeer } from "../tests/peers/locate.ts";
import type { Registry } from "../tests/peers/registries.ts";

const START_LIMIT_MS = 20_000;

interface TlsRegistry {
  /** Where it is, without a scheme. */
  host: string;
  /** What makes Deno, Node, Bun and Go's programs trust it. */
  env: Record<string, string>;
  /** Ends it; the data stays. */
  stop(): Promise<void>;
}

/** Serves what a distribution has over TLS too. */
export async function serveByTls({ folder }: Registry): Promise<TlsRegistry> {
  const { pem, keyPem } = await selfSigned();
  const [certificate, key, file] = ["cert.pem", "key.pem", "tls.yml"].map((name) =>
    `${folder}/${name}`
  ) as [string, string, string];
  await Deno.writeTextFile(certificate, pem);
  await Deno.writeTextFile(key, keyPem);
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      version: 0.1,
      log: { level: "info", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: `${folder}/data` } },
      http: { addr: "127.0.0.1:0", secret: "davit", tls: { certificate, key } },
    }),
  );
  const child = startChild(neededPeer("distribution"), ["serve", file], { cwd: folder });
  const [, port] = await child.said(/listening on 127\.0\.0\.1:(\d+)/, START_LIMIT_MS);
  return {
    host: `localhost:${port}`,
    env: { DENO_CERT: certificate, NODE_EXTRA_CA_CERTS: certificate, SSL_CERT_FILE: certificate },
    stop: child.kill,
  };
}
