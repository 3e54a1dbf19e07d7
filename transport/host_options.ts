import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { InvalidOptionError } from "../errors.ts";
import type { MirrorOptions } from "./mirror_options.ts";
import { checkMirrors } from "./mirror_options.ts";
import { type ProxyOptions, proxyServers } from "./proxy_options.ts";
import { checkFields } from "./header_fields.ts";

/**
 * What is special about one host. Nothing of it is used for another host: storage that a registry
 * redirects to has an entry of its own, or none.
 *
 * @example A registry with a certificate authority of its own, through a proxy, behind a mirror
 * ```ts
 * import { type HostOptions, RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const ca = "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n";
 * const registry: HostOptions = {
 *   ca,
 *   proxy: "http://proxy.example.com:3128",
 *   mirrors: [{ url: "https://mirror.example.com/cache" }],
 * };
 * const client = new RegistryClientV2({
 *   name: "registry.example.com/app",
 *   hosts: { "registry.example.com": registry, "mirror.example.com": { ca } },
 * });
 *
 * assertEquals(client.origin, "https://registry.example.com");
 * ```
 */
export interface HostOptions {
  /** Whether it speaks plain HTTP; for a registry whose name gives no scheme. @default {false} */
  plainHttp?: boolean;
  /** Whether its TLS certificate goes unchecked; on Deno, Node and Bun. @default {false} */
  insecure?: boolean;
  /**
   * Certificates, PEM texts, that are trusted beside those which the runtime trusts anyhow; on Deno,
   * Node and Bun.
   * @default {none}
   */
  ca?: string | string[];
  /**
   * The certificate that it is shown of the client, a PEM text with its chain after it; on Deno, Node
   * and Bun. On Deno through a proxy, only `--allow-sys` lets the runtime's own authorities count.
   * @default {none}
   */
  cert?: string;
  /** The key of `cert`, a PEM text that is not encrypted. */
  key?: string;
  /**
   * The proxy for it, `"http://user:password@proxy:3128"`, or `false` for none; the client's `proxy`
   * and its `noProxy` then do not matter.
   * @default {the client's `proxy`}
   */
  proxy?: string | ProxyOptions | false;
  /**
   * Where manifests and blobs are pulled from before the registry is asked, in order; where it is the
   * registry. What fails at one is asked of the next, once, and so is a manifest with other bytes
   * than its digest says. A blob that turns out wrong as it is read ends the call.
   *
   * Whatever writes or deletes goes to the registry, and so do lists of tags and referrers, a HEAD by
   * digest (what a mirror has says nothing of the registry), and everything about a repository that
   * this client has written to.
   * @default {none}
   */
  mirrors?: readonly MirrorOptions[];
  /** Headers that every request to it carries, and no request to another host. @default {none} */
  headers?: Record<string, string>;
  /**
   * Maximum concurrent requests to it, where it is the registry or a mirror; streaming uploads have a
   * pool of their own.
   * @default {the client's `maxConcurrency`; 64 at a mirror}
   */
  maxConcurrency?: number;
}

const HOST_OPTIONS: OptionNames<HostOptions> = names(
  "ca cert key proxy maxConcurrency",
  { headers: "an object", mirrors: "a list", plainHttp: "a boolean", insecure: "a boolean" },
);

/**
 * Options by host: `ghcr.io`, `registry.example.com:5000`; `docker.io` for Docker Hub.
 */
export type HostsOptions = Readonly<Record<string, HostOptions>>;

/** Headers that have an option of their own, or belong to one request. */
const OWNED = ["authorization", "cookie", "content-length", "host"];

/**
 * Checks options by host.
 *
 * @throws {InvalidOptionError} When a key is not a host, or something of its options cannot be used.
 */
export function checkHosts(hosts: HostsOptions): void {
  for (const [host, settings = {}] of Object.entries(hosts)) {
    if (!URL.canParse(`https://${host}`) || new URL(`https://${host}`).host !== host) {
      throw new InvalidOptionError(
        `Cannot use 'hosts' as each key must be a host, with its port where it has one: ` +
          `current value is ${JSON.stringify(host.replace(/^.*@/s, "…@"))}`,
      );
    }
    const entry = `hosts[${JSON.stringify(host)}]`;
    checkOptions(settings, HOST_OPTIONS, entry);
    const { headers = {} } = settings;
    for (const name of Object.keys(headers)) {
      if (!OWNED.includes(name.toLowerCase())) continue;
      throw new InvalidOptionError(
        `Cannot use 'hosts' as ${name} is not a header for it: ${host} gets credentials by ` +
          `'credentials'`,
      );
    }
    checkFields(`${entry}.headers`, headers);
    checkCertificates(entry, settings);
    checkMirrors(`${entry}.mirrors`, settings.mirrors ?? []);
    if (settings.proxy !== undefined) proxyServers(`${entry}.proxy`, settings.proxy);
  }
}

/** PEM texts of each option: some runtimes pass over in silence what is none. */
function checkCertificates(entry: string, { ca = [], cert, key }: HostOptions): void {
  for (const text of [ca, cert ?? []].flat()) {
    if (isPem(text, "CERTIFICATE")) continue;
    throw new InvalidOptionError(
      `Cannot use ${entry}.${
        text === cert ? "cert" : "ca"
      } as it must be a certificate in PEM: it has no ` +
        `"BEGIN CERTIFICATE"`,
    );
  }
  if (key !== undefined && !isPem(key, "(?:RSA |EC )?PRIVATE KEY")) {
    throw new InvalidOptionError(
      `Cannot use ${entry}.key as it must be an unencrypted key in PEM: it has no ` +
        `"BEGIN PRIVATE KEY"`,
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? "cert" : "key";
    throw new InvalidOptionError(
      `Cannot use a client certificate as 'cert' and 'key' belong together: ${entry}.${missing} is ` +
        `missing`,
    );
  }
}

function isPem(text: unknown, label: string): boolean {
  return typeof text === "string" &&
    new RegExp(`-----BEGIN ${label}-----[^]+-----END ${label}-----`).test(text);
}
