import type { AuthenticationError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";
import { isTrustedRealm, resolveRealm } from "./realm_policy.ts";
import type { TrustedRealms } from "./trusted_realms.ts";

/** A repository that wants tokens from a token service. */
export interface BearerScheme {
  /** Names the scheme. */
  readonly type: "bearer";
  /** The token service. */
  readonly realm: URL;
  /** The service it speaks for. */
  readonly service?: string;
  /** Whether credentials may go to the token service. */
  readonly trusted: boolean;
  /** Whether Basic is taken as well. */
  readonly basic: boolean;
}

/** How a repository wants to be asked. */
export type AuthScheme = { readonly type: "none" } | { readonly type: "basic" } | BearerScheme;

/**
 * The best challenge that can be met: Bearer, else Basic. Unknown schemes are passed over;
 * `undefined` when nothing is left.
 *
 * @throws {AuthenticationError} When the only challenge is a Bearer whose realm is not acceptable.
 */
export function chooseScheme(
  challenges: readonly Challenge[],
  origin: string,
  trustedRealms?: TrustedRealms,
): AuthScheme | undefined {
  const basic = challenges.some(({ scheme }) => scheme === "basic");
  let refused: AuthenticationError | undefined;
  for (const { scheme, params } of challenges) {
    const named = params.get("realm");
    if (scheme !== "bearer" || !named) continue;
    const service = params.get("service");
    try {
      const realm = resolveRealm(named, origin);
      const trusted = isTrustedRealm(realm, origin, trustedRealms);
      return { type: "bearer", realm, trusted, basic, ...(service !== undefined && { service }) };
    } catch (error) {
      refused ??= error as AuthenticationError;
    }
  }
  if (basic) return { type: "basic" };
  if (refused !== undefined) throw refused;
  return undefined;
}

/** Whether two schemes ask the same of the same. */
export function sameScheme(a: AuthScheme | undefined, b: AuthScheme | undefined): boolean {
  if (a?.type !== "bearer" || b?.type !== "bearer") return a?.type === b?.type;
  return a.realm.href === b.realm.href && a.service === b.service;
}
