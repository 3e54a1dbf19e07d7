import { names, type OptionNames } from "../../content/check_options.ts";

/** What can be done to a repository, in the words of the token specification. */
export type RegistryAction = "pull" | "push" | "delete";

/** What a user may do, and where. */
export interface RegistryRights {
  /**
   * What.
   * @default {["pull", "push", "delete"]}
   */
  actions?: readonly RegistryAction[];
  /**
   * Where: names of repositories; one that ends in `/*` stands for everything below. Without it,
   * everywhere, and the list of all repositories too.
   */
  repositories?: readonly string[];
}

/** Their names. */
export const REGISTRY_RIGHTS: OptionNames<RegistryRights> = names("actions repositories");

/** A user who can log in. Without `password` and `hash`, the htpasswd file must name this user. */
export interface RegistryUser extends RegistryRights {
  /** The password. */
  password?: string;
  /** The bcrypt hash of the password instead: `$2b$10$…`. */
  hash?: string;
}

/** Their names. */
export const REGISTRY_USER: OptionNames<RegistryUser> = names("password hash", REGISTRY_RIGHTS);

/** What all ways to log in share. */
export interface RegistryUsersOptions {
  /** Users by name: a password alone may do everything. */
  users?: Readonly<Record<string, string | RegistryUser>>;
  /**
   * Users as an htpasswd file has them, a `name:hash` a line, hashed with bcrypt (`htpasswd -B`):
   * its text, or where the file is. The file is read again at a login, so that it can
   * change. Its users may do everything, but for those whose rights stand in `users`.
   */
  htpasswd?: string | {
    /** The path of the file. */
    file: string;
  };
  /**
   * What clients may do that do not log in: everywhere, or in some repositories.
   * @default {[]}
   */
  anonymous?: readonly RegistryAction[] | RegistryRights;
}

const REGISTRY_USERS_OPTIONS: OptionNames<RegistryUsersOptions> = names("users htpasswd anonymous");

/** Basic authentication: the password comes with every request. */
export interface BasicAuthOptions extends RegistryUsersOptions {
  /**
   * What the challenge names.
   * @default {"davit"}
   */
  realm?: string;
}

/** Their names. */
export const BASIC_AUTH_OPTIONS: OptionNames<BasicAuthOptions> = names(
  "realm",
  REGISTRY_USERS_OPTIONS,
);

/** A key in JSON, as RFC 7517 has it. */
export interface TokenKey {
  /** The kind: `EC`, `RSA` or `OKP`. */
  kty: string;
  /** What tokens call it. @default {its thumbprint (RFC 7638), as distribution reckons it} */
  kid?: string;
  /** The algorithm it signs with. @default {by the kind and the curve} */
  alg?: string;
  /** The key itself. */
  [parameter: string]: unknown;
}

/** Public keys in JSON: a JWKS. */
export interface TokenKeySet {
  /** The keys. */
  keys: TokenKey[];
}

/** What tokens say, and how long they are good for. */
export interface TokenOptions {
  /**
   * What tokens are for: their audience, and the `service` of challenges.
   * @default {"davit"}
   */
  service?: string;
  /**
   * Who gives the tokens.
   * @default {the service}
   */
  issuer?: string;
  /**
   * How long a token is good for, in seconds. Some clients expect 60 at least.
   * @default {300}
   */
  expiresIn?: number;
  /**
   * How long a refresh token is good for, in seconds. It ends before that with its user.
   * @default {2592000}
   */
  refreshExpiresIn?: number;
  /**
   * The private key that signs tokens: PKCS #8 in PEM, or in JSON, as `createTokenKey` makes it.
   * Services that share a key take each other's tokens. Without it each makes one, which ends with
   * it.
   */
  key?: string | TokenKey;
  /**
   * The certificates of the key in PEM, its own first: tokens bring them along, for registries that
   * trust the one who signed them.
   */
  certificates?: string;
}

const TOKEN_OPTIONS: OptionNames<TokenOptions> = names(
  "service issuer expiresIn refreshExpiresIn key certificates",
);

/** Bearer authentication: a token service gives tokens for scopes. */
export interface BearerAuthOptions extends RegistryUsersOptions, TokenOptions {
  /**
   * Where the token service is: a path of this registry, or a URL. A registry with a service of its
   * own answers at the path, whatever the host.
   * @default {"/token"}
   */
  realm?: string;
  /**
   * Public keys of other token services: their tokens are taken. With these and without `key`
   * there is no token service here, and `realm` says where it is.
   */
  keys?: TokenKeySet;
}

/** Their names. */
export const BEARER_AUTH_OPTIONS: OptionNames<BearerAuthOptions> = names(
  "realm keys",
  REGISTRY_USERS_OPTIONS,
  TOKEN_OPTIONS,
);

/** Options of a token service that stands alone. */
export interface TokenServiceOptions extends RegistryUsersOptions, TokenOptions {
  /**
   * How long the body of a request may bring nothing, in milliseconds: then the answer is 408.
   * @default {60000}
   */
  stallTimeout?: number;
  /**
   * Called with a failure of the service itself: the client gets a 500 without its reason.
   * @default {() => {}}
   */
  onError?: (error: unknown) => void;
  /**
   * Tells the time, in milliseconds since 1970: for tests of what expires.
   * @default {Date.now}
   */
  now?: () => number;
  /**
   * Runs something once after a time in milliseconds: for tests of what expires, beside `now`.
   * @default {the machine's own timers; they keep no process alive}
   */
  later?: (run: () => void, milliseconds: number) => void;
}

/** Their names. */
export const TOKEN_SERVICE_OPTIONS: OptionNames<TokenServiceOptions> = names(
  "stallTimeout onError now later",
  REGISTRY_USERS_OPTIONS,
  TOKEN_OPTIONS,
);

/** How a registry knows who is asking: Basic or Bearer. */
export type RegistryAuth =
  | {
    /** Users and passwords. */
    basic: BasicAuthOptions;
  }
  | {
    /** A token service and its users. */
    bearer: BearerAuthOptions;
  };
