import type { Action, Intent } from "../transport/channel.ts";

/** What may be done with one resource, in the words of the token specification. */
export interface Scope {
  /** The resource's type and name: `repository:library/alpine`. */
  readonly resource: string;
  /** The actions, in the order they are asked for; none where the text has another form. */
  readonly actions: readonly string[];
}

/**
 * Splits a scope such as `repository:localhost:5000/app:pull,push`; the name may hold colons. What
 * has another form is kept as it is: a registry that asks for it knows why.
 *
 * @see https://distribution.github.io/distribution/spec/auth/scope/
 */
export function parseScope(text: string): Scope {
  const colon = text.lastIndexOf(":");
  const actions = colon < 0 ? [] : text.slice(colon + 1).split(",").filter(Boolean);
  return actions.length === 0 ? { resource: text, actions } : {
    resource: text.slice(0, colon),
    actions: [...new Set(actions)],
  };
}

/** The scopes of a text that holds several, separated by spaces; each resource stands once. */
export function parseScopes(text: string | undefined): Scope[] {
  return mergeScopes((text ?? "").split(/\s+/).filter(Boolean).map(parseScope));
}

/** A scope as text. */
export function formatScope({ resource, actions }: Scope): string {
  return actions.length === 0 ? resource : `${resource}:${actions.join(",")}`;
}

/** Several scopes as text, separated by spaces. */
export function formatScopes(scopes: readonly Scope[]): string {
  return scopes.map(formatScope).join(" ");
}

/**
 * All actions of all lists, a resource at a time, in the order of their first appearance: what was
 * found missing goes first, because some servers read only the first scope.
 */
export function mergeScopes(...lists: readonly (readonly Scope[])[]): Scope[] {
  const merged = new Map<string, Set<string>>();
  for (const { resource, actions } of lists.flat()) {
    const known = merged.get(resource) ?? new Set();
    for (const action of actions) known.add(action);
    merged.set(resource, known);
  }
  return [...merged].map(([resource, actions]) => ({ resource, actions: [...actions] }));
}

/**
 * Whether one list holds every action of another. `*` counts as itself alone: a service that knows
 * the user may push and not administer grants nothing for it.
 */
export function coversScopes(held: readonly Scope[], wanted: readonly Scope[]): boolean {
  // A challenge may name thousands: each is looked up, not looked for.
  const known = new Map(held.map(({ resource, actions }) => [resource, new Set(actions)]));
  return wanted.every(({ resource, actions }) => {
    const allowed = known.get(resource);
    return allowed !== undefined && actions.every((action) => allowed.has(action));
  });
}

/**
 * The scopes that a request needs. `extraActions` are asked for with those of the request's own
 * repository, so that a client that pulls first and pushes then gets one token for both.
 */
export function intentScopes(intent: Intent, extraActions: readonly string[] = []): Scope[] {
  const scopes: Scope[] = [];
  if (intent.catalog) scopes.push({ resource: "registry:catalog", actions: ["*"] });
  if (intent.repository !== undefined) {
    const more = extraActions.filter((action) => !intent.actions.includes(action as Action));
    const actions = more.length === 0 ? intent.actions : [...new Set([...intent.actions, ...more])];
    if (actions.length > 0) scopes.push({ resource: `repository:${intent.repository}`, actions });
  }
  if (intent.mountFrom !== undefined) {
    scopes.push({ resource: `repository:${intent.mountFrom}`, actions: ["pull"] });
  }
  return intent.mountFrom === undefined ? scopes : mergeScopes(scopes);
}

/** Whether a request pulls from one repository, and does nothing else. */
export function isPull(intent: Intent | undefined): boolean {
  return intent?.repository !== undefined && !intent.catalog && intent.mountFrom === undefined &&
    intent.actions.length > 0 && intent.actions.every((action) => action === "pull");
}

/** The same scopes without all that is no pull. */
export function pullScopes(scopes: readonly Scope[]): Scope[] {
  return scopes.flatMap(({ resource, actions }) =>
    actions.includes("pull") ? [{ resource, actions: ["pull"] }] : []
  );
}

/** Whether `delete` is among the actions. */
export function asksForDelete(scopes: readonly Scope[]): boolean {
  return scopes.some(({ actions }) => actions.includes("delete"));
}

/**
 * The same scopes with `*` where `delete` was: Quay refuses a token request that names `delete`,
 * and `*` works there and everywhere else.
 */
export function deleteAsStar(scopes: readonly Scope[]): Scope[] {
  return scopes.map((scope) =>
    scope.actions.includes("delete") ? { resource: scope.resource, actions: ["*"] } : scope
  );
}
