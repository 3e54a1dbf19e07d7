import { AuthenticationError } from "../errors.ts";
import type { Authorizer, Need } from "./authorizer.ts";
import { parseChallenges } from "./challenge.ts";
import { parseScopes } from "./scope.ts";

/**
 * How to talk to a registry, as `performLogin` answers it. It holds the password or the token
 * itself.
 */
export type AuthInfo =
  | { type: "None" }
  | { type: "Basic"; username: string; password: string }
  | { type: "Bearer"; token: string };

/** What {@linkcode authInfo} is asked. */
export interface AuthInfoRequest {
  /** The answer to `GET /v2/`, sent without credentials; its headers and status are looked at. */
  ping: Response;
  /** What a token shall allow: scopes separated by spaces. @default {""} */
  scope?: string;
  /** The repository that credentials are for. */
  repository?: string;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/**
 * Authenticates to a registry and answers the outcome. The registry's way is remembered, and the
 * token kept, for the requests to come.
 *
 * @throws {AuthenticationError} When the registry wants authentication of a kind that is not known,
 * or the token service refuses; and, for Basic, when the credential source fails.
 */
export async function authInfo(
  authorizer: Authorizer,
  { ping, scope, repository, signal }: AuthInfoRequest,
): Promise<AuthInfo> {
  const need: Need = {
    repository: authorizer.repository(repository),
    scopes: parseScopes(scope),
    signal,
  };
  const header = ping.headers.get("www-authenticate");
  // Where another host answered, its challenge says nothing of this registry.
  const redirected = ping.url !== "" && new URL(ping.url).origin !== authorizer.origin;
  if (redirected || (header === null && ping.status !== 401)) return { type: "None" };
  const scheme = header === null
    ? await authorizer.guess(need)
    : authorizer.choose(parseChallenges(header));
  if (scheme === undefined) {
    throw new AuthenticationError(
      `Cannot authenticate to ${
        new URL(authorizer.origin).host
      }: it asks neither for Basic nor for ` +
        `Bearer authentication in a way that can be met`,
    );
  }
  if (header !== null) need.repository.scheme ??= scheme;
  const authorization = await authorizer.authorization(scheme, need);
  if (header !== null) authorizer.suggest(scheme);
  if (authorization.header?.startsWith("Bearer ")) {
    return { type: "Bearer", token: authorization.header.slice("Bearer ".length) };
  }
  const failure = authorizer.anonymity(need, authorization)?.cause;
  if (failure !== undefined) throw failure;
  const { username = "", password = "" } = authorization.identity ?? {};
  return { type: "Basic", username, password };
}
