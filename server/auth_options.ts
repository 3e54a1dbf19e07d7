/** What can be done to a repository, in the words of the token specification. */
export type RegistryAction = "pull" | "push" | "delete";

/** Somebody who can log in. */
export interface RegistryUser {
  /** The password. */
  password: string;
  /**
   * What this user may do.
   * @default {["pull", "push", "delete"]}
   */
  actions?: readonly RegistryAction[];
  /**
   * Where: names of repositories; one that ends in `/*` stands for everything below.
   * Without it, everywhere.
   */
  repositories?: readonly string[];
}

/** What both ways to log in share. */
export interface RegistryUsersOptions {
  /** Users by name: a password alone may do everything. */
  users?: Readonly<Record<string, string | RegistryUser>>;
  /**
   * What somebody may do who does not log in.
   * @default {[]}
   */
  anonymous?: readonly RegistryAction[];
}

/** Basic authentication: the password comes with every request. */
export interface BasicAuthOptions extends RegistryUsersOptions {
  /**
   * What the challenge names.
   * @default {"davit"}
   */
  realm?: string;
}

/** Bearer authentication: a token service gives tokens for scopes. */
export interface BearerAuthOptions extends RegistryUsersOptions {
  /**
   * Where the token service is: a path of this registry, or a URL. The registry answers at the
   * path, whatever the host.
   * @default {"/token"}
   */
  realm?: string;
  /**
   * What tokens are for.
   * @default {"davit"}
   */
  service?: string;
  /**
   * How long a token is good for, in seconds.
   * @default {300}
   */
  expiresIn?: number;
}

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
