import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { InvalidOptionError } from "../../errors.ts";
import { loadHash } from "../../content/web_hasher.ts";
import { runtimeName } from "../../runtime/builtin.ts";
import { answerPages, type CorsOptions } from "./cors.ts";
import { listenDeno } from "./listen_deno.ts";
import type { Tls } from "./listener.ts";
import { listenNode } from "./listen_node.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /**
   * The address to listen on: only this machine's own unless said otherwise.
   * @default {"127.0.0.1"}
   */
  hostname?: string;
  /**
   * The port; 0 for a free one.
   * @default {0}
   */
  port?: number;
  /** The certificate and its key, in PEM, for HTTPS. Without it the server speaks plain HTTP. */
  tls?: {
    /** The certificate, and those that it was signed with, its own first. */
    cert: string;
    /** The private key. */
    key: string;
  };
  /**
   * Which web pages may use the registry from a browser: `true` for all.
   * @default {none}
   */
  cors?: true | CorsOptions;
  /** Ends the server at once, and what it is doing with it. */
  signal?: AbortSignal;
  /** Called once it listens. */
  onListen?: (server: ServedRegistry) => void;
  /**
   * How long `close` lets running requests go on, in milliseconds.
   * @default {5000}
   */
  grace?: number;
}

const SERVE_OPTIONS: OptionNames<ServeOptions> = names(
  "hostname port tls cors signal onListen grace",
);

/** A server that listens. */
export interface ServedRegistry {
  /** Where clients reach it: `http://127.0.0.1:40123`, with `https` where there is a certificate. */
  readonly url: string;
  /** The address it listens on. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
  /** Takes no more requests, lets those that run go on for the grace period, and ends. */
  close(): Promise<void>;
}

/** Anything that answers requests: a registry, what wraps its `fetch`, a token service. */
export interface RequestHandler {
  /** Answers a request. */
  fetch(request: Request): Promise<Response>;
}

/** Why nothing listens, by Node's codes and the names of Deno's errors. */
const LISTEN_FAILURES: readonly [names: readonly string[], why: string][] = [
  [["EADDRINUSE", "AddrInUse"], "is taken by another program"],
  [["EACCES", "EPERM", "PermissionDenied"], "needs rights that this user does not have"],
  [
    ["EADDRNOTAVAIL", "AddrNotAvailable", "ENOTFOUND", "EAI_AGAIN", "EINVAL"],
    "cannot be had: 'hostname' is no address of this machine",
  ],
];

/** Long enough to finish a blob on a local network, short enough for a test to end. */
const GRACE_MS = 5_000;

/**
 * Serves a registry over HTTP with `node:http`, and over HTTPS on Deno with its own server.
 *
 * Plain HTTP goes by `node:http` on Deno too: `Deno.serve` (2.9) answers 400 to a request with
 * `Upgrade` and `Content-Length`, before any program sees it, and the first request of every Java
 * client is one (`Upgrade: h2c`). Large blobs take as long either way.
 *
 * @throws {InvalidOptionError} When the runtime can do neither, or an option is not what it must be.
 *
 * @example
 * ```ts
 * import { createRegistry, serve } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const server = await serve(createRegistry());
 * const response = await fetch(new URL("/v2/", server.url));
 * assertEquals(await response.text(), "{}");
 * await server.close();
 * ```
 */
export async function serve(
  registry: RequestHandler,
  options: ServeOptions = {},
): Promise<ServedRegistry> {
  checkArgument("registry", registry, "handler");
  checkOptions(options, SERVE_OPTIONS);
  const { hostname = "127.0.0.1", port = 0, signal, onListen, grace = GRACE_MS, tls } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidOptionError(
      `Cannot serve as 'port' must be an integer from 0 to 65535: current value is ${port}`,
    );
  }
  if (tls !== undefined) checkTls(tls);
  signal?.throwIfAborted();
  const pages = options.cors && answerPages(options.cors);
  const answer = (request: Request) => registry.fetch(request);
  const handler = pages ? (request: Request) => pages(request, () => answer(request)) : answer;
  const isDeno = runtimeName() === "deno";
  if (isDeno) loadHash(); // now, and not while the first client waits
  const listen = isDeno && tls !== undefined ? listenDeno : listenNode;
  const listener = await listen(handler, hostname, port, tls).catch((cause) => {
    const why = LISTEN_FAILURES.find(([names]) => names.includes(cause?.code ?? cause?.name))?.[1];
    if (why === undefined) throw cause;
    throw new InvalidOptionError(`Cannot serve as 'port' ${port} of ${hostname} ${why}`, { cause });
  });

  const abort = () => listener.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const finished = listener.finished.finally(() => signal?.removeEventListener("abort", abort));

  async function close(): Promise<void> {
    listener.shutdown();
    const timer = setTimeout(abort, grace);
    await finished.finally(() => clearTimeout(timer));
  }

  const url = `${tls === undefined ? "http" : "https"}://${reachable(hostname)}:${listener.port}`;
  const served = { url, hostname, port: listener.port, finished, close };
  onListen?.(served);
  return served;
}

function checkTls({ cert, key }: Tls): void {
  const fine = /-----BEGIN CERTIFICATE-----/.test(cert) && /-----BEGIN [A-Z ]*KEY-----/.test(key);
  if (fine) return;
  throw new InvalidOptionError("Cannot serve as 'tls' must hold a certificate and a key in PEM");
}

/** The address that a client on this machine uses. */
function reachable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
