import { InvalidOptionError } from "./errors.ts";
import type { OnEvent } from "./events.ts";
import { names, type OptionNames } from "./content/check_options.ts";
import type { Limits } from "./content/limits.ts";
import type { UploadJournal } from "./content/upload_journal.ts";
import { checkPassword, type Credential, type CredentialSource } from "./auth/credential.ts";
import type { TrustedRealms } from "./auth/trusted_realms.ts";
import type { RegistryRepo } from "./reference/registry_repo.ts";
import type { AllowHost } from "./transport/allow_host.ts";
import type { HostsOptions } from "./transport/host_options.ts";
import type { ProxyOptions } from "./transport/proxy_options.ts";
import type { OnMissingRepository } from "./transport/missing_repository.ts";
import type { RetryPolicy } from "./transport/retry_policy.ts";

/** How a registry is connected to. */
export interface ConnectionOptions {
  /**
   * Who is asking: a credential, or a function that answers one. No credentials are taken from the
   * machine unasked.
   * @default {none: requests are anonymous}
   */
  credentials?: Credential | CredentialSource;
  /**
   * What tokens are asked for beforehand, beside what each call needs: with `["pull", "push"]` one
   * token serves both.
   * @default {["pull"]}
   */
  scopes?: string[];
  /**
   * Token services on other hosts that may see a registry's credentials:
   * `{"registry.example.com": "https://auth.example.com"}`. Docker Hub's and GitLab.com's are known.
   * @default {none}
   */
  trustedRealms?: TrustedRealms;
  /**
   * Whether the registry's own TLS certificate goes unchecked; on Deno, Node and Bun. Other hosts, a
   * token service's or a storage's, have their own entry in `hosts`.
   * @default {false}
   */
  insecure?: boolean;
  /** What is special about one host or another. @default {nothing} */
  hosts?: HostsOptions;
  /**
   * The proxy that requests go through, every byte of them: `"http://user:password@proxy:3128"`, or
   * `false` for none. `hosts` may name another one for a host.
   *
   * Without this option, the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say,
   * in either case, on Deno, Node and Bun alike: Deno's `fetch` obeys them whatever a program says.
   * They are read at the first request. Where Deno may not read them (`--allow-env`), its `fetch`
   * carries every byte, and obeys them. Browsers and workers have proxies of their own.
   * @default {the environment's}
   */
  proxy?: string | ProxyOptions | false;
  /** Carries every request. @default {what the runtime does best} */
  fetch?: typeof globalThis.fetch;
  /** A `Deno.HttpClient` that carries every request; on Deno. */
  client?: { close(): void };
  /**
   * Asked before any connection to a host; `false` refuses it. What is given decides alone.
   * @default {every host but addresses inside a network, and this machine, that a registry outside names}
   */
  allowHost?: AllowHost;
  /**
   * Makes a repository that a push misses; the push goes on then. It is given the whole name. For
   * Amazon's private registries, whose repositories must be there before:
   * `onMissingRepository: (name) => ensureEcrRepository(name)`.
   * @default {the push fails with NOT_FOUND}
   */
  onMissingRepository?: OnMissingRepository;
  /** How often a request that failed is sent again. @default {5 tries, from 200 ms on} */
  retry?: Partial<RetryPolicy>;
  /** How much is read, how long is waited. */
  limits?: Limits;
  /**
   * Maximum concurrent requests to the registry, 1 or more; streaming uploads have a pool of their own
   * of the same size, as their bytes may come out of other requests.
   * @default {64}
   */
  maxConcurrency?: number;
  /** The `User-Agent`. @default {`davit/` and the version} */
  userAgent?: string;
  /** Called with every event: progress, retries, warnings, quotas. */
  onEvent?: OnEvent;
}

/** Their names. */
export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = names(
  "credentials proxy client retry limits maxConcurrency userAgent",
  { hosts: "an object", trustedRealms: "an object", scopes: "a list", insecure: "a boolean" },
  {
    onMissingRepository: "a function",
    fetch: "a function",
    allowHost: "a function",
    onEvent: "a function",
  },
);

/** Options of `RegistryClientV2`. One of `name` and `repo` is required. */
export interface RegistryClientOpts extends ConnectionOptions {
  /**
   * The repository: `"alpine"`, `"ghcr.io/you/app"`, `"http://localhost:5000/app"`. Or a registry
   * alone, for `ping`, `login` and `repositories`: `"ghcr.io"`, `"https://index.docker.io/v1/"`.
   */
  name?: string;
  /** The repository, as a text or as `parseRepo` gave it. */
  repo?: string | RegistryRepo;
  /** A user name; with `password` it is short for `credentials`. */
  username?: string | undefined;
  /** The password or access token. */
  password?: string | undefined;
  /** A bearer token that is sent as it is; short for `credentials: {accessToken}`. */
  token?: string;
  /** The scheme, whatever the name says. @default {"https", on this machine "http"} */
  scheme?: "http" | "https";
  /** Whether `getManifest` accepts OCI manifests. @default {true} */
  acceptOCIManifests?: boolean;
  /** Whether `getManifest` accepts an index, OCI's or Docker's. @default {true} */
  acceptManifestLists?: boolean;
  /**
   * Remembers uploads, so that a push that was interrupted goes on in another process: see
   * `fileUploadJournal` of `@davit/registry-client/stores`.
   * @default {an upload that ends early is given up}
   */
  journal?: UploadJournal;
  /** Ends every call of this client. */
  signal?: AbortSignal;
}

/** Their names. */
export const CLIENT_OPTIONS: OptionNames<RegistryClientOpts> = names(
  "name repo username password token scheme journal signal",
  { acceptOCIManifests: "a boolean", acceptManifestLists: "a boolean" },
  CONNECTION_OPTIONS,
);

/** Options of docker-registry-client that are taken and mean nothing here. */
export const IGNORED_OPTIONS = { log: 0, agent: 0, maxSchemaVersion: 0 };

/**
 * The credentials out of a client's options: in full, or by their short forms.
 *
 * @throws {InvalidOptionError} When there are several, or a password without a user name.
 */
export function credentialsOf(
  options: RegistryClientOpts,
): Credential | CredentialSource | undefined {
  const { credentials, username, password, token } = options;
  const given = [credentials, username ?? password, token].filter((form) => form !== undefined);
  if (given.length > 1) {
    throw new InvalidOptionError(
      "Cannot choose between credentials: give one of 'credentials', 'username' with 'password', " +
        "and 'token'",
    );
  }
  if (credentials !== undefined) return credentials;
  if (token !== undefined) return { accessToken: token };
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined) {
    throw new InvalidOptionError("Cannot use 'password' as 'username' is missing");
  }
  checkPassword(options);
  return { username, password: password ?? "" };
}
