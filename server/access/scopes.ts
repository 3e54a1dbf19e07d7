import { isRepositoryName } from "../../reference/repository_name.ts";
import type { Access } from "./access.ts";
import type { RegistryAction } from "./options.ts";

/** A scope of the token specification: what may be done to what. */
export interface Scope {
  /** `repository` or `registry`. */
  type: string;
  /** The repository's name, or `catalog`. */
  name: string;
  /** `pull`, `push`, `delete` or `*`. */
  actions: readonly string[];
}

/** More than any client asks for at once; without a limit a token would hold whatever is sent. */
const MAX_SCOPES = 100;

const ACTIONS: readonly RegistryAction[] = ["pull", "push", "delete"];

/**
 * The scopes in the parameters of a token request, each of which may hold several. What is not a
 * scope is left out, as nothing can be granted for it.
 *
 * @see https://distribution.github.io/distribution/spec/auth/scope/
 */
export function parseScopes(parameters: readonly string[]): Scope[] {
  return parameters.flatMap((parameter) => parameter.split(" ")).slice(0, MAX_SCOPES)
    .flatMap((text) => {
      const match = /^([a-z0-9]+)(?:\([a-z0-9]+\))?:(.+):([^:]*)$/.exec(text);
      if (match === null) return [];
      const [, type, name, actions] = match as unknown as [string, string, string, string];
      return [{ type, name, actions: actions.split(",").filter((action) => action !== "") }];
    });
}

/** The scopes as text, as challenges and token answers have them. */
export function formatScopes(scopes: readonly Scope[]): string {
  return scopes.map(({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`).join(" ");
}

/** The part of the requested scopes that a client may have. */
export function grantScopes(asked: readonly Scope[], access: Access): Scope[] {
  return asked.flatMap((scope) => {
    if (scope.type === "registry") {
      const lists = scope.name === "catalog" && scope.actions.includes("*") && access.lists;
      return lists ? [{ ...scope, actions: ["*"] }] : [];
    }
    if (scope.type !== "repository" || !isRepositoryName(scope.name)) return [];
    const actions = ACTIONS.filter((action) =>
      (scope.actions.includes(action) || scope.actions.includes("*")) &&
      access.may(scope.name, action)
    );
    return actions.length > 0 ? [{ ...scope, actions }] : [];
  });
}

/** Whether scopes contain an action; `*` of a repository, which others' tokens have, is all of them. */
export function hasScope(
  scopes: readonly Scope[],
  type: string,
  name: string,
  action: string,
): boolean {
  return scopes.some((scope) =>
    scope.type === type && scope.name === name &&
    (scope.actions.includes(action) || scope.actions.includes("*"))
  );
}

/** The scopes of a token's `access` claim; what is none is left out. */
export function scopesOfClaim(claim: unknown): Scope[] {
  if (!Array.isArray(claim)) return [];
  return claim.flatMap((entry: Partial<Scope> | null) => {
    const { type, name, actions } = entry ?? {};
    if (typeof type !== "string" || typeof name !== "string" || !Array.isArray(actions)) return [];
    return [{ type, name, actions: actions.filter((action) => typeof action === "string") }];
  });
}
