/** A registry that the server imitates, and a client that is told a name and credentials. */
import { type DavitEvent, RegistryClientV2 } from "../../mod.ts";
import { type ObservedRequest, serve, type ServedRegistry } from "../../server/mod.ts";
import {
  createTestRegistry,
  type PresetName,
  type TestRegistryOptions,
} from "../../testing/mod.ts";
import { type Host, HOSTS } from "./hosts.ts";

/** How requests reach the registry: by calling it, or by HTTP. */
export type Wire = "memory" | "socket";

/** Several times what all verbs need: a client that never ends is a failure too, and not a hang. */
const MOST_REQUESTS = 2_000;

/** One registry, and one client of it, so that what is learned shows. */
export interface World {
  /** The preset. */
  preset: PresetName;
  /** What is known of the registry. */
  host: Host;
  /** The client. */
  client: RegistryClientV2;
  /** The repository's name without the host. */
  repository: string;
  /** What the registry saw; the newest are the last. */
  requests: ObservedRequest[];
  /** What the client told. */
  events: DavitEvent[];
  /** Another registry of the same kind, with something besides. */
  another: (options: Partial<TestRegistryOptions>) => Promise<World>;
  /** Another client of the same registry, which shares nothing with the first. */
  stranger: () => RegistryClientV2;
}

/** Runs something against a registry of its own, and those that it asks for; closes them all. */
export async function inWorld<T>(
  preset: PresetName,
  wire: Wire,
  run: (world: World) => Promise<T>,
  options: Partial<TestRegistryOptions> = {},
): Promise<T> {
  const ender = new AbortController();
  const servers: ServedRegistry[] = [];

  async function open(special: Partial<TestRegistryOptions>): Promise<World> {
    const host = HOSTS[preset];
    const { user, password = "secret", login = "bearer" } = host;
    const users = { [user]: password };
    const registry = createTestRegistry({
      preset,
      auth: login === "basic" ? { basic: { users } } : { bearer: { users } },
      requestsKept: MOST_REQUESTS,
      onError: (error) => {
        throw error;
      },
      ...special,
    });
    let name = host.name;
    if (wire === "socket") {
      const server = await serve(registry, { grace: 0 });
      servers.push(server);
      const repository = new RegistryClientV2({ name }).repo.remoteName;
      name = `${server.hostname}:${server.port}/${repository}`;
    }
    const events: DavitEvent[] = [];
    let sent = 0;
    const stranger = () =>
      new RegistryClientV2({
        name,
        credentials: { username: user, password },
        signal: ender.signal,
        ...(wire === "memory" && { fetch: registry.fetch as typeof fetch }),
        onEvent: (event) => {
          if (event.type === "progress") return;
          events.push(event);
          if (event.type === "request" && ++sent === MOST_REQUESTS) {
            ender.abort(new Error("more requests than all verbs need"));
          }
        },
      });
    const client = stranger();
    return {
      preset,
      host,
      client,
      repository: client.repo.remoteName,
      requests: registry.requests,
      events,
      another: open,
      stranger,
    };
  }

  try {
    return await run(await open(options));
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}

/** The requests that a registry refused, but for challenges. */
export function refused(requests: readonly ObservedRequest[]): string[] {
  return requests
    .filter(({ method, status }) => status >= 400 && status !== 401 && method !== "HEAD")
    .map(({ method, status }) => `${method} ${status}`);
}
