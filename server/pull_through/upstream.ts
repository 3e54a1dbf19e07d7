import type { ContentSource } from "../../content/store.ts";
import {
  ContentNotFoundError,
  NotFoundError,
  RateLimitedError,
  TimeoutError,
} from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import { Refusal } from "../refusal.ts";

/**
 * What stands behind a registry: a source for every repository, or what tells each one its own.
 * Without one, a repository is the registry's own.
 *
 * A source that finds blobs by their digests alone, as the stores of this package do, is the best: of
 * another one, blobs are found once a manifest that names them has been pulled.
 *
 * @example A registry in front of Docker Hub
 * ```ts
 * import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
 * import { createRegistry, type Upstream } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const hub = new RegistryClientV2({ name: "docker.io/library/alpine" });
 * const upstream: Upstream = (repository) =>
 *   repository.startsWith("library/") ? new RegistryStore(hub.withRepo(repository)) : undefined;
 *
 * const { fetch } = createRegistry({ upstream });
 * const answer = await fetch("http://registry.test/v2/own/tags/list");
 * assertEquals(answer.status, 404); // this registry's own, and nothing was pushed yet
 * ```
 */
export type Upstream = ContentSource | ((repository: string) => ContentSource | undefined);

/**
 * An upstream that failed or answered nonsense, as a response. Its reason stays here: it may name
 * hosts and credentials that are none of the client's business.
 */
export class UpstreamRefusal extends Refusal {
  /** 429 where the upstream said so, with its `Retry-After`; else 502. */
  constructor(cause: unknown) {
    if (cause instanceof RateLimitedError) {
      const { retryAfter } = cause;
      const seconds = retryAfter === undefined ? undefined : Math.ceil(retryAfter / 1_000);
      super(429, "TOOMANYREQUESTS", "Cannot ask the upstream: it takes no more requests for now", {
        cause,
        headers: seconds === undefined ? {} : { "retry-after": String(seconds) },
      });
      return;
    }
    super(502, "UNKNOWN", "Cannot ask the upstream: it failed, or answered what it should not", {
      cause,
    });
  }
}

/** The source behind a repository. */
export function sourceOf(
  upstream: Upstream,
  repository: RepositoryName,
): ContentSource | undefined {
  if (typeof upstream !== "function") return upstream;
  try {
    return upstream(repository);
  } catch (cause) {
    throw new UpstreamRefusal(cause);
  }
}

/** An upstream that does not know the repository at all. */
export class UnknownRepository extends Refusal {
  /** 404, as the upstream said. */
  constructor(cause?: unknown) {
    super(404, "NAME_UNKNOWN", "Cannot find the repository: the upstream does not have it", {
      cause,
    });
  }
}

/**
 * Asks an upstream; `undefined` when it does not have that.
 *
 * @throws {UnknownRepository} When it does not know the repository, and says so.
 * @throws {UpstreamRefusal} When it failed.
 */
export async function ask<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (cause) {
    const reason = cause instanceof ContentNotFoundError ? cause.cause : cause;
    if (reason instanceof NotFoundError && reason.codes.includes("NAME_UNKNOWN")) {
      throw new UnknownRepository(cause);
    }
    if (cause instanceof ContentNotFoundError || cause instanceof NotFoundError) return undefined;
    if (cause instanceof Refusal) throw cause;
    throw new UpstreamRefusal(cause);
  }
}

/**
 * Gives a call a time limit, in milliseconds: also one that does not look at its signal.
 *
 * @throws {UpstreamRefusal} When the time is over.
 */
export async function within<T>(
  milliseconds: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new TimeoutError(`Cannot ask the upstream: no answer for ${milliseconds} ms`);
      reject(new UpstreamRefusal(error));
      controller.abort(error);
    }, milliseconds);
  });
  try {
    return await Promise.race([call(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
