import { checkArgument } from "../../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { HttpError } from "../../errors.ts";
import { looksLikeHost, parseRegistry, registryOrigin } from "../../reference/registry.ts";
import { openConnection } from "../../registry_channel.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  credentialsOf,
} from "../../registry_client_options.ts";
import type { Channel } from "../../transport/channel.ts";
import { sendExpecting } from "../../transport/expect.ts";
import { headerFields } from "../../transport/header_fields.ts";
import { type CallOptions, listenedChannel } from "./answers.ts";
import { isDomain, Ref } from "./ref.ts";
import { RepoV2 } from "./repo.ts";
import { ResError } from "./res_error.ts";
import { type Req, request } from "./result.ts";

/** Options of {@linkcode ClientV2}: those of davit's own client, and what carries the requests. */
export interface ClientInit extends Omit<ConnectionOptions, "fetch">, CallOptions {
  /** Carries every request; an object with `fetch` is one too. @default {what the runtime does best} */
  transport?: typeof globalThis.fetch | { fetch: typeof globalThis.fetch };
  /** A user name; with `password` it is short for `credentials`. */
  username?: string;
  /** The password or access token. */
  password?: string;
}

const { fetch: _fetch, ...OPTIONS } = CONNECTION_OPTIONS;

const CLIENT_INIT: OptionNames<ClientInit> = names("transport username password signal", OPTIONS);

/** Gives clients more methods, by {@linkcode ClientV2.with}. */
export interface Extension<E> {
  /** The methods of a client. */
  readonly methods: (client: ClientV2) => E;
}

const channels = new WeakMap<ClientV2, Channel>();

/** What a client sends its requests through. */
export function channelOf(client: ClientV2): Channel {
  return channels.get(client)!;
}

/**
 * A client of a registry, with the names of lesomnus' OCI client.
 *
 * @example
 * ```ts
 * import { ClientV2 } from "@davit/registry-client/oci-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the client speaks to the real registry
 * const client = new ClientV2("localhost:5000", { transport: fetch });
 * const repo = client.repo("app");
 * const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
 * await repo.blobs.upload(digest, new TextEncoder().encode("hello")).unwrap();
 * const { raw } = await repo.blobs.get(digest).unwrap();
 * assertEquals(await raw.text(), "hello");
 * ```
 */
export class ClientV2 {
  /** The registry, as it was given; `index.docker.io` is Docker Hub. */
  readonly domain: string;

  /**
   * A class of clients that have the methods of an extension too.
   *
   * @example
   * ```ts
   * import { ClientV2, ext } from "@davit/registry-client/oci-client";
   * import { createRegistry } from "@davit/registry-client/server";
   * import { assertEquals } from "@std/assert";
   *
   * const { fetch } = createRegistry();
   * const client = new (ClientV2.with(ext.Catalog()))("localhost:5000", { transport: fetch });
   * assertEquals((await client.catalog().unwrap()).repositories, []);
   * ```
   */
  static with<E>(
    extension: Extension<E>,
  ): new (domain: string, init?: ClientInit) => ClientV2 & E {
    class Extended extends ClientV2 {
      constructor(domain: string, init?: ClientInit) {
        super(domain, init);
        Object.assign(this, extension.methods(this));
      }
    }
    return Extended as unknown as new (domain: string, init?: ClientInit) => ClientV2 & E;
  }

  /**
   * A client; nothing is sent yet.
   *
   * @throws {Error} `invalid domain`.
   * @throws {InvalidOptionError} When an option cannot be used.
   */
  constructor(domain: string, init: ClientInit = {}) {
    if (!isDomain(domain)) throw new Error("invalid domain");
    checkOptions(init, CLIENT_INIT);
    const { transport, username, password, signal, ...options } = init;
    const { credentials: given } = options;
    const credentials = credentialsOf({
      ...(given !== undefined && { credentials: given }),
      username,
      password,
    });
    const { channel } = openConnection(originOf(domain, init), {
      ...options,
      ...(credentials !== undefined && { credentials }),
      ...(transport !== undefined && { fetch: fetchOf(transport) }),
    });
    this.domain = domain;
    channels.set(this, listenedChannel(channel, signal));
  }

  /**
   * Asks the registry whether it is one, and takes the credentials (end-1): with authentication, an
   * anonymous token too. The request itself rejects with {@linkcode ResError} unless the answer is 200:
   * `unauthorized`, `v2 API not supported`.
   */
  ping(options: CallOptions = {}): Req<object> {
    const channel = channelOf(this);
    const { signal } = options;
    return request(async () => {
      const asked = {
        method: "GET",
        url: new URL("/v2/", channel.origin),
        headers: headerFields(),
        intent: { actions: [] },
        purpose: "registry",
        what: `ping ${this.domain}`,
        ...(signal && { signal }),
      } as const;
      try {
        const { response } = await sendExpecting(channel, asked, [200]);
        await response.body?.cancel();
        return { raw: response, read: () => ({}) };
      } catch (cause) {
        if (!(cause instanceof HttpError)) throw cause;
        const message = PING_FAILURES[cause.statusCode] ?? "unknown server response";
        throw new ResError(cause.resp, message, { cause });
      }
    });
  }

  /**
   * A repository of the registry, or a reference to something in it: `library/node`, `app:v1`.
   *
   * @throws {Error} When it is not one, or one of another registry.
   */
  repo(ref: string | Ref): RepoV2 {
    const given = typeof ref === "string" ? Ref.parse(ref) : ref;
    const { domain = this.domain } = given;
    if (originOf(domain) !== originOf(this.domain)) {
      throw new Error(`Cannot use ${given} here: this is a client of ${this.domain}`);
    }
    return new RepoV2(
      channelOf(this),
      given.domain === undefined ? given.withDomain(domain) : given,
    );
  }
}

const PING_FAILURES: Record<number, string> = {
  401: "unauthorized",
  404: "v2 API not supported",
};

function fetchOf(transport: NonNullable<ClientInit["transport"]>): typeof globalThis.fetch {
  if (typeof transport === "function") return transport;
  checkArgument("transport", transport, "handler");
  return (input, init) => transport.fetch(input, init);
}

function originOf(domain: string, { hosts }: ClientInit = {}): string {
  // A bare name is a host here, not a part of a repository's name.
  const host = looksLikeHost(domain) ? domain : `${domain}:443`;
  const plain = hosts?.[parseRegistry(host).registry]?.plainHttp;
  return registryOrigin(host, plain ? { scheme: "http" } : {});
}
