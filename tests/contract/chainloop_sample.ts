/** What the tests of Chainloop's contract share: a registry with one user, and what is pushed there. */
import { register, type Registration } from "@davit/registry-client/chainloop";
import { createRegistry, type Registry, type RegistryOptions } from "@davit/registry-client/server";

/** A registration that everything is right with. */
export const REQUEST = {
  repository: "ghcr.io/you/attestations",
  username: "you",
  password: "a token of yours",
};

/** A registry that lets {@linkcode REQUEST}'s user in, and whoever comes read nothing. */
export function registryOfYours(options: RegistryOptions = {}): Registry {
  const users = { [REQUEST.username]: REQUEST.password };
  return createRegistry({
    auth: { bearer: { users } },
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}

/** Registers with a registry of one's own. */
export async function registered(
  registry: Registry = registryOfYours(),
): Promise<{ registry: Registry; registration: Registration }> {
  const registration = await register(REQUEST, { fetch: registry.fetch });
  return { registry, registration };
}

/** Without a network. */
export function offline(): Promise<Response> {
  return Promise.reject(new TypeError("offline"));
}
