import { InvalidOptionError } from "../errors.ts";
import type { HostsOptions } from "./host_options.ts";

/** Where Docker Hub's API is. */
const DOCKER_HUB = "registry-1.docker.io";

/** What people call Docker Hub; nothing is asked of these hosts. */
const FAMILIAR_NAMES = ["docker.io", "index.docker.io"];

/**
 * Options by the hosts that requests go to: what stands under a familiar name of Docker Hub is its
 * API's.
 *
 * @throws {InvalidOptionError} When Docker Hub has several entries.
 */
export function dockerHubAlias(hosts: HostsOptions = {}): HostsOptions {
  const names = [DOCKER_HUB, ...FAMILIAR_NAMES].filter((name) => Object.hasOwn(hosts, name));
  const [name, another] = names;
  if (name === undefined || names.length === 1 && name === DOCKER_HUB) return hosts;
  if (another !== undefined) {
    throw new InvalidOptionError(
      `Cannot use 'hosts' as ${name} and ${another} both are Docker Hub: give it one entry`,
    );
  }
  const { [name]: settings, ...others } = hosts;
  return { ...others, [DOCKER_HUB]: settings! };
}
