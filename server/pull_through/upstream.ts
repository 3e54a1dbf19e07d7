import type { ContentSource } from "../../content/store.ts";
import {
  AuthenticationError,
  ContentNotFoundError,
  ForbiddenError,
  NotFoundError,
  RateLimitedError,
  TimeoutError,
  UnauthorizedError,
} from "../../errors.ts";
import type { RepositoryName } from "../../reference/repository_name.ts";
import { Refusal } from "../refusal.ts";

/** What a client says of the upstream that it wants. */
export interface UpstreamOptions {
  /**
   * The registry whose mirror the client takes this one for, as containerd says it: `docker.io`,
   * `localhost:5000`. A stranger's word: it chooses among upstreams that you know, and is never an
   * address to connect to.
   */
  ns?: string;
}

/**
 * What stands behind a registry: a source for every repository, or what tells each one its own.
 * Without one, a repository is the registry's own. What is filled for a client that named a registry
 * (`ns`) is kept apart from what others get under the same name.
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
export type Upstream =
  | ContentSource
  | ((repository: string, options: UpstreamOptions) => ContentSource | undefined);

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

/**
 * An upstream that lets nobody in, or not this registry: its own words, and no 502, which clients
 * would try again.
 */
class UpstreamDenial extends Refusal {
  /** 403 with what the upstream said. */
  constructor(cause: AuthenticationError | ForbiddenError | UnauthorizedError) {
    const said = cause instanceof AuthenticationError ? [] : cause.errors;
    const words = said.flatMap(({ code, message }) => message || code || []).join("; ");
    const why = words === "" ? "" : `: ${words.slice(0, WORDS_SHOWN)}`;
    super(403, "DENIED", `Cannot pull this: the upstream refuses it${why}`, { cause });
  }
}

/** How much of an upstream's words is passed on, in characters. */
const WORDS_SHOWN = 500;

/** The source behind a repository. */
export function sourceOf(
  upstream: Upstream,
  repository: RepositoryName,
  options: UpstreamOptions,
): ContentSource | undefined {
  if (typeof upstream !== "function") return upstream;
  try {
    return upstream(repository, options);
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
 * @throws {UpstreamDenial} When it answered 401 or 403.
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
    const denied = cause instanceof AuthenticationError || cause instanceof ForbiddenError ||
      cause instanceof UnauthorizedError;
    if (denied) throw new UpstreamDenial(cause);
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
