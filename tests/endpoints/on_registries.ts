/**
 * Runs cases on every real registry and on the embedded one, in every way that each can ask who is
 * there: a registry is started once for a table of cases, and every case has repositories of its own.
 */
import { type DavitEvent, type RegistryClientOpts, RegistryClientV2 } from "../../mod.ts";
import { createRegistry } from "../../server/mod.ts";
import { shareOf } from "../share_of.ts";
import {
  CREDENTIALS,
  type Registry,
  type RegistryAuth,
  registryCases,
  startRegistry,
} from "../peers/registries.ts";
import { type Ability, LACKS, type RegistryName } from "./lacks.ts";
import { memoryFolder } from "./memory_folder.ts";

/** A registry that runs: a real one, or the embedded one behind its `fetch`. */
type RunningRegistry =
  & Pick<Registry, "auth" | "origin" | "host" | "credentials" | "tokens" | "stop">
  & {
    /** Which one it is. */
    kind: RegistryName;
    /** What carries the requests, where it is not the network. */
    fetch?: typeof globalThis.fetch;
  };

/** A running registry, with a client. */
export interface OnRegistry {
  /** The registry. */
  registry: RunningRegistry;
  /** Which one it is. */
  kind: RegistryName;
  /** How it asks who is there. */
  auth: RegistryAuth;
  /** Whether it does something; {@linkcode LACKS} says what it does instead. */
  can(ability: Ability): boolean;
  /** Every event of `client` and its likes so far. */
  events: DavitEvent[];
  /** A client of a repository that nobody has used; all of them share one connection. */
  client(): RegistryClientV2;
  /** A client with a connection of its own, and what is given in place of the usual options. */
  stranger(options?: Partial<RegistryClientOpts>): RegistryClientV2;
  /** What a client's repository was sent so far, answers included: `POST 202`. */
  sent(client: RegistryClientV2): string[];
}

/** A case: its title, and what it does. */
export type RegistryCase = [title: string, run: (on: OnRegistry) => Promise<void>];

let repositories = 0;

function freshRepository(): string {
  return `tests/case-${++repositories}`;
}

/** What a client needs to know about a registry: who to be, and whom to trust with it. */
export function clientOptions(registry: RunningRegistry): Partial<RegistryClientOpts> {
  const { credentials, tokens, host, fetch } = registry;
  return {
    scopes: ["pull", "push"],
    ...(fetch !== undefined && { fetch }),
    ...(credentials !== undefined && { credentials }),
    // The token service beside the registry is another host, and passwords go to none unasked.
    ...(tokens !== undefined && { trustedRealms: { [host]: new URL(tokens.realm).origin } }),
  };
}

/** A registry, ready for cases. */
function onRegistry(registry: RunningRegistry): OnRegistry {
  const { kind, auth, origin } = registry;
  const events: DavitEvent[] = [];
  const usual: Partial<RegistryClientOpts> = {
    ...clientOptions(registry),
    onEvent: (event) => events.push(event),
  };
  const first = new RegistryClientV2({ ...usual, name: `${origin}/${freshRepository()}` });
  return {
    registry,
    kind,
    auth,
    events,
    can: (ability) => LACKS[kind][ability] === undefined,
    client: () => first.withRepo(freshRepository()),
    stranger: (options) =>
      new RegistryClientV2({
        ...usual,
        ...(options?.repo === undefined && { name: `${origin}/${freshRepository()}` }),
        ...options,
      }),
    sent({ repo }) {
      const place = `${origin}/v2/${repo.remoteName}/`;
      return events.flatMap((event) =>
        event.type === "response" && event.url.startsWith(place)
          ? `${event.method} ${event.status}`
          : []
      );
    },
  };
}

/** The registry of this package, without sockets. */
function embedded(auth: RegistryAuth): RunningRegistry {
  const users = { [CREDENTIALS.username]: CREDENTIALS.password };
  const { fetch } = createRegistry(
    auth === "none" ? {} : {
      auth: auth === "basic" ? { basic: { users } } : { bearer: { users } },
    },
  );
  const host = "registry.localhost:5000";
  return {
    ...{ kind: "embedded", auth, host, origin: `http://${host}`, fetch },
    ...(auth !== "none" && { credentials: CREDENTIALS }),
    stop: () => Promise.resolve(),
  };
}

/**
 * Registers a test for every registry and way of asking, with a step for each case. Outside of CI the
 * ways of asking take turns on each registry, except where they are the topic: `everyWay`.
 */
export function testRegistries(
  topic: string,
  cases: readonly RegistryCase[],
  auths: readonly RegistryAuth[] = ["none", "basic", "bearer"],
  { everyWay = false } = {},
): void {
  const places = [
    ...registryCases(auths).map(({ kind, auth, name, test }) => ({
      ...{ name, test, turn: auths.indexOf(auth) },
      start: (): Promise<RunningRegistry> => startRegistry(kind, { auth, ...memoryFolder() }),
    })),
    ...auths.map((auth, at) => ({
      // One further: a case is asked for here in another way than on the real ones.
      ...{
        name: `the embedded registry, ${auth === "none" ? "open" : auth}`,
        test: {},
        turn: at + 1,
      },
      start: () => Promise.resolve(embedded(auth)),
    })),
  ];
  for (const { name, test, turn, start } of places) {
    const here = everyWay ? cases : shareOf(cases, turn, auths.length);
    Deno.test({
      ...test,
      // Other registries of the same file go on beside it, and their logs are read.
      sanitizeOps: false,
      name: `${topic} on ${name}`,
      fn: async (t) => {
        const registry = await start();
        try {
          const on = onRegistry(registry);
          for (const [title, run] of here) await t.step(title, () => run(on));
        } finally {
          await registry.stop();
        }
      },
    });
  }
}
