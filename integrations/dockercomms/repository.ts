import { InvalidReferenceError } from "../../errors.ts";
import { isLoopback } from "../../content/loopback.ts";
import { quoteInput } from "../../reference/quote_input.ts";
import { looksLikeHost, parseRegistry } from "../../reference/registry.ts";
import { indexOrigin, toIndex } from "../../reference/registry_repo.ts";
import { checkRepositoryName } from "../../reference/repository_name.ts";
import type { HostsOptions } from "../../transport/host_options.ts";

/**
 * The origin and the name of `registry/repo`. The first part is always the registry, and nothing is
 * added to the rest: `docker.io/you` is `you` on Docker Hub. Plain HTTP is for `localhost`, loopback
 * addresses and hosts without a dot, unless `plainHttp` says otherwise.
 *
 * @throws {InvalidReferenceError} When there is no `/`, the first part is not a host, or the rest is
 * not a repository's name.
 */
export function parseRepository(
  reference: string,
  { plainHttp, hosts }: { plainHttp?: boolean; hosts?: HostsOptions },
): { origin: string; repository: string } {
  const slash = typeof reference === "string" ? reference.indexOf("/") : -1;
  if (slash < 1) {
    throw new InvalidReferenceError(
      `Cannot parse ${quoteInput(reference)} as a repository: it must be registry/repo`,
    );
  }
  const host = reference.slice(0, slash);
  const repository = checkRepositoryName(reference.slice(slash + 1));
  // A name alone is a host here; elsewhere it is one with a port only.
  const bare = !looksLikeHost(host);
  const { registry } = parseRegistry(bare ? `${host}:80` : host);
  const local = isLoopback(registry) || !/[.[]/.test(registry);
  const plain = plainHttp ?? hosts?.[bare ? host : registry]?.plainHttp ?? local;
  const name = bare && !plain ? `${host}:443` : registry;
  return { origin: indexOrigin(toIndex({ registry: name }), plain ? "http" : "https"), repository };
}
